package dicom

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/suyashkumar/dicom"
	"github.com/suyashkumar/dicom/pkg/tag"
	"github.com/suyashkumar/dicom/pkg/uid"
)

// object is one DICOM file in memory: its data set, with the pixels left where
// they stand in the file's bytes.
type object struct {
	item
	path         string
	syntax       string // transfer syntax UID
	bigEndian    bool
	encapsulated bool   // pixel data in compressed frames
	pixelData    []byte // nil when absent or encapsulated
	hasPixels    bool
	charset      charset
}

// open reads the file at path into memory and parses it.
func open(path string) (*object, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, &Error{File: path, Message: "cannot be opened", Err: err}
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, &Error{File: path, Message: "cannot be read", Err: err}
	}
	if !info.Mode().IsRegular() {
		return nil, &Error{File: path, Message: "is not a regular file", Err: ErrNotDICOM}
	}
	if info.Size() > maxFile {
		return nil, &Error{File: path, Message: fmt.Sprintf("%d bytes are more than the limit of %d", info.Size(), maxFile)}
	}
	var start [132]byte // a large file that is not DICOM is not read whole
	n, err := io.ReadFull(f, start[:])
	if err != nil && n == 0 {
		return nil, &Error{File: path, Message: "is empty", Err: ErrNotDICOM}
	}
	if _, err := locate(start[:n]); err != nil {
		return nil, &Error{File: path, Message: "cannot be read", Err: err}
	}
	data := make([]byte, info.Size())
	copy(data, start[:n])
	if int64(n) < info.Size() {
		if _, err := io.ReadFull(f, data[n:]); err != nil {
			return nil, &Error{File: path, Message: "cannot be read", Err: err}
		}
	}
	return parse(path, data)
}

// parse is open from memory. It keeps data, and may change it.
func parse(name string, data []byte) (*object, error) {
	m, err := readMeta(name, data)
	if err != nil {
		return nil, err
	}
	if m.syntax == uid.DeflatedExplicitVRLittleEndian {
		if data, err = inflate(name, data[m.end:]); err != nil {
			return nil, err
		}
		m.end = 0
	}
	enc, ok := encodingOf(m.syntax)
	if !ok {
		return nil, &Error{File: name, Tag: tagName(tag.TransferSyntaxUID), Value: m.syntax, Message: "unknown transfer syntax"}
	}
	w := walker{file: name, data: data}
	if _, err := w.dataset(m.end, len(data), 0, false, enc); err != nil {
		return nil, err
	}
	o := &object{path: name, syntax: m.syntax, bigEndian: enc == explicitBE}
	o.hasPixels = w.pixels != span{}
	o.encapsulated = w.encapsulated
	if o.hasPixels && !w.encapsulated {
		o.pixelData = data[w.pixelValue.from:w.pixelValue.to]
	}
	o.charset = newCharset(w.charsets)
	o.charset.needed = w.foreign

	// The parser sees neither the pixels, which it would copy, nor the
	// character set, of which some values make it panic.
	hidden := []span{w.charset, w.pixels}
	if w.pixels != (span{}) && w.pixels.from < w.charset.from {
		hidden[0], hidden[1] = hidden[1], hidden[0]
	}
	var shown [][]byte
	from := m.end
	for _, h := range hidden {
		if h != (span{}) {
			shown = append(shown, data[from:h.from])
			from = h.to
		}
	}
	shown = append(shown, data[from:w.end])
	elements, err := parseElements(name, enc, shown...)
	if err != nil {
		return nil, err
	}
	if len(elements) != w.shown { // it takes the end of its input for the end of the file
		return nil, &Error{File: name, Message: fmt.Sprintf("the DICOM parser read %d of %d elements", len(elements), w.shown)}
	}
	o.item = item{elements: elements, root: o}
	return o, o.sort()
}

// parseElements is the one place where the parser is called. It is told the
// layout by a meta header made here, so that it never has to guess, and any
// panic that the walk did not foresee becomes an error.
func parseElements(name string, enc layout, parts ...[]byte) (elements []*dicom.Element, err error) {
	defer func() {
		if r := recover(); r != nil {
			elements, err = nil, &Error{File: name, Message: fmt.Sprintf("the DICOM parser failed: %v", r)}
		}
	}()
	head := metaHeader(enc)
	size, readers := len(head), []io.Reader{bytes.NewReader(head)}
	for _, p := range parts {
		size += len(p)
		readers = append(readers, bytes.NewReader(p))
	}
	ds, err := dicom.Parse(io.MultiReader(readers...), int64(size), nil, dicom.SkipProcessingPixelDataValue())
	if err != nil {
		return nil, &Error{File: name, Message: "cannot be parsed", Err: err}
	}
	const made = 2 // elements of metaHeader
	return ds.Elements[made:], nil
}

// metaHeader is a preamble and the shortest file meta information that tells
// the parser the layout of what follows.
func metaHeader(enc layout) []byte {
	syntax := uid.ExplicitVRLittleEndian
	switch enc {
	case implicitLE:
		syntax = uid.ImplicitVRLittleEndian
	case explicitBE:
		syntax = uid.ExplicitVRBigEndian
	}
	if len(syntax)%2 != 0 {
		syntax += "\x00"
	}
	b := append(make([]byte, 128), "DICM\x02\x00\x00\x00UL\x04\x00"...)
	b = binary.LittleEndian.AppendUint32(b, uint32(8+len(syntax)))
	b = append(b, "\x02\x00\x10\x00UI"...)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(syntax)))
	return append(b, syntax...)
}

// meta is what the head of a file says about the rest.
type meta struct {
	syntax string
	end    int // where the data set begins
}

// locate finds where a file's elements begin: behind a preamble, or at once in
// the files of writers that leave it out.
func locate(data []byte) (int, error) {
	if len(data) >= 132 && string(data[128:132]) == "DICM" {
		return 132, nil
	}
	if len(data) < 8 {
		return 0, ErrNotDICOM
	}
	group := binary.LittleEndian.Uint16(data)
	number := binary.LittleEndian.Uint16(data[2:])
	if group == 2 && number <= 0x20 || group == 8 && number <= 0x60 {
		return 0, nil
	}
	return 0, ErrNotDICOM
}

// readMeta walks the file meta information (group 0002, always Explicit VR
// Little Endian). Its length element is not believed: the group ends where
// another begins.
func readMeta(name string, data []byte) (meta, error) {
	pos, err := locate(data)
	if err != nil {
		if len(data) == 0 {
			return meta{}, &Error{File: name, Message: "is empty", Err: err}
		}
		return meta{}, &Error{File: name, Message: "cannot be read", Err: err}
	}
	w := walker{file: name, data: data}
	m := meta{}
	for pos+8 <= len(data) && binary.LittleEndian.Uint16(data[pos:]) == 2 {
		e, err := w.head(pos, len(data), explicitLE)
		if err != nil {
			return m, err
		}
		if int64(e.length) > int64(len(data)-e.value) {
			return m, w.fail(e.tag, nil, "says it is %d bytes long where %d are left", e.length, len(data)-e.value)
		}
		pos = e.value + int(e.length)
		if e.tag == tag.TransferSyntaxUID {
			m.syntax = trim(string(data[e.value:pos]))
			if m.syntax == "" {
				return m, w.fail(e.tag, nil, "is empty")
			}
		}
	}
	m.end = pos
	if m.syntax == "" { // the default of PS3.5 10.1, unless the first element shows its VR
		m.syntax = uid.ImplicitVRLittleEndian
		if pos+8 <= len(data) {
			if e, err := w.head(pos, len(data), explicitLE); err == nil && e.length != undefined {
				m.syntax = uid.ExplicitVRLittleEndian
			}
		}
	}
	return m, nil
}

// inflate decompresses the data set of a deflated file.
func inflate(name string, data []byte) ([]byte, error) {
	limit := min(maxFile, max(64<<20, 32*len(data))) // an honest data set shrinks by less
	r := flate.NewReader(bytes.NewReader(data))
	out, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if err != nil {
		return nil, &Error{File: name, Message: "the deflated data set cannot be inflated", Err: err}
	}
	if len(out) > limit {
		return nil, &Error{File: name, Message: fmt.Sprintf("inflates to more than the limit of %d bytes", limit)}
	}
	return out, nil
}

// tagName names an element as messages do: "(0028,0010) Rows".
func tagName(t tag.Tag) string {
	s := fmt.Sprintf("(%04X,%04X)", t.Group, t.Element)
	if info, err := tag.Find(t); err == nil && info.Keyword != "" {
		s += " " + info.Keyword
	}
	return s
}

// keyword names an element as part of a path.
func keyword(t tag.Tag) string {
	if info, err := tag.Find(t); err == nil && info.Keyword != "" {
		return info.Keyword
	}
	return fmt.Sprintf("(%04X,%04X)", t.Group, t.Element)
}

// trim removes the padding that DICOM allows around a value.
func trim(s string) string { return strings.Trim(s, " \x00\t\r\n") }
