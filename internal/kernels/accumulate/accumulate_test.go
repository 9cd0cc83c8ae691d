package accumulate

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kerma-rt/kerma/internal/kernels/simd"
)

func TestEveryLevelAddsTheSameBits(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, level := range simd.Available() {
		defer simd.Set(level)()
		for n := range 100 {
			if n == 99 {
				n = 1<<16 + 13
			}
			start := random.IntN(8) // unaligned
			dst, src := make([]float64, start+n+3), make([]float32, start+n)
			for i := range dst {
				dst[i] = random.NormFloat64()
			}
			for i := range src {
				src[i] = random.Float32()
			}
			want := append([]float64(nil), dst...)
			generic(want[start:start+n], src[start:])
			Add(dst[start:], src[start:])
			require.Equal(t, want, dst, "%v, %d elements from %d", level, n, start)
		}
	}
}

func TestShortDestinationPanics(t *testing.T) {
	assert.Panics(t, func() { Add(make([]float64, 3), make([]float32, 4)) })
}

func BenchmarkAdd(b *testing.B) {
	const n = 1 << 15
	dst, src := make([]float64, n), make([]float32, n)
	for _, level := range simd.Available() {
		b.Run(fmt.Sprint(level), func(b *testing.B) {
			defer simd.Set(level)()
			b.SetBytes(20 * n)
			for b.Loop() {
				Add(dst, src)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/element")
		})
	}
}
