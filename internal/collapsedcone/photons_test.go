package collapsedcone

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kerma-rt/kerma/dose/machine"
)

func TestGatheredSpectrum(t *testing.T) {
	water, err := machine.AttenuationOf("water_liquid")
	require.NoError(t, err)
	for _, name := range []string{"alirogers2012_varian_6mv", "alirogers2012_varian_18mv", "mohan1985_6mv"} {
		s, err := machine.NamedSpectrum(name)
		require.NoError(t, err)
		p := gather(s)
		var worst float64
		for depth := 0.0; depth <= 30; depth += 3 {
			var want, got float64
			for b, n := range s.Number {
				if n > 0 {
					e := s.Energy(b)
					want += n * e * water.MassEnergyAbsorption(e) * math.Exp(-water.Mass(e)*depth)
				}
			}
			for b, e := range p.energy {
				got += p.number[b] * e * water.MassEnergyAbsorption(e) * math.Exp(-water.Mass(e)*depth)
			}
			worst = max(worst, math.Abs(got/want-1))
		}
		t.Logf("%s: %d of %d energies, collision kerma to 30 cm within %.3f %%", name, len(p.energy), len(s.Number), 100*worst)
		assert.Less(t, worst, 0.001)
	}
}
