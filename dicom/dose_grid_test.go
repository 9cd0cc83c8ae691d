package dicom

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/suyashkumar/dicom/pkg/tag"
	"gonum.org/v1/gonum/spatial/r3"
)

// newTestDose is a dose of 2 × 2 × 4 voxels whose stored value is ten times the
// number of its frame, counted from 1.
func newTestDose() set {
	var pixels []byte
	for k := range 4 {
		for range 4 {
			pixels = binary.LittleEndian.AppendUint16(pixels, uint16(10*(k+1)))
		}
	}
	return set{
		tag.SOPClassUID: {"UI", classDose}, tag.Modality: {"CS", "RTDOSE"}, tag.FrameOfReferenceUID: {"UI", "1.2"},
		tag.SamplesPerPixel: {"US", ushort(1)}, tag.PhotometricInterpretation: {"CS", "MONOCHROME2"}, tag.NumberOfFrames: {"IS", "4"},
		tag.Rows: {"US", ushort(2)}, tag.Columns: {"US", ushort(2)}, tag.PixelSpacing: {"DS", `4\3`},
		tag.ImagePositionPatient: {"DS", `1\2\-30`}, tag.ImageOrientationPatient: {"DS", `1\0\0\0\1\0`},
		tag.BitsAllocated: {"US", ushort(16)}, tag.BitsStored: {"US", ushort(16)}, tag.HighBit: {"US", ushort(15)}, tag.PixelRepresentation: {"US", ushort(0)},
		tag.DoseUnits: {"CS", "GY"}, tag.DoseType: {"CS", "PHYSICAL"}, tag.DoseSummationType: {"CS", "PLAN"},
		tag.GridFrameOffsetVector: {"DS", `0\5\10\15`}, tag.DoseGridScaling: {"DS", "0.1"}, tag.PixelData: {"OW", string(pixels)},
		tag.ReferencedRTPlanSequence: itemsOf(set{tag.ReferencedSOPClassUID: {"UI", classPlan}, tag.ReferencedSOPInstanceUID: {"UI", "1.9"}}),
	}
}

func (s set) dose(t *testing.T) (*Dose, error) {
	t.Helper()
	o, err := parse("test", withMeta(syntaxExplicit, s.bytes()))
	require.NoError(t, err)
	return readDose(o)
}

func TestFramesLieWhereTheOffsetsSay(t *testing.T) {
	for name, c := range map[string]struct {
		offsets, orientation string
		z                    []float64 // of each plane of the volume, mm
		dose                 []float32 // of its first voxel, Gy
		warns                int
	}{
		"from the first plane": {`0\5\10\15`, `1\0\0\0\1\0`, []float64{-30, -25, -20, -15}, []float32{1, 2, 3, 4}, 0},
		"absolute":             {`-30\-25\-20\-15`, `1\0\0\0\1\0`, []float64{-30, -25, -20, -15}, []float32{1, 2, 3, 4}, 0},
		"descending":           {`0\-5\-10\-15`, `1\0\0\0\1\0`, []float64{-45, -40, -35, -30}, []float32{4, 3, 2, 1}, 0},
		"absolute descending":  {`-30\-35\-40\-45`, `1\0\0\0\1\0`, []float64{-45, -40, -35, -30}, []float32{4, 3, 2, 1}, 0},
		"normal to the feet":   {`0\5\10\15`, `-1\0\0\0\1\0`, []float64{-30, -35, -40, -45}, []float32{1, 2, 3, 4}, 0},
		"rounded":              {`0\5.004\10\15`, `1\0\0\0\1\0`, []float64{-30, -25, -20, -15}, []float32{1, 2, 3, 4}, 0},
		"uneven":               {`0\5\15\20`, `1\0\0\0\1\0`, []float64{-30, -25, -20, -15, -10}, []float32{1, 2, 2.5, 3, 4}, 1},
		"uneven descending":    {`0\-5\-15\-20`, `1\0\0\0\1\0`, []float64{-50, -45, -40, -35, -30}, []float32{4, 3, 2.5, 2, 1}, 1},
		"more than frames":     {`0\5\10\15\20`, `1\0\0\0\1\0`, []float64{-30, -25, -20, -15}, []float32{1, 2, 3, 4}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := newTestDose()
			s[tag.GridFrameOffsetVector] = attribute{"DS", c.offsets}
			s[tag.ImageOrientationPatient] = attribute{"DS", c.orientation}
			d, err := s.dose(t)
			require.NoError(t, err)
			g := d.Volume.Grid
			require.Equal(t, [3]int{2, 2, len(c.z)}, g.Size())
			assert.Equal(t, 3.0, g.Spacing()[0], "columns")
			assert.Equal(t, 4.0, g.Spacing()[1], "rows")
			for k, z := range c.z {
				p := g.Point(0, 0, float64(k))
				assert.InDelta(t, 0, r3.Norm(r3.Sub(p, r3.Vec{X: 1, Y: 2, Z: z})), 0.01, "plane %d at %v", k, p)
				assert.InDelta(t, c.dose[k], d.Volume.At(0, 0, k), 1e-6, "plane %d", k)
			}
			assert.Len(t, d.Warnings, c.warns, "%v", d.Warnings)
		})
	}
}

func TestDoseThatCannotBePlacedOrReadIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(s set)
		tag    string
	}{
		"offsets of elsewhere": {func(s set) { s[tag.GridFrameOffsetVector] = attribute{"DS", `7\12\17\22`} }, "GridFrameOffsetVector"},
		"absolute but not axial": {func(s set) {
			s[tag.GridFrameOffsetVector] = attribute{"DS", `-30\-25\-20\-15`}
			s[tag.ImageOrientationPatient] = attribute{"DS", `-1\0\0\0\1\0`}
		}, "GridFrameOffsetVector"},
		"back and forth":       {func(s set) { s[tag.GridFrameOffsetVector] = attribute{"DS", `0\5\3\15`} }, "GridFrameOffsetVector"},
		"twice":                {func(s set) { s[tag.GridFrameOffsetVector] = attribute{"DS", `0\5\5\15`} }, "GridFrameOffsetVector"},
		"too few":              {func(s set) { s[tag.GridFrameOffsetVector] = attribute{"DS", `0\5\10`} }, "GridFrameOffsetVector"},
		"too fine to resample": {func(s set) { s[tag.GridFrameOffsetVector] = attribute{"DS", `0\0.1\900\1000`} }, "GridFrameOffsetVector"},
		"no offsets":           {func(s set) { delete(s, tag.GridFrameOffsetVector) }, "GridFrameOffsetVector"},
		"no scaling":           {func(s set) { delete(s, tag.DoseGridScaling) }, "DoseGridScaling"},
		"negative scaling":     {func(s set) { s[tag.DoseGridScaling] = attribute{"DS", "-1"} }, "DoseGridScaling"},
		"unit":                 {func(s set) { s[tag.DoseUnits] = attribute{"CS", "CGY"} }, "DoseUnits"},
		"no unit":              {func(s set) { delete(s, tag.DoseUnits) }, "DoseUnits"},
		"type":                 {func(s set) { s[tag.DoseType] = attribute{"CS", "LET"} }, "DoseType"},
		"eight bits":           {func(s set) { s[tag.BitsAllocated] = attribute{"US", ushort(8)} }, "BitsAllocated"},
		"twelve bits":          {func(s set) { s[tag.BitsStored] = attribute{"US", ushort(12)} }, "BitsStored"},
		"too many frames":      {func(s set) { s[tag.NumberOfFrames] = attribute{"IS", "5"} }, "PixelData"},
		"too few frames":       {func(s set) { s[tag.NumberOfFrames] = attribute{"IS", "3"} }, "PixelData"},
		"no frames":            {func(s set) { s[tag.NumberOfFrames] = attribute{"IS", "0"} }, "NumberOfFrames"},
		"frames beyond memory": {func(s set) { s[tag.NumberOfFrames] = attribute{"IS", "2000000000"} }, "NumberOfFrames"},
		"no position":          {func(s set) { delete(s, tag.ImagePositionPatient) }, "ImagePositionPatient"},
		"no spacing":           {func(s set) { delete(s, tag.PixelSpacing) }, "PixelSpacing"},
		"skew":                 {func(s set) { s[tag.ImageOrientationPatient] = attribute{"DS", `1\0\0\0.5\1\0`} }, "ImageOrientationPatient"},
		"signed and below zero": {func(s set) {
			s[tag.PixelRepresentation] = attribute{"US", ushort(1)}
			s[tag.PixelData] = attribute{"OW", strings.Repeat("\xff", 32)}
		}, "PixelData"},
		"colour":                  {func(s set) { s[tag.PhotometricInterpretation] = attribute{"CS", "RGB"} }, "PhotometricInterpretation"},
		"not a dose but an image": {func(s set) { s[tag.SOPClassUID] = attribute{"UI", classCT} }, "SOPClassUID"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newTestDose()
			c.change(s)
			_, err := s.dose(t)
			var e *Error
			require.ErrorAs(t, err, &e)
			assert.Contains(t, e.Tag, c.tag, "%v", err)
		})
	}
}
