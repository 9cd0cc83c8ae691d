package gammasearch

import "math"

// searchGeneric searches for the points of a group among the neighbours of
// their home cells. It is the reference of the vector kernels.
func (s *Search) searchGeneric(g *group, near *neighbours) {
	g.bits = 0
	for l := range lanes {
		if g.v[rowBest][l] <= s.stop {
			continue
		}
		if s.point(g, l, near) {
			g.bits |= 1 << l
		}
		g.v[rowBest][l], g.v[rowT][l] = s.best, s.multiplier
		g.v[rowX][l], g.v[rowY][l], g.v[rowZ][l] = s.x.x, s.x.y, s.x.z
	}
}

// resume takes point l of a group up where the group left it. Places are
// relative to its home cell.
func (s *Search) resume(g *group, l int) {
	s.r = vec{g.v[rowFX][l], g.v[rowFY][l], g.v[rowFZ][l]}
	s.dose, s.scale = g.v[rowDose][l], g.v[rowScale][l]
	s.best, s.multiplier = g.v[rowBest][l], g.v[rowT][l]
	s.x = vec{g.v[rowX][l], g.v[rowY][l], g.v[rowZ][l]}
	s.proven = true
}

// point searches for point l of a group, and reports whether any cell in reach
// has dose.
func (s *Search) point(g *group, l int, near *neighbours) (found bool) {
	f := s.field
	g.v[rowX][l], g.v[rowY][l], g.v[rowZ][l], g.v[rowT][l] = g.v[rowFX][l], g.v[rowFY][l], g.v[rowFZ][l], 0
	g.v[rowOverflow][l] = 0
	s.resume(g, l)
	whole := box{high: s.width}
	span, cell := int(g.span[l]), int(g.cell[l])
	settled := int32(math.MaxInt32)

	if f.least[span] <= f.most[span] {
		// The Gauss–Newton step from the home cell tells where the minimum is,
		// were the dose linear.
		s.load(cell, vec{})
		u := whole.clamp(s.r)
		t, gr := s.cell.value(u)
		s.improve(&s.cell, u, t, s.distance2(&s.cell, u)+t*t)
		d := vec{gr.x * s.ik2.x, gr.y * s.ik2.y, gr.z * s.ik2.z}
		step := -t / (1 + gr.x*d.x + gr.y*d.y + gr.z*d.z)
		x := vec{u.x + step*d.x, u.y + step*d.y, u.z + step*d.z}
		m := f.margin
		at := vec{
			clamp(math.Floor(x.x), -float64(m[0]), float64(m[0])),
			clamp(math.Floor(x.y), -float64(m[1]), float64(m[1])),
			clamp(math.Floor(x.z), -float64(m[2]), float64(m[2])),
		}
		apart := int(at.x) + f.width[0]*(int(at.y)+f.width[1]*int(at.z))
		if f.least[span+apart] <= f.most[span+apart] {
			s.load(cell+int(at.x)+f.size[0]*(int(at.y)+f.size[1]*int(at.z)), at)
			if s.settle(&s.cell, &whole, vec{x.x - at.x, x.y - at.y, x.z - at.z}, brief) {
				settled = int32(apart)
			}
		}
	}
	for i := 0; ; i++ {
		p := near.place[4*i : 4*i+4]
		if p[0] >= s.best {
			return found || s.best < f.limit
		}
		dx, dy, dz := s.gap(p[1], s.r.x, s.width.x), s.gap(p[2], s.r.y, s.width.y), s.gap(p[3], s.r.z, s.width.z)
		d2 := dx*dx*s.k2.x + dy*dy*s.k2.y + dz*dz*s.k2.z
		apart := near.apart[2*i]
		low, high := f.least[span+int(apart)], f.most[span+int(apart)]
		if !(low <= high) || d2 >= s.best {
			continue
		}
		found = true
		over := max(0, float64(low)-s.dose, s.dose-float64(high)) * s.scale
		if s.best <= s.stop || d2+over*over >= s.enough() || apart == settled {
			continue
		}
		at := cell + int(near.apart[2*i+1])
		s.load(at, vec{p[1], p[2], p[3]})
		if _, done := s.glance(&s.cell, &whole, s.place(&s.cell)); !done {
			s.putOff(g, l, at)
		}
	}
}

// putOff queues the cell at hand for point l.
func (s *Search) putOff(g *group, l, at int) {
	n := g.queued
	if n == slots*lanes {
		g.v[rowOverflow][l] = 1
		return
	}
	g.queued++
	to, i := &s.put[n/lanes], n%lanes
	for row, x := range []float64{
		s.r.x, s.r.y, s.r.z, s.dose, s.scale, s.best, s.x.x, s.x.y, s.x.z, s.multiplier,
		s.cell.origin.x, s.cell.origin.y, s.cell.origin.z,
	} {
		to.v[row][i] = x
	}
	to.point[i], to.cell[i] = int32(int(g.first)+l), int32(at)
}

// settleGeneric settles a cell for each point of the group; its bits are those
// that it cannot settle.
func (s *Search) settleGeneric(g *group) {
	g.bits = 0
	for l := range lanes {
		if g.v[rowBest][l] <= s.stop {
			continue
		}
		s.resume(g, l)
		s.load(int(g.cell[l]), vec{g.v[rowCellX][l], g.v[rowCellY][l], g.v[rowCellZ][l]})
		if !s.settle(&s.cell, &box{high: s.width}, s.place(&s.cell), brief) {
			g.bits |= 1 << l
		}
		g.v[rowBest][l], g.v[rowT][l] = s.best, s.multiplier
		g.v[rowX][l], g.v[rowY][l], g.v[rowZ][l] = s.x.x, s.x.y, s.x.z
	}
}

// gap is how far a place lies outside the cell at d of the given width.
func (s *Search) gap(d, place, width float64) float64 {
	return max(0, d-place, place-d-width)
}
