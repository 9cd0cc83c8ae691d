package influence_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/dose"
	"github.com/kerma-rt/kerma/dose/influence"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/heterogeneity"
	"github.com/kerma-rt/kerma/internal/kernels/simd"
)

// layered asks for three beams, one of them oblique, on a target in water with
// a layer of lung.
func layered(t testing.TB) influence.Request {
	t.Helper()
	grid, err := geometry.NewGrid(r3.Vec{X: -72.5, Y: -72.5, Z: -72.5}, [3]float64{5, 5, 5}, [3]int{30, 30, 30}, geometry.IdentityAxes)
	require.NoError(t, err)
	density := geometry.NewVolume(grid)
	target := &geometry.Mask{Grid: grid, Box: grid.Box(), Fraction: make([]float32, grid.Len())}
	for n := range density.Data {
		density.Data[n] = 1
		if j := n / 30 % 30; j >= 8 && j < 12 {
			density.Data[n] = 0.3
		}
		if p := voxel(grid, n); r3.Norm(p) < 14 {
			target.Fraction[n] = 1
		}
	}
	r := influence.Request{
		Tissue:  &heterogeneity.Tissue{Density: density, ElectronDensity: density, Calibration: "none"},
		Machine: svd(t), Grid: grid, Cutoff: 30,
	}
	for _, pose := range []geometry.Pose{{GantryDeg: 0}, {GantryDeg: 140}, {GantryDeg: 40, CouchDeg: 20, CollimatorDeg: 15}} {
		pose.Position, pose.SAD = geometry.HFS, r.Machine.SAD
		b, err := influence.Cover(target, 5, pose, 5)
		require.NoError(t, err)
		r.Beams = append(r.Beams, b)
	}
	return r
}

func TestColumnsMadeInPiecesAreThoseMadeTogether(t *testing.T) {
	r := layered(t)
	for _, correction := range []heterogeneity.Correction{heterogeneity.EquivalentPathLength{}, heterogeneity.Batho{}} {
		engine := dose.PencilBeam{Heterogeneity: correction}
		r.Engine = engine
		whole, err := influence.Compute(t.Context(), r)
		require.NoError(t, err)
		columns := whole.Columns()
		require.Greater(t, columns, 100)
		first := len(r.Beams[0].Centre)
		for _, piece := range [][2]int{{0, 1}, {3, 11}, {first - 2, first + 5}, {first, columns}, {columns - 1, columns}} {
			from, to := piece[0], piece[1]
			var start, runStart []int64
			var value []float32
			var run []dose.Run
			result, err := engine.Beamlets(t.Context(), dose.BeamletRequest{
				Tissue: r.Tissue, Machine: r.Machine, Grid: r.Grid, Beams: r.Beams, Reach: r.Cutoff, From: from, To: to,
				Place: func(s, rs []int64) ([]float32, []dose.Run, error) {
					start, runStart = s, rs
					value, run = make([]float32, s[len(s)-1]), make([]dose.Run, rs[len(rs)-1])
					return value, run, nil
				},
			})
			require.NoError(t, err)
			require.Len(t, start, to-from+1)
			require.Len(t, runStart, to-from+1)
			require.Len(t, result.Beyond, to-from)
			require.Equal(t, whole.Value[whole.Start[from]:whole.Start[to]], value, "columns %d to %d, %s", from, to, correction.Name())
			require.Equal(t, whole.Run[whole.RunStart[from]:whole.RunStart[to]], run)
		}
	}
	for _, piece := range [][2]int{{-1, 1}, {2, 1}, {3, 3}, {0, 1_000_000}, {1, 0}} {
		_, err := dose.PencilBeam{}.Beamlets(t.Context(), dose.BeamletRequest{
			Tissue: r.Tissue, Machine: r.Machine, Grid: r.Grid, Beams: r.Beams, Reach: r.Cutoff, From: piece[0], To: piece[1],
			Place: func(_, _ []int64) ([]float32, []dose.Run, error) { panic("columns that are none") },
		})
		assert.ErrorIs(t, err, dose.ErrRequest, "columns %v", piece)
	}
}

// A bixel near an edge of the body, which none of its voxels are in reach of,
// alone.
func TestColumnWithoutVoxelsIsEmpty(t *testing.T) {
	r := layered(t)
	beam := r.Beams[0]
	beam.Centre = [][2]float64{{0, 0}, {100, 100}}
	r.Beams = []dose.Bixels{beam}
	for _, level := range simd.Available() {
		defer simd.Set(level)()
		matrix, err := influence.Compute(t.Context(), r)
		require.NoError(t, err)
		require.Equal(t, matrix.Start[1], matrix.Start[2])
		require.Positive(t, matrix.Start[1])
		store := made(t, r, t.TempDir())
		requireSameProducts(t, matrix, store)

		r := r
		r.Beams[0].Centre = [][2]float64{{100, 100}}
		matrix, err = influence.Compute(t.Context(), r)
		require.NoError(t, err)
		require.Zero(t, matrix.Entries())
		store = made(t, r, t.TempDir())
		require.NoError(t, store.Multiply(make([]float32, store.Voxels()), []float64{1}))
		r.Beams[0].Centre = beam.Centre
	}
}
