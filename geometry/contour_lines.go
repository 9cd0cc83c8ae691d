package geometry

import (
	"math"
	"slices"
)

// crossing is where a line of constant v meets an edge.
type crossing struct {
	u    float64
	loop int32
}

// lines are the crossings of n parallel lines v = v0 + i·dv with some edges,
// each line's in rising u.
type lines struct {
	start  []int
	cross  []crossing
	ends   [][2]int32 // lines below the corners of each edge
	next   []int
	inside [][2]float64 // for spans of a line
}

// cut finds the crossings. An edge is half open in v: a corner on a line
// counts once, so that neighbours neither overlap nor gap.
func (l *lines) cut(edges []edge, v0, dv float64, n int) {
	l.start = slices.Grow(l.start[:0], n+1)[:n+1]
	clear(l.start)
	l.ends = l.ends[:0]
	total := 0
	last, below := math.NaN(), int32(0)
	for _, e := range edges {
		a := below
		if e.a.Y != last { // else it begins where the edge before ended
			a = int32(rasterLine((e.a.Y-v0)/dv, n))
		}
		last, below = e.b.Y, int32(rasterLine((e.b.Y-v0)/dv, n))
		lo, hi := min(a, below), max(a, below)
		l.ends = append(l.ends, [2]int32{lo, hi})
		for i := lo; i < hi; i++ {
			l.start[i+1]++
		}
		total += int(hi - lo)
	}
	for i := range n {
		l.start[i+1] += l.start[i]
	}
	l.cross = slices.Grow(l.cross[:0], total)[:total]
	l.next = append(l.next[:0], l.start[:n]...)
	for k, e := range edges {
		lo, hi := l.ends[k][0], l.ends[k][1]
		if lo == hi {
			continue
		}
		slope := (e.b.X - e.a.X) / (e.b.Y - e.a.Y)
		left, right := e.a.X, e.b.X
		if left > right {
			left, right = right, left
		}
		for i := lo; i < hi; i++ {
			u := e.a.X + (v0+float64(i)*dv-e.a.Y)*slope
			if u < left {
				u = left
			} else if u > right {
				u = right
			}
			l.cross[l.next[i]] = crossing{u, e.loop}
			l.next[i]++
		}
	}
	for i := range n {
		row := l.cross[l.start[i]:l.start[i+1]]
		if len(row) == 2 { // most are
			if row[1].before(row[0]) {
				row[0], row[1] = row[1], row[0]
			}
			continue
		}
		slices.SortFunc(row, func(a, b crossing) int {
			switch {
			case a.before(b):
				return -1
			case b.before(a):
				return 1
			}
			return 0
		})
	}
}

func (c crossing) before(d crossing) bool { return c.u < d.u || c.u == d.u && c.loop < d.loop }

// parity follows the inside of a region along a line: each loop by even–odd,
// the loops of a group united, the groups by even–odd again.
type parity struct {
	group  []int32 // of each loop
	inside []bool  // loop
	count  []int32 // loops of a group that we are inside of
	in     bool
}

func newParity(loops []loop) *parity {
	p := &parity{group: make([]int32, len(loops)), inside: make([]bool, len(loops)), count: make([]int32, len(loops))}
	for i, l := range loops {
		p.group[i] = l.group
	}
	return p
}

func (p *parity) reset() {
	if len(p.inside) > 1 {
		clear(p.inside)
		clear(p.count)
	} else if len(p.inside) == 1 {
		p.inside[0], p.count[0] = false, 0
	}
	p.in = false
}

// cross steps over one edge of a loop and reports whether the region's
// boundary lies there.
func (p *parity) cross(loop int32) bool {
	g := p.group[loop]
	if p.inside[loop] = !p.inside[loop]; p.inside[loop] {
		p.count[g]++
		if p.count[g] > 1 {
			return false
		}
	} else {
		p.count[g]--
		if p.count[g] > 0 {
			return false
		}
	}
	p.in = !p.in
	return true
}

// spans are the intervals of line i that lie inside the region.
func (l *lines) spans(i int, p *parity, out [][2]float64) [][2]float64 {
	out = out[:0]
	p.reset()
	for _, c := range l.cross[l.start[i]:l.start[i+1]] {
		if !p.cross(c.loop) {
			continue
		}
		if p.in {
			out = append(out, [2]float64{c.u, c.u})
		} else {
			out[len(out)-1][1] = c.u
		}
	}
	return out
}

// common is the length that two sets of intervals share.
func common(a, b [][2]float64) float64 {
	sum := 0.0
	for i, j := 0, 0; i < len(a) && j < len(b); {
		if d := min(a[i][1], b[j][1]) - max(a[i][0], b[j][0]); d > 0 {
			sum += d
		}
		if a[i][1] < b[j][1] {
			i++
		} else {
			j++
		}
	}
	return sum
}

// length is the total length of intervals.
func length(a [][2]float64) float64 {
	sum := 0.0
	for _, s := range a {
		sum += s[1] - s[0]
	}
	return sum
}
