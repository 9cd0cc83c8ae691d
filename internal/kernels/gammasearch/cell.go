package gammasearch

import "math"

type vec struct{ x, y, z float64 }

// cell is t, the scaled dose difference, inside one lattice cell, as a
// polynomial of the place u in the cell (0…1 along each axis):
//
//	t(u) = c + cx·ux + cy·uy + cz·uz + cxy·ux·uy + cxz·ux·uz + cyz·uy·uz + cxyz·ux·uy·uz
type cell struct {
	c, cx, cy, cz, cxy, cxz, cyz, cxyz float64

	origin vec // continuous index of u = 0
	r      vec // the point under search, as a place in the cell; may lie outside
	width  vec // 1, or 0 across an axis of one value
}

// box is a part of a cell.
type box struct{ low, high vec }

func (s *Search) load(at [3]int) cell {
	f := s.field
	i := at[0] + f.size[0]*(at[1]+f.size[1]*at[2])
	x, y, z := f.step[0], f.step[1], f.step[2]
	e, D, q := f.dose, s.dose, s.scale
	e000 := (float64(e[i]) - D) * q
	e100 := (float64(e[i+x]) - D) * q
	e010 := (float64(e[i+y]) - D) * q
	e110 := (float64(e[i+x+y]) - D) * q
	i += z
	e001 := (float64(e[i]) - D) * q
	e101 := (float64(e[i+x]) - D) * q
	e011 := (float64(e[i+y]) - D) * q
	e111 := (float64(e[i+x+y]) - D) * q

	var c cell
	c.c = e000
	c.cx, c.cy, c.cz = e100-e000, e010-e000, e001-e000
	c.cxy = e110 - e010 - c.cx
	c.cxz = e101 - e001 - c.cx
	c.cyz = e011 - e001 - c.cy
	c.cxyz = e111 - e011 - (e101 - e001) - c.cxy
	c.origin = vec{float64(at[0]), float64(at[1]), float64(at[2])}
	c.r = vec{s.r.x - c.origin.x, s.r.y - c.origin.y, s.r.z - c.origin.z}
	c.width = vec{float64(min(x, 1)), float64(min(y, 1)), float64(min(z, 1))}
	return c
}

// value is t and its gradient at u.
func (c *cell) value(u vec) (t float64, g vec) {
	yz := c.cyz + c.cxyz*u.x
	g.x = c.cx + c.cxy*u.y + u.z*(c.cxz+c.cxyz*u.y)
	g.y = c.cy + c.cxy*u.x + u.z*yz
	g.z = c.cz + c.cxz*u.x + u.y*yz
	return c.c + u.x*(c.cx+c.cxy*u.y) + u.y*c.cy + u.z*g.z, g
}

// gamma2 is the objective at u: |u − r|² + t².
func (s *Search) gamma2(c *cell, u vec) float64 {
	yz := c.cyz + c.cxyz*u.x
	t := c.c + u.x*(c.cx+c.cxy*u.y) + u.y*c.cy + u.z*(c.cz+c.cxz*u.x+u.y*yz)
	x, y, z := u.x-c.r.x, u.y-c.r.y, u.z-c.r.z
	return s.k2.x*x*x + s.k2.y*y*y + s.k2.z*z*z + t*t
}

func clamp(x, low, high float64) float64 {
	if x < low {
		return low
	}
	if x > high {
		return high
	}
	return x
}

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
		low, high = math.Min(low, t), math.Max(high, t)
	}
	gap := math.Max(0, math.Max(low, -high))
	n := b.clamp(c.r)
	x, y, z := n.x-c.r.x, n.y-c.r.y, n.z-c.r.z
	return s.k2.x*x*x + s.k2.y*y*y + s.k2.z*z*z + gap*gap
}
