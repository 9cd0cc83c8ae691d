package dicom

import (
	"math"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/spatial/r3"
)

func init() {
	oddChecks["ct"] = checkOddCT
	oddChecks["ts"] = checkOddSyntax
	oddChecks["broken"] = checkBroken
}

// checkOddCT checks the series of the edge cases. The phantom is an ellipse of
// water with a lung at x = −35 mm and a bone cube of 24 mm at (40, −30, 24) mm.
func checkOddCT(t *testing.T, path string, row oddRow) {
	ct, err := ReadCT(path)
	switch filepath.Base(path) {
	case "ct_two_frames_of_reference":
		var e *Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, "(0020,0052) FrameOfReferenceUID", e.Tag)
		assert.Contains(t, err.Error(), "2.25.42")
		assert.Contains(t, err.Error(), "2.25.1300574590015927354454649470820214808")
		return
	case "ct_single_slice":
		var e *Error
		require.ErrorAs(t, err, &e)
		assert.Contains(t, e.Message, "single CT slice")
		return
	}
	require.NoError(t, err, row.should)
	size := ct.Volume.Grid.Size()
	switch filepath.Base(path) {
	case "ct_hfs", "ct_hfp", "ct_ffs", "ct_hfdr":
		assert.Empty(t, ct.Warnings)
		assert.Equal(t, map[string]string{"ct_hfs": "HFS", "ct_hfp": "HFP", "ct_ffs": "FFS", "ct_hfdr": "HFDR"}[filepath.Base(path)], string(ct.Position))
		assertPhantom(t, ct, false)
		assert.Equal(t, -21404400.0, sum(ct), "the sum that pydicom 3.0.2 gives")
	case "ct_missing_slice", "ct_nonuniform":
		assertWarned(t, ct, "ImagePositionPatient", "interpolated linearly")
		assert.Equal(t, 20, size[2])
		assert.InDelta(t, 6, ct.Volume.Grid.Spacing()[2], 1e-9)
		assertPhantom(t, ct, true)
	case "ct_duplicate_position":
		assertWarned(t, ct, "ImagePositionPatient", "same image twice")
		assert.Len(t, ct.SliceUIDs, 10)
		assert.Equal(t, 10, size[2])
	case "ct_with_localizer":
		assertWarned(t, ct, "ImageType", "localizer")
		assert.Equal(t, 10, size[2])
	case "ct_rescale_per_slice":
		assert.Empty(t, ct.Warnings)
		assertBoneInEverySlice(t, ct)
		assert.Equal(t, -10635022.5, sum(ct), "the sum that pydicom 3.0.2 gives")
	case "ct_unsigned_padding":
		assertWarned(t, ct, "PixelPaddingValue", "became air")
		low, high := ct.Volume.Data[0], ct.Volume.Data[0]
		for _, v := range ct.Volume.Data {
			low, high = min(low, v), max(high, v)
		}
		assert.Less(t, high, float32(2000))
		assert.GreaterOrEqual(t, low, float32(-1024))
	default:
		t.Fatalf("no check for this row: %s", row.odd)
	}
}

// assertPhantom checks the facts of the phantom: where bone and lung lie in
// patient coordinates, whatever way the patient lay. Interpolated planes blur
// the ends of the cube, so there half a plane more is allowed.
func assertPhantom(t *testing.T, ct *CT, interpolated bool) {
	t.Helper()
	bone := centroid(ct, func(hu float32) bool { return hu > 500 })
	lung := centroid(ct, func(hu float32) bool { return math.Abs(float64(hu)+740) <= 20 })
	half := r3.Vec{X: 2, Y: 2, Z: 3}
	if interpolated {
		half.Z += 3
	}
	assert.InDelta(t, 40, bone.X, half.X, "bone %v", bone)
	assert.InDelta(t, -30, bone.Y, half.Y, "bone %v", bone)
	assert.InDelta(t, 24, bone.Z, half.Z, "bone %v", bone)
	assert.InDelta(t, -35, lung.X, half.X, "lung %v", lung)
}

func centroid(ct *CT, in func(float32) bool) r3.Vec {
	g := ct.Volume.Grid
	n := g.Size()
	var sum r3.Vec
	count := 0.0
	for k := range n[2] {
		for j := range n[1] {
			for i := range n[0] {
				if in(ct.Volume.At(i, j, k)) {
					sum = r3.Add(sum, g.Point(float64(i), float64(j), float64(k)))
					count++
				}
			}
		}
	}
	return r3.Scale(1/count, sum)
}

// assertBoneInEverySlice checks that each slice's own rescale was used: 800 HU
// with a ramp of 1 HU a cm in x wherever the cube is.
func assertBoneInEverySlice(t *testing.T, ct *CT) {
	t.Helper()
	g := ct.Volume.Grid
	planes := 0
	for k := range g.Size()[2] {
		z := g.Point(0, 0, float64(k)).Z
		if math.Abs(z-24) > 11 {
			continue
		}
		planes++
		at := g.Index(r3.Vec{X: 40, Y: -30, Z: z})
		assert.InDelta(t, 804, ct.Volume.At(int(math.Round(at.X)), int(math.Round(at.Y)), k), 2, "plane at z = %g mm", z)
	}
	assert.GreaterOrEqual(t, planes, 3)
}

func sum(ct *CT) float64 {
	total := 0.0
	for _, v := range ct.Volume.Data {
		total += float64(v)
	}
	return total
}

func assertWarned(t *testing.T, ct *CT, tag, message string) {
	t.Helper()
	for _, w := range ct.Warnings {
		if w.Severity == Warning && len(w.Tag) > 12 && w.Tag[12:] == tag {
			assert.Contains(t, w.Message, message)
			return
		}
	}
	t.Errorf("no warning about %s among %v", tag, ct.Warnings)
}

// checkOddSyntax compares each transfer syntax with slices 9…11 of the plain
// series, or wants the syntax in the refusal.
func checkOddSyntax(t *testing.T, path string, _ oddRow) {
	ct, err := ReadCT(path)
	refusals := map[string]string{
		"ts_rle":               "RLE Lossless (1.2.840.10008.1.2.5)",
		"ts_jpeg_lossless_sv1": "JPEG Lossless",
	}
	if name, ok := refusals[filepath.Base(path)]; ok {
		var e *Error
		require.ErrorAs(t, err, &e)
		assert.Contains(t, e.Message, name)
		return
	}
	require.NoError(t, err)
	whole, err := ReadCT(filepath.Join(oddDir(t), "ct_hfs"))
	require.NoError(t, err)
	area := 48 * 40
	assert.Equal(t, whole.Volume.Data[9*area:12*area], ct.Volume.Data)
	assert.InDelta(t, -3, ct.Volume.Grid.Origin().Z, 1e-9)
}

func checkBroken(t *testing.T, path string, _ oddRow) {
	_, err := open(path)
	switch filepath.Base(path) {
	case "no_preamble.dcm":
		require.NoError(t, err)
		_, err = ReadCT(path)
		assert.ErrorContains(t, err, "single CT slice")
	case "not_dicom.dcm", "empty.dcm":
		require.ErrorIs(t, err, ErrNotDICOM)
		folder, err := Scan(path)
		require.NoError(t, err)
		require.Len(t, folder.Problems, 1)
		assert.Equal(t, Warning, folder.Problems[0].Severity)
	case "truncated_header.dcm", "truncated_pixels.dcm":
		var e *Error
		require.ErrorAs(t, err, &e)
		assert.NotErrorIs(t, err, ErrNotDICOM)
		folder, err := Scan(path)
		require.NoError(t, err)
		require.Len(t, folder.Problems, 1)
		assert.Equal(t, Refused, folder.Problems[0].Severity)
		_, err = ReadCT(path)
		assert.ErrorIs(t, err, ErrNotFound)
	default:
		t.Fatal("no check for this row")
	}
}
