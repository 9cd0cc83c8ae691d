package dicom

import (
	"errors"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kerma-rt/kerma/dose/beam"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/spatial/r3"
)

func init() {
	oddChecks["rs"] = checkOddStructures
	oddChecks["rd"] = checkOddDose
	oddChecks["rp"] = checkOddPlan
}

// warned reports whether one of the warnings is about the attribute and says so.
func warned(warnings []Problem, attribute, says string) bool {
	for _, w := range warnings {
		if strings.Contains(w.Tag, attribute) && strings.Contains(w.Message, says) {
			return true
		}
	}
	return false
}

// slabVolume is what the planes of a structure make as slabs of one thickness,
// cm³: the areas are those of geometry, by parity.
func slabVolume(t *testing.T, s *geometry.Structure, thickness float64) float64 {
	t.Helper()
	area := 0.0 // mm², signed sums would let a bow tie vanish
	byPlane := map[float64][]geometry.Contour{}
	for _, c := range s.Contours {
		byPlane[c[0].Z] = append(byPlane[c[0].Z], c)
	}
	for _, contours := range byPlane {
		area += parityArea(contours)
	}
	return area * thickness / 1000
}

// parityArea is the area that an odd number of the contours enclose, mm², by
// lines of constant y.
func parityArea(contours []geometry.Contour) float64 {
	low, high := math.Inf(1), math.Inf(-1)
	for _, c := range contours {
		for _, p := range c {
			low, high = min(low, p.Y), max(high, p.Y)
		}
	}
	const lines = 4000
	step := (high - low) / lines
	area := 0.0
	for l := range lines {
		y := low + (float64(l)+0.5)*step
		var x []float64
		for _, c := range contours {
			for i, p := range c {
				q := c[(i+1)%len(c)]
				if (p.Y <= y) != (q.Y <= y) {
					x = append(x, p.X+(y-p.Y)/(q.Y-p.Y)*(q.X-p.X))
				}
			}
		}
		slices.Sort(x)
		for i := 0; i+1 < len(x); i += 2 {
			area += (x[i+1] - x[i]) * step
		}
	}
	return area
}

func checkOddStructures(t *testing.T, path string, row oddRow) {
	s, err := ReadStructures(path)
	require.NoError(t, err, row.should)
	volume := func(name string, thickness float64) float64 {
		one, err := s.Named(name)
		require.NoError(t, err)
		return slabVolume(t, one, thickness)
	}
	const slab = 6 // mm
	switch filepath.Base(path) {
	case "rs_keyhole.dcm":
		assert.InEpsilon(t, 127.002, volume("Ring", slab), 1e-3)
		assert.InEpsilon(t, 169.336, volume("Solid", slab), 1e-3)
	case "rs_holes_xor.dcm":
		assert.InEpsilon(t, 127.002, volume("Ring", slab), 1e-3)
		assert.InEpsilon(t, 106.117, volume("RingIsland", slab), 1e-3)
		assert.InEpsilon(t, 37.630, volume("TwoParts", slab), 1e-3)
	case "rs_gap_slices.dcm":
		assert.InEpsilon(t, 94.076, volume("Skipped", slab), 1e-3)
		assert.InEpsilon(t, 27.094, volume("EverySecond", 2*slab), 1e-3)
	case "rs_kinds.dcm":
		// The file says less than its row: its odd kinds were lost when it was
		// made. structures_test.go makes them.
		require.Len(t, s.Structures, 7)
		_, err := s.Named("Twin")
		assert.ErrorIs(t, err, geometry.ErrStructure, "two of one name")
		assert.InEpsilon(t, 75.260, slabVolume(t, &s.Structures[5], slab), 1e-3)
		assert.InEpsilon(t, 75.260, slabVolume(t, &s.Structures[6], slab), 1e-3)
	case "rs_off_slice.dcm":
		assert.InEpsilon(t, 75.260, volume("OffSlice", slab), 1e-3)
		off, err := s.Named("OffSlice")
		require.NoError(t, err)
		low, high := math.Inf(1), math.Inf(-1)
		for _, c := range off.Contours {
			low, high = min(low, c[0].Z), max(high, c[0].Z)
		}
		assert.InDelta(t, -28, low-slab/2, 1e-6)
		assert.InDelta(t, 32, high+slab/2, 1e-6)
		assert.True(t, warned(s.Warnings, "ContourData", `"Tilted": 10 of 10 contours do not lie in an axial plane`), "%v", s.Warnings)
	case "rs_other_frame.dcm":
		ct, err := ReadCT(filepath.Join(filepath.Dir(path), "ct_hfs"))
		require.NoError(t, err)
		assert.NotEqual(t, ct.FrameOfReferenceUID, s.FrameOfReferenceUID)
		assert.NotEmpty(t, s.FrameOfReferenceUID)
	case "rs_bad_counts.dcm":
		assert.Len(t, s.Structures[0].Contours, 8)
		assert.True(t, warned(s.Warnings, "ContourSequence", "1 of 10 contours left out: the number of coordinates is not a multiple of three"), "%v", s.Warnings)
		assert.True(t, warned(s.Warnings, "ContourSequence", "1 of 10 contours left out: NumberOfContourPoints"), "%v", s.Warnings)
	case "rs_bowtie.dcm":
		assert.InEpsilon(t, 48.000, volume("Bowtie", slab), 1e-3)
	default:
		t.Fatal("no check for this row")
	}
}

// oddField is the dose in the rd_ files at a point, Gy.
func oddField(p r3.Vec) float64 { return 10 + 0.05*p.X + 0.03*p.Y + 0.1*p.Z }

func checkOddDose(t *testing.T, path string, row oddRow) {
	name := filepath.Base(path)
	refused := map[string]string{
		"rd_no_scaling.dcm": "(3004,000E) DoseGridScaling",
		"rd_no_offsets.dcm": "(3004,000C) GridFrameOffsetVector",
		"rd_frames_lie.dcm": "(7FE0,0010) PixelData",
		"rd_rle.dcm":        "RLE Lossless",
	}
	d, err := ReadDose(path)
	if says, ok := refused[name]; ok {
		var e *Error
		require.ErrorAs(t, err, &e, row.should)
		if name == "rd_frames_lie.dcm" {
			assert.Contains(t, []string{"(7FE0,0010) PixelData", "(3004,000C) GridFrameOffsetVector"}, e.Tag)
			return
		}
		assert.ErrorContains(t, err, says)
		return
	}
	require.NoError(t, err, row.should)
	unit, kind := Gray, Physical
	expect := oddField
	switch name {
	case "rd_relative_units.dcm":
		unit = Relative
		assert.True(t, warned(d.Warnings, "DoseUnits", "not in Gy"))
	case "rd_signed_error_type.dcm":
		kind = Difference
		expect = func(p r3.Vec) float64 { return oddField(p) - 10 }
	case "rd_offsets_nonuniform.dcm":
		assert.True(t, warned(d.Warnings, "GridFrameOffsetVector", "not evenly spaced"))
	case "rd_one_plane.dcm":
		assert.True(t, warned(d.Warnings, "NumberOfFrames", "single plane"))
		assert.Equal(t, 1, d.Volume.Grid.Size()[2])
	case "rd_private_utf8.dcm":
		assert.False(t, isASCII(d.PatientName), "%q", d.PatientName)
	case "rd_plain.dcm", "rd_offsets_absolute.dcm", "rd_offsets_descending.dcm", "rd_hfp_orientation.dcm", "rd_ffs_orientation.dcm",
		"rd_32bit.dcm", "rd_big_endian.dcm", "rd_deflated.dcm":
		require.Len(t, d.Warnings, 1)
		assert.True(t, warned(d.Warnings, "ReferencedRTPlanSequence", "is missing"))
	default:
		t.Fatal("no check for this row")
	}
	assert.Equal(t, unit, d.Unit)
	assert.Equal(t, kind, d.Type)
	assertField(t, d, expect)
}

// assertField compares every voxel with the linear field that the files hold.
func assertField(t *testing.T, d *Dose, field func(r3.Vec) float64) {
	t.Helper()
	g := d.Volume.Grid
	s := g.Size()
	worst, seen := 0.0, [2]float64{math.Inf(1), math.Inf(-1)}
	for k := range s[2] {
		for j := range s[1] {
			for i := range s[0] {
				v, want := float64(d.Volume.At(i, j, k)), field(g.Point(float64(i), float64(j), float64(k)))
				worst = max(worst, math.Abs(v-want))
				seen = [2]float64{min(seen[0], v), max(seen[1], v)}
			}
		}
	}
	assert.Less(t, worst, 2e-3, "Gy, on %v", g)
	assert.Greater(t, seen[1]-seen[0], 1.0, "the field is not flat")
}

func checkOddPlan(t *testing.T, path string, row oddRow) {
	name := filepath.Base(path)
	unmodelled := map[string]string{
		"rp_wedge_standard.dcm":      `beam 1 "B1": wedge (WedgeType STANDARD`,
		"rp_wedge_dynamic.dcm":       `beam 1 "B1": wedge (WedgeType DYNAMIC`,
		"rp_block_aperture.dcm":      `beam 1 "B1": block (BlockType APERTURE`,
		"rp_block_shielding.dcm":     `beam 1 "B1": block (BlockType SHIELDING`,
		"rp_electron_applicator.dcm": `beam 1 "B1": radiation "ELECTRON"`,
		"rp_bolus.dcm":               `beam 1 "B1": bolus (ReferencedROINumber 2)`,
		"rp_brachy_hdr.dcm":          "brachytherapy (HDR)",
	}
	p, err := ReadPlan(path, PlanOptions{})
	if says, ok := unmodelled[name]; ok {
		var e *Error
		require.ErrorAs(t, err, &e, row.should)
		assert.ErrorIs(t, err, ErrUnmodelled)
		assert.ErrorContains(t, err, says)
		assert.NotEmpty(t, e.Tag)
		without, err := ReadPlan(path, PlanOptions{WithoutModifiers: true})
		switch name {
		case "rp_electron_applicator.dcm", "rp_brachy_hdr.dcm": // nothing is left
			assert.ErrorAs(t, err, &e)
		default:
			require.NoError(t, err)
			require.Len(t, without.Unmodelled, 1)
			assert.Contains(t, without.Unmodelled[0], says)
		}
		return
	}
	switch name {
	case "rp_leaf_overlap.dcm":
		assert.ErrorContains(t, err, `beam 1 "B1", control point 0: invalid plan: MLCX: leaf 31: left 12 mm > right 10.5 mm`)
		assert.ErrorIs(t, err, beam.ErrPlan)
		return
	case "rp_weight_decreasing.dcm":
		assert.ErrorContains(t, err, `beam 1 "B1", control point 2: the cumulative weight falls from 0.4`)
		return
	case "rp_arc_full_two_points.dcm":
		assert.ErrorContains(t, err, "a whole turn or none")
		return
	}
	require.NoError(t, err, row.should)
	require.Len(t, p.Beams, 1)
	b := &p.Beams[0]
	assert.Equal(t, 1, b.Number)
	mu := func(group int) float64 {
		g, err := p.Group(group)
		require.NoError(t, err)
		require.Len(t, g.Beams, 1)
		return g.Beams[0].Meterset
	}
	segments, err := b.Segments(100, 2)
	require.NoError(t, err)
	sum := 0.0
	for _, s := range segments {
		sum += s.MU
	}
	assert.InDelta(t, 100, sum, 1e-9)
	switch name {
	case "rp_open_jaws_mlc.dcm", "rp_deflated.dcm":
		assert.Equal(t, 100.0, mu(0))
		assert.Equal(t, 5, p.Groups[0].Fractions)
		assert.Equal(t, [][]float64{{-30, 30}, {-40, 40}}, b.Points[1].Positions[:2])
		open := 0
		for i := range 60 {
			if leaves := b.Points[1].Positions[2]; leaves[i] == -30 && leaves[60+i] == 30 {
				open++
			}
		}
		assert.Equal(t, 16, open)
	case "rp_jaws_only.dcm":
		require.Len(t, b.Devices, 2)
		assert.Equal(t, [][]float64{{-50, 50}, {-20, 20}}, b.Points[0].Positions)
	case "rp_weight_100.dcm":
		assert.Equal(t, 100.0, mu(0))
		assert.Equal(t, 1.0, b.Points[1].Weight)
	case "rp_setup_beam_first.dcm":
		assert.Equal(t, 100.0, mu(0))
		assert.Equal(t, []string{`beam 7 "kV": SETUP, no treatment`}, p.Omitted)
	case "rp_arc_cw.dcm":
		arc, err := b.Arc()
		require.NoError(t, err)
		assert.InDelta(t, 180, arc, 1e-9)
		require.Len(t, b.Points, 46)
		last := b.Points[45]
		assert.Equal(t, 30.0, last.CollimatorDeg)
		assert.Equal(t, 350.0, last.CouchDeg)
		assert.Equal(t, b.Points[0].Positions[:2], last.Positions[:2], "jaws stand only in the first point")
		assert.Equal(t, beam.Rising, b.Points[0].GantryTurn)
	case "rp_hfp.dcm":
		frame, err := geometry.NewFrame(segments[0].Pose)
		require.NoError(t, err)
		to := r3.Unit(r3.Sub(frame.Source(), frame.Isocentre()))
		assert.InDelta(t, 0, r3.Norm(r3.Sub(to, r3.Vec{X: -1})), 1e-12, "%v", to)
	case "rp_table_pitch_roll.dcm":
		assert.Equal(t, 3.0, segments[0].Pose.PitchDeg)
		assert.Equal(t, 1.0, segments[0].Pose.RollDeg)
	case "rp_two_fraction_groups.dcm":
		_, err := p.Group(0)
		var several *beam.GroupError
		require.ErrorAs(t, err, &several)
		total := 0.0
		for _, g := range p.Groups {
			total += float64(g.Fractions) * mu(g.Number)
		}
		assert.Equal(t, 650.0, total)
	case "rp_no_meterset.dcm":
		_, err := b.Segments(mu(0), 2)
		assert.ErrorIs(t, err, beam.ErrMeterset)
		assert.True(t, warned(p.Warnings, "BeamMeterset", "absolute dose is not known"))
	case "rp_mlcy.dcm":
		require.Equal(t, beam.MLCY, b.Devices[2].Kind)
		leaves := b.Points[0].Positions[2]
		width := 0.0
		for i := range 60 {
			if leaves[60+i]-leaves[i] == 60 {
				width += b.Devices[2].Boundaries[i+1] - b.Devices[2].Boundaries[i]
			}
		}
		assert.Equal(t, 80.0, width, "open in x")
	default:
		t.Fatal("no check for this row")
	}
}

func TestRefusalsAreErrorsOfThePackage(t *testing.T) {
	_, err := ReadPlan(filepath.Join(oddDir(t), "rs_keyhole.dcm"), PlanOptions{})
	var e *Error
	require.True(t, errors.As(err, &e))
	_, err = ReadStructures(filepath.Join(oddDir(t), "rd_plain.dcm"))
	require.True(t, errors.As(err, &e))
	_, err = ReadDose(filepath.Join(oddDir(t), "rp_hfp.dcm"))
	require.True(t, errors.As(err, &e))
}
