package machine_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kerma-rt/kerma/dose/machine"
)

func TestMixturesAgreeWithTheTabulatedMaterials(t *testing.T) {
	for name, fractions := range map[string]map[int]float64{
		"water_liquid":         {1: 0.111894, 8: 0.888106},
		"air_dry":              {6: 0.000124, 7: 0.755267, 8: 0.231781, 18: 0.012827},
		"bone_cortical_icru44": {1: 0.034, 6: 0.155, 7: 0.042, 8: 0.435, 11: 0.001, 12: 0.002, 15: 0.103, 16: 0.003, 20: 0.225},
	} {
		want, err := machine.AttenuationOf(name)
		require.NoError(t, err)
		got, err := machine.MixtureAttenuation(name, fractions)
		require.NoError(t, err)
		var mu, absorbed float64
		for e := 0.02; e <= 20; e *= 1.03 {
			mu = max(mu, math.Abs(got.Mass(e)/want.Mass(e)-1))
			absorbed = max(absorbed, math.Abs(got.MassEnergyAbsorption(e)/want.MassEnergyAbsorption(e)-1))
		}
		t.Logf("%s: μ within %.3f %%, μen within %.3f %%", name, 100*mu, 100*absorbed)
		assert.Less(t, mu, 0.003, name)
		assert.Less(t, absorbed, 0.006, name)
	}
}

func TestMixturesThatAreNoneAreRefused(t *testing.T) {
	var material *machine.MaterialError
	for _, f := range []map[int]float64{{}, {1: 0.5}, {200: 1}, {8: math.NaN()}, {1: -1, 8: 2}} {
		_, err := machine.MixtureAttenuation("x", f)
		require.ErrorAs(t, err, &material)
	}
}
