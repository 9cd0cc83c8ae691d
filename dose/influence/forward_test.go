package influence_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kerma-rt/kerma/dose"
	"github.com/kerma-rt/kerma/dose/beam"
	"github.com/kerma-rt/kerma/dose/influence"
	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/geometry"
)

// segments is a plan of a few leaf settings that open the same bixels, and the
// monitor units that each bixel gets from it.
func segments(t testing.TB, m *machine.Machine, b dose.Bixels, number int) (*beam.Plan, []float64) {
	t.Helper()
	random := rand.New(rand.NewPCG(11, 12))
	low, high := [2]float64{math.Inf(1), math.Inf(1)}, [2]float64{math.Inf(-1), math.Inf(-1)}
	for _, c := range b.Centre {
		for a, x := range c {
			low[a], high[a] = min(low[a], x), max(high[a], x)
		}
	}
	nx, ny := int(math.Round((high[0]-low[0])/b.Size))+1, int(math.Round((high[1]-low[1])/b.Size))+1
	at := make([]int, nx*ny)
	for i := range at {
		at[i] = -1
	}
	for n, c := range b.Centre {
		at[int(math.Round((c[1]-low[1])/b.Size))*nx+int(math.Round((c[0]-low[0])/b.Size))] = n
	}
	leaves := beam.Device{Kind: beam.MLCX, Name: "MLCX"}
	for j := range ny + 1 {
		leaves.Boundaries = append(leaves.Boundaries, low[1]+(float64(j)-0.5)*b.Size)
	}
	one := beam.Beam{
		Number: 1, EnergyMV: m.EnergyMV, FluenceMode: beam.FluenceMode(m.FluenceMode), Unit: beam.MonitorUnits,
		SAD: m.SAD, Position: b.Pose.Position, Devices: []beam.Device{leaves},
	}
	mu := make([]float64, len(b.Centre))
	for s := range number {
		positions := make([]float64, 2*ny)
		for j := range ny {
			// The longest row of bixels without a gap, shortened.
			first, end, from := 0, 0, 0
			for i := 0; i <= nx; i++ {
				if i < nx && at[j*nx+i] >= 0 {
					continue
				}
				if i-from > end-first {
					first, end = from, i
				}
				from = i + 1
			}
			if s > 0 && end > first {
				first += random.IntN(end - first)
				end -= random.IntN(end - first)
			}
			positions[j], positions[ny+j] = low[0]+(float64(first)-0.5)*b.Size, low[0]+(float64(end)-0.5)*b.Size
			for i := first; i < end; i++ {
				mu[at[j*nx+i]] += 1 / float64(number)
			}
		}
		point := beam.ControlPoint{
			Weight: float64(s) / float64(number), GantryDeg: b.Pose.GantryDeg, CollimatorDeg: b.Pose.CollimatorDeg, CouchDeg: b.Pose.CouchDeg,
			Isocentre: b.Pose.Isocentre, Positions: [][]float64{positions},
		}
		end := point
		end.Weight = float64(s+1) / float64(number)
		one.Points = append(one.Points, point, end)
	}
	return &beam.Plan{
		Beams:  []beam.Beam{one},
		Groups: []beam.FractionGroup{{Number: 1, Fractions: 1, Beams: []beam.BeamMeterset{{BeamNumber: 1, Meterset: 1}}}},
	}, mu
}

// Kernels are cut at 40 mm here, so that no dose lies beyond the cut-off. What
// is left is how the maps of a plan take the far part of kernels from coarse
// pixels: the columns are their exact tables within 1e-4, rms of 1e-5 (see
// TestColumnsAreTheTablesOfTheirBixels in package dose).
func TestMatrixTimesWeightsIsTheForwardDose(t *testing.T) {
	tissue, target, _ := phantom(t)
	grid, err := tissue.ElectronDensity.Grid.WithSpacing([3]float64{6, 5, 5})
	require.NoError(t, err)
	m := svd(t)
	for _, lateral := range m.Pencil.Lateral {
		for k := range lateral {
			lateral[k].Radius, lateral[k].Value = lateral[k].Radius[:81], lateral[k].Value[:81]
		}
	}
	for _, pose := range []geometry.Pose{{}, {GantryDeg: 40, CouchDeg: 20}, {GantryDeg: 200, CollimatorDeg: 30}} {
		pose.Position, pose.Isocentre, pose.SAD = geometry.HFS, influence.Isocentre(target), m.SAD
		b, err := influence.Cover(target, 5, pose, 5)
		require.NoError(t, err)
		plan, mu := segments(t, m, b, 3)
		forward, err := dose.PencilBeam{}.Compute(t.Context(), dose.Request{Tissue: tissue, Plan: plan, Machines: machine.Set{m}, Grid: grid})
		require.NoError(t, err)
		matrix, err := influence.Compute(t.Context(), influence.Request{Tissue: tissue, Machine: m, Grid: grid, Beams: []dose.Bixels{b}, Cutoff: 60})
		require.NoError(t, err)
		assert.Less(t, slices.Max(matrix.Lost), 1e-9)
		sum := make([]float32, grid.Len())
		require.NoError(t, matrix.Multiply(sum, mu))
		most := float64(slices.Max(forward.Dose.Data))
		worst, square := 0.0, 0.0
		for v, d := range forward.Dose.Data {
			diff := math.Abs(float64(sum[v])-float64(d)) / most
			worst = max(worst, diff)
			square += diff * diff
		}
		rms := math.Sqrt(square / float64(grid.Len()))
		t.Logf("gantry %g°, couch %g°: at most %.1g, rms %.1g of the maximum", pose.GantryDeg, pose.CouchDeg, worst, rms)
		assert.Less(t, worst, 1e-3)
		assert.Less(t, rms, 1e-4)
	}
}
