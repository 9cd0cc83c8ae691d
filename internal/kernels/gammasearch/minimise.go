package gammasearch

// budget is how many boxes one cell may be cut into. Measured or computed dose
// stays far below it; a cell whose corners differ by many dose criteria in all
// directions may, rarely, have a minimum too flat to be told from its surroundings.
const budget = 1 << 12

// effort is how far a Newton iteration goes before it gives up.
type effort struct {
	steps     int // in all
	quartered int // times that one step may be shortened to a quarter
}

// thorough is the effort in a box that is halved when it fails; brief the
// effort for points side by side, where all wait for the slowest.
var thorough, brief = effort{50, 8}, effort{6, 1}

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

// settle runs a projected Newton iteration in the box. It returns true once
// the box is proven to hold nothing better than the best, which the iteration
// itself may have lowered.
func (s *Search) settle(c *cell, b *box, start vec, e effort) bool {
	twist := s.twist(c, b)
	convex := 1 / max(twist.x, twist.y, twist.z)
	u := b.clamp(start)
	t, g := c.value(u)
	gamma2 := s.distance2(c, u) + t*t
	s.improve(c, u, t, gamma2)
	if s.best <= s.stop || s.bound(c, b, u, t, g, s.multiplier, twist) >= s.enough() {
		return true
	}
	var d vec
	quartered := -1
	for range e.steps {
		if quartered < 0 {
			// With λ = t the bound is tight in a minimum; where γ² is not
			// convex, the largest λ that keeps the bound so may be better.
			if s.bound(c, b, u, t, g, t, twist) >= s.enough() ||
				s.bound(c, b, u, t, g, clamp(t, -convex, convex), twist) >= s.enough() {
				return true
			}
			d, quartered = s.newton(c, b, u, t, g), 0
		}
		v := b.clamp(vec{u.x + d.x, u.y + d.y, u.z + d.z})
		tv, gv := c.value(v)
		below := s.distance2(c, v) + tv*tv
		if below < gamma2*(1-progress) {
			u, t, g, gamma2, quartered = v, tv, gv, below, -1
			s.improve(c, u, t, gamma2)
			if s.best <= s.stop {
				return true
			}
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
