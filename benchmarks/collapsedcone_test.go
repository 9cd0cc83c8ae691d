package benchmarks_test

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kerma-rt/kerma/benchmarks"
	"github.com/kerma-rt/kerma/dose"
	"github.com/kerma-rt/kerma/dose/gamma"
)

// What the collapsed cone has to reach: voxels that pass 2 %/2 mm (global,
// absolute, above a tenth of the maximum), and how far the mean over the central
// half of the field and three slices may be off, % of local dose, from 10 mm deep to 10 mm
// before the exit and more than 10 mm from every interface. Deep in lung the
// smallest field stays beyond the 2 % one would wish for.
var collapsedCone = map[string]struct {
	pass, axis float64
	interfaces []float64 // mm
}{
	"water_6mv_10x10":     {99, 1, nil},
	"water_6mv_5x5":       {99, 1, nil},
	"water_15mv_10x10":    {99, 1, nil},
	"lung_6mv_10x10":      {98, 2, []float64{50, 150}},
	"bone_6mv_10x10":      {98, 2, []float64{30, 60}},
	"lung_6mv_3x3":        {96, 2.5, []float64{50, 150}},
	"tumour_6mv_5x5":      {96, 2, []float64{40, 125, 155, 240}},
	"lung_15mv_5x5":       {95, 2.2, []float64{50, 150}},
	"multilayer_15mv_5x5": {98, 2.2, []float64{30, 50, 120}},
	"thorax_6mv_5x5":      {96, math.Inf(1), nil},
}

// What electrons do that straight lines cannot: the axis through lung at 15 MV,
// rms of its differences from Monte Carlo more than 10 mm from interfaces.
func TestBentElectronPathsMendLayers(t *testing.T) {
	if testing.Short() {
		t.Skip("compares doses at length; shorter tests run the same code")
	}
	c, err := benchmarks.Named("multilayer_15mv_5x5")
	require.NoError(t, err)
	request, err := c.Request()
	require.NoError(t, err)
	want := c.OnAxis(c.Dose)
	rms := func(e dose.CollapsedCone) float64 {
		got, err := e.Compute(context.Background(), request)
		require.NoError(t, err)
		var sum, n float64
		for k, d := range c.OnAxis(got.Dose) {
			if z := c.Depth(k); z > 60 && z < 110 {
				sum += math.Pow(d/want[k]-1, 2)
				n++
			}
		}
		return 100 * math.Sqrt(sum/n)
	}
	straight, bent := rms(dose.CollapsedCone{StraightElectrons: true}), rms(dose.CollapsedCone{})
	t.Logf("lung behind aluminium: %.2f %% with straight lines, %.2f %% with bent paths", straight, bent)
	assert.Less(t, bent, 1.5)
	assert.Greater(t, straight, 3.0)
}

func TestCollapsedConeAgainstMonteCarlo(t *testing.T) {
	if testing.Short() {
		t.Skip("compares doses at length; shorter tests run the same code")
	}
	for _, name := range benchmarks.Names() {
		wanted, ok := collapsedCone[name]
		require.True(t, ok, "%s: no line says what it has to reach", name)
		t.Run(name, func(t *testing.T) {
			c, err := benchmarks.Named(name)
			require.NoError(t, err)
			request, err := c.Request()
			require.NoError(t, err)
			got, err := dose.CollapsedCone{}.Compute(context.Background(), request)
			require.NoError(t, err)
			reference, evaluated := c.Scored(c.Dose), c.Scored(got.Dose)
			for _, criteria := range []struct{ percent, distance, pass float64 }{{3, 3, 98}, {2, 2, wanted.pass}} {
				g, err := gamma.Compute(context.Background(), reference, evaluated, gamma.Criteria{
					DosePercent: criteria.percent, Distance: criteria.distance, CutoffPercent: 10, StopOncePassed: true,
				})
				require.NoError(t, err)
				t.Logf("%g %%/%g mm: %.2f %% of %d voxels", criteria.percent, criteria.distance, g.PassRate, g.Points)
				assert.GreaterOrEqual(t, g.PassRate, criteria.pass)
			}
			want, have := c.OnAxis(c.Dose), c.OnAxis(got.Dose)
			worst, at := 0.0, 0.0
			for k := 1; k < len(want)-1; k++ {
				d := c.Depth(k)
				near := d < 10 || d > c.Depth(len(want)-1)-10
				for _, z := range wanted.interfaces {
					near = near || math.Abs(d-z) <= 10
				}
				off := 100 * ((have[k-1]+have[k]+have[k+1])/(want[k-1]+want[k]+want[k+1]) - 1)
				if !near && math.Abs(off) > math.Abs(worst) {
					worst, at = off, d
				}
			}
			t.Logf("axis: within %+.2f %% of local dose, at %g mm", worst, at)
			assert.LessOrEqual(t, math.Abs(worst), wanted.axis)
		})
	}
}
