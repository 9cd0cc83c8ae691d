package heterogeneity_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerma-rt/kerma/heterogeneity"
	"gonum.org/v1/gonum/spatial/r3"
)

// part is a kernel of one exponential that keeps its width.
func part(rate float64) heterogeneity.PencilPart {
	p := heterogeneity.PencilPart{Rate: []float64{rate}, Drift: []float64{0, 0.7, 1}, DriftStep: 10}
	for d := 0.0; d <= 300; d += 5 {
		p.Depth = append(p.Depth, d)
		p.Integral = append(p.Integral, math.Exp(-0.005*d))
		p.Share = append(p.Share, 1)
	}
	return p
}

// evenSquare is even fluence, 2·half wide.
func evenSquare(half, step float64) heterogeneity.Fluence {
	n := int(2 * half / step)
	f := heterogeneity.Fluence{X: -half + step/2, Y: -half + step/2, Step: step, NX: n, NY: n, Value: make([]float64, n*n)}
	for i := range f.Value {
		f.Value[i] = 1
	}
	return f
}

// In a field wide against the kernel nothing is left of the spread: dose is
// Φ·L at the radiological depth, in any layers.
func TestWideFieldsGetTheIntegralAtTheRadiologicalDepth(t *testing.T) {
	tissue, f := slabs(t, slab{50, 1}, slab{100, 0.25}, slab{100, 1})
	b := heterogeneity.Beam{Tissue: tissue, Frame: f, Field: heterogeneity.Field{X0: -30, X1: 30, Y0: -30, Y1: 30}, Step: 2}
	s, err := heterogeneity.DensityScaled{}.Spread(t.Context(), b, evenSquare(32, 2), part(2), nil)
	require.NoError(t, err)
	require.InDelta(t, 175, s.Deepest(), 1)
	for depth, radiological := range map[float64]float64{20: 20, 90: 60, 140: 72.5, 200: 125} {
		dose := make([]float64, 1)
		s.Row(dose, r3.Vec{Z: -depth}, r3.Vec{X: 1})
		want := math.Exp(-0.005*radiological) * math.Pow(1000/(1000+depth), 2)
		require.InEpsilon(t, want, dose[0], 0.01, "%g mm", depth)
	}
}

// In a uniform medium of density ρ a field gets what one of ρ times its size
// gets in water: ∫ μ e^(−μr)/(2πr) over the square.
func TestWidthOfTheFieldCountsInDensity(t *testing.T) {
	const half, rate, depth = 15, 0.1, 120
	for _, density := range []float64{0.25, 1} {
		tissue, f := slabs(t, slab{240, density})
		b := heterogeneity.Beam{Tissue: tissue, Frame: f, Field: heterogeneity.Field{X0: -35, X1: 35, Y0: -35, Y1: 35}, Step: 2}
		s, err := heterogeneity.DensityScaled{}.Spread(t.Context(), b, evenSquare(half, 2), part(rate), nil)
		require.NoError(t, err)
		dose := make([]float64, 1)
		s.Row(dose, r3.Vec{Z: -depth}, r3.Vec{X: 1})
		var inside float64
		const n = 2000
		for i := range n {
			angle := (float64(i) + 0.5) / n * math.Pi / 4
			inside -= math.Expm1(-rate*density*half*(1+depth/1000.0)/math.Cos(angle)) / n
		}
		want := inside * math.Exp(-0.005*density*depth) * math.Pow(1000.0/(1000+depth), 2)
		t.Logf("density %g: %.5f, expected %.5f", density, dose[0], want)
		require.InEpsilon(t, want, dose[0], 0.015)
	}
}

func TestSpreadRefusesWhatIsIncomplete(t *testing.T) {
	tissue, f := slabs(t, slab{50, 1})
	b := heterogeneity.Beam{Tissue: tissue, Frame: f, Field: heterogeneity.Field{X0: -30, X1: 30, Y0: -30, Y1: 30}, Step: 2}
	short := part(1)
	short.Share = short.Share[1:]
	for _, c := range []struct {
		heterogeneity.Fluence
		heterogeneity.PencilPart
	}{
		{heterogeneity.Fluence{}, part(1)},
		{heterogeneity.Fluence{NX: 3, NY: 3, Step: 2}, part(1)},
		{evenSquare(10, 2), heterogeneity.PencilPart{}},
		{evenSquare(10, 2), short},
	} {
		_, err := heterogeneity.DensityScaled{}.Spread(t.Context(), b, c.Fluence, c.PencilPart, nil)
		require.ErrorIs(t, err, heterogeneity.ErrFactors)
	}
	b.Tissue = nil
	_, err := heterogeneity.DensityScaled{}.Spread(t.Context(), b, evenSquare(10, 2), part(1), nil)
	require.ErrorIs(t, err, heterogeneity.ErrDepths)
}
