package geometry

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/spatial/r2"
)

// plane is the region that the contours of one plane enclose.
type plane struct {
	w         float64 // mm along the normal
	loops     []loop
	edges     []edge
	parts     int
	area      []float64 // mm², of each part
	up, down  []bool    // of each part: whether it goes on in the next plane, in the one before
	low, high r2.Vec
}

// planesOf groups loops (in order of w) into planes.
func planesOf(name string, loops []loop) (planes []plane, warnings []string, err error) {
	work := maxPairWork
	var m measure
	for i := 0; i < len(loops); {
		j := i + 1
		for j < len(loops) && loops[j].w-loops[i].w <= planeTolerance {
			j++
		}
		p, warn, err := newPlane(loops[i:j], &work, &m)
		if err != nil {
			return nil, nil, fmt.Errorf("structure %q, plane at %.4g mm: %w", name, loops[i].w, err)
		}
		for _, w := range warn {
			warnings = append(warnings, fmt.Sprintf("structure %q, plane at %.4g mm: %s", name, p.w, w))
		}
		if len(p.edges) > 0 {
			planes = append(planes, p)
		}
		i = j
	}
	return planes, warnings, nil
}

// newPlane decides what the loops of one plane enclose. Parity makes nested
// loops holes and islands; it would make nothing of an exact copy and a hole
// of what two crossing loops share, so copies are dropped and crossing loops
// united. Loops whose shared area is below 1 % of the smaller one, or above
// 99 % of it, count as apart or nested: drawn edges that touch do cross a little.
func newPlane(in []loop, work *int, m *measure) (p plane, warnings []string, err error) {
	if len(in) > maxLoops {
		return p, nil, fmt.Errorf("%w: %d contours, at most %d in one plane", ErrContour, len(in), maxLoops)
	}
	var all []edge
	for _, l := range in {
		if err := tooFine(l.edges); err != nil {
			return p, nil, fmt.Errorf("contour %d: %w", l.contour, err)
		}
		if len(in) > 1 {
			all = append(all, l.edges...)
		}
	}
	if err := tooFine(all); err != nil {
		return p, nil, err
	}
	one := newParity(make([]loop, 1))
	var loops []loop
	for _, l := range in {
		p.w += l.w / float64(len(in))
		if l.area = m.area(l.edges, one, l.low.Y, l.high.Y); l.area > 0 {
			loops = append(loops, l)
		}
	}
	if n := len(in) - len(loops); n > 0 {
		warnings = append(warnings, fmt.Sprintf("%d contours without area skipped", n))
	}
	// A group is named after one of its loops, a part as well until all are known.
	group, part := make([]int, 0, len(loops)), make([]int, 0, len(loops))
	copies, crossed := 0, 0
	for _, l := range loops {
		n := len(p.loops)
		group, part = append(group, n), append(part, n)
		copied := false
		for k := 0; k < n && !copied; k++ {
			o := p.loops[k]
			if l.low.X >= o.high.X || o.low.X >= l.high.X || l.low.Y >= o.high.Y || o.low.Y >= l.high.Y {
				continue
			}
			if *work -= len(l.edges) + len(o.edges) + pairWork; *work < 0 {
				return p, nil, fmt.Errorf("%w: too many contours on one another", ErrContour)
			}
			shared := m.overlap(l, o, one)
			small, large := min(l.area, o.area), max(l.area, o.area)
			if shared < 0.01*small {
				continue
			}
			join(part, k, n)
			switch {
			case shared > 0.995*large:
				copied = true
			case shared < 0.99*small:
				crossed++
				join(group, k, n)
			}
		}
		if copied {
			copies++
			group, part = group[:n], part[:n]
			continue
		}
		p.loops = append(p.loops, l)
	}
	if copies > 0 {
		warnings = append(warnings, fmt.Sprintf("%d copies of a contour dropped", copies))
	}
	if crossed > 0 {
		warnings = append(warnings, fmt.Sprintf("%d pairs of contours cross: united", crossed))
	}
	if len(p.loops) > 0 {
		p.finish(group, part, m)
	}
	return p, warnings, nil
}

// join gives the sets of a and b one name.
func join(set []int, a, b int) {
	from, to := max(set[a], set[b]), min(set[a], set[b])
	for i, s := range set {
		if s == from {
			set[i] = to
		}
	}
}

func (p *plane) finish(group, part []int, m *measure) {
	names := map[int]int{}
	p.low = r2.Vec{X: math.Inf(1), Y: math.Inf(1)}
	p.high = r2.Vec{X: math.Inf(-1), Y: math.Inf(-1)}
	for i := range p.loops {
		l := &p.loops[i]
		if _, ok := names[part[i]]; !ok {
			names[part[i]] = len(names)
		}
		l.group, l.part = int32(group[i]), names[part[i]]
		for k := range l.edges {
			l.edges[k].loop = int32(i)
		}
		if p.edges == nil {
			p.edges = l.edges[:len(l.edges):len(l.edges)] // most planes have one loop
		} else {
			p.edges = append(p.edges, l.edges...)
		}
		p.low = r2.Vec{X: min(p.low.X, l.low.X), Y: min(p.low.Y, l.low.Y)}
		p.high = r2.Vec{X: max(p.high.X, l.high.X), Y: max(p.high.Y, l.high.Y)}
	}
	p.parts = len(names)
	p.area = make([]float64, p.parts)
	p.up, p.down = make([]bool, p.parts), make([]bool, p.parts)
	if len(p.loops) == 1 {
		p.area[0] = p.loops[0].area
		return
	}
	in := newParity(p.loops)
	for i, q := range p.pieces() {
		p.area[i] = m.area(q.edges, in, q.low.Y, q.high.Y)
	}
}

// tooFine fails for edges that would take unbounded time and memory to draw:
// a line through them would meet them by the hundreds.
func tooFine(edges []edge) error {
	if len(edges) <= maxCrossings {
		return nil
	}
	low, high := edgeBounds(edges)
	var du, dv float64
	for _, e := range edges {
		du += math.Abs(e.b.X - e.a.X)
		dv += math.Abs(e.b.Y - e.a.Y)
	}
	if du > maxCrossings*(high.X-low.X) || dv > maxCrossings*(high.Y-low.Y) {
		return fmt.Errorf("%w: a line through it meets more than %d edges on average", ErrContour, maxCrossings)
	}
	return nil
}

// overlapLines is how many lines measure an area.
const overlapLines = 64

// measure finds areas by the lengths of parallel lines inside.
type measure struct {
	a, b lines
}

// overlap is the area (mm²) that two loops share.
func (m *measure) overlap(a, b loop, one *parity) float64 {
	low, high := max(a.low.Y, b.low.Y), min(a.high.Y, b.high.Y)
	if !(high > low) {
		return 0
	}
	return m.shared(a.edges, b.edges, one, one, low, high)
}

// shared is the area (mm²) between v = low and high that lies inside two
// regions given by their edges.
func (m *measure) shared(a, b []edge, pa, pb *parity, low, high float64) float64 {
	dv := (high - low) / overlapLines
	m.a.cut(a, low+dv/2, dv, overlapLines)
	m.b.cut(b, low+dv/2, dv, overlapLines)
	sum := 0.0
	for i := range overlapLines {
		m.a.inside, m.b.inside = m.a.spans(i, pa, m.a.inside), m.b.spans(i, pb, m.b.inside)
		sum += common(m.a.inside, m.b.inside) * dv
	}
	return sum
}

// area is that (mm²) of a region that lies between v = low and high.
func (m *measure) area(edges []edge, in *parity, low, high float64) float64 {
	dv := (high - low) / overlapLines
	if !(dv > 0) {
		return 0
	}
	m.a.cut(edges, low+dv/2, dv, overlapLines)
	sum := 0.0
	for i := range overlapLines {
		m.a.inside = m.a.spans(i, in, m.a.inside)
		sum += length(m.a.inside) * dv
	}
	return sum
}

// of are the edges of some parts.
func (p *plane) of(w which) []edge {
	if w == allParts {
		return p.edges
	}
	var edges []edge
	for _, e := range p.edges {
		if p.has(w, p.loops[e.loop].part) {
			edges = append(edges, e)
		}
	}
	return edges
}

// link finds which parts of neighbouring planes are one body: those that share
// at least a quarter of the smaller one's area. A part without such a
// neighbour ends there; to blend it with something elsewhere would lose it.
func link(below, above *plane, work *int, by *measure) error {
	pa, pb := newParity(below.loops), newParity(above.loops)
	mine, theirs := below.pieces(), above.pieces()
	for i, m := range mine {
		for j, t := range theirs {
			low, high := max(m.low.Y, t.low.Y), min(m.high.Y, t.high.Y)
			if !(high > low) || m.low.X >= t.high.X || t.low.X >= m.high.X {
				continue
			}
			if *work -= len(m.edges) + len(t.edges) + pairWork; *work < 0 {
				return fmt.Errorf("%w: too many contours on one another", ErrContour)
			}
			// Two regions share at least what they have more than the box around both.
			mine, theirs := below.area[i], above.area[j]
			box := (max(m.high.X, t.high.X) - min(m.low.X, t.low.X)) * (max(m.high.Y, t.high.Y) - min(m.low.Y, t.low.Y))
			enough := min(mine, theirs) / 4
			// Areas are known to a few percent.
			if mine+theirs-box >= enough+0.1*(mine+theirs) || by.shared(m.edges, t.edges, pa, pb, low, high) >= enough {
				below.up[i], above.down[j] = true, true
			}
		}
	}
	return nil
}

// piece is the boundary of one part.
type piece struct {
	edges     []edge
	low, high r2.Vec
}

func (p *plane) pieces() []piece {
	if p.parts == 1 {
		return []piece{{p.edges, p.low, p.high}}
	}
	all := make([]piece, p.parts)
	for _, e := range p.edges {
		q := &all[p.loops[e.loop].part]
		q.edges = append(q.edges, e)
	}
	for i := range all {
		all[i].low, all[i].high = edgeBounds(all[i].edges)
	}
	return all
}

func edgeBounds(edges []edge) (low, high r2.Vec) {
	low = r2.Vec{X: math.Inf(1), Y: math.Inf(1)}
	high = r2.Vec{X: math.Inf(-1), Y: math.Inf(-1)}
	for _, e := range edges {
		low = r2.Vec{X: min(low.X, e.a.X, e.b.X), Y: min(low.Y, e.a.Y, e.b.Y)}
		high = r2.Vec{X: max(high.X, e.a.X, e.b.X), Y: max(high.Y, e.a.Y, e.b.Y)}
	}
	return low, high
}
