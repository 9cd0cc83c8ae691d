//go:build !purego

package cones

import "github.com/kerma-rt/kerma/internal/kernels/simd"

type stepper func(energy []float32, f *Field, numbers, state []float32, planes []plane, line, vectors, nu int)

// kernel is what takes lines through planes, and how many of them at once: one
// vector, for fields of two groups.
func kernel(f *Field) (stepper, int) {
	if len(f.Primary) != 2 {
		return generic, 1
	}
	switch simd.Current() {
	case simd.AVX512:
		return avx512, 16
	case simd.AVX2:
		return avx2, 8
	}
	return generic, 1
}

func avx2(energy []float32, f *Field, numbers, state []float32, planes []plane, line, vectors, nu int) {
	w := newWalk(energy, f, numbers, state, planes, line, vectors, nu)
	walkAVX2(&w.start)
}

func avx512(energy []float32, f *Field, numbers, state []float32, planes []plane, line, vectors, nu int) {
	w := newWalk(energy, f, numbers, state, planes, line, vectors, nu)
	walkAVX512(&w.start)
}

func newWalk(energy []float32, f *Field, numbers, state []float32, planes []plane, line, vectors, nu int) walk {
	return walk{
		electron: &f.Electron[0], photon: &f.Photon[0], energy: &energy[0],
		ray:     [3]*float32{&f.Ray[0][0], &f.Ray[1][0], &f.Ray[2][0]},
		primary: [2]*float32{&f.Primary[0][0], &f.Primary[1][0]},
		scatter: [2]*float32{&f.Scatter[0][0], &f.Scatter[1][0]},
		state:   &state[0], planes: &planes[0], crossed: len(planes),
		vectors: vectors, line: line, nu: nu, numbers: &numbers[0],
	}
}
