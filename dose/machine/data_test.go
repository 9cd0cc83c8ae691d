package machine

import (
	"encoding/csv"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Hubbell and Seltzer, NISTIR 5632; the numbers are NIST's, typed from the
// reference sheet and not from the embedded tables.
func TestAttenuationIsNIST(t *testing.T) {
	for _, c := range []struct {
		material       string
		energy         float64
		mass, absorbed float64
	}{
		{"water_liquid", 1, 0.07072, 0.03103},
		{"water_liquid", 1.25, 0.06323, 0.02965},
		{"water_liquid", 6, 0.02770, 0.01806},
		{"water_liquid", 10, 0.02219, 0.01566},
		{"air_dry", 1, 0.06358, 0.02789},
		{"bone_cortical_icru44", 0.1, 0.1855, 0.04585},
		{"adipose_icru44", 6, 0.02725, 0.01773},
		{"aluminium", 20, 0.02168, 0.01633},
		{"lung_inflated_icru44", 2, 0.049, 0.02586},
		{"pmma", 20, math.NaN(), math.NaN()},
	} {
		a, err := AttenuationOf(c.material)
		require.NoError(t, err)
		if math.IsNaN(c.mass) {
			assert.False(t, math.IsNaN(a.Mass(c.energy)), "%s at the end of its table", c.material)
			continue
		}
		assert.InEpsilon(t, c.mass, a.Mass(c.energy), 0.002, "μ/ρ of %s at %g MeV", c.material, c.energy)
		assert.InEpsilon(t, c.absorbed, a.MassEnergyAbsorption(c.energy), 0.002, "μen/ρ of %s at %g MeV", c.material, c.energy)
	}
}

func TestAttenuationBetweenTableEnergiesFollowsAPowerLaw(t *testing.T) {
	a, err := AttenuationOf("water_liquid")
	require.NoError(t, err)
	e := math.Sqrt(4.0 * 5.0)
	assert.InEpsilon(t, math.Sqrt(a.Mass(4)*a.Mass(5)), a.Mass(e), 1e-12)
}

func TestAttenuationAtAnEdgeTakesTheUpperSide(t *testing.T) {
	lead, err := AttenuationOf("lead")
	require.NoError(t, err)
	const k = 0.0880045 // K edge, MeV
	assert.InEpsilon(t, 7.683, lead.Mass(k), 0.002)
	assert.Less(t, lead.Mass(k*(1-1e-9)), 2.0)
}

func TestAttenuationOutsideItsTableIsNotANumber(t *testing.T) {
	a, err := AttenuationOf("water_liquid")
	require.NoError(t, err)
	for _, e := range []float64{-1, 0, 0.0009, 20.1, math.Inf(1), math.NaN()} {
		assert.True(t, math.IsNaN(a.Mass(e)), "%g MeV", e)
	}
	_, err = AttenuationOf("unobtainium")
	var missing *MaterialError
	require.ErrorAs(t, err, &missing)
	assert.Equal(t, "unobtainium", missing.Material)
}

func TestSpectraHaveTheirPublishedMeans(t *testing.T) {
	for name, c := range map[string]struct{ mean, tolerance float64 }{
		"nrc_co60":                  {1.055, 0.01},
		"alirogers2012_varian_10mv": {2.836, 0.005},
		"mohan1985_6mv":             {1.899, 0.005},
		"mohan1985_15mv":            {4.055, 0.005},
	} {
		s, err := NamedSpectrum(name)
		require.NoError(t, err)
		assert.InEpsilon(t, c.mean, s.MeanEnergy(), c.tolerance, name)
	}
}

func TestEverySpectrumIsReadable(t *testing.T) {
	names := SpectrumNames()
	assert.Len(t, names, 20)
	for _, name := range names {
		s, err := NamedSpectrum(name)
		require.NoError(t, err)
		var sum float64
		for _, n := range s.Number {
			sum += n
		}
		assert.InDelta(t, 1, sum, 1e-12, name)
	}
}

func TestCollisionKermaToTermaOfMohan6MV(t *testing.T) {
	s, err := NamedSpectrum("mohan1985_6mv")
	require.NoError(t, err)
	water, err := AttenuationOf("water_liquid")
	require.NoError(t, err)
	var kerma, terma float64
	for i, n := range s.Number {
		e := s.Energy(i)
		kerma += n * e * water.MassEnergyAbsorption(e)
		terma += n * e * water.Mass(e)
	}
	assert.InDelta(t, 0.517, kerma/terma, 0.002)
}

func TestBadSpectraAreRefused(t *testing.T) {
	for name, csv := range map[string]string{
		"no column":   "energy_low_MeV,photon_number_fraction\n0,1\n",
		"no rows":     "energy_low_MeV,energy_high_MeV,photon_number_fraction\n",
		"overlap":     "energy_low_MeV,energy_high_MeV,photon_number_fraction\n0,1,1\n0.5,2,1\n",
		"falling":     "energy_low_MeV,energy_high_MeV,photon_number_fraction\n1,0.5,1\n",
		"negative":    "energy_low_MeV,energy_high_MeV,photon_number_fraction\n0,1,-1\n",
		"not a float": "energy_low_MeV,energy_high_MeV,photon_number_fraction\n0,1,x\n",
		"NaN":         "energy_low_MeV,energy_high_MeV,photon_number_fraction\n0,1,NaN\n",
		"all zero":    "energy_low_MeV,energy_high_MeV,photon_number_fraction\n0,1,0\n",
		"empty":       "",
	} {
		_, err := ReadSpectrum(strings.NewReader(csv), name)
		var bad *SpectrumError
		assert.ErrorAs(t, err, &bad, name)
	}
	_, err := NamedSpectrum("../attenuation/nist_lead")
	assert.Error(t, err)
}

// testdata/edk_fractions.csv came with the kernels and was summed by their maker.
func TestKernelsHoldTheEnergyTheirMakerCounted(t *testing.T) {
	kernels, err := DepositionKernels()
	require.NoError(t, err)
	f, err := os.Open("testdata/edk_fractions.csv")
	require.NoError(t, err)
	defer f.Close()
	in := csv.NewReader(f)
	in.Comment = '#'
	rows, err := in.ReadAll()
	require.NoError(t, err)
	require.Len(t, kernels, len(rows)-1)
	for i, row := range rows[1:] {
		k := kernels[i]
		require.Len(t, k.AngleDeg, 48)
		require.Len(t, k.Radius, 24)
		assert.Equal(t, 600.0, k.Radius[23])
		var total float64
		for c := range Categories {
			want, err := strconv.ParseFloat(row[1+c], 64)
			require.NoError(t, err)
			assert.InDelta(t, want, k.Total(Category(c)), 2e-5, "%g MeV, category %d", k.EnergyMeV, c)
			total += k.Total(Category(c))
		}
		want, err := strconv.ParseFloat(row[6], 64)
		require.NoError(t, err)
		assert.InDelta(t, want, total, 2e-5, "%g MeV", k.EnergyMeV)
	}
}

// Electrons set free at the origin carry the collision kerma, so the primary
// share is μen/μ.
func TestPrimaryShareOfKernelsIsEnergyAbsorption(t *testing.T) {
	water, err := AttenuationOf("water_liquid")
	require.NoError(t, err)
	for _, e := range []float64{0.2, 0.5, 0.8, 1, 1.25, 1.5, 2, 3, 4, 6, 8, 10, 15, 20} {
		k, err := DepositionKernel(e)
		require.NoError(t, err)
		want := water.MassEnergyAbsorption(e) / water.Mass(e)
		assert.InEpsilon(t, want, k.Total(Primary), 0.005, "%g MeV", e)
	}
}

func TestKernelOutsideItsEnergiesIsRefused(t *testing.T) {
	for _, e := range []float64{math.NaN(), -1, 0, 1e-4, 20.5, math.Inf(1)} {
		_, err := DepositionKernel(e)
		var outside *EnergyRangeError
		assert.ErrorAs(t, err, &outside, "%g MeV", e)
	}
	low, err := DepositionKernel(0.05)
	require.NoError(t, err)
	kernels, err := DepositionKernels()
	require.NoError(t, err)
	assert.Equal(t, kernels[0].Fraction, low.Fraction)
}
