package dicom

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/suyashkumar/dicom"
	"github.com/suyashkumar/dicom/pkg/tag"
)

// WriteDose writes d as an RTDOSE of 32-bit values. The step between two values
// is max/(2³²−1) as written, so no voxel moves by more than half of that.
//
// The file appears whole or not at all: it is read back and compared, voxel by
// voxel, before it takes its name.
//
// Volume, Unit, Summation, FrameOfReferenceUID, the study and Plans must be
// given: DICOM has no dose without a plan, so for a plan that is in no file
// write it first (WritePlan). Type is Physical when empty. FRACTION, BEAM and
// the session sums need FractionGroup, and those of beams Beams. Dose below zero
// or not finite is refused.
func WriteDose(path string, d Dose) error { return writeDose(path, d, 32) }

// writeDose is WriteDose with the number of bits a value, 16 or 32: there are
// validators that only know 16.
func writeDose(path string, d Dose, bits int) error {
	if d.Type == "" {
		d.Type = Physical
	}
	if err := d.writable(); err != nil {
		return err
	}
	var err error
	if d.UID, err = newUID(); err != nil {
		return err
	}
	if d.SeriesUID == "" {
		if d.SeriesUID, err = newUID(); err != nil {
			return err
		}
	}
	if d.Created.IsZero() {
		d.Created = time.Now()
	}
	d.Provenance = commentLines(d.Provenance)
	if d.Comment == "" && len(d.Provenance) > 0 {
		d.Comment = cut(d.Provenance[0], 64)
	}
	scale, err := d.scale(bits)
	if err != nil {
		return err
	}
	set := d.dataset(scale, bits)
	return set.write(path, func(temporary string) error { return d.compare(temporary, scale) })
}

// commentLines are the lines that fit into ImageComments (LT, 10240 characters);
// what does not is counted in the last one.
func commentLines(lines []string) []string {
	const most = 10240 - 100
	var out []string
	used, dropped := 0, 0
	for _, all := range lines {
		for line := range strings.SplitSeq(all, "\n") {
			if line = trim(line); line == "" {
				continue
			}
			if used += len([]rune(line)) + 2; used > most {
				dropped++
				continue
			}
			out = append(out, line)
		}
	}
	if dropped > 0 {
		out = append(out, fmt.Sprintf("(%d more lines)", dropped))
	}
	return out
}

// cut is the first n characters of a line as one value of text, in which a
// backslash would begin another.
func cut(line string, n int) string {
	r := []rune(strings.ReplaceAll(line, `\`, "/"))
	return trim(string(r[:min(n, len(r))]))
}

// writable checks that the dose says what the file has to say.
func (d *Dose) writable() error {
	missing := func(t tag.Tag, what string) error {
		return &Error{Tag: tagName(t), Message: "a dose cannot be written without " + what}
	}
	switch {
	case d.Volume == nil || d.Volume.Grid.Len() == 0 || len(d.Volume.Data) != d.Volume.Grid.Len():
		return missing(tag.PixelData, "a volume")
	case d.Unit != Gray && d.Unit != Relative:
		return missing(tag.DoseUnits, "its unit, GY or RELATIVE")
	case d.Type != Physical && d.Type != Effective:
		return missing(tag.DoseType, "its type, PHYSICAL or EFFECTIVE")
	case d.FrameOfReferenceUID == "":
		return missing(tag.FrameOfReferenceUID, "the frame of reference of the image")
	case d.StudyUID == "":
		return missing(tag.StudyInstanceUID, "the study of the image")
	}
	plans := 1
	if d.Summation == MultiPlan {
		plans = 2
	}
	if len(d.Plans) < plans || d.Summation != MultiPlan && len(d.Plans) > 1 {
		return missing(tag.ReferencedRTPlanSequence, fmt.Sprintf("the plan it belongs to: %d given for %q", len(d.Plans), d.Summation))
	}
	for _, p := range d.Plans {
		if p.UID == "" || p.ClassUID == "" {
			return missing(tag.ReferencedSOPInstanceUID, "the UIDs of its plan")
		}
	}
	switch d.Summation {
	case PlanSum, MultiPlan:
	case FractionSum, FractionSession:
		if d.FractionGroup == 0 {
			return missing(tag.ReferencedFractionGroupSequence, "the fraction group that it sums")
		}
	case BeamSum, BeamSession:
		if d.FractionGroup == 0 || len(d.Beams) == 0 {
			return missing(tag.ReferencedBeamSequence, "the fraction group and the beams that it sums")
		}
	default:
		return missing(tag.DoseSummationType, fmt.Sprintf("what it sums: %q is not PLAN, MULTI_PLAN, FRACTION, BEAM, FRACTION_SESSION or BEAM_SESSION", d.Summation))
	}
	s := d.Volume.Grid.Size()
	if s[0] > math.MaxUint16 || s[1] > math.MaxUint16 || d.Volume.Grid.Len() > maxFile/8 {
		return &Error{Tag: tagName(tag.Rows), Value: valueText(s), Message: "the grid is too large for a file"}
	}
	return nil
}

// scale is the step between stored values, as it will be read.
func (d *Dose) scale(bits int) (float64, error) {
	highest := float32(0)
	for i, v := range d.Volume.Data {
		if !(v >= 0) || math.IsInf(float64(v), 0) {
			s := d.Volume.Grid.Size()
			return 0, &Error{Tag: tagName(tag.PixelData), Value: valueText(v), Message: fmt.Sprintf("voxel (%d, %d, %d): a dose must be finite and not below zero", i%s[0], i/s[0]%s[1], i/s[0]/s[1])}
		}
		highest = max(highest, v)
	}
	if highest == 0 {
		return 1, nil
	}
	scale, err := parseDecimal(decimal(float64(highest) / float64(uint64(1)<<bits-1)))
	if err != nil || !(scale > 0) {
		return 0, &Error{Tag: tagName(tag.DoseGridScaling), Value: valueText(highest), Message: "no step fits this maximum"}
	}
	return scale, nil
}

func (d *Dose) dataset(scale float64, bits int) *dataset {
	set := &dataset{}
	set.origin(classDose, d.UID, d.SeriesUID, "RTDOSE", d.Identity, d.Created)
	g := d.Volume.Grid
	size, spacing, p, x, y := g.Size(), g.Spacing(), g.Origin(), g.Axis(0), g.Axis(1)
	set.long(tag.ManufacturerModelName, d.Engine, 64)
	set.decimals(tag.SliceThickness, spacing[2])
	set.text(tag.DeviceSerialNumber, "")
	set.long(tag.SoftwareVersions, d.Version, 64)
	set.text(tag.InstanceNumber, "1")
	set.decimals(tag.ImagePositionPatient, p.X, p.Y, p.Z)
	set.decimals(tag.ImageOrientationPatient, x.X, x.Y, x.Z, y.X, y.Y, y.Z)
	set.text(tag.FrameOfReferenceUID, d.FrameOfReferenceUID)
	set.text(tag.PositionReferenceIndicator, "")
	if len(d.Provenance) > 0 {
		set.long(tag.ImageComments, strings.Join(d.Provenance, "\r\n"), 10240)
	}

	set.short(tag.SamplesPerPixel, 1)
	set.text(tag.PhotometricInterpretation, "MONOCHROME2")
	set.whole(tag.NumberOfFrames, size[2])
	set.add(tag.FrameIncrementPointer, []int{int(tag.GridFrameOffsetVector.Group), int(tag.GridFrameOffsetVector.Element)})
	set.short(tag.Rows, size[1])
	set.short(tag.Columns, size[0])
	set.decimals(tag.PixelSpacing, spacing[1], spacing[0]) // that between rows first
	set.short(tag.BitsAllocated, bits)
	set.short(tag.BitsStored, bits)
	set.short(tag.HighBit, bits-1)
	set.short(tag.PixelRepresentation, 0)

	set.text(tag.DoseUnits, string(d.Unit))
	set.text(tag.DoseType, string(d.Type))
	if d.Comment != "" {
		set.long(tag.DoseComment, d.Comment, 64)
	}
	set.text(tag.DoseSummationType, string(d.Summation))
	offsets := make([]float64, size[2])
	for k := range offsets {
		offsets[k] = float64(k) * spacing[2]
	}
	set.decimals(tag.GridFrameOffsetVector, offsets...)
	set.decimals(tag.DoseGridScaling, scale)
	if len(d.Heterogeneity) > 0 {
		set.text(tag.TissueHeterogeneityCorrection, strings.Join(d.Heterogeneity, `\`))
	}
	set.sequence(tag.ReferencedRTPlanSequence, d.planItems()...)
	set.pixels(d.store(scale, bits))
	return set
}

// planItems are the references to the plans, with the fraction group and the
// beams where the summation is of those.
func (d *Dose) planItems() []*dataset {
	var items []*dataset
	for _, p := range d.Plans {
		it := &dataset{}
		it.text(tag.ReferencedSOPClassUID, p.ClassUID)
		it.text(tag.ReferencedSOPInstanceUID, p.UID)
		switch d.Summation {
		case FractionSum, FractionSession, BeamSum, BeamSession:
			group := &dataset{}
			group.whole(tag.ReferencedFractionGroupNumber, d.FractionGroup)
			if d.Summation == BeamSum || d.Summation == BeamSession {
				var beams []*dataset
				for _, n := range d.Beams {
					b := &dataset{}
					b.whole(tag.ReferencedBeamNumber, n)
					beams = append(beams, b)
				}
				group.sequence(tag.ReferencedBeamSequence, beams...)
			}
			it.sequence(tag.ReferencedFractionGroupSequence, group)
		}
		items = append(items, it)
	}
	return items
}

// store turns dose into stored values, little endian, rounded to the nearest step.
func (d *Dose) store(scale float64, bits int) []byte {
	highest := float64(uint64(1)<<bits - 1)
	out := make([]byte, 0, len(d.Volume.Data)*bits/8)
	for _, v := range d.Volume.Data {
		n := min(math.Round(float64(v)/scale), highest)
		if bits == 16 {
			out = binary.LittleEndian.AppendUint16(out, uint16(n))
		} else {
			out = binary.LittleEndian.AppendUint32(out, uint32(n))
		}
	}
	return out
}

// pixels appends PixelData as bytes: frames of the library's own would be
// taken apart pixel by pixel.
func (d *dataset) pixels(data []byte) {
	if d.err != nil {
		return
	}
	d.add(tag.PixelData, dicom.PixelDataInfo{IntentionallyUnprocessed: true, UnprocessedValueData: data})
	if d.err == nil {
		d.elements[len(d.elements)-1].RawValueRepresentation = "OW"
	}
}

// compare reads a written dose back and fails unless it is d, each voxel within
// half a step and the grid within what decimal strings can hold.
func (d *Dose) compare(path string, scale float64) error {
	back, err := ReadDose(path)
	if err != nil {
		return err
	}
	const mm = 1e-3
	if !back.Volume.Grid.Equal(d.Volume.Grid, mm) {
		return fmt.Errorf("the grid is %v, written was %v", back.Volume.Grid, d.Volume.Grid)
	}
	for i, v := range back.Volume.Data {
		want := d.Volume.Data[i]
		// Reading rounds to float32 once more.
		most := scale*(0.5+1e-6) + math.Abs(float64(math.Nextafter32(want, math.MaxFloat32)-want))
		if diff := math.Abs(float64(v) - float64(want)); !(diff <= most) {
			return fmt.Errorf("value %d is %g, written was %g, which a step of %g does not explain", i, v, want, scale)
		}
	}
	if back.Unit != d.Unit || back.Type != d.Type || back.Summation != d.Summation || back.UID != d.UID ||
		back.FrameOfReferenceUID != d.FrameOfReferenceUID || !slices.Equal(back.Plans, d.Plans) ||
		back.FractionGroup != d.FractionGroup && d.Summation != PlanSum && d.Summation != MultiPlan ||
		!slices.Equal(back.Provenance, d.Provenance) || back.Identity != d.Identity {
		return fmt.Errorf("what the dose says of itself is not what was written: %v, for %v", back, d)
	}
	return nil
}
