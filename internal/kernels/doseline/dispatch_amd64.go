//go:build !purego

package doseline

import "github.com/kerma-rt/kerma/internal/kernels/simd"

func sample(m *Sampler, line, part []float32, bin []int32, padded int) {
	switch simd.Current() {
	case simd.AVX512:
		if m.Step >= -1 && m.Step <= 1 && cap(line) >= len(line)+Spare {
			sampleNearAVX512(&m.Start, &line[0], &part[0], &bin[0], padded)
			return
		}
		sampleAVX512(&m.Start, &line[0], &part[0], &bin[0], padded)
	case simd.AVX2:
		sampleAVX2(&m.Start, &line[0], &part[0], &bin[0], padded)
	default:
		sampleGeneric(m, line, part, bin, padded)
	}
}

// block is the number of elements a call takes: short enough that a goroutine
// can be stopped in between.
const block = 1 << 15

func extremes(ends *[2][vector]float32, d []float32) {
	f := extremesAVX2
	switch simd.Current() {
	case simd.AVX512:
		f = extremesAVX512
	case simd.AVX2:
	default:
		extremesGeneric(ends, d)
		return
	}
	for i := 0; i < len(d); i += block {
		f(&ends[0][0], &d[i], min(block, len(d)-i))
	}
}

// blend blends the leading elements that fill whole vectors and tells how many.
func blend(dst, a, b, c, d []float32, weight *[4]float32) int {
	whole, f := len(dst)&^7, blendAVX2
	switch simd.Current() {
	case simd.AVX512:
		whole, f = len(dst)&^15, blendAVX512
	case simd.AVX2:
	default:
		return 0
	}
	for i := 0; i < whole; i += block {
		f(&weight[0], &dst[i], &a[i], &b[i], &c[i], &d[i], min(block, whole-i))
	}
	return whole
}
