package dicom

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/suyashkumar/dicom/pkg/tag"
	"github.com/suyashkumar/dicom/pkg/uid"
)

// The parser behind this package believes what a file says about its own
// lengths and nesting, and dies of a lie in a way that recover cannot catch.
// So every file is walked first: its structure is followed without a copy, and
// only a file that is sound and cheap to hold reaches the parser.

const (
	maxFile     = 512 << 20 // bytes of a file, and of what a deflated one inflates to
	maxParsed   = 1 << 30   // bytes that the parser may need, as estimated by the walk
	maxDepth    = 32        // of sequences within sequences
	elementCost = 256       // bytes that the parser keeps for an element besides its value

	undefined = tag.VLUndefinedLength
)

var (
	itemTag          = tag.Item
	itemEnd          = tag.ItemDelimitationItem
	sequenceEnd      = tag.SequenceDelimitationItem
	wide             = []string{"OB", "OD", "OF", "OL", "OW", "SQ", "UC", "UN", "UR", "UT"}
	narrow           = []string{"AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "PN", "SH", "SL", "SS", "ST", "TM", "UI", "UL", "US"}
	unparsable       = []string{"OV", "SV", "UV"}
	exactlyOneUShort = []tag.Tag{tag.SamplesPerPixel, tag.Rows, tag.Columns, tag.BitsAllocated, tag.BitsStored, tag.HighBit, tag.PixelRepresentation}
)

// layout is how a stretch of a file is written.
type layout struct {
	implicit bool
	order    binary.ByteOrder
}

// span is a range of bytes, half open.
type span struct{ from, to int }

// walker follows the structure of one data set.
type walker struct {
	file  string
	data  []byte // patched in place where the parser would misread it
	cost  int    // bytes that the parser will need
	place []string

	charset      span // of the whole SpecificCharacterSet element at the root
	charsets     []byte
	pixels       span // of the whole PixelData element at the root
	pixelValue   span
	encapsulated bool
	foreign      bool // some text is not ASCII
	shown        int  // elements at the root besides those two
	end          int  // where the data set ends, before zero padding
}

// element is the head of a data element.
type element struct {
	tag    tag.Tag
	vr     string
	length uint32
	start  int // of the element
	value  int // of its value
}

func (w *walker) fail(t tag.Tag, value any, format string, args ...any) error {
	return &Error{File: w.file, Tag: strings.Join(append(slices.Clone(w.place), tagName(t)), "/"), Value: valueText(value), Message: fmt.Sprintf(format, args...)}
}

// head reads the head of the element at pos of a container that ends at end.
func (w *walker) head(pos, end int, enc layout) (element, error) {
	if end-pos < 8 {
		return element{}, &Error{File: w.file, Message: fmt.Sprintf("ends within an element, at byte %d", pos)}
	}
	b := w.data[pos:end]
	e := element{start: pos, tag: tag.Tag{Group: enc.order.Uint16(b), Element: enc.order.Uint16(b[2:])}}
	if enc.implicit || e.tag.Group == tag.GroupSeqItem {
		e.length, e.value = enc.order.Uint32(b[4:]), pos+8
		e.vr = "UN"
		if !tag.IsPrivate(e.tag.Group) {
			if info, err := tag.Find(e.tag); err == nil {
				e.vr = info.VRs[0]
			}
		}
		return e, nil
	}
	e.vr = string(b[4:6])
	switch {
	case slices.Contains(narrow, e.vr):
		e.length, e.value = uint32(enc.order.Uint16(b[6:])), pos+8
		if e.length == 0xffff {
			e.length = undefined // as the parser takes it
		}
	case slices.Contains(wide, e.vr):
		if len(b) < 12 {
			return e, w.fail(e.tag, nil, "the file ends within this element")
		}
		e.length, e.value = enc.order.Uint32(b[8:]), pos+12
	case slices.Contains(unparsable, e.vr):
		return e, w.fail(e.tag, e.vr, "64-bit value representations are not supported")
	default:
		return e, w.fail(e.tag, e.vr, "unknown value representation, at byte %d", pos)
	}
	return e, nil
}

// charge adds to the estimate of the parser's memory.
func (w *walker) charge(e element, value []byte) error {
	w.cost += elementCost
	switch e.vr {
	case "US", "SS", "UL", "SL", "AT", "FL", "FD":
		w.cost += 4 * len(value)
	case "OW":
		w.cost += 2 * len(value)
	case "OB", "UN":
		w.cost += len(value)
	default:
		w.cost += 2*len(value) + 16*bytes.Count(value, []byte{'\\'})
	}
	if w.cost > maxParsed {
		return w.fail(e.tag, nil, "reading this file would take more than %d MB of memory", maxParsed>>20)
	}
	return nil
}

// dataset walks the elements from pos to end, or to the delimiter of an item
// of undefined length, and returns where it stopped.
func (w *walker) dataset(pos, end, depth int, delimited bool, enc layout) (int, error) {
	for pos < end {
		if depth == 0 && w.data[pos] == 0 && allZero(w.data[pos:end]) {
			w.end = pos
			return end, nil
		}
		e, err := w.head(pos, end, enc)
		if err != nil {
			return pos, err
		}
		if e.tag.Group == tag.GroupSeqItem {
			if delimited && e.tag == itemEnd {
				return e.value, w.empty(e)
			}
			return pos, w.fail(e.tag, nil, "does not belong here, at byte %d", pos)
		}
		if e.tag.Group == 0 || e.tag.Group == 2 {
			return pos, w.fail(e.tag, nil, "does not belong in a data set, at byte %d", pos)
		}
		if pos, err = w.element(e, end, depth, enc); err != nil {
			return pos, err
		}
		if depth == 0 && e.tag != tag.PixelData && e.tag != tag.SpecificCharacterSet {
			w.shown++
		}
	}
	if delimited {
		return pos, &Error{File: w.file, Tag: strings.Join(w.place, "/"), Message: "ends within an item of undefined length"}
	}
	if depth == 0 {
		w.end = pos
	}
	return pos, nil
}

// empty checks that a delimiter has no length: the parser would read on.
func (w *walker) empty(e element) error {
	if e.length != 0 {
		return w.fail(e.tag, e.length, "a delimiter has no length")
	}
	return nil
}

// element walks one element of a data set and returns where the next begins.
func (w *walker) element(e element, end, depth int, enc layout) (next int, err error) {
	left := end - e.value
	if e.length != undefined && int64(e.length) > int64(left) {
		return 0, w.fail(e.tag, nil, "says it is %d bytes long where %d are left", e.length, left)
	}
	root := depth == 0
	switch {
	case e.tag == tag.PixelData && e.length == undefined:
		if next, err = w.fragments(e, end, enc); err != nil {
			return 0, err
		}
		if root {
			w.pixels, w.encapsulated = span{e.start, next}, true
			return next, nil
		}
		return next, w.charge(e, w.data[e.value:next])
	case e.tag == tag.PixelData && root:
		next = e.value + int(e.length)
		w.pixels, w.pixelValue = span{e.start, next}, span{e.value, next}
		return next, nil
	case e.vr == "UN" && e.length == undefined && !enc.implicit:
		return w.unknownSequence(e, end, depth, enc)
	case e.vr == "SQ" || e.vr == "UN" && e.length == undefined:
		return w.sequence(e, end, depth, enc)
	case e.length == undefined:
		return 0, w.fail(e.tag, e.vr, "undefined length where only a sequence may have it")
	}
	value := w.data[e.value : e.value+int(e.length)]
	next = e.value + len(value)
	if e.vr == "OW" && len(value)%2 != 0 {
		return 0, w.fail(e.tag, nil, "%d bytes do not make 16-bit words", len(value))
	}
	if slices.Contains(exactlyOneUShort, e.tag) && (e.vr != "US" && e.vr != "UN" || len(value) != 2) {
		return 0, w.fail(e.tag, e.vr, "expected one US value of 2 bytes, found %d bytes", len(value))
	}
	switch e.vr {
	case "LO", "LT", "PN", "SH", "ST", "UC", "UT":
		w.foreign = w.foreign || !tag.IsPrivate(e.tag.Group) && !isASCII(value)
	}
	if root && e.tag == tag.SpecificCharacterSet {
		w.charset, w.charsets = span{e.start, next}, value
		return next, nil
	}
	return next, w.charge(e, value)
}

// sequence walks the items of a sequence.
func (w *walker) sequence(e element, end, depth int, enc layout) (int, error) {
	if depth == maxDepth {
		return 0, w.fail(e.tag, nil, "sequences are nested more than %d deep", maxDepth)
	}
	if err := w.charge(e, nil); err != nil {
		return 0, err
	}
	delimited := e.length == undefined
	if !delimited {
		end = e.value + int(e.length)
	}
	pos := e.value
	for n := 0; pos < end; n++ {
		i, err := w.head(pos, end, enc)
		if err != nil {
			return 0, err
		}
		if delimited && i.tag == sequenceEnd {
			return i.value, w.empty(i)
		}
		if i.tag != itemTag {
			return 0, w.fail(e.tag, nil, "expected an item, found %s, at byte %d", tagName(i.tag), pos)
		}
		itemLimit := end
		if i.length != undefined {
			if int64(i.length) > int64(end-i.value) {
				return 0, w.fail(e.tag, nil, "item %d says it is %d bytes long where %d are left", n, i.length, end-i.value)
			}
			itemLimit = i.value + int(i.length)
		}
		if err := w.charge(i, nil); err != nil {
			return 0, err
		}
		w.place = append(w.place, fmt.Sprintf("%s[%d]", keyword(e.tag), n))
		if pos, err = w.dataset(i.value, itemLimit, depth+1, i.length == undefined, enc); err != nil {
			return 0, err
		}
		w.place = w.place[:len(w.place)-1]
	}
	if delimited {
		return 0, w.fail(e.tag, nil, "ends within a sequence of undefined length")
	}
	return pos, nil
}

// unknownSequence walks a sequence whose VR was lost: UN of undefined length in
// an explicit file. Its inside is Implicit VR Little Endian (PS3.5 6.2.2),
// which the parser does not know, though some writers stay explicit. Its length
// is written into the file's copy in memory, so that the parser keeps it as
// bytes; item.items takes those apart when asked.
func (w *walker) unknownSequence(e element, end, depth int, enc layout) (int, error) {
	depth0, cost := len(w.place), w.cost
	next, err := w.sequence(e, end, depth, implicitLE)
	if err != nil {
		w.place, w.cost = w.place[:depth0], cost
		var again error
		if next, again = w.sequence(e, end, depth, enc); again != nil {
			return 0, err
		}
	}
	enc.order.PutUint32(w.data[e.value-4:], uint32(next-e.value))
	return next, nil
}

// fragments walks the compressed frames of encapsulated pixel data.
func (w *walker) fragments(e element, end int, enc layout) (int, error) {
	for pos := e.value; pos < end; {
		i, err := w.head(pos, end, enc)
		if err != nil {
			return 0, err
		}
		if i.tag == sequenceEnd {
			return i.value, w.empty(i)
		}
		if i.tag != itemTag || i.length == undefined || int64(i.length) > int64(end-i.value) {
			return 0, w.fail(e.tag, nil, "broken fragment of encapsulated pixels, at byte %d", pos)
		}
		if err := w.charge(i, nil); err != nil {
			return 0, err
		}
		pos = i.value + int(i.length)
	}
	return 0, w.fail(e.tag, nil, "ends within encapsulated pixels")
}

func allZero(b []byte) bool {
	for _, v := range b {
		if v != 0 {
			return false
		}
	}
	return true
}

var (
	implicitLE = layout{implicit: true, order: binary.LittleEndian}
	explicitLE = layout{order: binary.LittleEndian}
	explicitBE = layout{order: binary.BigEndian}
)

// encodingOf is how a transfer syntax writes elements. Every compressed syntax
// is explicit little endian.
func encodingOf(syntax string) (layout, bool) {
	switch syntax {
	case uid.ImplicitVRLittleEndian:
		return implicitLE, true
	case uid.ExplicitVRBigEndian:
		return explicitBE, true
	}
	info, err := uid.Lookup(syntax)
	if err == nil && info.Type == uid.TypeTransferSyntax {
		return explicitLE, true
	}
	_, newer := newerSyntaxes[syntax]
	return explicitLE, newer
}

// newerSyntaxes are compressed transfer syntaxes younger than the dictionary.
var newerSyntaxes = map[string]string{
	"1.2.840.10008.1.2.4.110": "JPEG XL Lossless",
	"1.2.840.10008.1.2.4.111": "JPEG XL JPEG Recompression",
	"1.2.840.10008.1.2.4.112": "JPEG XL",
	"1.2.840.10008.1.2.4.201": "High-Throughput JPEG 2000 (Lossless Only)",
	"1.2.840.10008.1.2.4.202": "High-Throughput JPEG 2000 with RPCL Options (Lossless Only)",
	"1.2.840.10008.1.2.4.203": "High-Throughput JPEG 2000",
	"1.2.840.10008.1.2.8.1":   "Deflated Image Frame Compression",
}

// syntaxName is the name and the UID of a transfer syntax.
func syntaxName(syntax string) string {
	if name, ok := newerSyntaxes[syntax]; ok {
		return fmt.Sprintf("%s (%s)", name, syntax)
	}
	if info, err := uid.Lookup(syntax); err == nil {
		return fmt.Sprintf("%s (%s)", info.Name, syntax)
	}
	return syntax
}
