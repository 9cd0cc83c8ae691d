package dicom

import (
	"math"
	"slices"

	"github.com/kerma-rt/kerma/geometry"
	"github.com/suyashkumar/dicom/pkg/tag"
	"gonum.org/v1/gonum/spatial/r3"
)

// airHU is what padding outside the scanned circle becomes.
const airHU = -1000

const (
	farthest   = 1e6     // mm from the origin of a frame
	steepest   = 1e6     // HU a stored unit
	mostPixels = 1 << 26 // pixels of an image
)

// slice is what one CT image says about itself, without its pixels.
type slice struct {
	Identity
	path      string
	uid       string // SOP instance UID
	seriesUID string
	frame     string // frame of reference UID
	position  geometry.PatientPosition
	localizer bool

	rows, columns int
	spacing       [2]float64 // mm between columns (along x), between rows (along y)
	origin        r3.Vec     // centre of the first voxel, mm, LPS
	x, y          r3.Vec     // directions of a row and of a column
	stored        stored
	slope         float64 // HU per stored unit
	intercept     float64 // HU

	warnings []Problem
}

// stored is how a pixel is kept: PS3.5 8.1.1.
type stored struct {
	allocated, bits, high int // BitsAllocated, BitsStored, HighBit
	signed                bool
	padded                bool
	padding               [2]int // lowest and highest stored value that means padding
}

// readSlice reads the attributes of a CT image that place it and turn its
// pixels into Hounsfield units. It fails when one is missing or cannot be acted
// on: what a slice leaves out is never assumed.
func readSlice(o *object) (slice, error) {
	s := slice{
		Identity:  o.identity(),
		path:      o.path,
		uid:       o.text(tag.SOPInstanceUID),
		seriesUID: o.text(tag.SeriesInstanceUID),
		frame:     o.text(tag.FrameOfReferenceUID),
		localizer: slices.Contains(o.texts(tag.ImageType), "LOCALIZER"),
	}
	if s.localizer {
		return s, nil
	}
	for _, t := range []tag.Tag{tag.SOPInstanceUID, tag.SeriesInstanceUID} {
		if !o.has(t) {
			return s, o.fail(t, nil, "is missing")
		}
	}
	if _, err := o.pixels(); err != nil {
		return s, err
	}
	if m := o.text(tag.Modality); m != "CT" {
		s.warn(o, tag.Modality, m, "is not CT, though the SOP class is CT Image Storage")
	}
	if s.frame == "" {
		s.warn(o, tag.FrameOfReferenceUID, nil, "is missing: structures and plans cannot be checked to share the frame of this image")
	}
	if w := o.charset.warning(); w != "" {
		s.warn(o, tag.SpecificCharacterSet, nil, "%s", w)
	}
	if err := s.readPosition(o); err != nil {
		return s, err
	}
	if err := s.readPlane(o); err != nil {
		return s, err
	}
	if err := s.readStored(o); err != nil {
		return s, err
	}
	return s, s.readRescale(o)
}

func (s *slice) warn(o *object, t tag.Tag, value any, format string, args ...any) {
	s.warnings = append(s.warnings, o.warning(t, value, format, args...))
}

func (s *slice) readPosition(o *object) error {
	switch p := geometry.PatientPosition(o.text(tag.PatientPosition)); p {
	case geometry.HFS, geometry.HFP, geometry.HFDL, geometry.HFDR, geometry.FFS, geometry.FFP, geometry.FFDL, geometry.FFDR:
		s.position = p
	case "":
		s.warn(o, tag.PatientPosition, nil, "is missing: how the patient lay is not known from the image")
	default:
		s.warn(o, tag.PatientPosition, p, "is not one of the eight positions on a table: how the patient lay is not known from the image")
	}
	return nil
}

// readPlane reads where the image lies: PS3.3 C.7.6.2.1.1.
func (s *slice) readPlane(o *object) error {
	if frames, ok, err := o.integer(tag.NumberOfFrames); err != nil {
		return err
	} else if ok && frames != 1 {
		return o.fail(tag.NumberOfFrames, frames, "a CT image has one frame")
	}
	var err error
	if s.rows, err = o.required(tag.Rows); err != nil {
		return err
	}
	if s.columns, err = o.required(tag.Columns); err != nil {
		return err
	}
	if s.rows < 1 || s.columns < 1 || s.rows*s.columns > mostPixels {
		return o.fail(tag.Rows, s.rows, "an image of %d rows and %d columns", s.rows, s.columns)
	}
	spacing, err := o.vector(tag.PixelSpacing, 2)
	if err != nil {
		return err
	}
	if !(spacing[0] > 0 && spacing[1] > 0) {
		return o.fail(tag.PixelSpacing, spacing, "must be above zero")
	}
	s.spacing = [2]float64{spacing[1], spacing[0]} // the file gives that between rows first
	p, err := o.vector(tag.ImagePositionPatient, 3)
	if err != nil {
		return err
	}
	d, err := o.vector(tag.ImageOrientationPatient, 6)
	if err != nil {
		return err
	}
	if c := r3.Norm(r3.Vec{X: p[0], Y: p[1], Z: p[2]}); c > farthest || spacing[0] > farthest || spacing[1] > farthest {
		return o.fail(tag.ImagePositionPatient, p, "positions and spacings beyond %g mm are not of a patient", float64(farthest))
	}
	s.origin = r3.Vec{X: p[0], Y: p[1], Z: p[2]}
	s.x = r3.Vec{X: d[0], Y: d[1], Z: d[2]}
	s.y = r3.Vec{X: d[3], Y: d[4], Z: d[5]}
	const tolerance = 1e-4
	if math.Abs(r3.Norm(s.x)-1) > tolerance || math.Abs(r3.Norm(s.y)-1) > tolerance || math.Abs(r3.Dot(s.x, s.y)) > tolerance {
		return o.fail(tag.ImageOrientationPatient, d, "is not two unit vectors at right angles")
	}
	return nil
}

// readStored reads how a pixel is kept and checks that all of them are there.
func (s *slice) readStored(o *object) error {
	if n, ok, err := o.integer(tag.SamplesPerPixel); err != nil {
		return err
	} else if ok && n != 1 {
		return o.fail(tag.SamplesPerPixel, n, "expected one sample a pixel")
	}
	if p := o.text(tag.PhotometricInterpretation); p != "MONOCHROME2" {
		return o.fail(tag.PhotometricInterpretation, p, "expected MONOCHROME2")
	}
	var v [4]int
	for i, t := range []tag.Tag{tag.BitsAllocated, tag.BitsStored, tag.HighBit, tag.PixelRepresentation} {
		var err error
		if v[i], err = o.required(t); err != nil {
			return err
		}
	}
	s.stored = stored{allocated: v[0], bits: v[1], high: v[2], signed: v[3] == 1}
	switch {
	case v[0] != 8 && v[0] != 16 && v[0] != 32:
		return o.fail(tag.BitsAllocated, v[0], "expected 8, 16 or 32")
	case v[1] < 1 || v[1] > v[0]:
		return o.fail(tag.BitsStored, v[1], "does not fit in %d allocated bits", v[0])
	case v[2] < v[1]-1 || v[2] >= v[0]:
		return o.fail(tag.HighBit, v[2], "does not fit %d stored of %d allocated bits", v[1], v[0])
	case v[3] != 0 && v[3] != 1:
		return o.fail(tag.PixelRepresentation, v[3], "expected 0 or 1")
	}
	data, err := o.pixels()
	if err != nil {
		return err
	}
	want := int64(s.rows) * int64(s.columns) * int64(v[0]/8)
	if int64(len(data)) != want && int64(len(data)) != want+want%2 {
		return o.fail(tag.PixelData, nil, "%d bytes for %d × %d pixels of %d bits, expected %d", len(data), s.columns, s.rows, v[0], want)
	}
	return s.readPadding(o)
}

// readPadding reads the stored values that mean "no data here". Their VR
// follows PixelRepresentation, which an implicit file cannot say, so the sign is
// made to fit (C.7.5.1.1.2).
func (s *slice) readPadding(o *object) error {
	low, ok, err := o.integer(tag.PixelPaddingValue)
	if err != nil || !ok {
		return err
	}
	high, ok, err := o.integer(tag.PixelPaddingRangeLimit)
	if err != nil {
		return err
	}
	if !ok {
		high = low
	}
	fit := func(v int) int {
		if s.stored.signed {
			return int(int16(v))
		}
		return int(uint16(v))
	}
	low, high = fit(low), fit(high)
	s.stored.padded = true
	s.stored.padding = [2]int{min(low, high), max(low, high)}
	return nil
}

// readRescale reads the line from stored values to Hounsfield units.
func (s *slice) readRescale(o *object) error {
	if o.has(tag.ModalityLUTSequence) {
		return o.fail(tag.ModalityLUTSequence, nil, "a look-up table to Hounsfield units is not supported")
	}
	var err error
	for _, r := range []struct {
		tag tag.Tag
		to  *float64
	}{{tag.RescaleSlope, &s.slope}, {tag.RescaleIntercept, &s.intercept}} {
		var ok bool
		if *r.to, ok, err = o.number(r.tag); err != nil {
			return err
		} else if !ok {
			return o.fail(r.tag, nil, "is missing: stored values cannot be turned into Hounsfield units")
		}
	}
	if s.slope == 0 || math.Abs(s.slope) > steepest {
		return o.fail(tag.RescaleSlope, s.slope, "must not be zero nor above %g HU", float64(steepest))
	}
	if math.Abs(s.intercept) > steepest {
		return o.fail(tag.RescaleIntercept, s.intercept, "is beyond %g HU", float64(steepest))
	}
	if r := o.text(tag.RescaleType); r != "" && r != "HU" { // absent means HU, C.8.2.1
		s.warn(o, tag.RescaleType, r, "is not HU: values are taken as Hounsfield units all the same")
	}
	return nil
}

// required is integer for an attribute that must be there.
func (it item) required(t tag.Tag) (int, error) {
	v, ok, err := it.integer(t)
	if err == nil && !ok {
		err = it.fail(t, nil, "is missing")
	}
	return v, err
}

// vector is numbers for an attribute that must have n values.
func (it item) vector(t tag.Tag, n int) ([]float64, error) {
	v, err := it.numbers(t)
	if err == nil && len(v) == 0 {
		err = it.fail(t, nil, "is missing")
	} else if err == nil && len(v) != n {
		err = it.fail(t, v, "expected %d values, found %d", n, len(v))
	}
	return v, err
}

// tally counts what was done to the pixels of a slice.
type tally struct {
	padding   int // voxels that became air
	saturated int // voxels at or above the top of the 12-bit scale
}

// saturationHU is the highest value of a 12-bit scanner with intercept −1024.
// Metal piles up there and its density is lost.
const saturationHU = 3071

// hounsfield writes the image's Hounsfield units to out, one a pixel:
//
//	HU = slope·v + intercept
//
// where v is the stored value, masked to its bits and sign-extended. Padding is
// compared before the rescale, with the whole word and with the stored bits,
// since both are found.
func (s *slice) hounsfield(o *object, out []float32) (tally, error) {
	data, err := o.pixels()
	if err != nil {
		return tally{}, err
	}
	n := s.rows * s.columns
	width := s.stored.allocated / 8
	if len(data) < n*width || len(out) != n {
		return tally{}, o.fail(tag.PixelData, nil, "%d bytes for %d pixels", len(data), n)
	}
	var count tally
	unused := uint(31-s.stored.high) & 31     // bits above the stored ones, in 32
	drop := uint(32-s.stored.bits) & 31       // bits to shift out below, once those are gone
	whole := uint(32-s.stored.allocated) & 31 // above the word as allocated
	big, order := o.bigEndian, o.order()
	signed, padded, slope, intercept := s.stored.signed, s.stored.padded, s.slope, s.intercept
	low, high := int32(s.stored.padding[0]), int32(s.stored.padding[1])
	for i := range out {
		var word uint32
		switch width {
		case 1:
			word = uint32(data[i])
		case 2:
			b := data[2*i : 2*i+2]
			if big {
				word = uint32(b[1]) | uint32(b[0])<<8
			} else {
				word = uint32(b[0]) | uint32(b[1])<<8
			}
		default:
			word = order.Uint32(data[4*i:])
		}
		v, w := float64(word<<unused>>drop), int32(word)
		if signed {
			v = float64(int32(word<<unused) >> drop)
			w = int32(word<<whole) >> whole
		}
		if padded && (w >= low && w <= high || v >= float64(low) && v <= float64(high)) {
			out[i] = airHU
			count.padding++
			continue
		}
		hu := slope*v + intercept
		if hu >= saturationHU {
			count.saturated++
		}
		out[i] = float32(hu)
	}
	return count, nil
}
