package objective

import (
	"math"

	"gonum.org/v1/gonum/floats"
)

// memory is the last steps s and the changes y of the gradient along them, from
// which limited-memory BFGS knows the curvature.
type memory struct {
	s, y [pairs][]float64 // a ring
	n    int              // pairs kept
	last int              // the youngest
}

// flat is the cosine between a step and the change of the gradient below which
// there is no curvature to speak of.
const flat = 1e-10

// next is room for a pair, which keep then adds.
func (m *memory) next(length int) (s, y []float64) {
	i := (m.last + 1) % pairs
	if m.s[i] == nil {
		m.s[i], m.y[i] = make([]float64, length), make([]float64, length)
	}
	return m.s[i], m.y[i]
}

// keep adds the pair that next gave room for, unless it shows no curvature.
func (m *memory) keep(s, y []float64) {
	if floats.Dot(s, y) > flat*floats.Norm(s, 2)*floats.Norm(y, 2) {
		m.last = (m.last + 1) % pairs
		m.n = min(m.n+1, pairs)
	}
}

// direction sets d to −H g among the free variables, H being the inverse Hessian
// that the pairs, cut down to these variables, stand for; 0 at the others. It is
// a descent: H is positive definite, as pairs without curvature are left out.
func (m *memory) direction(d, g []float64, free []bool) {
	for i := range d {
		d[i] = 0
		if free[i] {
			d[i] = -g[i]
		}
	}
	dot := func(a, b []float64) float64 {
		sum := 0.0
		for i, x := range a {
			if free[i] {
				sum += x * b[i]
			}
		}
		return sum
	}
	var curvature, alpha [pairs]float64
	scale := 1.0
	for k := range m.n { // from the youngest
		i := (m.last - k + pairs) % pairs
		s, y := m.s[i], m.y[i]
		sy, yy := dot(s, y), dot(y, y)
		if !(sy > flat*math.Sqrt(dot(s, s)*yy)) {
			continue
		}
		if scale == 1 {
			scale = sy / yy
		}
		curvature[i] = sy
		alpha[i] = dot(s, d) / sy
		floats.AddScaled(d, -alpha[i], y)
	}
	floats.Scale(scale, d)
	for k := m.n - 1; k >= 0; k-- {
		i := (m.last - k + pairs) % pairs
		if curvature[i] == 0 {
			continue
		}
		beta := dot(m.y[i], d) / curvature[i]
		floats.AddScaled(d, alpha[i]-beta, m.s[i])
	}
	for i := range d {
		if !free[i] {
			d[i] = 0
		}
	}
}
