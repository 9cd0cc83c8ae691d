package heterogeneity_test

import (
	"testing"

	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/heterogeneity"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/spatial/r3"
)

func TestCorrectionsAreFoundByName(t *testing.T) {
	var names []string
	for _, c := range heterogeneity.Corrections() {
		names = append(names, c.Name())
		found, err := heterogeneity.CorrectionNamed(c.Name())
		require.NoError(t, err)
		require.Equal(t, c, found)
	}
	require.Equal(t, []string{"none", "equivalent-path-length", "batho", "modified-batho", "etar", "etar-coalesced", "density-scaled"}, names)
	_, err := heterogeneity.CorrectionNamed("batho ")
	require.ErrorContains(t, err, "equivalent-path-length")
}

// cavity is 100 mm of water across the beam (y from −50 to 50) with 40 mm of
// lung in its middle, 50 mm of air around it.
func cavity(t *testing.T, body bool) (*heterogeneity.Tissue, geometry.Frame) {
	g := grid(t, 2, 50, 100, 50)
	v := geometry.NewVolume(g)
	for i := range v.Data {
		switch j := i / 50 % 100; {
		case j >= 40 && j < 60:
			v.Data[i] = 0.25
		case j >= 25 && j < 75:
			v.Data[i] = 1
		default:
			v.Data[i] = 0.001
		}
	}
	tissue := &heterogeneity.Tissue{ElectronDensity: v}
	if body {
		tissue.Body = box(g, [3]int{0, 25, 0}, [3]int{50, 75, 50}, 1)
	}
	return tissue, frame(t, geometry.Pose{})
}

func TestDepthInWaterOnTheAxis(t *testing.T) {
	for _, body := range []bool{true, false} {
		tissue, f := cavity(t, body)
		b := heterogeneity.Beam{Tissue: tissue, Frame: f, Field: heterogeneity.Field{X0: -20, X1: 20, Y0: -20, Y1: 20}}
		none, err := heterogeneity.None{}.Depths(t.Context(), b)
		require.NoError(t, err)
		epl, err := heterogeneity.EquivalentPathLength{}.Depths(t.Context(), b)
		require.NoError(t, err)
		for _, c := range []struct{ y, geometric, radiological float64 }{
			{-60, 0, 0}, {-40, 10, 10}, {-24, 26, 26}, {0, 50, 30 + 0.25*20}, {40, 90, 30 + 0.25*40 + 20},
		} {
			p := r3.Vec{Y: c.y}
			require.InDelta(t, c.geometric, none.AtPoint(p), 0.3, "body mask %v, y %v", body, c.y)
			require.InDelta(t, c.radiological, epl.AtPoint(p), 0.3, "y %v", c.y)
		}
	}
}

// Air between two parts of the body mask does not count as depth.
func TestNoneLeavesOutGapsOfTheBodyMask(t *testing.T) {
	tissue, f := cavity(t, true)
	for i := range tissue.Body.Fraction {
		if j := i / 50 % 50; j >= 15 && j < 35 {
			tissue.Body.Fraction[i] = 0
		}
	}
	d, err := heterogeneity.None{}.Depths(t.Context(), heterogeneity.Beam{Tissue: tissue, Frame: f, Field: heterogeneity.Field{X0: -5, X1: 5, Y0: -5, Y1: 5}})
	require.NoError(t, err)
	require.InDelta(t, 30, d.AtPoint(r3.Vec{}), 0.3)
	require.InDelta(t, 50, d.AtPoint(r3.Vec{Y: 40}), 0.3)
}

// In water with a clean surface both corrections agree.
func TestCorrectionsAgreeInWater(t *testing.T) {
	g := grid(t, 2.5, 60, 60, 60)
	ct := uniform(g, 0)
	tissue := apply(t, ct, heterogeneity.Options{Body: box(g, [3]int{5, 5, 5}, [3]int{55, 55, 55}, 1)})
	b := heterogeneity.Beam{Tissue: tissue, Frame: frame(t, geometry.Pose{GantryDeg: 33}), Field: heterogeneity.Field{X0: -30, X1: 30, Y0: -30, Y1: 30}}
	none, err := heterogeneity.None{}.Depths(t.Context(), b)
	require.NoError(t, err)
	epl, err := heterogeneity.EquivalentPathLength{}.Depths(t.Context(), b)
	require.NoError(t, err)
	for _, p := range []r3.Vec{{}, {X: 10, Y: -20, Z: 5}, {X: -20, Y: 10, Z: -15}} {
		require.InDelta(t, none.AtPoint(p), epl.AtPoint(p), 0.06, "air before the skin has 0.1 %")
	}
}
