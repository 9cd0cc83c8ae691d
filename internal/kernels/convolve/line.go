package convolve

import (
	"fmt"
	"math"
)

// line is Stockham's transform of one length: passes of radix 4, 5, 3 and 2,
// each of which reads all of a strip and writes all of another in the order
// that the next one wants, so that nothing needs to be sorted afterwards
// (Van Loan 1992, Computational Frameworks for the Fast Fourier Transform,
// section 1.7).
type line struct {
	n      int
	passes []pass
}

// pass takes element s(p + mj) + q, j < radix, to element s(radix·p + k) + q.
type pass struct {
	radix, m, s int
	twiddle     []float32 // ω^(pk), ω = e^(−2πi/(radix·m)), for p < m and 0 < k < radix
}

func newLine(n int) *line {
	l := &line{n: n}
	left, s := n, 1
	for left > 1 {
		radix := 0
		for _, r := range [4]int{4, 5, 3, 2} {
			if left%r == 0 {
				radix = r
				break
			}
		}
		if radix == 0 {
			panic(fmt.Sprintf("convolve: length %d has a prime factor above 5", n))
		}
		p := pass{radix: radix, m: left / radix, s: s}
		for i := range p.m {
			for k := 1; k < radix; k++ {
				sin, cos := math.Sincos(2 * math.Pi * float64(i*k) / float64(left))
				p.twiddle = append(p.twiddle, float32(cos), float32(-sin))
			}
		}
		l.passes = append(l.passes, p)
		left, s = p.m, s*radix
	}
	return l
}

// transform is Σ_j x_j e^(−2πijk/n) of the first n elements of src in dst, by
// way of a and b, which have to be different. dst may be any of the others.
func (l *line) transform(dst, src, a, b []float32) {
	from := src
	for i, p := range l.passes {
		to := a
		if &from[0] == &a[0] {
			to = b
		}
		if i == len(l.passes)-1 && &from[0] != &dst[0] {
			to = dst
		}
		step(to, from, p)
		from = to
	}
	if &from[0] != &dst[0] {
		copy(dst[:l.n*element], from)
	}
}
