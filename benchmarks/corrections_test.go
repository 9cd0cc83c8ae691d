package benchmarks_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/benchmarks"
	"github.com/kerma-rt/kerma/dose"
	"github.com/kerma-rt/kerma/dose/gamma"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/heterogeneity"
)

// fieldMean is the mean over the central half of the field at each depth.
func fieldMean(c *benchmarks.Case, v *geometry.Volume) []float64 {
	n, s := v.Grid.Size(), v.Grid.Spacing()
	half := func(axis, field int) (low, high int) {
		count := int(math.Round(c.Field[field] / 2 / s[axis]))
		low = (n[axis] - count) / 2
		return low, low + count
	}
	x0, x1 := half(0, 0)
	y0, y1 := half(1, 1)
	out := make([]float64, n[2])
	for k := range out {
		for j := y0; j < y1; j++ {
			for i := x0; i < x1; i++ {
				out[k] += float64(v.At(i, j, k)) / float64((x1-x0)*(y1-y0))
			}
		}
	}
	return out
}

func named(t *testing.T, name string) *benchmarks.Case {
	t.Helper()
	c, err := benchmarks.Named(name)
	require.NoError(t, err)
	return c
}

// with is the dose of a case by the pencil beam, where it is scored.
func with(t *testing.T, c *benchmarks.Case, correction heterogeneity.Correction) *geometry.Volume {
	t.Helper()
	request, err := c.Request()
	require.NoError(t, err)
	result, err := dose.PencilBeam{Heterogeneity: correction}.Compute(t.Context(), request)
	require.NoError(t, err)
	return c.Scored(result.Dose)
}

// deviations are the calculated over the Monte Carlo doses less 1 by depth
// (mm), means over the central half of the field.
func deviations(c *benchmarks.Case, v *geometry.Volume, from, to float64) map[float64]float64 {
	want, got := fieldMean(c, c.Scored(c.Dose)), fieldMean(c, v)
	step := v.Grid.Spacing()[2]
	out := map[float64]float64{}
	for k := range want {
		if depth := (float64(k) + 0.5) * step; depth > from && depth < to {
			out[depth] = got[k]/want[k] - 1
		}
	}
	return out
}

func TestScaledKernelsAgreeWithMonteCarlo(t *testing.T) {
	if testing.Short() {
		t.Skip("compares doses at length; shorter tests run the same code")
	}
	for _, name := range benchmarks.Names() {
		c := named(t, name)
		got := with(t, c, heterogeneity.DensityScaled{})
		g, err := gamma.Compute(t.Context(), c.Scored(c.Dose), got, gamma.Criteria{DosePercent: 3, Distance: 3, CutoffPercent: 10, StopOncePassed: true})
		require.NoError(t, err)
		t.Logf("%s: 3 %%/3 mm %.2f %%", name, g.PassRate)
		assert.GreaterOrEqual(t, g.PassRate, 98.0, name)
	}
}

// The textbook behaviour of the classical corrections.
func TestBathoAndETARAgreeWithMonteCarloBehindLung(t *testing.T) {
	if testing.Short() {
		t.Skip("compares doses at length; shorter tests run the same code")
	}
	c := named(t, "lung_6mv_10x10")
	for _, correction := range []heterogeneity.Correction{heterogeneity.Batho{}, heterogeneity.ETAR{}} {
		for depth, off := range deviations(c, with(t, c, correction), 150, 290) {
			assert.InDelta(t, 0, off, 0.03, "%s at %g mm", correction.Name(), depth)
		}
	}
}

func TestPathLengthOverestimatesDoseInLungTheMoreTheSmallerTheField(t *testing.T) {
	if testing.Short() {
		t.Skip("compares doses at length; shorter tests run the same code")
	}
	small, wide := named(t, "lung_6mv_3x3"), named(t, "lung_6mv_10x10")
	a := deviations(small, with(t, small, heterogeneity.EquivalentPathLength{}), 80, 145)
	b := deviations(wide, with(t, wide, heterogeneity.EquivalentPathLength{}), 80, 145)
	require.NotEmpty(t, a)
	for depth, off := range a {
		assert.Greater(t, off, 0.12, "%g mm", depth)
		assert.Greater(t, off, b[depth]+0.04, "%g mm", depth)
		assert.Greater(t, b[depth], 0.03, "%g mm", depth)
	}
}

// A beam that grazes a cylinder with lung inside, at an oblique angle: nothing
// here is a slab. There is no Monte Carlo for it; the collapsed cone, which has
// no code in common with it but the point kernels, stands in.
func TestScaledKernelsAgreeWithTheCollapsedConeOnAGrazedCylinder(t *testing.T) {
	if testing.Short() {
		t.Skip("compares doses at length; shorter tests run the same code")
	}
	r, err := named(t, "water_6mv_10x10").Request()
	require.NoError(t, err)
	g, err := geometry.NewGrid(r3.Vec{X: -100, Y: -100, Z: -60}, [3]float64{2.5, 2.5, 2.5}, [3]int{81, 81, 49}, [3]r3.Vec{{X: 1}, {Y: 1}, {Z: 1}})
	require.NoError(t, err)
	density := geometry.NewVolume(g)
	for i := range density.Data {
		p := g.Point(float64(i%81), float64(i/81%81), 0)
		switch radius := math.Hypot(p.X, p.Y); {
		case radius < 55:
			density.Data[i] = 0.26
		case radius < 90:
			density.Data[i] = 1
		default:
			density.Data[i] = 0.0012
		}
	}
	r.Tissue = &heterogeneity.Tissue{Density: density, ElectronDensity: density, Material: make([]uint8, g.Len()), Materials: []string{"water_liquid"}}
	r.Grid = g
	for i := range r.Plan.Beams[0].Points {
		p := &r.Plan.Beams[0].Points[i]
		p.GantryDeg, p.Isocentre = 320, r3.Vec{}
		p.Positions = [][]float64{{30, 110}, {-30, 30}}
	}
	inBody := func(e dose.Engine) *geometry.Volume {
		result, err := e.Compute(t.Context(), r)
		require.NoError(t, err)
		for i, rho := range density.Data {
			if rho < 0.1 {
				result.Dose.Data[i] = float32(math.NaN())
			}
		}
		return result.Dose
	}
	want := inBody(dose.CollapsedCone{})
	criteria := gamma.Criteria{DosePercent: 2, Distance: 2, CutoffPercent: 10, StopOncePassed: true}
	got, err := gamma.Compute(t.Context(), want, inBody(dose.PencilBeam{Heterogeneity: heterogeneity.DensityScaled{}}), criteria)
	require.NoError(t, err)
	path, err := gamma.Compute(t.Context(), want, inBody(dose.PencilBeam{}), criteria)
	require.NoError(t, err)
	t.Logf("2 %%/2 mm: density-scaled %.2f %%, equivalent path length %.2f %%", got.PassRate, path.PassRate)
	// 99 before the collapsed cone bent electrons, which the pencil beam does not.
	assert.GreaterOrEqual(t, got.PassRate, 98.5)
	assert.Less(t, path.PassRate, 90.0)
}
