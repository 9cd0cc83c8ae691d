package collapsedcone

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/internal/kernels/cones"
)

func TestExponentialsMeetThePointKernels(t *testing.T) {
	for _, name := range []string{"mohan1985_6mv", "mohan1985_15mv"} {
		s, err := machine.NamedSpectrum(name)
		require.NoError(t, err)
		p := gather(s)
		bins, err := split(p, 2)
		require.NoError(t, err)
		groups, err := kernels(p, bins)
		require.NoError(t, err)
		released := [2][]float64{}
		released[0], released[1], err = weights(p)
		require.NoError(t, err)
		for g := range groups {
			var worst, data, sum [2]float64
			first, err := machine.DepositionKernel(1)
			require.NoError(t, err)
			for i, r := range first.Radius {
				for _, b := range bins[g] {
					k, err := machine.DepositionKernel(p.energy[b])
					require.NoError(t, err)
					primary := k.Total(machine.Primary)
					for c := range k.AngleDeg {
						at := c*len(k.Radius) + i
						data[0] += released[0][b] * k.Fraction[machine.Primary][at] / primary
						for s := machine.FirstScatter; int(s) < machine.Categories; s++ {
							data[1] += released[1][b] * k.Fraction[s][at] / (1 - primary)
						}
					}
					if i == 0 {
						sum[0] += released[0][b]
						sum[1] += released[1][b]
					}
				}
				var fit [2]float64
				for j := range cones.Channels {
					inside := 1 - math.Exp(-cones.Coefficient(j)*r/10)
					if last := len(first.AngleDeg); j < cones.Primary {
						fit[0] += inside * groups[g].primary.inside[last][j]
					} else {
						fit[1] += inside * groups[g].scatter.inside[last][j-cones.Primary]
					}
				}
				for q := range 2 {
					worst[q] = max(worst[q], math.Abs(fit[q]-data[q]/sum[q]))
				}
			}
			t.Logf("%s, group %d: energy inside a radius within %.2f %% (primary), %.2f %% (scatter) of the whole", name, g, 100*worst[0], 100*worst[1])
			assert.Less(t, worst[0], 0.008)
			assert.Less(t, worst[1], 0.004)
		}
	}
}

func TestEveryRayReleasesItsEnergy(t *testing.T) {
	s, err := machine.NamedSpectrum("mohan1985_6mv")
	require.NoError(t, err)
	p := gather(s)
	bins, err := split(p, 2)
	require.NoError(t, err)
	groups, err := kernels(p, bins)
	require.NoError(t, err)
	for _, n := range []int{48, 112} {
		ds, rings := directions(n)
		var sphere float64
		for _, d := range ds {
			sphere += rings[d.ring].solidAngle
		}
		assert.InDelta(t, 4*math.Pi, sphere, 1e-9)
		sp := &spread{largest: 0.3}
		for i := range sp.weight {
			sp.weight[i] = 1
		}
		fits := make([]polynomials, len(rings))
		for i, r := range rings {
			fits[i], err = r.fit(groups, sp)
			require.NoError(t, err)
		}
		b := newBalance(groups, ds, fits, sp.largest)
		row := make([]float64, len(groups)*cones.Channels)
		for _, chord := range []float64{0, 0.05, 0.17, 0.29} {
			for _, turn := range []float64{0.3, 2, 4} {
				sin, cos := math.Sincos(angle(chord))
				ray := [3]float64{sin * math.Cos(turn), sin * math.Sin(turn), cos}
				p, s := make([]float64, len(groups)), make([]float64, len(groups))
				var sum float64
				for _, d := range ds {
					x := min(dot(ray[:], d.unit[:]), 1)
					fits[d.ring].sums(x, p, s)
					rings[d.ring].exact(groups, math.Acos(x), row)
					for _, v := range row[:cones.Primary] {
						sum += v
					}
				}
				i, part := b.at(chord)
				all := b.primary[i][0] + part*(b.primary[i+1][0]-b.primary[i][0])
				// What is left depends on the turn about the axis.
				assert.InDelta(t, 1, p[0]/all, 0.01, "%d directions, chord %g, turn %g", n, chord, turn)
				assert.InDelta(t, 1, p[0]/sum, 0.01, "%d directions, chord %g, turn %g, beside the exact shares", n, chord, turn)
			}
		}
	}
}

func TestBasisMixesEveryTissue(t *testing.T) {
	s, err := machine.NamedSpectrum("mohan1985_6mv")
	require.NoError(t, err)
	p := gather(s)
	materials := []string{"air_dry", "lung_icru44", "adipose_icru44", "water_liquid", "muscle_skeletal_icru44", "bone_cortical_icru44", "titanium"}
	for i := range 24 {
		materials = append(materials, "schneider2000_"+string([]byte{'0' + byte((i+1)/10), '0' + byte((i+1)%10)}))
	}
	b, err := newBasis(materials, []photons{p})
	require.NoError(t, err)
	require.LessOrEqual(t, len(b.of), 5)
	var worst float64
	for m, name := range materials {
		a, err := attenuation(name)
		require.NoError(t, err)
		for _, e := range p.energy {
			if e < 0.15 {
				continue
			}
			var mu float64
			for k, c := range b.coefficient[m] {
				mu += c * b.of[k].Mass(e)
			}
			worst = max(worst, math.Abs(mu/a.Mass(e)-1))
		}
	}
	t.Logf("%d basis materials for %d: attenuation within %.2f %%", len(b.of), len(materials), 100*worst)
	assert.Less(t, worst, 0.003)
}
