package machine

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/integrate/quad"
)

func TestSmoothKernelKeepsTheEnergyOfEveryElement(t *testing.T) {
	k, err := DepositionKernel(2.5)
	require.NoError(t, err)
	s, err := k.smooth()
	require.NoError(t, err)
	shells := len(k.Radius)
	for _, cone := range []int{0, 1, 7, 23, 40, 46, 47} {
		for _, shell := range []int{0, 1, 5, 10, 15, 23} {
			var inner, want float64
			if shell > 0 {
				inner = k.Radius[shell-1]
			}
			for c := range k.Fraction {
				want += k.Fraction[c][cone*shells+shell]
			}
			got := quad.Fixed(func(rho float64) float64 {
				return quad.Fixed(func(u float64) float64 { return s.density(rho, u, cone) }, s.edge[cone], s.edge[cone+1], 4, nil, 0)
			}, inner, k.Radius[shell], 40, nil, 0)
			assert.InDelta(t, want, got, 1e-4*want+1e-12, "cone %d, shell %d", cone, shell)
		}
	}
}

func TestSmoothKernelIsContinuousAcrossElements(t *testing.T) {
	k, err := DepositionKernel(6)
	require.NoError(t, err)
	s, err := k.smooth()
	require.NoError(t, err)
	const rho = 7.3
	for cone := 1; cone < len(s.radial); cone++ {
		u := s.edge[cone]
		below, above := s.density(rho, u, cone-1), s.density(rho, u, cone)
		assert.InDelta(t, below, above, 1e-9, "cone %d", cone)
		assert.Equal(t, cone, s.cone(u+1e-12))
		assert.Equal(t, cone-1, s.cone(u-1e-12))
	}
}
