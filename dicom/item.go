package dicom

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/suyashkumar/dicom"
	"github.com/suyashkumar/dicom/pkg/tag"
)

// item is a data set: the root of a file or an item of a sequence in it. It
// knows its place, so that errors can name it.
type item struct {
	elements []*dicom.Element // ascending by tag, each tag once
	root     *object
	parent   *item // nil at the root
	sequence tag.Tag
	index    int // within sequence
}

// sort puts the elements in order, as most files have them, and refuses a data
// set that gives one attribute twice.
func (it *item) sort() error {
	ascending := func(a, b *dicom.Element) int { return a.Tag.Compare(b.Tag) }
	if !slices.IsSortedFunc(it.elements, ascending) {
		it.elements = slices.Clone(it.elements)
		slices.SortStableFunc(it.elements, ascending)
	}
	for i := 1; i < len(it.elements); i++ {
		if t := it.elements[i].Tag; t == it.elements[i-1].Tag {
			return it.fail(t, nil, "stands here twice")
		}
	}
	return nil
}

func (it item) find(t tag.Tag) *dicom.Element {
	i, ok := slices.BinarySearchFunc(it.elements, t, func(e *dicom.Element, t tag.Tag) int { return e.Tag.Compare(t) })
	if !ok {
		return nil
	}
	return it.elements[i]
}

// place is the path of the sequences that lead to the item.
func (it item) place() string {
	if it.parent == nil {
		return ""
	}
	return fmt.Sprintf("%s%s[%d]/", it.parent.place(), keyword(it.sequence), it.index)
}

// fail is an *Error about attribute t of this item. A nil value is not shown.
func (it item) fail(t tag.Tag, value any, format string, args ...any) error {
	return &Error{File: it.root.path, Tag: it.place() + tagName(t), Value: valueText(value), Message: fmt.Sprintf(format, args...)}
}

func valueText(value any) string {
	if value == nil {
		return ""
	}
	const most = 64 // characters, or values of a list
	if list, ok := value.([]float64); ok && len(list) > most {
		value = list[:most]
	}
	s := fmt.Sprint(value)
	if len(s) > most {
		s = s[:most] + "…"
	}
	return s
}

// warning is a Problem about attribute t of this item.
func (it item) warning(t tag.Tag, value any, format string, args ...any) Problem {
	return Problem{Severity: Warning, File: it.root.path, Tag: it.place() + tagName(t), Value: valueText(value), Message: fmt.Sprintf(format, args...)}
}

// has reports whether attribute t is present and not empty.
func (it item) has(t tag.Tag) bool {
	if t == tag.PixelData && it.parent == nil {
		return it.root.hasPixels
	}
	e := it.find(t)
	if e == nil {
		return false
	}
	switch v := e.Value.GetValue().(type) {
	case []string:
		return len(v) > 1 || len(v) == 1 && trim(v[0]) != ""
	case []byte:
		return len(v) > 0
	case []int:
		return len(v) > 0
	case []float64:
		return len(v) > 0
	case []*dicom.SequenceItemValue:
		return len(v) > 0
	}
	return true
}

// vr is the value representation of e: that of the dictionary where the file
// says UN for an attribute that is known.
func vr(e *dicom.Element) string {
	if e.RawValueRepresentation == "UN" {
		if info, err := tag.Find(e.Tag); err == nil {
			return info.VRs[0]
		}
	}
	return e.RawValueRepresentation
}

// texts are the values of attribute t as text, decoded and trimmed; nil when
// it is absent or empty.
func (it item) texts(t tag.Tag) []string {
	if !it.has(t) || t == tag.PixelData {
		return nil
	}
	e := it.find(t)
	var values []string
	switch v := e.Value.GetValue().(type) {
	case []string:
		values = v
	case []byte:
		switch vr(e) {
		case "SQ", "OB", "OD", "OF", "OL", "OW", "US", "SS", "UL", "SL", "FL", "FD", "AT", "UN":
			return nil
		}
		values = strings.Split(string(v), `\`)
	case []int:
		for _, n := range v {
			values = append(values, strconv.Itoa(n))
		}
		return values
	case []float64:
		for _, x := range v {
			values = append(values, strconv.FormatFloat(x, 'g', -1, 64))
		}
		return values
	default:
		return nil
	}
	switch vr(e) {
	case "LT", "ST", "UT":
		values = []string{it.root.charset.decode(strings.Join(values, `\`))}
	case "LO", "PN", "SH", "UC":
		values = it.root.charset.decodeAll(values)
	}
	out := make([]string, len(values))
	for i, s := range values {
		out[i] = trim(s)
	}
	return out
}

// text is the first value of attribute t, decoded and trimmed; "" when absent.
func (it item) text(t tag.Tag) string {
	if v := it.texts(t); len(v) > 0 {
		return v[0]
	}
	return ""
}

// numbers are the values of attribute t; nil when it is absent or empty.
func (it item) numbers(t tag.Tag) ([]float64, error) {
	if !it.has(t) || t == tag.PixelData {
		return nil, nil
	}
	e := it.find(t)
	switch v := e.Value.GetValue().(type) {
	case []string:
		return it.decimals(t, v)
	case []int:
		out := make([]float64, len(v))
		for i, n := range v {
			out[i] = float64(n)
		}
		return out, nil
	case []float64:
		for _, x := range v {
			if math.IsNaN(x) || math.IsInf(x, 0) {
				return nil, it.fail(t, x, "is not a finite number")
			}
		}
		return v, nil
	case []byte:
		return it.binaryNumbers(t, vr(e), v)
	}
	return nil, it.fail(t, e.RawValueRepresentation, "has a value representation that holds no numbers")
}

func (it item) decimals(t tag.Tag, values []string) ([]float64, error) {
	out := make([]float64, len(values))
	for i, s := range values {
		x, err := parseDecimal(s)
		if err != nil {
			return nil, it.fail(t, s, "value %d is not a finite decimal number", i+1)
		}
		out[i] = x
	}
	return out, nil
}

// parseDecimal reads a decimal or integer string (PS3.5 6.2), of any length.
// ParseFloat alone would also take NaN, Inf, hexadecimal and underscores.
func parseDecimal(s string) (float64, error) {
	s = trim(s)
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9', c == '+', c == '-', c == '.', c == 'e', c == 'E':
		default:
			return 0, strconv.ErrSyntax
		}
	}
	return strconv.ParseFloat(s, 64)
}

// binaryNumbers takes apart the bytes of a known attribute stored as UN.
func (it item) binaryNumbers(t tag.Tag, vr string, b []byte) ([]float64, error) {
	width := 0
	switch vr {
	case "DS", "IS":
		var out []float64
		for s := range bytes.SplitSeq(b, []byte{'\\'}) {
			x, err := parseDecimal(string(s))
			if err != nil {
				return nil, it.fail(t, string(s), "value %d is not a finite decimal number", len(out)+1)
			}
			out = append(out, x)
		}
		return out, nil
	case "US", "SS":
		width = 2
	case "UL", "SL", "FL":
		width = 4
	case "FD":
		width = 8
	default:
		return nil, it.fail(t, vr, "has a value representation that holds no numbers")
	}
	if len(b)%width != 0 {
		return nil, it.fail(t, vr, "%d bytes do not make values of %d", len(b), width)
	}
	order := it.root.order()
	out := make([]float64, len(b)/width)
	for i := range out {
		c := b[i*width:]
		switch vr {
		case "US":
			out[i] = float64(order.Uint16(c))
		case "SS":
			out[i] = float64(int16(order.Uint16(c)))
		case "UL":
			out[i] = float64(order.Uint32(c))
		case "SL":
			out[i] = float64(int32(order.Uint32(c)))
		case "FL":
			out[i] = float64(math.Float32frombits(order.Uint32(c)))
		case "FD":
			out[i] = math.Float64frombits(order.Uint64(c))
		}
		if math.IsNaN(out[i]) || math.IsInf(out[i], 0) {
			return nil, it.fail(t, out[i], "is not a finite number")
		}
	}
	return out, nil
}

// number is the one value of attribute t; ok is false when it is absent or
// empty. More than one value is an error.
func (it item) number(t tag.Tag) (v float64, ok bool, err error) {
	values, err := it.numbers(t)
	if err != nil || len(values) == 0 {
		return 0, false, err
	}
	if len(values) != 1 {
		return 0, false, it.fail(t, values, "expected one value, found %d", len(values))
	}
	return values[0], true, nil
}

// integer is the one value of attribute t, which must be a whole number.
func (it item) integer(t tag.Tag) (v int, ok bool, err error) {
	x, ok, err := it.number(t)
	if err != nil || !ok {
		return 0, false, err
	}
	if x != math.Trunc(x) || math.Abs(x) > math.MaxUint32 {
		return 0, false, it.fail(t, x, "is not a whole number in range")
	}
	return int(x), true, nil
}

// items are the items of sequence t; nil when it is absent or empty.
func (it item) items(t tag.Tag) ([]item, error) {
	e := it.find(t)
	if e == nil {
		return nil, nil
	}
	var values []*dicom.SequenceItemValue
	switch v := e.Value.GetValue().(type) {
	case []*dicom.SequenceItemValue:
		values = v
	case []byte:
		if vr(e) != "SQ" {
			return nil, it.fail(t, e.RawValueRepresentation, "expected a sequence")
		}
		if len(v) == 0 {
			return nil, nil
		}
		var err error
		if values, err = it.unknownItems(t, v); err != nil {
			return nil, err
		}
	default:
		return nil, it.fail(t, e.RawValueRepresentation, "expected a sequence")
	}
	out := make([]item, len(values))
	for i, v := range values {
		elements, ok := v.GetValue().([]*dicom.Element)
		if !ok {
			return nil, it.fail(t, nil, "item %d cannot be read", i)
		}
		out[i] = item{elements: elements, root: it.root, parent: &it, sequence: t, index: i}
		if err := out[i].sort(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// unknownItems reads a sequence that was stored as UN: Implicit VR Little
// Endian inside, or as explicit as the file.
func (it item) unknownItems(t tag.Tag, value []byte) ([]*dicom.SequenceItemValue, error) {
	var first error
	for _, enc := range []layout{implicitLE, explicitLE} {
		data := slices.Clone(value)
		w := walker{file: it.root.path, data: data, place: strings.Split(strings.TrimSuffix(it.place(), "/"), "/")}
		e := element{tag: t, vr: "SQ", length: uint32(len(data))}
		if n := len(data) - 8; n >= 0 && string(data[n:]) == "\xfe\xff\xdd\xe0\x00\x00\x00\x00" {
			e.length = undefined
		}
		end, err := w.sequence(e, len(data), 0, enc)
		if err == nil && end != len(data) {
			err = it.fail(t, nil, "%d bytes behind the sequence", len(data)-end)
		}
		if err != nil {
			if first == nil {
				first = err
			}
			continue
		}
		elements, err := parseElements(it.root.path, enc, elementHead(e, enc), data)
		if err != nil {
			return nil, err
		}
		if len(elements) != 1 {
			return nil, it.fail(t, nil, "cannot be read as a sequence")
		}
		values, ok := elements[0].Value.GetValue().([]*dicom.SequenceItemValue)
		if !ok {
			return nil, it.fail(t, nil, "cannot be read as a sequence")
		}
		return values, nil
	}
	return nil, first
}

// elementHead writes the head of a sequence, little endian.
func elementHead(e element, enc layout) []byte {
	b := binary.LittleEndian.AppendUint16(nil, e.tag.Group)
	b = binary.LittleEndian.AppendUint16(b, e.tag.Element)
	if !enc.implicit {
		b = append(b, "SQ\x00\x00"...)
	}
	return binary.LittleEndian.AppendUint32(b, e.length)
}

// pixels are the bytes of PixelData in the byte order of the file.
func (it item) pixels() ([]byte, error) {
	switch o := it.root; {
	case it.parent != nil || !o.hasPixels:
		return nil, it.fail(tag.PixelData, nil, "is missing")
	case o.encapsulated:
		return nil, it.fail(tag.PixelData, nil, "compressed pixels are not supported: transfer syntax %s", syntaxName(o.syntax))
	default:
		return o.pixelData, nil
	}
}

// order is the byte order of the file's pixels and binary values.
func (o *object) order() binary.ByteOrder {
	if o.bigEndian {
		return binary.BigEndian
	}
	return binary.LittleEndian
}
