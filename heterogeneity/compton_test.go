package heterogeneity

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// Reference: NIST XCOM, incoherent scatter in water, cm²/g. Electrons are not
// free below some 100 keV.
func TestComptonScatterOfWater(t *testing.T) {
	for energy, want := range map[float64]float64{0.2: 0.1353, 0.5: 0.0966, 1: 0.07066, 2: 0.04901, 5: 0.02770} {
		require.InEpsilon(t, want, 10*comptonAttenuation(energy), 0.01, "%g MeV", energy)
		require.InEpsilon(t, energy, comptonEnergy(comptonAttenuation(energy)), 1e-6)
		var total float64
		const n = 2000
		for i := range n {
			crossSection, scattered := kleinNishina(energy, -1+2*(float64(i)+0.5)/n)
			require.LessOrEqual(t, scattered, energy)
			total += crossSection * 4 * math.Pi / n
		}
		require.InEpsilon(t, comptonAttenuation(energy), total*electronsPerCm3/10, 1e-4, "differential and total, %g MeV", energy)
	}
}
