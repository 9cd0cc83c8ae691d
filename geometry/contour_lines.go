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
	start []int
	cross []crossing
}

// cut finds the crossings. An edge is half open in v: a corner on a line
// counts once, so that neighbours neither overlap nor gap.
func (l *lines) cut(edges []edge, v0, dv float64, n int) {
	l.start = append(l.start[:0], make([]int, n+1)...)
	first := func(v float64) int { // first line at or above v
		return int(math.Ceil(min(max((v-v0)/dv, 0), float64(n))))
	}
	total := 0
	for _, e := range edges {
		lo, hi := first(min(e.a.Y, e.b.Y)), first(max(e.a.Y, e.b.Y))
		for i := lo; i < hi; i++ {
			l.start[i+1]++
		}
		total += hi - lo
	}
	for i := range n {
		l.start[i+1] += l.start[i]
	}
	l.cross = slices.Grow(l.cross[:0], total)[:total]
	next := slices.Clone(l.start[:n])
	for _, e := range edges {
		lo, hi := first(min(e.a.Y, e.b.Y)), first(max(e.a.Y, e.b.Y))
		if lo == hi {
			continue
		}
		slope := (e.b.X - e.a.X) / (e.b.Y - e.a.Y)
		left, right := min(e.a.X, e.b.X), max(e.a.X, e.b.X)
		for i := lo; i < hi; i++ {
			u := e.a.X + (v0+float64(i)*dv-e.a.Y)*slope
			l.cross[next[i]] = crossing{min(max(u, left), right), e.loop}
			next[i]++
		}
	}
	for i := range n {
		row := l.cross[l.start[i]:l.start[i+1]]
		slices.SortFunc(row, func(a, b crossing) int {
			if a.u != b.u {
				if a.u < b.u {
					return -1
				}
				return 1
			}
			return int(a.loop - b.loop)
		})
	}
}

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
