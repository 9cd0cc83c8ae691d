package gammasearch

import "math"

// minimise lowers the best to the minimum of γ² in a cell, if that is lower.
// A cell that one Newton descent cannot settle is halved until it can.
func (s *Search) minimise(at [3]int) {
	c := s.load(at)
	s.boxes = append(s.boxes[:0], box{high: c.width})
	for first := true; len(s.boxes) > 0; first = false {
		last := len(s.boxes) - 1
		b := s.boxes[last]
		s.boxes = s.boxes[:last]
		if !first && s.least(&c, &b) >= s.enough() {
			continue
		}
		if !s.settle(&c, &b) {
			left, right := s.halve(&b)
			s.boxes = append(s.boxes, left, right)
		}
	}
}

// settle runs a projected Newton iteration in the box. It returns true once
// the box is proven to hold nothing better than the best, which the iteration
// itself may have lowered.
func (s *Search) settle(c *cell, b *box) bool {
	s.Nodes++
	twist := s.twist(c, b)
	u := b.clamp(vec{s.x.x - c.origin.x, s.x.y - c.origin.y, s.x.z - c.origin.z})
	for range 50 {
		t, g := c.value(u)
		x, y, z := u.x-c.r.x, u.y-c.r.y, u.z-c.r.z
		gamma2 := s.k2.x*x*x + s.k2.y*y*y + s.k2.z*z*z + t*t
		if gamma2 < s.best {
			s.best, s.multiplier = gamma2, t
			s.x = vec{u.x + c.origin.x, u.y + c.origin.y, u.z + c.origin.z}
			if gamma2 <= s.stop {
				return true
			}
		}
		if s.bound(c, b, u, t, g, s.multiplier, twist) >= s.enough() {
			return true
		}
		if t != s.multiplier && s.bound(c, b, u, t, g, t, twist) >= s.enough() {
			return true
		}
		d := s.newton(c, b, u, t, g)
		v, ok := s.advance(c, b, u, d, gamma2)
		if !ok {
			return false
		}
		u = v
	}
	return false
}

// advance goes from u along d, projected on the box, as far as γ² falls. It
// fails where it does not fall by more than rounding.
func (s *Search) advance(c *cell, b *box, u, d vec, gamma2 float64) (vec, bool) {
	for range 12 {
		v := b.clamp(vec{u.x + d.x, u.y + d.y, u.z + d.z})
		if s.gamma2(c, v) < gamma2*(1-1e-12) {
			return v, true
		}
		d = vec{d.x / 4, d.y / 4, d.z / 4}
	}
	return u, false
}

// newton is the Newton step of γ² at u among the axes that are free to move:
// an axis is held where u is on the edge of the box and γ² falls outward.
// Where the Hessian is not positive definite, its Gauss–Newton part, which
// always is, takes its place.
func (s *Search) newton(c *cell, b *box, u vec, t float64, g vec) vec {
	p := vec{s.k2.x*(u.x-c.r.x) + t*g.x, s.k2.y*(u.y-c.r.y) + t*g.y, s.k2.z*(u.z-c.r.z) + t*g.z}
	h := hessian{
		xx: s.k2.x + g.x*g.x, yy: s.k2.y + g.y*g.y, zz: s.k2.z + g.z*g.z,
		xy: g.x * g.y, xz: g.x * g.z, yz: g.y * g.z,
	}
	full := h
	full.xy += t * (c.cxy + c.cxyz*u.z)
	full.xz += t * (c.cxz + c.cxyz*u.y)
	full.yz += t * (c.cyz + c.cxyz*u.x)
	if held(u.x, p.x, b.low.x, b.high.x) {
		p.x, full.xy, full.xz, h.xy, h.xz = 0, 0, 0, 0, 0
	}
	if held(u.y, p.y, b.low.y, b.high.y) {
		p.y, full.xy, full.yz, h.xy, h.yz = 0, 0, 0, 0, 0
	}
	if held(u.z, p.z, b.low.z, b.high.z) {
		p.z, full.xz, full.yz, h.xz, h.yz = 0, 0, 0, 0, 0
	}
	if d, ok := full.solve(p); ok {
		return d
	}
	d, _ := h.solve(p)
	return d
}

func held(u, slope, low, high float64) bool {
	return u <= low && slope >= 0 || u >= high && slope <= 0
}

// hessian is half the matrix of second derivatives of γ².
type hessian struct{ xx, yy, zz, xy, xz, yz float64 }

// solve returns the d with H·d = −p by LDLᵀ, or false when H is not positive
// definite.
func (h hessian) solve(p vec) (vec, bool) {
	ix := 1 / h.xx
	lyx, lzx := h.xy*ix, h.xz*ix
	yy := h.yy - lyx*h.xy
	yz := h.yz - lyx*h.xz
	if !(yy > 1e-9*h.yy) {
		return vec{}, false
	}
	lzy := yz / yy
	zz := h.zz - lzx*h.xz - lzy*yz
	if !(zz > 1e-9*h.zz) {
		return vec{}, false
	}
	py := p.y - lyx*p.x
	pz := p.z - lzx*p.x - lzy*py
	dz := -pz / zz
	dy := -py/yy - lzy*dz
	dx := -p.x*ix - lyx*dy - lzx*dz
	return vec{dx, dy, dz}, true
}

// halve cuts a box across its longest side.
func (s *Search) halve(b *box) (left, right box) {
	x, y, z := s.k.x*(b.high.x-b.low.x), s.k.y*(b.high.y-b.low.y), s.k.z*(b.high.z-b.low.z)
	left, right = *b, *b
	switch math.Max(x, math.Max(y, z)) {
	case x:
		m := (b.low.x + b.high.x) / 2
		left.high.x, right.low.x = m, m
	case y:
		m := (b.low.y + b.high.y) / 2
		left.high.y, right.low.y = m, m
	default:
		m := (b.low.z + b.high.z) / 2
		left.high.z, right.low.z = m, m
	}
	return left, right
}
