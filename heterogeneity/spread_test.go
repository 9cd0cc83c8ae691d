package heterogeneity

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// In a uniform medium width scales with density, whatever the drift; behind an
// interface it goes over from one to the other.
func TestWidthScalesWithTheDensityAhead(t *testing.T) {
	p := PencilPart{Drift: []float64{0, 0.5, 0.8, 0.95, 1}, DriftStep: 10}
	ray := func(density func(z float64) float64) func(z float64) float64 {
		const step = 1
		depth := []float64{0}
		for z := 0.0; z < 400; z += step {
			depth = append(depth, depth[len(depth)-1]+step*density(z+step/2))
		}
		return func(z float64) float64 { return 1 / p.stretch(depth, int(z/step), step) }
	}
	for _, rho := range []float64{0.2, 1, 1.7} {
		require.InEpsilon(t, rho, ray(func(float64) float64 { return rho })(300), 1e-9)
	}
	slab := ray(func(z float64) float64 {
		if z > 100 && z < 250 {
			return 0.25
		}
		return 1
	})
	require.InEpsilon(t, 1, slab(100), 1e-9)
	require.Greater(t, slab(104), 0.6)
	before := 1.0
	for z := 105.0; z <= 250; z += 5 {
		require.LessOrEqual(t, slab(z), before+1e-9, "%g mm", z)
		before = slab(z)
	}
	require.InDelta(t, 0.25, before, 0.02)
	require.Less(t, slab(255), 0.9)
	require.InEpsilon(t, 1, slab(295), 1e-9)
}
