//go:build !purego

package accumulate

import "github.com/kerma-rt/kerma/internal/kernels/simd"

// block is the number of elements a call takes: short enough that a goroutine
// can be stopped in between (about 10 µs).
const block = 1 << 15

// vector adds the leading elements that fill whole vectors and tells how many.
func vector(dst []float64, src []float32) int {
	var add func(dst *float64, src *float32, n int)
	whole := 0
	switch simd.Current() {
	case simd.AVX512:
		add, whole = addAVX512, len(src)&^15
	case simd.AVX2:
		add, whole = addAVX2, len(src)&^7
	}
	for i := 0; i < whole; i += block {
		add(&dst[i], &src[i], min(block, whole-i))
	}
	return whole
}
