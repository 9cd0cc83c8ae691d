package dose

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kerma-rt/kerma/dose/beam"
	"github.com/kerma-rt/kerma/dose/machine"
)

func TestOpeningHasTheRadiusOfItsEquivalentSquare(t *testing.T) {
	field := func(leak, source float64, half [2]float64) (float64, *beam.Fluence) {
		devices := []beam.Device{{Kind: beam.JawX, Name: "X"}, {Kind: beam.JawY, Name: "Y"}}
		aperture := beam.Aperture{MU: 7, Positions: [][]float64{{-half[0], half[0]}, {-half[1], half[1]}}}
		f, err := beam.NewFluence(devices, []beam.Aperture{aperture}, beam.Leakage{}, 20, 0.5, 8)
		require.NoError(t, err)
		f.Add(devices, aperture, beam.Leakage{Jaws: leak})
		f.Blur(source)
		radius, around := opening(f)
		assert.InDelta(t, 2*half[0], around.X1-around.X0, 2+4*source)
		return radius, f
	}
	for _, c := range []struct{ x, y, side float64 }{{50, 50, 100}, {25, 100, 80}, {15.2, 15.2, 30.4}} {
		for _, leak := range []float64{0, 0.02} {
			for _, source := range []float64{0, 2} {
				radius, _ := field(leak, source, [2]float64{c.x, c.y})
				assert.InEpsilon(t, c.side/math.Sqrt(math.Pi), radius, 0.03, "%+v, leakage %g, source %g mm", c, leak, source)
			}
		}
	}
	_, f := field(0, 0, [2]float64{20, 20})
	clear(f.Value)
	radius, _ := opening(f)
	assert.Zero(t, radius)
}

// Electrons per gram give 0.927 for cortical bone and 0.868 for aluminium; pair
// production adds to that.
func TestAbsorptionRatiosOfTissues(t *testing.T) {
	s, err := machine.NamedSpectrum("mohan1985_6mv")
	require.NoError(t, err)
	a := absorptionRatios{s}
	for material, want := range map[string]float64{"water_liquid": 1, "bone_cortical_icru44": 0.935, "lung_icru44": 0.991, "adipose_icru44": 1.0, "aluminium": 0.885} {
		got, err := a.AbsorptionRatio(material)
		require.NoError(t, err)
		t.Logf("%s: %.4f", material, got)
		assert.InDelta(t, want, got, 0.01, material)
		attenuation, err := a.AttenuationRatio(material)
		require.NoError(t, err)
		assert.InDelta(t, 1, attenuation, 0.03, material)
	}
	tissue, err := a.AbsorptionRatio("schneider2000_10")
	require.NoError(t, err)
	assert.InDelta(t, 0.99, tissue, 0.02)
	var unknown *machine.MaterialError
	_, err = a.AbsorptionRatio("unheard of")
	require.ErrorAs(t, err, &unknown)
}

func TestTissueRatiosAreThoseOfTheKernel(t *testing.T) {
	m, err := machine.Generic("generic_6mv")
	require.NoError(t, err)
	ratios := newTissueRatios(m.Pencil)
	values := make([]float64, m.Pencil.Depth.Components)
	for _, depth := range []float64{15, 57.3, 100, 251} {
		for _, radius := range []float64{3, 17.7, 56, 120} {
			var want float64
			for k, v := range m.Pencil.Depth.At(depth, 1, values) {
				want += v * m.Pencil.Lateral[0][k].Integral(radius)
			}
			require.InEpsilon(t, want, ratios.TissueRatio(depth, radius), 3e-3, "depth %g, radius %g", depth, radius)
		}
	}
	// The circle stands for the square of its area.
	r := 100 / math.Sqrt(math.Pi)
	tpr := ratios.TissueRatio(200, r) / ratios.TissueRatio(100, r)
	want := m.OnAxis(100, 800, 200) / m.OnAxis(100, 900, 100)
	t.Logf("TPR20,10 %.4f, of the square %.4f", tpr, want)
	assert.InEpsilon(t, want, tpr, 5e-3)
}
