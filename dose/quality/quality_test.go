package quality_test

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/dose/dvh"
	"github.com/kerma-rt/kerma/dose/quality"
	"github.com/kerma-rt/kerma/geometry"
)

// steps is a dose of 60 Gy in a block of 8 × 8 × 8 voxels of 2 mm, 40 Gy in the
// 12 × 12 × 12 around it and 0 elsewhere, and a target of 10 × 10 × 8 voxels.
func steps(t *testing.T) (*geometry.Volume, *geometry.Structure) {
	g, err := geometry.NewGrid(r3.Vec{}, [3]float64{2, 2, 2}, [3]int{20, 20, 20}, geometry.IdentityAxes)
	require.NoError(t, err)
	v := geometry.NewVolume(g)
	in := func(i, low, high int) bool { return i >= low && i < high }
	for k := range 20 {
		for j := range 20 {
			for i := range 20 {
				switch {
				case in(i, 6, 14) && in(j, 6, 14) && in(k, 6, 14):
					v.Data[g.Offset(i, j, k)] = 60
				case in(i, 4, 16) && in(j, 4, 16) && in(k, 4, 16):
					v.Data[g.Offset(i, j, k)] = 40
				}
			}
		}
	}
	s := &geometry.Structure{Name: "PTV 60", Number: 1}
	for k := 6; k < 14; k++ {
		z := 2 * float64(k)
		s.Contours = append(s.Contours, geometry.Contour{{X: 9, Y: 9, Z: z}, {X: 29, Y: 9, Z: z}, {X: 29, Y: 29, Z: z}, {X: 9, Y: 29, Z: z}})
	}
	return v, s
}

func TestIndicesOfBlocksByHand(t *testing.T) {
	v, s := steps(t)
	m, _, err := geometry.NewMask(v.Grid, s)
	require.NoError(t, err)
	h, err := dvh.Of(v, s)
	require.NoError(t, err)
	x, err := quality.Of(v, m, 60, h.DoseAt)
	require.NoError(t, err)
	const voxel = 0.008 // cm³
	assert.InDelta(t, 800*voxel, x.TargetVolume, 1e-3)
	assert.InDelta(t, 512*voxel, x.PrescriptionVolume, 1e-9)
	assert.InDelta(t, 1728*voxel, x.HalfVolume, 1e-9)
	assert.InDelta(t, 512*voxel, x.Covered, 1e-3)
	assert.InDelta(t, 0.64, x.RTOG, 1e-3)
	assert.InDelta(t, 0.64, x.Paddick, 1e-3)
	assert.InDelta(t, 1728.0/512, x.Gradient, 1e-9)
	assert.InDelta(t, h.Min()/60, x.Coverage, 1e-9)
	assert.InDelta(t, (h.DoseAt(2)-h.DoseAt(98))/h.DoseAt(50), x.Homogeneity, 1e-9)
	_, err = quality.Of(v, m, math.NaN(), h.DoseAt)
	assert.ErrorIs(t, err, quality.ErrDose)
	_, err = quality.Of(v, &geometry.Mask{Grid: v.Grid}, 60, h.DoseAt)
	assert.ErrorIs(t, err, quality.ErrDose)
}

func read(t *testing.T, text string) *quality.Template {
	made, err := quality.ReadTemplate(strings.NewReader(text))
	require.NoError(t, err)
	return made
}

func TestGoalsAreMetMissedOrUnknown(t *testing.T) {
	v, s := steps(t)
	histograms := dvh.Compute(v, &geometry.StructureSet{Structures: []geometry.Structure{*s}})
	for _, c := range []struct {
		goal         string
		prescription float64
		want         quality.Verdict
	}{
		{`{"structure": "PTV60", "statistic": "D50", "at_least": 55}`, 0, quality.Met},
		{`{"structure": "ptv_60", "statistic": "D99", "at_least": 55}`, 0, quality.Missed},
		{`{"structure": "tumour", "names": ["PTV 60"], "statistic": "Dmax", "at_most": 100, "of_prescription": true}`, 60, quality.Met},
		{`{"structure": "PTV 60", "statistic": "Dmax", "at_most": 99, "of_prescription": true}`, 60, quality.Missed},
		{`{"structure": "PTV 60", "statistic": "Dmax", "at_most": 99, "of_prescription": true}`, 0, quality.Unknown},
		{`{"structure": "PTV 60", "statistic": "D9999cc", "at_most": 9}`, 0, quality.Unknown},
		{`{"structure": "liver", "statistic": "Dmean", "at_most": 30}`, 0, quality.Unknown},
	} {
		o := read(t, `{"name": "x", "goals": [`+c.goal+`]}`).Check(histograms, c.prescription)
		require.Len(t, o, 1)
		assert.Equal(t, c.want, o[0].Verdict, "%s: %+v", c.goal, o[0])
		assert.Equal(t, c.want == quality.Unknown, o[0].Value == nil)
		assert.Equal(t, c.want == quality.Unknown, o[0].Why != "")
	}
}

func TestEmbeddedTemplatesAreReadAndNamed(t *testing.T) {
	seen := map[string]bool{}
	for _, template := range quality.Templates() {
		assert.NotEmpty(t, template.Title)
		assert.NotEmpty(t, template.Source)
		assert.False(t, seen[template.Name])
		seen[template.Name] = true
	}
	assert.True(t, seen["quantec"] && seen["tg119-c-shape"] && seen["tg119-prostate"], "%v", seen)
}

func TestGoalsThatSayNothingAreRefused(t *testing.T) {
	for _, text := range []string{
		``, `{}`, `{"goals": []}`, `{"goals": [{}], "more": 1}`,
		`{"goals": [{"structure": "PTV", "statistic": "D95"}]}`,
		`{"goals": [{"structure": "PTV", "statistic": "D95", "at_least": 1, "at_most": 2}]}`,
		`{"goals": [{"structure": "", "statistic": "D95", "at_least": 1}]}`,
		`{"goals": [{"structure": "PTV", "statistic": "V20Gy", "at_least": 1, "of_prescription": true}]}`,
	} {
		_, err := quality.ReadTemplate(strings.NewReader(text))
		assert.ErrorIs(t, err, quality.ErrTemplate, text)
	}
}
