package limits

import (
	"context"
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kerma-rt/kerma/internal/kernels/simd"
)

func ramp(n int, first float32) []float32 {
	p := make([]float32, n)
	for i := range p {
		p[i] = first + float32(i%97)/4
	}
	return p
}

// The loops that write must write: one that did less would set a limit that
// nothing can reach.
func TestEveryLevelMovesAllItSaysItMoves(t *testing.T) {
	for _, level := range simd.Available() {
		l := of(level)
		for _, n := range []int{128, 1024, 1<<17 + 128} {
			a, b := ramp(n, 1), ramp(n, 5)
			guarded := func() (whole, dst []float32) {
				whole = ramp(n+2, -7)
				return whole, whole[1 : n+1 : n+1]
			}
			whole, dst := guarded()
			l.copy(dst, a)
			require.Equal(t, a, dst, "%v copy of %d", level, n)
			l.triad(dst, a, b)
			for i := range dst {
				require.Equal(t, a[i]*a[i]+b[i], dst[i], "%v triad of %d at %d", level, n, i)
			}
			l.fill(dst)
			for i := range dst {
				require.Equal(t, dst[0], dst[i], "%v fill of %d at %d", level, n, i)
			}
			before := ramp(n+2, -7)
			assert.Equal(t, before[0], whole[0])
			assert.Equal(t, before[n+1], whole[n+1], "%v beyond %d", level, n)
		}
	}
}

func TestPlainLoopsReadAllTheyAreGiven(t *testing.T) {
	p := ramp(1024, 0)
	sum := float32(0)
	for _, x := range p {
		sum += x
	}
	assert.InDelta(t, sum, generic.read(p), 1e-2)
	assert.Equal(t, p[3]+p[9]+p[1022]+p[5], generic.gather(p, []int32{3, 9, 1022, 5}))
	assert.Equal(t, p[3]+p[4]+p[1022]+p[1023], generic.pairs(p, []int32{3, 1022}))
	assert.InDelta(t, 4*2, generic.fma(0.5, 1, 100), 1e-5, "1/(1−x) in each of four chains")
}

func TestEveryLimitIsMeasured(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a second and 800 MB")
	}
	for _, threads := range []int{1, 2} {
		got, err := Measure(t.Context(), threads)
		require.NoError(t, err)
		assert.Equal(t, simd.Current().String(), got.Level)
		assert.Equal(t, threads, got.Threads)
		v := reflect.ValueOf(got)
		for i := range v.NumField() {
			if f := v.Field(i); f.Kind() == reflect.Float64 {
				assert.Greater(t, f.Float(), 1e6, v.Type().Field(i).Name)
				assert.Less(t, f.Float(), 1e15, v.Type().Field(i).Name)
			}
		}
		t.Logf("%+v", got)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Measure(cancelled, 1)
	assert.ErrorIs(t, err, context.Canceled)
}
