//go:build !purego

package convolve

import "github.com/kerma-rt/kerma/internal/kernels/simd"

type passes [6]func(dst, src, twiddle *float32, m, s int)

var (
	passesAVX2   = passes{2: pass2AVX2, 3: pass3AVX2, 4: pass4AVX2, 5: pass5AVX2}
	passesAVX512 = passes{2: pass2AVX512, 3: pass3AVX512, 4: pass4AVX512, 5: pass5AVX512}
)

// step is one pass over a strip. A strip of a thousand elements takes 1 µs a
// pass, so none is too long for a goroutine that has to stop.
func step(dst, src []float32, p pass) {
	n := p.radix * p.m * p.s * element
	dst, src = dst[:n], src[:n]
	switch simd.Current() {
	case simd.AVX512:
		passesAVX512[p.radix](&dst[0], &src[0], &p.twiddle[0], p.m, p.s)
	case simd.AVX2:
		for half := 0; half < lanes; half += 8 {
			passesAVX2[p.radix](&dst[half], &src[half], &p.twiddle[0], p.m, p.s)
		}
	default:
		passGeneric(dst, src, p)
	}
}

func multiply(dst, a, b []float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	switch simd.Current() {
	case simd.AVX512:
		multiplyAVX512(&dst[0], &a[0], &b[0], len(dst)/element)
	case simd.AVX2:
		for half := 0; half < lanes; half += 8 {
			multiplyAVX2(&dst[half], &a[half], &b[half], len(dst)/element)
		}
	default:
		multiplyGeneric(dst, a, b)
	}
}

func transpose(dst, src []float32) {
	if simd.Current() == simd.Generic {
		transposeGeneric(dst, src)
		return
	}
	dst, src = dst[:lanes*element], src[:lanes*element]
	transposeAVX2(&dst[0], &src[0])
}
