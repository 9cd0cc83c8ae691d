package geometry

import (
	"slices"
)

// Raster is a lattice of rectangular cells in the planes of a Solid: cell
// (i, j) covers u from U + i·DU to U + (i+1)·DU, and v likewise, in mm.
type Raster struct {
	U, V   float64 // lower corner of cell (0, 0), mm
	DU, DV float64 // cell size, mm
	NU, NV int     // cells
}

// coverage draws regions on a raster: the part of each cell that is inside.
// Along u it is exact; along v a row is cut at every corner of the polygons
// and wherever two edges cross, so that it is exact there too, unless more
// corners than maxStrips fall in one row: then strips of one height stand in.
type coverage struct {
	sides  []span // by the row they begin in
	start  []int  // of each row in sides
	drawn  []span // in the order of the edges
	next   []int
	active []int
	cuts   []float64
	at     []sideAt
	path   []path
	sum    []float64
	// The sum may be other than zero from low to below high.
	low, high int
}

// span is an edge in cells, from low to high.
type span struct {
	x0, y0, x1, y1, slope float64
	loop                  int32
}

func (s *span) x(y float64) float64 {
	x := s.x0 + (y-s.y0)*s.slope
	low, high := s.x0, s.x1
	if low > high {
		low, high = high, low
	}
	// Written out: min and max of floats look for NaN.
	if x < low {
		return low
	}
	if x > high {
		return high
	}
	return x
}

type sideAt struct {
	x0, x1 float64 // at the lower and upper end of the strip
	xm     float64
	side   int
}

const (
	rounding  = 1e-6 // of a cell
	maxStrips = 32
	crowd     = 64 // sides in a row above which strips get fewer and crossings are not looked for
)

// draw writes the region of p to out, which has one value a cell, u fastest.
func (c *coverage) draw(p *plane, r Raster, out []float32) {
	clear(out)
	c.gather(p, r)
	c.sum = append(c.sum[:0], make([]float64, r.NU+1)...)
	c.active = c.active[:0]
	in := newParity(p.loops)
	for j := range r.NV {
		y0, y1 := float64(j), float64(j+1)
		for i := c.start[j]; i < c.start[j+1]; i++ {
			c.active = append(c.active, i)
		}
		if len(c.active) == 0 {
			continue
		}
		c.low, c.high = len(c.sum), 0
		c.row(y0, y1, in)
		if c.low >= c.high {
			c.leave(y1)
			continue
		}
		row := out[j*r.NU+c.low : j*r.NU+min(c.high, r.NU)]
		sum := 0.0
		for i := range row {
			// Written out: min and max of floats look for NaN.
			switch sum += c.sum[c.low+i]; {
			case sum >= 1:
				row[i] = 1
			case sum > 0:
				row[i] = float32(sum)
			}
		}
		if sum > rounding { // sides beyond the raster's edge close the region
			for i := j*r.NU + c.high; i < (j+1)*r.NU; i++ {
				out[i] = float32(min(sum, 1))
			}
		}
		clear(c.sum[c.low:c.high])
		c.leave(y1)
	}
}

// leave drops the sides that end below y1 or there.
func (c *coverage) leave(y1 float64) {
	c.active = slices.DeleteFunc(c.active, func(i int) bool { return c.sides[i].y1 <= y1 })
}

// gather takes the edges in cells, ordered by the row they begin in.
func (c *coverage) gather(p *plane, r Raster) {
	c.drawn = c.drawn[:0]
	c.start = slices.Grow(c.start[:0], r.NV+1)[:r.NV+1]
	clear(c.start)
	first := func(s *span) int { return int(max(s.y0, 0)) }
	for _, e := range p.edges {
		a, b := e.a, e.b
		if a.Y > b.Y {
			a, b = b, a
		}
		s := span{(a.X - r.U) / r.DU, (a.Y - r.V) / r.DV, (b.X - r.U) / r.DU, (b.Y - r.V) / r.DV, 0, e.loop}
		if s.y1 <= 0 || s.y0 >= float64(r.NV) || s.y1 <= s.y0 {
			continue
		}
		s.slope = (s.x1 - s.x0) / (s.y1 - s.y0)
		c.drawn = append(c.drawn, s)
		c.start[first(&s)+1]++
	}
	for j := range r.NV {
		c.start[j+1] += c.start[j]
	}
	c.sides = slices.Grow(c.sides[:0], len(c.drawn))[:len(c.drawn)]
	c.next = append(c.next[:0], c.start...)
	for _, s := range c.drawn {
		j := first(&s)
		c.sides[c.next[j]] = s
		c.next[j]++
	}
}

// path is a side within a row of cells, from low to high.
type path struct {
	low, high   float64
	x0, x1      float64 // at low and high
	left, right float64
	loop        int32
}

// paths adds the sides of a row, if they run through it in paths that lie
// beside one another: then the region lies to one side of each all the way.
func (c *coverage) paths(y0, y1 float64, in *parity) bool {
	c.path = c.path[:0]
	for _, i := range c.active {
		s := &c.sides[i]
		p := path{low: s.y0, high: s.y1, x0: s.x0, x1: s.x1, loop: s.loop}
		if p.low < y0 {
			p.low, p.x0 = y0, s.x(y0)
		}
		if p.high > y1 {
			p.high, p.x1 = y1, s.x(y1)
		}
		if p.left, p.right = p.x0, p.x1; p.left > p.right {
			p.left, p.right = p.x1, p.x0
		}
		c.path = append(c.path, p)
	}
	if len(c.path) > maxStrips {
		return false
	}
	for i := 1; i < len(c.path); i++ { // in the order of their left ends
		p, k := c.path[i], i
		for ; k > 0 && p.left < c.path[k-1].left; k-- {
			c.path[k] = c.path[k-1]
		}
		c.path[k] = p
	}
	for from := 0; from < len(c.path); {
		to, right := from+1, c.path[from].right
		for ; to < len(c.path) && c.path[to].left <= right; to++ {
			if r := c.path[to].right; r > right {
				right = r
			}
		}
		one := c.path[from:to]
		for i := 1; i < len(one); i++ { // from low to high
			p, k := one[i], i
			for ; k > 0 && p.low < one[k-1].low; k-- {
				one[k] = one[k-1]
			}
			one[k] = p
		}
		y := y0
		for _, p := range one {
			if p.low != y || p.loop != one[0].loop {
				return false
			}
			y = p.high
		}
		if y != y1 {
			return false
		}
		from = to
	}
	in.reset()
	edge := false
	for _, p := range c.path {
		if p.low == y0 {
			edge = in.cross(p.loop)
		}
		h := p.high - p.low
		if !in.in {
			h = -h
		}
		if edge {
			c.right(p.x0, p.x1, h)
		}
	}
	return true
}

// row adds the sides of one row of cells; where they are no paths, by strips
// that no corner lies in.
func (c *coverage) row(y0, y1 float64, in *parity) {
	if c.paths(y0, y1, in) {
		return
	}
	c.cuts = append(c.cuts[:0], y0, y1)
	for _, i := range c.active {
		for _, y := range [2]float64{c.sides[i].y0, c.sides[i].y1} {
			if y > y0 && y < y1 {
				c.cuts = append(c.cuts, y)
			}
		}
		if len(c.cuts) > 4*maxStrips {
			break
		}
	}
	slices.Sort(c.cuts)
	c.cuts = slices.Compact(c.cuts)
	strips := maxStrips
	if len(c.active) > crowd {
		strips /= 4
	}
	if len(c.cuts) > strips+1 {
		c.cuts = c.cuts[:0]
		for i := range strips + 1 {
			c.cuts = append(c.cuts, y0+(y1-y0)*float64(i)/float64(strips))
		}
	}
	for i := 1; i < len(c.cuts); i++ {
		c.strip(c.cuts[i-1], c.cuts[i], in, 0)
	}
}

// strip adds the trapezoids between the sides from y0 to y1.
func (c *coverage) strip(y0, y1 float64, in *parity, depth int) {
	ym := (y0 + y1) / 2
	c.at = c.at[:0]
	for _, i := range c.active {
		if s := &c.sides[i]; s.y0 <= ym && ym < s.y1 {
			c.at = append(c.at, sideAt{s.x(y0), s.x(y1), s.x(ym), i})
		}
	}
	slices.SortFunc(c.at, func(a, b sideAt) int {
		switch {
		case a.xm < b.xm:
			return -1
		case a.xm > b.xm:
			return 1
		}
		return a.side - b.side
	})
	const smallest, deepest = 1e-6, 6
	for i := 1; i < len(c.at) && len(c.at) <= crowd && depth < deepest; i++ {
		a, b := c.at[i-1], c.at[i]
		d0, d1 := b.x0-a.x0, b.x1-a.x1
		if d0 >= 0 && d1 >= 0 {
			continue
		}
		if y := y0 + (y1-y0)*d0/(d0-d1); y > y0+smallest && y < y1-smallest {
			c.strip(y0, y, in, depth+1)
			c.strip(y, y1, in, depth+1)
			return
		}
	}
	in.reset()
	for _, s := range c.at {
		if !in.cross(c.sides[s.side].loop) {
			continue
		}
		h := y1 - y0
		if !in.in {
			h = -h
		}
		c.right(s.x0, s.x1, h)
	}
}

// right adds the area to the right of a side that goes from x0 to x1 over
// height h: in c.sum as differences between neighbouring cells.
func (c *coverage) right(x0, x1, h float64) {
	n := float64(len(c.sum) - 1)
	if x0 > x1 {
		x0, x1 = x1, x0
	}
	if x0 >= n {
		return
	}
	if x0 < 0 {
		c.low, c.high = 0, max(c.high, 1)
		if x1 <= 0 {
			c.sum[0] += h
			return
		}
		c.sum[0] += h * -x0 / (x1 - x0)
	}
	from, end := max(x0, 0), min(x1, n)
	c.low = min(c.low, int(from))
	c.high = max(c.high, min(int(end)+2, len(c.sum)))
	for i := int(from); ; i++ {
		// The part of the side within cell i.
		to := float64(i + 1)
		if to > end {
			to = end
		}
		area, m := h, (from+to)/2-float64(i)
		if to-from < x1-x0 {
			area = h * (to - from) / (x1 - x0)
		}
		c.sum[i] += area * (1 - m)
		if i+1 < len(c.sum) {
			c.sum[i+1] += area * m
		}
		if from = to; from >= end {
			return
		}
	}
}
