package gammasearch

import (
	"math"
)

// budget is how many boxes one cell may be cut into. Measured or computed dose
// stays far below it; a cell whose corners differ by many dose criteria in all
// directions may, rarely, have a minimum too flat to be told from its surroundings.
const budget = 1 << 12

// effort is how far a Newton iteration goes before it gives up.
type effort struct {
	steps     int  // in all
	quartered int  // times that one step may be shortened to a quarter
	convexity bool // whether to look for a proof of it
}

// thorough is the effort in a box that is halved when it fails; brief the
// effort for points side by side, where all wait for the slowest.
var thorough, brief = effort{8, 1, true}, effort{6, 1, false}

// minimise lowers the best to the minimum of γ² in a cell, if that is lower,
// starting from place x. The cell has the lowest corner dose[at], which lies
// at origin. A cell that one Newton descent cannot settle is halved until it
// can.
func (s *Search) minimise(at int, origin, x vec) {
	s.load(at, origin)
	c := &s.cell
	x = vec{x.x - origin.x, x.y - origin.y, x.z - origin.z}
	whole := box{high: s.width}
	if s.settle(c, &whole, x, thorough) {
		return
	}
	left, right := s.halve(&whole)
	s.boxes = append(s.boxes[:0], left, right)
	for n := 0; len(s.boxes) > 0; n++ {
		if n == budget {
			s.proven = false
			return
		}
		last := len(s.boxes) - 1
		b := s.boxes[last]
		s.boxes = s.boxes[:last]
		if s.least(c, &b) >= s.enough() || s.settle(c, &b, s.place(c), thorough) {
			continue
		}
		left, right := s.halve(&b)
		s.boxes = append(s.boxes, left, right)
	}
}

// place is the best point so far as a place in the cell.
func (s *Search) place(c *cell) vec {
	return vec{s.x.x - c.origin.x, s.x.y - c.origin.y, s.x.z - c.origin.z}
}

// descent is a place in a box on the way down.
type descent struct {
	box    box // as far as it is near enough to the point
	u      vec
	t      float64
	g      vec
	gamma2 float64
	twist  vec
}

// glance looks at one place of the box. It returns true if that proves that
// the box holds nothing better than the best, which the place itself may be.
func (s *Search) glance(c *cell, b *box, start vec) (descent, bool) {
	d := descent{box: s.within(c, b)}
	d.u = d.box.clamp(start)
	d.t, d.g = c.value(d.u)
	d.gamma2 = s.distance2(c, d.u) + d.t*d.t
	s.improve(c, d.u, d.t, d.gamma2)
	d.twist = s.twist(c, &d.box, d.u)
	return d, s.best <= s.stop || s.bound(c, &d.box, d.u, d.t, d.g, s.multiplier, d.twist) >= s.enough()
}

// settle runs a projected Newton iteration in the box. It returns true once
// the box is proven to hold nothing better than the best, which the iteration
// itself may have lowered.
func (s *Search) settle(c *cell, b *box, start vec, e effort) bool {
	at, done := s.glance(c, b, start)
	if done {
		return true
	}
	b = &at.box
	var d vec
	quartered := -1
	for range e.steps {
		if quartered < 0 {
			// With λ = t the bound is tight in a minimum; where γ² is not
			// convex, the largest λ that keeps the bound so may be better.
			convex := 1 / max(at.twist.x, at.twist.y, at.twist.z)
			if s.bound(c, b, at.u, at.t, at.g, at.t, at.twist) >= s.enough() ||
				math.Abs(at.t) > convex && s.bound(c, b, at.u, at.t, at.g, clamp(at.t, -convex, convex), at.twist) >= s.enough() ||
				e.convexity && s.tangent(c, b, at.u, at.t, at.g) >= s.enough() {
				return true
			}
			d, quartered = s.newton(c, b, at.u, at.t, at.g), 0
		}
		v := b.clamp(vec{at.u.x + d.x, at.u.y + d.y, at.u.z + d.z})
		t, g := c.value(v)
		below := s.distance2(c, v) + t*t
		if below < at.gamma2*(1-progress) {
			at.u, at.t, at.g, at.gamma2, quartered = v, t, g, below, -1
			s.improve(c, v, t, below)
			if s.best <= s.stop {
				return true
			}
			at.twist = s.twist(c, b, v)
			continue
		}
		if quartered++; quartered > e.quartered {
			return false
		}
		d = vec{d.x / 4, d.y / 4, d.z / 4}
	}
	return false
}

// improve makes u the best point if it is.
func (s *Search) improve(c *cell, u vec, t, gamma2 float64) {
	if gamma2 < s.best {
		s.best, s.multiplier = gamma2, t
		s.x = vec{u.x + c.origin.x, u.y + c.origin.y, u.z + c.origin.z}
	}
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
	if !(yy > definite*h.yy) {
		return vec{}, false
	}
	lzy := yz / yy
	zz := h.zz - lzx*h.xz - lzy*yz
	if !(zz > definite*h.zz) {
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
	switch max(x, max(y, z)) {
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

// within is the part of a box that is nearer to the point than the best: what
// lies further away cannot be better.
func (s *Search) within(c *cell, b *box) box {
	reach := math.Sqrt(s.best)
	x, y, z := reach/s.k.x, reach/s.k.y, reach/s.k.z
	return box{
		vec{max(b.low.x, min(c.r.x-x, b.high.x)), max(b.low.y, min(c.r.y-y, b.high.y)), max(b.low.z, min(c.r.z-z, b.high.z))},
		vec{min(b.high.x, max(c.r.x+x, b.low.x)), min(b.high.y, max(c.r.y+y, b.low.y)), min(b.high.z, max(c.r.z+z, b.low.z))},
	}
}
