//go:build !purego

package sparse

import "github.com/kerma-rt/kerma/internal/kernels/simd"

func addRuns(y []float64, lo int, value []float32, runs []Run, w float32) int {
	if len(runs) > 0 {
		switch simd.Current() {
		case simd.AVX512:
			return addAVX512(y, lo, value, &runs[0].First, len(runs), float64(w))
		case simd.AVX2:
			return addAVX2(y, lo, value, &runs[0].First, len(runs), float64(w))
		}
	}
	return genericAdd(y, lo, value, runs, w)
}

func dotRuns(sum *[lanes]float64, value []float32, runs []Run, x []float32) int {
	if len(runs) > 0 {
		switch simd.Current() {
		case simd.AVX512:
			return dotAVX512(&sum[0], value, &runs[0].First, len(runs), x)
		case simd.AVX2:
			return dotAVX2(&sum[0], value, &runs[0].First, len(runs), x)
		}
	}
	return genericDot(sum, value, runs, x)
}
