package dicom

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/suyashkumar/dicom/pkg/tag"
	"gonum.org/v1/gonum/spatial/r3"
)

// ramp differs in every direction, so that any flip or swap of axes shows. It is
// linear, so that interpolation must not change it.
func ramp(p r3.Vec) float64 { return 2*p.X - 3*p.Y + 4*p.Z }

func assertRamp(t *testing.T, ct *CT, tolerance float64) {
	t.Helper()
	g, worst := ct.Volume.Grid, 0.0
	n := g.Size()
	for k := range n[2] {
		for j := range n[1] {
			for i := range n[0] {
				worst = max(worst, math.Abs(float64(ct.Volume.At(i, j, k))-ramp(g.Point(float64(i), float64(j), float64(k)))))
			}
		}
	}
	assert.LessOrEqual(t, worst, tolerance, "HU at its place, grid %v", g)
}

func TestEveryPatientPositionKeepsVoxelsInPlace(t *testing.T) {
	for position, axes := range orientations {
		images := phantomSeries(axes[0], axes[1], steps(8, 5), ramp)
		for _, m := range images {
			m[tag.PatientPosition] = attribute{"CS", string(position)}
		}
		slices.Reverse(images) // the order of files says nothing
		ct, err := ReadCT(writeSeries(t, images...))
		require.NoError(t, err, position)
		assert.Empty(t, ct.Warnings, position)
		assert.Equal(t, position, ct.Position)
		assert.Equal(t, [3]int{40, 30, 8}, ct.Volume.Grid.Size())
		assert.InDeltaSlice(t, []float64{3, 4, 5}, spacingOf(ct), 1e-9, position)
		assertRamp(t, ct, 0.5)
	}
}

func spacingOf(ct *CT) []float64 { s := ct.Volume.Grid.Spacing(); return s[:] }

func TestObliqueSeriesKeepsDirectionCosines(t *testing.T) {
	rotation := r3.NewRotation(0.3, r3.Vec{X: 1, Y: 2, Z: 3})
	x, y := rotation.Rotate(r3.Vec{X: 1}), rotation.Rotate(r3.Vec{Y: 1})
	ct, err := ReadCT(writeSeries(t, phantomSeries(x, y, steps(5, 2.5), ramp)...))
	require.NoError(t, err)
	assert.InDelta(t, 0, r3.Norm(r3.Sub(ct.Volume.Grid.Axis(2), r3.Cross(x, y))), 1e-6)
	assertRamp(t, ct, 0.6)
}

func TestUnevenSlicesAreInterpolatedInPlace(t *testing.T) {
	for _, at := range [][]float64{{-10, -5, 0, 10, 15}, {-12, -9, -6, 0, 6, 12}, {0, 1.3, 3, 6.1}} {
		ct, err := ReadCT(writeSeries(t, phantomSeries(r3.Vec{X: 1}, r3.Vec{Y: 1}, at, ramp)...))
		require.NoError(t, err)
		assertWarned(t, ct, "ImagePositionPatient", "interpolated")
		assert.InDelta(t, at[0], ct.Volume.Grid.Origin().Z, 1e-9)
		n := ct.Volume.Grid.Size()[2]
		assert.InDelta(t, at[len(at)-1], ct.Volume.Grid.Point(0, 0, float64(n-1)).Z, 1e-9)
		assert.Len(t, ct.SliceUIDs, len(at))
		assertRamp(t, ct, 1)
	}
	_, err := ReadCT(writeSeries(t, phantomSeries(r3.Vec{X: 1}, r3.Vec{Y: 1}, []float64{0, 5, 10, 60, 65}, ramp)...))
	assert.ErrorContains(t, err, "too uneven")
}

func TestTiltedGantryIsRefusedWithItsAngle(t *testing.T) {
	images := phantomSeries(r3.Vec{X: 1}, r3.Vec{Y: 1}, steps(5, 5), ramp)
	for i, m := range images {
		m[tag.ImagePositionPatient] = attribute{"DS", floats(-58.5, -58+float64(i)*5*math.Tan(12*math.Pi/180), -10+float64(i)*5)}
	}
	_, err := ReadCT(writeSeries(t, images...))
	var e *Error
	require.ErrorAs(t, err, &e)
	assert.Contains(t, e.Message, "12.0°")
}

func floats(v ...float64) string {
	s := ""
	for i, x := range v {
		if i > 0 {
			s += `\`
		}
		s += valueText(x)
	}
	return s
}

func TestSliceThatContradictsItselfOrTheSeriesIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		tag   tag.Tag
		to    attribute // an empty VR takes the attribute away
		wants string
	}{
		"no position":         {tag.ImagePositionPatient, attribute{}, "is missing"},
		"no slope":            {tag.RescaleSlope, attribute{}, "is missing"},
		"no intercept":        {tag.RescaleIntercept, attribute{}, "is missing"},
		"no pixels":           {tag.PixelData, attribute{}, "is missing"},
		"no bits stored":      {tag.BitsStored, attribute{}, "is missing"},
		"pixels short":        {tag.PixelData, attribute{"OW", "1234"}, "expected 2400"},
		"decimal comma":       {tag.PixelSpacing, attribute{"DS", `4,5\3`}, "not a finite decimal"},
		"NaN":                 {tag.RescaleSlope, attribute{"DS", "NaN"}, "not a finite decimal"},
		"hexadecimal":         {tag.RescaleSlope, attribute{"DS", "0x1p4"}, "not a finite decimal"},
		"zero slope":          {tag.RescaleSlope, attribute{"DS", "0"}, "must not be zero"},
		"two slopes":          {tag.RescaleSlope, attribute{"DS", `1\2`}, "expected one value"},
		"infinite slope":      {tag.RescaleSlope, attribute{"DS", "1e999"}, "not a finite decimal"},
		"negative spacing":    {tag.PixelSpacing, attribute{"DS", `4\-3`}, "above zero"},
		"one spacing":         {tag.PixelSpacing, attribute{"DS", "4"}, "expected 2 values"},
		"colour":              {tag.SamplesPerPixel, attribute{"US", ushort(3)}, "one sample"},
		"inverted":            {tag.PhotometricInterpretation, attribute{"CS", "MONOCHROME1"}, "MONOCHROME2"},
		"12 bits allocated":   {tag.BitsAllocated, attribute{"US", ushort(12)}, "8, 16 or 32"},
		"high bit":            {tag.HighBit, attribute{"US", ushort(20)}, "does not fit"},
		"skew":                {tag.ImageOrientationPatient, attribute{"DS", `1\0\0\0.1\1\0`}, "right angles"},
		"not a place":         {tag.ImagePositionPatient, attribute{"DS", `0\0\1e9`}, "not of a patient"},
		"two frames":          {tag.NumberOfFrames, attribute{"IS", "2"}, "one frame"},
		"look-up table":       {tag.ModalityLUTSequence, attribute{"SQ", explicit(tag.Item, "", 0, "")}, "look-up table"},
		"other spacing":       {tag.PixelSpacing, attribute{"DS", `4\3.1`}, "differs from"},
		"other orientation":   {tag.ImageOrientationPatient, attribute{"DS", `0\1\0\-1\0\0`}, "differs from"},
		"other frame":         {tag.FrameOfReferenceUID, attribute{"UI", "2.25.99"}, "differs from 2.25.12"},
		"other patient":       {tag.PatientID, attribute{"LO", "P2"}, "differs from"},
		"same place, changed": {tag.ImagePositionPatient, attribute{"DS", `-58.5\-58\-5`}, "two different images at one place"},
	} {
		t.Run(name, func(t *testing.T) {
			images := phantomSeries(r3.Vec{X: 1}, r3.Vec{Y: 1}, steps(5, 5), ramp)
			images[3][c.tag] = c.to
			if c.to.vr == "" {
				delete(images[3], c.tag)
			}
			dir := writeSeries(t, images...)
			_, err := ReadCT(dir)
			var e *Error
			require.ErrorAs(t, err, &e)
			assert.Contains(t, e.Message, c.wants)
			if name != "same place, changed" { // there either file may be named
				assert.Equal(t, filepath.Join(dir, "003.dcm"), e.File)
			}
			assert.Contains(t, e.Tag, keyword(c.tag)[:4])
		})
	}
}

func TestStoredValuesBecomeHounsfieldUnits(t *testing.T) {
	for name, c := range map[string]struct {
		allocated, bits, high, signed int
		words                         []uint32
		padding                       string // US or SS, as explicit value
		limit                         string
		slope, intercept              string
		want                          []float32
	}{
		"signed 16":                 {16, 16, 15, 1, []uint32{0xfffb, 5}, "", "", "1", "0", []float32{-5, 5}},
		"unsigned 16":               {16, 16, 15, 0, []uint32{0xfffb, 5}, "", "", "1", "-1024", []float32{64507, -1019}},
		"unsigned 12, dirt above":   {16, 12, 11, 0, []uint32{0xf400, 0x0010}, "", "", "1", "-1024", []float32{0, -1008}},
		"signed 12":                 {16, 12, 11, 1, []uint32{0x0fff, 0x07ff}, "", "", "1", "0", []float32{-1, 2047}},
		"signed 12 in the top bits": {16, 12, 15, 1, []uint32{0xfff3, 0x0010}, "", "", "1", "0", []float32{-1, 1}},
		"signed 8":                  {8, 8, 7, 1, []uint32{0xff, 0x7f}, "", "", "10", "0", []float32{-10, 1270}},
		"signed 32":                 {32, 32, 31, 1, []uint32{0xfffffffb, 7}, "", "", "2", "1", []float32{-9, 15}},
		"padding":                   {16, 16, 15, 1, []uint32{0xf830, 7}, "\x30\xf8", "", "1", "0", []float32{airHU, 7}},
		"padding beyond the bits":   {16, 12, 11, 0, []uint32{0xf830, 7}, "\x30\xf8", "", "1", "-1024", []float32{airHU, -1017}},
		"padding, masked":           {16, 12, 11, 0, []uint32{0xf800, 7}, "\x00\x08", "", "1", "-1024", []float32{airHU, -1017}},
		"padding range":             {16, 16, 15, 1, []uint32{0xfc18, 7}, "\x00\xf8", "\x18\xfc", "1", "24", []float32{airHU, 31}},
		"before the rescale":        {16, 16, 15, 0, []uint32{0, 1024}, "\x00\x00", "", "1", "-1024", []float32{airHU, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			m := newImage(2, 1, r3.Vec{}, r3.Vec{X: 1}, r3.Vec{Y: 1}, func(int, int) int { return 0 })
			var pixels []byte
			for _, w := range c.words {
				pixels = append(pixels, binary.LittleEndian.AppendUint32(nil, w)[:c.allocated/8]...)
			}
			m[tag.PixelData] = attribute{"OW", string(pixels)}
			m[tag.BitsAllocated] = attribute{"US", ushort(c.allocated)}
			m[tag.BitsStored] = attribute{"US", ushort(c.bits)}
			m[tag.HighBit] = attribute{"US", ushort(c.high)}
			m[tag.PixelRepresentation] = attribute{"US", ushort(c.signed)}
			m[tag.RescaleSlope] = attribute{"DS", c.slope}
			m[tag.RescaleIntercept] = attribute{"DS", c.intercept}
			if c.padding != "" { // always as US, as an implicit file reads
				m[tag.PixelPaddingValue] = attribute{"US", c.padding}
			}
			if c.limit != "" {
				m[tag.PixelPaddingRangeLimit] = attribute{"US", c.limit}
			}
			o := m.object(t)
			s, err := readSlice(o)
			require.NoError(t, err)
			out := make([]float32, 2)
			count, err := s.hounsfield(o, out)
			require.NoError(t, err)
			assert.Equal(t, c.want, out)
			padded := 0
			if c.padding != "" {
				padded = 1
			}
			assert.Equal(t, padded, count.padding)
		})
	}
}

func TestSaturatedMetalIsCounted(t *testing.T) {
	images := phantomSeries(r3.Vec{X: 1}, r3.Vec{Y: 1}, steps(3, 5), func(p r3.Vec) float64 {
		if math.Abs(p.X) < 4 && math.Abs(p.Y) < 4 {
			return 3071
		}
		return 0
	})
	ct, err := ReadCT(writeSeries(t, images...))
	require.NoError(t, err)
	assertWarned(t, ct, "PixelData", "12 voxels at 3071 HU")
}

func TestUnreadableFileBesideTheSeriesIsAWarning(t *testing.T) {
	images := phantomSeries(r3.Vec{X: 1}, r3.Vec{Y: 1}, steps(6, 5), ramp)
	dir := writeSeries(t, images...)
	last := filepath.Join(dir, "005.dcm")
	data, err := os.ReadFile(last)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(last, data[:len(data)-100], 0o644))
	ct, err := ReadCT(dir)
	require.NoError(t, err)
	assert.Equal(t, 5, ct.Volume.Grid.Size()[2])
	assertWarned(t, ct, "PixelData", "cannot be read")
}

func TestSeveralSeriesMustBeChosenFrom(t *testing.T) {
	images := phantomSeries(r3.Vec{X: 1}, r3.Vec{Y: 1}, steps(3, 5), ramp)
	for _, m := range phantomSeries(r3.Vec{X: 1}, r3.Vec{Y: 1}, steps(4, 2), ramp) {
		m[tag.SeriesInstanceUID] = attribute{"UI", "2.25.77"}
		images = append(images, m)
	}
	dir := writeSeries(t, images...)
	_, err := ReadCT(dir)
	var ambiguous *AmbiguousError
	require.ErrorAs(t, err, &ambiguous)
	assert.Len(t, ambiguous.Choices, 2)
	assert.Contains(t, err.Error(), "2.25.77")
	folder, err := Scan(dir)
	require.NoError(t, err)
	ct, err := folder.CT("2.25.77")
	require.NoError(t, err)
	assert.Equal(t, 4, ct.Volume.Grid.Size()[2])
	_, err = folder.CT("2.25.78")
	assert.ErrorIs(t, err, ErrNotFound)
}

// The sums and extremes of Hounsfield units are those of pydicom 3.0.2.
func TestPublicSeriesHoldTheHounsfieldUnitsOfPydicom(t *testing.T) {
	for name, want := range map[string]struct {
		size     [3]int
		spacing  [3]float64
		sum      float64
		min, max float32
		warnings int
	}{
		"tg119/ct":                          {[3]int{167, 167, 129}, [3]float64{3, 3, 2.5}, -2897185857, -1000, 1040, 0},
		"lung_nsclc/ct":                     {[3]int{512, 512, 51}, [3]float64{0.9765625, 0.9765625, 3}, -10123041213, -1024, 2232, 0},
		"lung_synthetic/ct":                 {[3]int{100, 100, 100}, [3]float64{5, 5, 5}, -865964000, -1000, 0, 1}, // RescaleType US
		"breast_eclipse/ct_standin":         {[3]int{128, 86, 98}, [3]float64{4, 4, 3}, -798492183, -1000, 40, 0},
		"proton_ramp_raystation/ct_standin": {[3]int{101, 101, 41}, [3]float64{2.5, 2.5, 5}, -129096905, -1000, 125, 0},
	} {
		t.Run(name, func(t *testing.T) {
			ct, err := ReadCT(sharedData(t, filepath.FromSlash(name)))
			require.NoError(t, err)
			assert.Equal(t, want.size, ct.Volume.Grid.Size())
			assert.InDeltaSlice(t, want.spacing[:], spacingOf(ct), 1e-6)
			assert.Len(t, ct.Warnings, want.warnings, "%v", ct.Warnings)
			assert.Equal(t, want.sum, sum(ct))
			assert.Equal(t, want.min, slices.Min(ct.Volume.Data))
			assert.Equal(t, want.max, slices.Max(ct.Volume.Data))
		})
	}
}

// Every file of the public sets is read or refused with its name; the refused
// ones are those that were cut.
func TestEveryPublicFileIsReadOrRefusedByName(t *testing.T) {
	folder, err := Scan(sharedData(t))
	require.NoError(t, err)
	var cut []string
	for _, p := range folder.Problems {
		assert.NotEmpty(t, p.File)
		assert.NotEmpty(t, p.Message)
		if p.Severity == Refused {
			cut = append(cut, filepath.Base(p.File))
		}
	}
	assert.Equal(t, []string{"truncated_header.dcm", "truncated_pixels.dcm", "rtplan_truncated.dcm"}, cut)
	files := 0
	for _, o := range folder.Objects {
		files += len(o.Files)
	}
	assert.Greater(t, files, 700)
}

func TestRealFilesThatCannotCarryADoseAreRefusedByName(t *testing.T) {
	for path, message := range map[string]string{
		"odd_real/ct_ge_tilt":                   "18.5°",
		"odd_real/ct_oblique_rtutils":           "differs from",
		"odd_real/opentps_nonconformant":        "",
		"odd_real/pydicom/eCT_Supplemental.dcm": "Enhanced CT Image Storage",
		"odd_real/pydicom/explicit_VR-UN.dcm":   "JPEG 2000",
		"odd_real/pydicom/CT_small.dcm":         "single CT slice",
		"breast_eclipse/ct":                     "single CT slice",
		"proton_ramp_raystation/rtionplan.dcm":  "RT Ion Plan Storage",
		"odd_real/pydicom/image_dfl.dcm":        "Secondary Capture",
		"odd_real/pydicom/ExplVR_BigEnd.dcm":    "Ultrasound",
	} {
		t.Run(path, func(t *testing.T) {
			ct, err := ReadCT(sharedData(t, filepath.FromSlash(path)))
			if message == "" { // no frame of reference, no position: loads with warnings
				require.NoError(t, err)
				assertWarned(t, ct, "FrameOfReferenceUID", "missing")
				assertWarned(t, ct, "PatientPosition", "missing")
				return
			}
			var e *Error
			require.ErrorAs(t, err, &e)
			assert.ErrorContains(t, err, message)
		})
	}
}

func BenchmarkReadCT(b *testing.B) {
	hu := func(p r3.Vec) int { return int(p.X) }
	var images []image
	for k := range 100 {
		origin := r3.Vec{X: -250, Y: -250, Z: 2.5 * float64(k)}
		images = append(images, newImage(512, 512, origin, r3.Vec{X: 1}, r3.Vec{Y: 1}, func(i, j int) int { return hu(r3.Vec{X: float64(i)}) }))
	}
	dir := writeSeries(b, images...)
	b.ResetTimer()
	b.ReportAllocs()
	for range b.N {
		if _, err := ReadCT(dir); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100, "ns/slice")
}
