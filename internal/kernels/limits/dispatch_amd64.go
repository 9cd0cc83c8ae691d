//go:build !purego

package limits

import "github.com/kerma-rt/kerma/internal/kernels/simd"

func of(l simd.Level) loops {
	switch l {
	case simd.AVX512:
		return vector(fmaAVX512, 12*16*2, readAVX512, fillAVX512, copyAVX512, triadAVX512, gatherAVX512, gatherPairsAVX512)
	case simd.AVX2:
		return vector(fmaAVX2, 12*8*2, readAVX2, fillAVX2, copyAVX2, triadAVX2, gatherAVX2, gatherPairsAVX2)
	}
	return generic
}

// call is the number of floats a call takes, so that a goroutine can be stopped
// in between.
const call = 1 << 17

func vector(
	fma func(xy *float32, n int), turn int, read, fill func(p *float32, n int), copy func(dst, src *float32, n int),
	triad func(dst, a, b *float32, n int), gather, pairs func(table *float32, index *int32, n int),
) loops {
	each := func(n int, f func(i, n int)) {
		for i := 0; i < n; i += call {
			f(i, min(call, n-i))
		}
	}
	return loops{
		fma: func(x, y float32, n int) float32 {
			xy := [2]float32{x, y}
			each(n, func(_, n int) { fma(&xy[0], n) })
			return 0
		},
		turn: turn,
		read: func(p []float32) float32 {
			each(len(p), func(i, n int) { read(&p[i], n) })
			return 0
		},
		fill: func(p []float32) { each(len(p), func(i, n int) { fill(&p[i], n) }) },
		copy: func(dst, src []float32) { each(len(dst), func(i, n int) { copy(&dst[i], &src[i], n) }) },
		triad: func(dst, a, b []float32) {
			each(len(dst), func(i, n int) { triad(&dst[i], &a[i], &b[i], n) })
		},
		gather: func(table []float32, index []int32) float32 {
			each(len(index), func(i, n int) { gather(&table[0], &index[i], n) })
			return 0
		},
		pairs: func(table []float32, index []int32) float32 {
			each(len(index), func(i, n int) { pairs(&table[0], &index[i], n) })
			return 0
		},
	}
}
