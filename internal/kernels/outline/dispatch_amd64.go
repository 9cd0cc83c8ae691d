//go:build !purego

package outline

import "github.com/kerma-rt/kerma/internal/kernels/simd"

func nearest(e *Edge, d []float32, stride, rows, columns int) {
	switch simd.Current() {
	case simd.AVX512:
		nearestAVX512(&e.U, &d[0], stride, rows, columns)
	case simd.AVX2:
		nearestAVX2(&e.U, &d[0], stride, rows, columns)
	default:
		nearestGeneric(e, d, stride, rows, columns)
	}
}

// block is the number of elements a call takes: short enough that a goroutine
// can be stopped in between.
const block = 1 << 15

func roots(d []float32) {
	f := rootsAVX2
	switch simd.Current() {
	case simd.AVX512:
		f = rootsAVX512
	case simd.AVX2:
	default:
		rootsGeneric(d)
		return
	}
	for i := 0; i < len(d); i += block {
		f(&d[i], min(block, len(d)-i))
	}
}

func bend(m *Bend, row, a, b, before, after []float32, n int) {
	switch simd.Current() {
	case simd.AVX512:
		bendAVX512(&m.WA, &row[0], &a[0], &b[0], &before[0], &after[0], n)
	case simd.AVX2:
		bendAVX2(&m.WA, &row[0], &a[0], &b[0], &before[0], &after[0], n)
	default:
		bendGeneric(m, row, a, b, before, after, n)
	}
}

func end(m *End, row, a, b, before, after []float32, n int) {
	switch simd.Current() {
	case simd.AVX512:
		endAVX512(&m.WA, &row[0], &a[0], &b[0], &before[0], &after[0], n)
	case simd.AVX2:
		endAVX2(&m.WA, &row[0], &a[0], &b[0], &before[0], &after[0], n)
	default:
		endGeneric(m, row, a, b, before, after, n)
	}
}

func cover(out, low, high, rest []float32, mixed []byte, n int) {
	switch simd.Current() {
	case simd.AVX512:
		coverAVX512(&out[0], &low[0], &high[0], &rest[0], &mixed[0], n)
	case simd.AVX2:
		coverAVX2(&out[0], &low[0], &high[0], &rest[0], &mixed[0], n)
	default:
		coverGeneric(out, low, high, rest, mixed, n)
	}
}
