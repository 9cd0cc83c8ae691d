package influence_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/dose"
	"github.com/kerma-rt/kerma/dose/influence"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/internal/kernels/simd"
)

func compute(t testing.TB, r influence.Request) *influence.Matrix {
	t.Helper()
	m, err := influence.Compute(t.Context(), r)
	require.NoError(t, err)
	return m
}

// columns checks that a matrix is what Matrix says, and adds its columns up.
func columns(t testing.TB, m *influence.Matrix) []float64 {
	t.Helper()
	require.Len(t, m.Start, m.Columns()+1)
	require.Len(t, m.RunStart, m.Columns()+1)
	require.EqualValues(t, len(m.Value), m.Start[m.Columns()])
	require.EqualValues(t, len(m.Run), m.RunStart[m.Columns()])
	sums := make([]float64, m.Columns())
	for j := range sums {
		last, n := int32(0), int64(0)
		for _, r := range m.Run[m.RunStart[j]:m.RunStart[j+1]] {
			require.GreaterOrEqual(t, r.First, last, "runs ascend")
			require.Greater(t, r.End, r.First)
			last = r.End
			n += int64(r.End - r.First)
		}
		require.LessOrEqual(t, int(last), m.Voxels())
		require.Equal(t, m.Start[j+1]-m.Start[j], n)
		for _, v := range m.Value[m.Start[j]:m.Start[j+1]] {
			sums[j] += float64(v)
		}
	}
	return sums
}

// Levels differ in the last bits of depths, so of values, but never in which
// voxels a column has.
func TestSameBitsForAnyNumberOfThreadsAndTheSameVoxelsOnEveryLevel(t *testing.T) {
	r := layered(t)
	reference := compute(t, r)
	most := slices.Max(reference.Value)
	for _, level := range simd.Available() {
		restore := simd.Set(level)
		r.Threads, r.Threshold = 1, 0
		whole := compute(t, r)
		r.Threshold = 0.01
		thin := compute(t, r)
		columns(t, thin)
		for _, threads := range []int{3, 0} {
			r.Threads, r.Threshold = threads, 0
			got := compute(t, r)
			require.Equal(t, whole.Value, got.Value)
			require.Equal(t, whole.Lost, got.Lost)
			r.Threshold = 0.01
			got = compute(t, r)
			require.Equal(t, thin.Run, got.Run)
			require.Equal(t, thin.Value, got.Value)
		}
		restore()
		require.Equal(t, reference.Start, whole.Start, level)
		require.Equal(t, reference.Run, whole.Run, level)
		for i, v := range whole.Value {
			require.InDelta(t, reference.Value[i], v, 1e-5*float64(most), level)
		}
	}
}

func TestTooLittleMemoryIsRefusedBeforeAnyDose(t *testing.T) {
	r := layered(t)
	m := compute(t, r)
	r.MaxBytes = 1000
	_, err := influence.Compute(t.Context(), r)
	var size *influence.SizeError
	require.ErrorAs(t, err, &size)
	assert.EqualValues(t, 1000, size.Allowed)
	assert.InEpsilon(t, 4*len(m.Value)+8*len(m.Run), size.Needed, 0.05)
	r.MaxBytes = size.Needed
	require.Equal(t, m.Value, compute(t, r).Value)
}

func TestThresholdLeavesOutWhatIsBelowIt(t *testing.T) {
	r := layered(t)
	whole := compute(t, r)
	r.Threshold = 0.02
	thin := compute(t, r)
	columns(t, thin)
	require.Less(t, len(thin.Value), len(whole.Value)/2)
	for j := range whole.Columns() {
		most := float32(0)
		all := map[int32]float32{}
		index := whole.Index(nil, j)
		for i, v := range whole.Value[whole.Start[j]:whole.Start[j+1]] {
			all[index[i]] = v
			most = max(most, v)
		}
		least := float32(0.02 * float64(most))
		index = thin.Index(nil, j)
		for i, v := range thin.Value[thin.Start[j]:thin.Start[j+1]] {
			require.Equal(t, all[index[i]], v)
			require.GreaterOrEqual(t, v, least)
			delete(all, index[i])
		}
		for _, v := range all {
			require.Less(t, v, least)
		}
	}
}

func TestCompensatedColumnsKeepTheirDose(t *testing.T) {
	r := layered(t)
	r.Cutoff = 180
	want := columns(t, compute(t, r))
	for _, threshold := range []float64{0, 0.01} {
		r.Cutoff, r.Threshold, r.Compensate = 30, threshold, false
		m := compute(t, r)
		plain := columns(t, m)
		r.Compensate = true
		scaled := columns(t, compute(t, r))
		for j, w := range want {
			require.Less(t, plain[j], 0.95*w)
			require.InEpsilon(t, plain[j], w*(1-m.Lost[j]), 0.01)
			require.InEpsilon(t, w, scaled[j], 0.01)
		}
	}
}

// What is lost is estimated on some voxels.
func TestLostDoseIsWhatALargerReachGains(t *testing.T) {
	r := layered(t)
	r.Cutoff = 180 // nearly where the kernel ends
	all := compute(t, r)
	want := columns(t, all)
	r.Cutoff = 40
	m := compute(t, r)
	kept := columns(t, m)
	worst := 0.0
	for j, l := range m.Lost {
		exact := 1 - kept[j]/want[j]
		worst = max(worst, max(l-exact, exact-l)/exact)
	}
	t.Logf("%.1f %% lost, known to %.1f %% of that", 100*m.Lost[0], 100*worst)
	assert.Less(t, worst, 0.05)
	for _, l := range all.Lost {
		assert.Less(t, l, 0.002)
	}
}

func TestMemoryOfAnOldMatrixIsTakenOver(t *testing.T) {
	r := layered(t)
	want := compute(t, r)
	old := compute(t, r)
	at := &old.Value[0]
	r.Reuse = old
	got := compute(t, r)
	assert.Same(t, at, &got.Value[0])
	assert.Equal(t, want.Value, got.Value)
	assert.Empty(t, old.Value)
}

// The corner of the square around a circle, and a grid beside the beam.
func TestGridOutOfReachGivesEmptyColumns(t *testing.T) {
	r := layered(t)
	r.Beams = r.Beams[:1]
	r.Beams[0].Centre = [][2]float64{{0, 0}, {5, 0}}
	for _, at := range []r3.Vec{{X: -25, Z: 25}, {X: 70, Z: 70}} {
		var err error
		r.Grid, err = geometry.NewGrid(at, [3]float64{1, 1, 1}, [3]int{1, 3, 1}, geometry.IdentityAxes)
		require.NoError(t, err)
		m := compute(t, r)
		assert.Equal(t, []int64{0, 0, 0}, m.Start)
		assert.Empty(t, m.Run)
		for j, sum := range columns(t, m) {
			assert.Zero(t, sum)
			assert.True(t, m.Lost[j] == 0 || m.Lost[j] == 1, "nothing or all of it: %v", m.Lost[j])
		}
		dose := []float32{1, 1, 1}
		require.NoError(t, m.Multiply(dose, []float64{1, 1}))
		assert.Equal(t, []float32{0, 0, 0}, dose)
	}
}

func TestImpossibleRequestsFail(t *testing.T) {
	for name, change := range map[string]func(r *influence.Request){
		"no tissue":          func(r *influence.Request) { r.Tissue = nil },
		"no machine":         func(r *influence.Request) { r.Machine = nil },
		"no beams":           func(r *influence.Request) { r.Beams = nil },
		"negative threshold": func(r *influence.Request) { r.Threshold = -0.1 },
		"threshold of all":   func(r *influence.Request) { r.Threshold = 1 },
		"negative memory":    func(r *influence.Request) { r.MaxBytes = -1 },
		"negative cut-off":   func(r *influence.Request) { r.Cutoff = -1 },
	} {
		r := layered(t)
		change(&r)
		_, err := influence.Compute(t.Context(), r)
		assert.ErrorIs(t, err, dose.ErrRequest, name)
	}
}
