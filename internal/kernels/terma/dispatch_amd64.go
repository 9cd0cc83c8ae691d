//go:build !purego

package terma

import "github.com/kerma-rt/kerma/internal/kernels/simd"

func (p *part) release() {
	switch simd.Current() {
	case simd.AVX512:
		p.vectors(16)
	case simd.AVX2:
		p.vectors(8)
	default:
		p.generic(0)
	}
}

// vectors releases whole vectors, then the rest as a vector of its own with
// nothing in the lanes beyond.
func (p *part) vectors(lanes int) {
	n := len(p.fluence)
	if whole := n / lanes * lanes; whole > 0 {
		p.call(lanes, whole/lanes)
	}
	rest := n % lanes
	if rest == 0 || p.materials == 0 {
		return
	}
	n -= rest
	padded := func(v []float32) []float32 { return append(make([]float32, 0, 16), v[n:n+rest]...)[:lanes] }
	q := part{numbers: p.numbers, materials: p.materials, fluence: padded(p.fluence), primary: padded(p.primary), scatter: padded(p.scatter), all: padded(p.all)}
	for k := range p.materials {
		q.path, q.local = append(q.path, padded(p.path[k])), append(q.local, padded(p.local[k]))
	}
	q.call(lanes, 1)
	copy(p.primary[n:], q.primary)
	copy(p.scatter[n:], q.scatter)
	copy(p.all[n:], q.all)
}

// call is the kernel of a level, for some vectors.
func (p *part) call(lanes, vectors int) {
	if len(p.numbers) == 0 || p.materials == 0 {
		return
	}
	a := arguments{
		numbers: &p.numbers[0], bins: len(p.numbers) / (1 + 2*p.materials), materials: p.materials,
		path: &p.path[0], local: &p.local[0],
		fluence: &p.fluence[0], primary: &p.primary[0], scatter: &p.scatter[0], all: &p.all[0], vectors: vectors,
	}
	if lanes == 16 {
		releaseAVX512(&a.start)
	} else {
		releaseAVX2(&a.start)
	}
}

// arguments of the kernels, which know the layout and get the address of start:
// eight bytes each.
type arguments struct {
	start                          byte
	numbers                        *float32
	bins, materials                int
	path, local                    *[]float32
	fluence, primary, scatter, all *float32
	vectors                        int
}
