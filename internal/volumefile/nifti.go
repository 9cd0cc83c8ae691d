package volumefile

import (
	"encoding/binary"
	"io"
	"math"
	"strings"

	"gonum.org/v1/gonum/spatial/r3"
)

// readNIfTI reads a NIfTI-1 volume of scalars in one file, packed or not, that
// says where it lies. The format: https://nifti.nimh.nih.gov/pub/dist/src/niftilib/nifti1.h
func readNIfTI(path string) (*File, error) {
	s, err := openSource(path, strings.HasSuffix(strings.ToLower(path), ".gz"))
	if err != nil {
		return nil, err
	}
	defer s.Close()
	var h niftiHeader
	if _, err := io.ReadFull(s, h.b[:]); err != nil {
		return nil, unusable("no NIfTI-1 file: shorter than its header")
	}
	s.left -= int64(len(h.b))
	a, err := h.array()
	if err != nil {
		return nil, err
	}
	p, err := h.place(a.size)
	if err != nil {
		return nil, err
	}
	offset := h.float(108)
	if !(offset >= 352) || offset > 1<<24 || offset != math.Trunc(offset) {
		return nil, unusable("NIfTI vox_offset %v", offset)
	}
	skip := int64(offset) - int64(len(h.b))
	if _, err := io.CopyN(io.Discard, s, skip); err != nil {
		return nil, unusable("the file ends before its values at byte %v", offset)
	}
	s.left -= skip
	data, err := a.read(s)
	if err != nil {
		return nil, err
	}
	v, err := p.volume(a.size, data)
	if err != nil {
		return nil, err
	}
	return &File{Volume: v}, nil
}

// niftiHeader is the 348 bytes of a header; offsets are those of nifti1.h.
type niftiHeader struct {
	b     [348]byte
	order binary.ByteOrder
}

func (h *niftiHeader) short(at int) int { return int(int16(h.order.Uint16(h.b[at:]))) }

func (h *niftiHeader) float(at int) float64 {
	return float64(math.Float32frombits(h.order.Uint32(h.b[at:])))
}

func (h *niftiHeader) floats(at int) [4]float64 {
	return [4]float64{h.float(at), h.float(at + 4), h.float(at + 8), h.float(at + 12)}
}

var niftiTypes = map[int]number{
	2: uint8s, 4: int16s, 8: int32s, 16: float32s, 64: float64s, 256: int8s, 512: uint16s, 768: uint32s,
}

func (h *niftiHeader) array() (array, error) {
	switch {
	case binary.LittleEndian.Uint32(h.b[:]) == 348:
		h.order = binary.LittleEndian
	case binary.BigEndian.Uint32(h.b[:]) == 348:
		h.order = binary.BigEndian
	default:
		return array{}, unusable("no NIfTI-1 file")
	}
	if magic := string(h.b[344:348]); magic != "n+1\x00" {
		return array{}, unusable("NIfTI magic %q, expected one file (n+1)", magic)
	}
	a := array{order: h.order, slope: 1}
	var known bool
	if a.number, known = niftiTypes[h.short(70)]; !known {
		return a, unusable("NIfTI datatype %d, expected whole or real numbers of at most 64 bits", h.short(70))
	}
	dims := h.short(40)
	if dims < 3 || dims > 7 {
		return a, unusable("%d dimensions, expected 3", dims)
	}
	for d := range dims {
		n := h.short(42 + 2*d)
		switch {
		case d < 3:
			a.size[d] = n
		case n != 1:
			return a, unusable("dimension %d has %d entries: expected one volume", d+1, n)
		}
	}
	if slope := h.float(112); slope != 0 {
		a.slope, a.intercept = slope, h.float(116)
		if s := a.slope + a.intercept; math.IsNaN(s) || math.IsInf(s, 0) {
			// nibabel and others write not-a-number where there is no scaling.
			if !math.IsNaN(a.slope) {
				return a, unusable("scaling by %v and %v", a.slope, a.intercept)
			}
			a.slope, a.intercept = 1, 0
		}
	}
	return a, nil
}

// place is where the header puts the volume: by sform, or by qform where there
// is no sform, both RAS. Readers differ in which of the two they follow, so
// that a file whose two differ is refused.
func (h *niftiHeader) place(size [3]int) (place, error) {
	scale := 1.0
	switch unit := h.b[123] & 7; unit {
	case 0, 2: // not said, which all readers take as mm; mm
	case 1:
		scale = 1000
	case 3:
		scale = 0.001
	default:
		return place{}, unusable("NIfTI unit of length %d", unit)
	}
	byQ, byS := h.short(252) > 0, h.short(254) > 0
	if !byQ && !byS {
		return place{}, unusable("neither qform nor sform says where the volume lies")
	}
	p := h.sform()
	if byQ {
		q, err := h.qform()
		if err != nil {
			return place{}, err
		}
		if byS && !(apart(p, q, size)*scale <= 0.1) {
			return place{}, unusable("sform and qform put the volume in different places")
		}
		if !byS {
			p = q
		}
	}
	p.origin = r3.Scale(scale, p.origin)
	for a := range p.step {
		p.step[a] = r3.Scale(scale, p.step[a])
	}
	return p.flip(true, true), nil
}

func (h *niftiHeader) sform() place {
	x, y, z := h.floats(280), h.floats(296), h.floats(312)
	p := place{origin: r3.Vec{X: x[3], Y: y[3], Z: z[3]}}
	for a := range p.step {
		p.step[a] = r3.Vec{X: x[a], Y: y[a], Z: z[a]}
	}
	return p
}

// qform is method 2 of nifti1.h: a rotation by the quaternion (a, b, c, d) with
// a = √(1 − b² − c² − d²), the third axis turned around when pixdim[0] is −1.
func (h *niftiHeader) qform() (place, error) {
	b, c, d := h.float(256), h.float(260), h.float(264)
	n := b*b + c*c + d*d
	if !(n < 1.0001) {
		return place{}, unusable("qform: the quaternion (%v, %v, %v) is longer than one", b, c, d)
	}
	if n > 1 { // half a turn, where rounding has put the length above one
		f := 1 / math.Sqrt(n)
		b, c, d = b*f, c*f, d*f
	}
	a := math.Sqrt(max(0, 1-b*b-c*c-d*d))
	spacing := [3]float64{h.float(80), h.float(84), h.float(88)}
	for _, s := range spacing {
		if !(s > 0) {
			return place{}, unusable("qform: spacing %v", spacing)
		}
	}
	if h.float(76) < 0 {
		spacing[2] = -spacing[2]
	}
	return place{
		origin: r3.Vec{X: h.float(268), Y: h.float(272), Z: h.float(276)},
		step: [3]r3.Vec{
			r3.Scale(spacing[0], r3.Vec{X: a*a + b*b - c*c - d*d, Y: 2 * (b*c + a*d), Z: 2 * (b*d - a*c)}),
			r3.Scale(spacing[1], r3.Vec{X: 2 * (b*c - a*d), Y: a*a + c*c - b*b - d*d, Z: 2 * (c*d + a*b)}),
			r3.Scale(spacing[2], r3.Vec{X: 2 * (b*d + a*c), Y: 2 * (c*d - a*b), Z: a*a + d*d - b*b - c*c}),
		},
	}, nil
}

// apart is the greatest distance between the corners of a volume in two places;
// not a number when one of them is nowhere.
func apart(p, q place, size [3]int) float64 {
	most := 0.0
	for corner := range 8 {
		d := r3.Sub(p.origin, q.origin)
		for a := range 3 {
			if corner>>a&1 == 1 {
				d = r3.Add(d, r3.Scale(float64(size[a]-1), r3.Sub(p.step[a], q.step[a])))
			}
		}
		most = max(most, r3.Norm(d))
	}
	return most
}
