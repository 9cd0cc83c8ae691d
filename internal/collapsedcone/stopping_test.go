package collapsedcone

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kerma-rt/kerma/heterogeneity"
)

func TestStoppingPowerOfWater(t *testing.T) {
	// NIST ESTAR, collision, MeV cm²/g.
	water, err := stopperOf("water_liquid")
	require.NoError(t, err)
	water.density = 1
	for energy, want := range map[float64]float64{0.01: 22.56, 0.1: 4.115, 1: 1.849, 2: 1.824, 10: 1.968} {
		assert.InEpsilon(t, want, water.collision(energy), 0.006, "%g MeV", energy)
	}
}

func TestRatiosToWater(t *testing.T) {
	// As used for 6 MV Monte Carlo: near 1 in soft matter, 1.1 in cortical bone
	// and air.
	for name, want := range map[string]struct{ density, low, high float64 }{
		"water_liquid":           {1, 0.9999, 1.0001},
		"muscle_skeletal_icru44": {1.05, 1.005, 1.015},
		"lung_icru44":            {0.26, 0.985, 1.01},
		"bone_cortical_icru44":   {1.85, 1.09, 1.13},
		"air_dry":                {0.0012, 1.08, 1.14},
		"aluminium":              {2.7, 1.2, 1.28},
	} {
		m, err := stopperOf(name)
		require.NoError(t, err)
		m.density = want.density
		water, err := stopperOf("water_liquid")
		require.NoError(t, err)
		water.density = 1
		s := m.waterRatio(water, 1.5)
		t.Logf("%s: %.3f", name, s)
		assert.True(t, s > want.low && s < want.high, "%s: %g", name, s)
	}
}

func TestEveryTissueIsKnown(t *testing.T) {
	for _, m := range heterogeneity.Materials() {
		a, err := attenuation(m.Name)
		require.NoError(t, err, m.Name)
		assert.Greater(t, a.Mass(1), 0.02, m.Name)
		s, err := stopperOf(m.Name)
		require.NoError(t, err, m.Name)
		assert.Greater(t, s.excitation, 50.0, m.Name)
	}
}

func TestBraggRuleGivesTheTabulatedEnergies(t *testing.T) {
	for _, name := range []string{"water_liquid", "muscle_skeletal_icru44", "bone_cortical_icru44"} {
		m, _ := heterogeneity.MaterialNamed(name)
		var sum, weight float64
		for _, e := range m.Elements {
			c := constituents[e.Z]
			w := e.MassFraction * float64(e.Z) / c.mass
			sum, weight = sum+w*math.Log(c.excitation), weight+w
		}
		assert.InEpsilon(t, m.ExcitationEnergy, math.Exp(sum/weight), 0.06, name)
	}
}
