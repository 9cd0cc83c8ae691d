package dicom

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/kerma-rt/kerma/dose/beam"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/suyashkumar/dicom/pkg/tag"
	"gonum.org/v1/gonum/spatial/r3"
)

// DoseUnit is what a dose value counts (3004,0002).
type DoseUnit string

// The units of DICOM. A relative dose is no absolute one whatever its numbers.
const (
	Gray     DoseUnit = "GY"
	Relative DoseUnit = "RELATIVE"
)

// DoseType is what kind of dose a value is (3004,0004).
type DoseType string

// The types of DICOM.
const (
	Physical   DoseType = "PHYSICAL"
	Effective  DoseType = "EFFECTIVE" // weighted by biological effect: Gy(RBE)
	Difference DoseType = "ERROR"     // a difference of two doses, which may be below zero
)

// Summation is what a dose adds up (3004,000A).
type Summation string

// Summation types. All but the sessions and the control point are of the whole
// course.
const (
	PlanSum         Summation = "PLAN"             // a whole plan, all its fractions
	MultiPlan       Summation = "MULTI_PLAN"       // several plans
	FractionSum     Summation = "FRACTION"         // one fraction group, all its fractions
	BeamSum         Summation = "BEAM"             // some beams, all fractions
	BrachySum       Summation = "BRACHY"           // brachytherapy setups
	FractionSession Summation = "FRACTION_SESSION" // one fraction
	BeamSession     Summation = "BEAM_SESSION"     // some beams in one fraction
	ControlPointSum Summation = "CONTROL_POINT"    // some control points in one fraction
)

// Reference names another DICOM object.
type Reference struct {
	ClassUID string // SOP class UID
	UID      string // SOP instance UID
}

// PlanReference is the reference by which a dose names the plan it belongs to.
func PlanReference(p *beam.Plan) Reference {
	r := Reference{ClassUID: p.ClassUID, UID: p.UID}
	if r.ClassUID == "" {
		r.ClassUID = classPlan
	}
	return r
}

// Dose is an RTDOSE: a volume of dose, and what it is the dose of.
type Dose struct {
	Identity
	Volume              *geometry.Volume // in Unit
	Unit                DoseUnit
	Type                DoseType
	Summation           Summation
	FrameOfReferenceUID string
	Plans               []Reference // one, but for MULTI_PLAN
	FractionGroup       int         // that the dose belongs to; 0 where Summation needs none
	Beams               []int       // numbers of the beams that the dose belongs to; nil where Summation needs none
	Heterogeneity       []string    // TissueHeterogeneityCorrection: IMAGE, ROI_OVERRIDE, WATER
	Comment             string
	Engine              string   // what computed the dose: ManufacturerModelName
	Version             string   // of the software
	Provenance          []string // how the dose came about, a line each

	UID       string    // SOP instance UID; a written dose gets a new one
	SeriesUID string    // a written dose gets a new one when empty
	Created   time.Time // of a dose to be written; zero: now

	Warnings []Problem
}

// ReadDose reads an RTDOSE. The grid may lie in any direction; planes that are
// not evenly spaced are resampled linearly, with a warning.
func ReadDose(path string) (*Dose, error) {
	o, err := open(path)
	if err != nil {
		return nil, err
	}
	return readDose(o)
}

// doseReader is an RTDOSE as it is stored.
type doseReader struct {
	o                     *object
	out                   *Dose
	rows, columns, frames int
	bits                  int
	signed                bool
	scaling               float64 // dose per stored unit
}

func readDose(o *object) (*Dose, error) {
	if class := o.text(tag.SOPClassUID); class != classDose {
		return nil, o.fail(tag.SOPClassUID, class, "expected an RT dose, found %s", className(class))
	}
	r := &doseReader{o: o, out: &Dose{
		Identity:            o.identity(),
		FrameOfReferenceUID: o.text(tag.FrameOfReferenceUID),
		Comment:             o.text(tag.DoseComment),
		Engine:              o.text(tag.ManufacturerModelName),
		Version:             strings.Join(o.texts(tag.SoftwareVersions), `\`),
		Heterogeneity:       o.texts(tag.TissueHeterogeneityCorrection),
		UID:                 o.text(tag.SOPInstanceUID),
		SeriesUID:           o.text(tag.SeriesInstanceUID),
	}}
	for line := range strings.SplitSeq(strings.ReplaceAll(o.text(tag.ImageComments), "\r\n", "\n"), "\n") {
		if line != "" {
			r.out.Provenance = append(r.out.Provenance, line)
		}
	}
	for _, step := range []func() error{r.meaning, r.references, r.stored, r.volume} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return r.out, nil
}

func (r *doseReader) warn(t tag.Tag, value any, format string, args ...any) {
	r.out.Warnings = append(r.out.Warnings, r.o.warning(t, value, format, args...))
}

// meaning reads what the values are.
func (r *doseReader) meaning() error {
	o, d := r.o, r.out
	if w := o.charset.warning(); w != "" {
		r.warn(tag.SpecificCharacterSet, nil, "%s", w)
	}
	switch d.Unit = DoseUnit(o.text(tag.DoseUnits)); d.Unit {
	case Gray:
	case Relative:
		r.warn(tag.DoseUnits, d.Unit, "the values are not in Gy")
	default:
		return o.fail(tag.DoseUnits, d.Unit, "expected GY or RELATIVE")
	}
	switch d.Type = DoseType(o.text(tag.DoseType)); d.Type {
	case Physical:
	case Effective:
		r.warn(tag.DoseType, d.Type, "the values are weighted by biological effect, not physical dose")
	case Difference:
		r.warn(tag.DoseType, d.Type, "the values are a difference, not a dose")
	case "":
		d.Type = Physical
		r.warn(tag.DoseType, nil, "is missing: taken as physical dose")
	default:
		return o.fail(tag.DoseType, d.Type, "expected PHYSICAL, EFFECTIVE or ERROR")
	}
	switch d.Summation = Summation(o.text(tag.DoseSummationType)); d.Summation {
	case "":
		r.warn(tag.DoseSummationType, nil, "is missing: what the dose adds up is not known")
	case FractionSession, BeamSession, ControlPointSum:
		r.warn(tag.DoseSummationType, d.Summation, "the dose is of one fraction, not of the course")
	}
	if d.FrameOfReferenceUID == "" {
		r.warn(tag.FrameOfReferenceUID, nil, "is missing: the dose cannot be checked to share the frame of the image")
	}
	return nil
}

// references reads which plans, fraction group and beams the dose belongs to.
func (r *doseReader) references() error {
	plans, err := r.o.items(tag.ReferencedRTPlanSequence)
	if err != nil {
		return err
	}
	for _, p := range plans {
		r.out.Plans = append(r.out.Plans, Reference{ClassUID: p.text(tag.ReferencedSOPClassUID), UID: p.text(tag.ReferencedSOPInstanceUID)})
		groups, err := p.items(tag.ReferencedFractionGroupSequence)
		if err != nil {
			return err
		}
		for _, g := range groups {
			n, ok, err := g.integer(tag.ReferencedFractionGroupNumber)
			if err != nil {
				return err
			}
			if ok && len(plans) == 1 && len(groups) == 1 {
				r.out.FractionGroup = n
			}
			beams, err := g.items(tag.ReferencedBeamSequence)
			if err != nil {
				return err
			}
			for _, b := range beams {
				n, ok, err := b.integer(tag.ReferencedBeamNumber)
				if err != nil {
					return err
				}
				if ok {
					r.out.Beams = append(r.out.Beams, n)
				}
			}
		}
	}
	if len(plans) == 0 {
		r.warn(tag.ReferencedRTPlanSequence, nil, "is missing: the plan of this dose is not known")
	}
	return nil
}

// stored reads how the values are kept and checks that all of them are there.
func (r *doseReader) stored() error {
	o := r.o
	if n, ok, err := o.integer(tag.SamplesPerPixel); err != nil {
		return err
	} else if ok && n != 1 {
		return o.fail(tag.SamplesPerPixel, n, "expected one sample a voxel")
	}
	if p := o.text(tag.PhotometricInterpretation); p != "MONOCHROME2" {
		return o.fail(tag.PhotometricInterpretation, p, "expected MONOCHROME2")
	}
	var stored, high, sign int
	for _, a := range []struct {
		t  tag.Tag
		to *int
	}{
		{tag.Rows, &r.rows}, {tag.Columns, &r.columns},
		{tag.BitsAllocated, &r.bits}, {tag.BitsStored, &stored}, {tag.HighBit, &high}, {tag.PixelRepresentation, &sign},
	} {
		var err error
		if *a.to, err = o.required(a.t); err != nil {
			return err
		}
	}
	switch {
	case r.rows < 1 || r.columns < 1:
		return o.fail(tag.Rows, r.rows, "%d rows and %d columns", r.rows, r.columns)
	case r.bits != 16 && r.bits != 32:
		return o.fail(tag.BitsAllocated, r.bits, "expected 16 or 32")
	case stored != r.bits || high != r.bits-1:
		return o.fail(tag.BitsStored, stored, "expected all %d bits to be used (HighBit is %d)", r.bits, high)
	case sign != 0 && sign != 1:
		return o.fail(tag.PixelRepresentation, sign, "expected 0 or 1")
	}
	r.signed = sign == 1
	if r.signed && r.out.Type != Difference {
		r.warn(tag.PixelRepresentation, sign, "signed values, which only a difference of doses may have")
	}
	frames, ok, err := o.integer(tag.NumberOfFrames)
	if err != nil {
		return err
	}
	if !ok {
		frames = 1
	}
	if r.frames = frames; frames < 1 || int64(frames)*int64(r.rows) > maxVoxels || int64(frames)*int64(r.rows)*int64(r.columns) > maxVoxels {
		return o.fail(tag.NumberOfFrames, frames, "%d × %d × %d voxels: expected at least one and no more than %d", r.columns, r.rows, frames, maxVoxels)
	}
	if r.scaling, ok, err = o.number(tag.DoseGridScaling); err != nil {
		return err
	} else if !ok {
		return o.fail(tag.DoseGridScaling, nil, "is missing: the values have no unit")
	} else if !(r.scaling > 0) || r.scaling > 1e6 {
		return o.fail(tag.DoseGridScaling, r.scaling, "expected a dose above zero")
	}
	data, err := o.pixels()
	if err != nil {
		return err
	}
	if want := int64(r.rows) * int64(r.columns) * int64(frames) * int64(r.bits/8); int64(len(data)) != want {
		return o.fail(tag.PixelData, nil, "%d bytes for %d × %d × %d values of %d bits, expected %d", len(data), r.columns, r.rows, frames, r.bits, want)
	}
	return nil
}

// volume places the planes and decodes their values.
func (r *doseReader) volume() error {
	o := r.o
	spacing, err := o.vector(tag.PixelSpacing, 2)
	if err != nil {
		return err
	}
	p, err := o.vector(tag.ImagePositionPatient, 3)
	if err != nil {
		return err
	}
	d, err := o.vector(tag.ImageOrientationPatient, 6)
	if err != nil {
		return err
	}
	origin := r3.Vec{X: p[0], Y: p[1], Z: p[2]}
	if !(r3.Norm(origin) < farthest) {
		return o.fail(tag.ImagePositionPatient, p, "is not a place in a patient, mm")
	}
	x, y := r3.Vec{X: d[0], Y: d[1], Z: d[2]}, r3.Vec{X: d[3], Y: d[4], Z: d[5]}
	axes := [3]r3.Vec{x, y, r3.Cross(x, y)}
	planes, err := r.planes(origin, axes[2])
	if err != nil {
		return err
	}
	// PixelSpacing gives that between rows first.
	grid, err := geometry.NewGrid(
		r3.Add(origin, r3.Scale(planes.first, axes[2])),
		[3]float64{spacing[1], spacing[0], planes.step},
		[3]int{r.columns, r.rows, planes.count}, axes)
	if err != nil {
		return &Error{File: o.path, Tag: tagName(tag.ImageOrientationPatient), Value: valueText(d), Message: "the dose grid cannot be placed", Err: err}
	}
	if grid.Len() > maxVoxels {
		return o.fail(tag.GridFrameOffsetVector, nil, "evenly spaced, the planes make more than %d voxels", maxVoxels)
	}
	v := geometry.NewVolume(grid)
	area := r.rows * r.columns
	above := make([]float32, area)
	for k := range planes.count {
		plane := v.Data[k*area : (k+1)*area]
		at := planes.at(k)
		if err := r.decode(at.frame, plane); err != nil {
			return err
		}
		if at.weight > 0 {
			if err := r.decode(at.next, above); err != nil {
				return err
			}
			for i := range plane {
				plane[i] += float32(at.weight) * (above[i] - plane[i])
			}
		}
	}
	r.out.Volume = v
	return nil
}

// decode writes the values of one frame to out: stored value times scaling.
func (r *doseReader) decode(frame int, out []float32) error {
	data := r.o.pixelData[frame*len(out)*r.bits/8:]
	order := r.o.order()
	if order == binary.LittleEndian && r.bits == 16 && !r.signed {
		for i := range out {
			out[i] = float32(r.scaling * float64(binary.LittleEndian.Uint16(data[2*i:])))
		}
		return nil
	}
	for i := range out {
		var v float64
		switch {
		case r.bits == 16 && r.signed:
			v = float64(int16(order.Uint16(data[2*i:])))
		case r.bits == 16:
			v = float64(order.Uint16(data[2*i:]))
		case r.signed:
			v = float64(int32(order.Uint32(data[4*i:])))
		default:
			v = float64(order.Uint32(data[4*i:]))
		}
		if v < 0 && r.out.Type != Difference {
			return r.o.fail(tag.PixelData, v*r.scaling, "a dose below zero, in frame %d", frame)
		}
		out[i] = float32(r.scaling * v)
	}
	return nil
}

// planeSet is where the planes of the volume lie along the normal of the
// frames, and which frames they come from.
type planeSet struct {
	first, step float64 // mm from ImagePositionPatient
	count       int
	at          func(k int) planeSource
}

// planeSource is a frame, or a place between two.
type planeSource struct {
	frame, next int
	weight      float64 // of next, 0…1
}

const (
	sameOffset  = 0.01 // mm: decimal strings are rounded
	widestPlane = 1e4  // mm between planes
)

// planes reads GridFrameOffsetVector, C.8.8.3.2: offsets from the first plane
// along the normal (a), or absolute z in an axial grid (b). In form (a) they may
// descend; the volume then begins at the last frame.
func (r *doseReader) planes(origin, normal r3.Vec) (planeSet, error) {
	offsets, err := r.offsets(origin, normal)
	if err != nil {
		return planeSet{}, err
	}
	n := len(offsets)
	if n == 1 {
		thickness, ok, err := r.o.number(tag.SliceThickness)
		if err != nil {
			return planeSet{}, err
		}
		if !ok || !(thickness > 0 && thickness < widestPlane) {
			thickness = 1
		}
		r.warn(tag.NumberOfFrames, 1, "a single plane of dose: it has no volume, and %g mm is no more than a nominal thickness", thickness)
		return planeSet{first: offsets[0], step: thickness, count: 1, at: func(int) planeSource { return planeSource{} }}, nil
	}
	source := func(k int) int { return k }
	if offsets[n-1] < offsets[0] {
		source = func(k int) int { return n - 1 - k }
	}
	z := make([]float64, n) // ascending
	for k := range z {
		z[k] = offsets[source(k)]
	}
	narrowest := math.Inf(1)
	for k := 1; k < n; k++ {
		gap := z[k] - z[k-1]
		if !(gap > sameOffset) || gap > widestPlane {
			return planeSet{}, r.o.fail(tag.GridFrameOffsetVector, offsets[source(k)], "planes %d and %d: the offsets neither ascend nor descend", source(k-1), source(k))
		}
		narrowest = min(narrowest, gap)
	}
	even := (z[n-1] - z[0]) / float64(n-1)
	worst := 0.0
	for k := range z {
		worst = max(worst, math.Abs(z[k]-z[0]-float64(k)*even))
	}
	if worst <= sameOffset {
		return planeSet{first: z[0], step: even, count: n, at: func(k int) planeSource { return planeSource{frame: source(k)} }}, nil
	}
	gaps := math.Round((z[n-1] - z[0]) / narrowest)
	const most = 16 // even planes for each that is there: a grid does not grow without bound
	if gaps > float64(most*n) {
		return planeSet{}, r.o.fail(tag.GridFrameOffsetVector, nil, "%d planes over %g mm would have to be resampled every %g mm", n, z[n-1]-z[0], narrowest)
	}
	step := (z[n-1] - z[0]) / gaps
	r.warn(tag.GridFrameOffsetVector, nil, "the planes are not evenly spaced: resampled linearly every %.4g mm", step)
	below := 0 // the planes are asked for in order
	return planeSet{first: z[0], step: step, count: int(gaps) + 1, at: func(k int) planeSource {
		at := z[0] + float64(k)*step
		for below < n-2 && z[below+1] <= at {
			below++
		}
		w := min(max((at-z[below])/(z[below+1]-z[below]), 0), 1)
		const exact = 1e-6
		switch {
		case w < exact:
			return planeSource{frame: source(below)}
		case w > 1-exact:
			return planeSource{frame: source(below + 1)}
		}
		return planeSource{frame: source(below), next: source(below + 1), weight: w}
	}}, nil
}

// offsets is where each frame lies along the normal from ImagePositionPatient, mm.
func (r *doseReader) offsets(origin, normal r3.Vec) ([]float64, error) {
	v, err := r.o.numbers(tag.GridFrameOffsetVector)
	if err != nil {
		return nil, err
	}
	switch {
	case r.frames == 1 && len(v) <= 1:
		return []float64{0}, nil
	case len(v) == 0:
		return nil, r.o.fail(tag.GridFrameOffsetVector, nil, "is missing: where the %d planes lie is not known", r.frames)
	case len(v) < r.frames:
		return nil, r.o.fail(tag.GridFrameOffsetVector, nil, "%d offsets for %d planes", len(v), r.frames)
	case len(v) > r.frames:
		r.warn(tag.GridFrameOffsetVector, nil, "%d offsets for %d planes: the rest is not used", len(v), r.frames)
		v = v[:r.frames]
	}
	for _, x := range v {
		if math.Abs(x) > farthest {
			return nil, r.o.fail(tag.GridFrameOffsetVector, x, "is not a place in a patient, mm")
		}
	}
	out := make([]float64, len(v))
	switch axial := normal.Z > 1-1e-4; {
	case math.Abs(v[0]) <= sameOffset:
		copy(out, v)
		out[0] = 0
	case axial && math.Abs(v[0]-origin.Z) <= sameOffset:
		for k := range v {
			out[k] = v[k] - v[0]
		}
	default:
		return nil, r.o.fail(tag.GridFrameOffsetVector, v[0], "the first offset is neither 0 nor the z of an axial grid, %g", origin.Z)
	}
	return out, nil
}

// String describes a dose in one line.
func (d *Dose) String() string {
	return fmt.Sprintf("%s dose, %s, %s, %v", d.Type, d.Unit, d.Summation, d.Volume.Grid)
}
