package beamlet

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerma-rt/kerma/internal/kernels/simd"
)

func TestSumHasTheSameBitsOnEveryLevel(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 9))
	for n := range 200 {
		if n == 199 {
			n = 1<<17 + 5
		}
		value := make([]float32, n+1)[1:]
		var naive, size float64
		for i := range value {
			value[i] = float32(random.NormFloat64())
			naive += float64(value[i])
			size += max(float64(value[i]), -float64(value[i]))
		}
		restore := simd.Set(simd.Generic)
		want := Sum(value)
		restore()
		require.InDelta(t, naive, want, 1e-12*size)
		for _, level := range simd.Available() {
			restore := simd.Set(level)
			require.Equal(t, want, Sum(value), "%v, %d values", level, n)
			restore()
		}
	}
}
