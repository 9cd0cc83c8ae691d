package collapsedcone

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/heterogeneity"
)

// layered is a tank whose densities are given by voxel.
func layered(t testing.TB, half, deep, spacing float64, density func(i, j, k int) float32) *heterogeneity.Tissue {
	t.Helper()
	tissue := tank(t, half, deep, spacing)
	n := tissue.Density.Grid.Size()
	for k := range n[2] {
		for j := range n[1] {
			for i := range n[0] {
				tissue.Density.Data[tissue.Density.Grid.Offset(i, j, k)] = density(i, j, k)
			}
		}
	}
	return tissue
}

// bentAndStraight is the dose of a field of 30 mm with bent paths and without.
func bentAndStraight(t testing.TB, tissue *heterogeneity.Tissue, spectrum string, gantryDeg float64) (bent, straight []float64) {
	t.Helper()
	s := Setting{Directions: 48, Groups: 2}
	g := tissue.Density.Grid
	bent = compute(t, tissue, g, spectrum, s, []Pose{open(t, 15, gantryDeg)})
	s.Straight = true
	return bent, compute(t, tissue, g, spectrum, s, []Pose{open(t, 15, gantryDeg)})
}

func TestNothingIsBentWhereDensityIsEven(t *testing.T) {
	noise := rand.New(rand.NewPCG(1, 2))
	for name, density := range map[string]func(i, j, k int) float32{
		"water":      func(_, _, _ int) float32 { return 1 },
		"lung":       func(_, _, _ int) float32 { return 0.26 },
		"noisy lung": func(_, _, _ int) float32 { return 0.26 * (1 + 0.04*(2*noise.Float32()-1)) },
	} {
		bent, straight := bentAndStraight(t, layered(t, 30, 60, 3, density), "mohan1985_15mv", 0)
		assert.Equal(t, straight, bent, name)
	}
}

func TestBentPathsMoveEnergyAndKeepIt(t *testing.T) {
	// Electrons reach no wall of the tank.
	tissue := layered(t, 60, 120, 3, func(i, j, _ int) float32 {
		if j > 10 && j < 25 && i > 12 {
			return 0.3
		}
		return 1
	})
	bent, straight := bentAndStraight(t, tissue, "mohan1985_6mv", 20)
	var before, after, moved, most float64
	for i, d := range straight {
		mass := float64(tissue.Density.Data[i])
		before += d * mass
		after += bent[i] * mass
		moved += math.Abs(bent[i]-d) * mass
		most = max(most, d)
	}
	t.Logf("%.2f %% of the energy is moved, %.1e of it lost", 100*moved/before, after/before-1)
	assert.Greater(t, moved, 0.001*before)
	// What cones make up for leaves through the walls in part.
	assert.InEpsilon(t, before, after, 1e-5)
}

func TestBentPathsOfAMirroredMediumAreMirrored(t *testing.T) {
	density := func(i, j, _ int) float32 {
		if j > 6 && j < 14 && i > 11 {
			return 0.25
		}
		return 1
	}
	bent, straight := bentAndStraight(t, layered(t, 30, 60, 2.5, density), "mohan1985_6mv", 0)
	tissue := layered(t, 30, 60, 2.5, func(i, j, k int) float32 { return density(23-i, j, k) })
	bent2, straight2 := bentAndStraight(t, tissue, "mohan1985_6mv", 0)
	g := tissue.Density.Grid
	var squares, off float64
	for k := range 24 {
		for j := range 24 {
			for i := range 24 {
				a, b := g.Offset(i, j, k), g.Offset(23-i, j, k)
				one, other := bent[a]-straight[a], bent2[b]-straight2[b]
				squares += one * one
				off += (one - other) * (one - other)
			}
		}
	}
	require.Greater(t, squares, 0.0)
	// Doses are rounded, and a node on the wall of a voxel may count to either side.
	assert.Less(t, math.Sqrt(off/squares), 0.02)
}

func TestScatteringIsMoreOfTheSpreadAtHigherEnergy(t *testing.T) {
	kernels, err := machine.DepositionKernels()
	require.NoError(t, err)
	before := 0.0
	for _, k := range kernels {
		f := scattered(k)
		t.Logf("%5.1f MeV: %.2f", k.EnergyMeV, f)
		assert.Greater(t, f, before)
		before = f
	}
	k, err := machine.DepositionKernel(2)
	require.NoError(t, err)
	assert.InDelta(t, 0.7, scattered(k), 0.03)
}

func TestCurvedKernelsHoldAllPrimaryEnergy(t *testing.T) {
	for _, name := range []string{"mohan1985_6mv", "mohan1985_15mv"} {
		spectrum, err := machine.NamedSpectrum(name)
		require.NoError(t, err)
		p := gather(spectrum)
		bins, err := split(p, 2)
		require.NoError(t, err)
		kernels, err := curvedKernels(p, bins)
		require.NoError(t, err)
		for g, k := range kernels {
			// ∫ over radii Reach·x², trapezoids in x.
			var sum float64
			radii := len(k.Inside)/257 - 1
			for i := 1; i <= radii; i++ {
				for _, e := range []int{i - 1, i} {
					sum += float64(k.Inside[e*257+256]) * k.Reach * 2 * float64(e) / float64(radii) / float64(radii) / 2
				}
			}
			t.Logf("%s, group %d: %.4f within %.1f g/cm²", name, g, sum, k.Reach)
			assert.InDelta(t, 1, sum, 0.004)
		}
	}
}

func TestConesPointWhereTheirEnergyIs(t *testing.T) {
	spectrum, err := machine.NamedSpectrum("mohan1985_15mv")
	require.NoError(t, err)
	p := gather(spectrum)
	bins, err := split(p, 2)
	require.NoError(t, err)
	groups, err := kernels(p, bins)
	require.NoError(t, err)
	ds, rings := directions(112)
	// The mean cosine of the primary energy, ring by ring, and by fine steps.
	var all float64
	for g := range groups {
		all += groups[g].weight
	}
	between := func(low, high float64) (e float64) {
		for g := range groups {
			a := &groups[g].primary
			e += groups[g].weight / all * (a.energyWithin(high) - a.energyWithin(low))
		}
		return e
	}
	mean := func() (cos float64) {
		for _, r := range rings {
			cos += between(r.low, r.high) * math.Cos(r.polar)
		}
		return cos
	}
	var want float64
	const steps = 3600
	for i := range steps {
		low, high := math.Pi*float64(i)/steps, math.Pi*float64(i+1)/steps
		want += between(low, high) * math.Cos((low+high)/2)
	}
	before := mean()
	aim(ds, rings, groups)
	t.Logf("mean cosine %.4f, cones %.4f, aimed %.4f", want, before, mean())
	assert.InDelta(t, want, mean(), 3e-4)
	assert.Greater(t, math.Abs(before-want), 1e-3)
	for _, d := range ds {
		assert.InDelta(t, rings[d.ring].polar, math.Acos(d.unit[2]), 1e-9)
		assert.InDelta(t, 1, d.unit[0]*d.unit[0]+d.unit[1]*d.unit[1]+d.unit[2]*d.unit[2], 1e-12)
	}
}
