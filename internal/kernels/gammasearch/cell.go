package gammasearch

import "math"

type vec struct{ x, y, z float64 }

// cell is t, the scaled dose difference, inside one lattice cell, as a
// polynomial of the place u in the cell (0…1 along each axis):
//
//	t(u) = c + cx·ux + cy·uy + cz·uz + cxy·ux·uy + cxz·ux·uz + cyz·uy·uz + cxyz·ux·uy·uz
type cell struct {
	c, cx, cy, cz, cxy, cxz, cyz, cxyz float64

	origin vec // place of u = 0
	r      vec // the point under search, as a place in the cell; may lie outside
}

// box is a part of a cell.
type box struct{ low, high vec }

// load makes s.cell the cell with the lowest corner dose[at], which lies at
// origin.
func (s *Search) load(at int, origin vec) {
	f := s.field
	dx, dy, dz := f.step[0], f.step[1], f.step[2]
	e := func(i int) float64 { return float64(f.dose[at+i]) }
	e000, e100, e010, e110 := e(0), e(dx), e(dy), e(dx+dy)
	e001, e101, e011, e111 := e(dz), e(dx+dz), e(dy+dz), e(dx+dy+dz)
	x, y, z := e100-e000, e010-e000, e001-e000
	xy, xz, yz := e110-e010-x, e101-e001-x, e011-e001-y
	xyz := e111 - e011 - (e101 - e001) - xy

	c, q := &s.cell, s.scale
	c.c = (e000 - s.dose) * q
	c.cx, c.cy, c.cz = x*q, y*q, z*q
	c.cxy, c.cxz, c.cyz = xy*q, xz*q, yz*q
	c.cxyz = xyz * q
	c.origin = origin
	c.r = vec{s.r.x - origin.x, s.r.y - origin.y, s.r.z - origin.z}
}

// value is t and its gradient at u.
func (c *cell) value(u vec) (t float64, g vec) {
	yz := c.cyz + c.cxyz*u.x
	g.x = c.cx + c.cxy*u.y + u.z*(c.cxz+c.cxyz*u.y)
	g.y = c.cy + c.cxy*u.x + u.z*yz
	g.z = c.cz + c.cxz*u.x + u.y*yz
	return c.c + u.x*(c.cx+c.cxy*u.y) + u.y*c.cy + u.z*g.z, g
}

// distance2 is |u − r|².
func (s *Search) distance2(c *cell, u vec) float64 {
	x, y, z := u.x-c.r.x, u.y-c.r.y, u.z-c.r.z
	return s.k2.x*x*x + s.k2.y*y*y + s.k2.z*z*z
}

func clamp(x, low, high float64) float64 { return min(max(x, low), high) }

func (b *box) clamp(u vec) vec {
	return vec{clamp(u.x, b.low.x, b.high.x), clamp(u.y, b.low.y, b.high.y), clamp(u.z, b.low.z, b.high.z)}
}

// least is a lower bound of γ² in the box from its distance and from the range
// of t, which a polynomial linear in each axis takes on at the corners.
func (s *Search) least(c *cell, b *box) float64 {
	low, high := math.Inf(1), math.Inf(-1)
	for n := range 8 {
		u := b.low
		if n&1 != 0 {
			u.x = b.high.x
		}
		if n&2 != 0 {
			u.y = b.high.y
		}
		if n&4 != 0 {
			u.z = b.high.z
		}
		t, _ := c.value(u)
		low, high = min(low, t), max(high, t)
	}
	gap := max(0, max(low, -high))
	return s.distance2(c, b.clamp(c.r)) + gap*gap
}
