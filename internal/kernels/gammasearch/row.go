package gammasearch

import (
	"math"
	"slices"
)

// Row searches for the points of a row, which lie at continuous indices
// first, first + step, … of the lattice: gamma2[i] becomes the γ² of point i,
// or +Inf where Minimum finds nothing, unless it is not a number; then there is
// no such point. Scale is the reciprocal of each point's dose criterion. The
// result of a point depends on the points round it by no more than the tolerance
// of the proof.
func (s *Search) Row(first, step [3]float64, dose []float32, scale, gamma2 []float64) {
	index := func(i int) [3]float64 {
		x := float64(i)
		return [3]float64{first[0] + x*step[0], first[1] + x*step[1], first[2] + x*step[2]}
	}
	single := func(i int) float64 {
		g2, found := s.Minimum(index(i), float64(dose[i]), scale[i])
		if !found {
			return math.Inf(1)
		}
		return g2
	}
	if !s.field.grouped() {
		for i, g := range gamma2 {
			if g == g {
				gamma2[i] = single(i)
			}
		}
		return
	}
	s.alone = s.alone[:0]
	n := float64(len(dose)) / aligned
	parallel := math.Abs(step[0]-1)*n <= 1 && math.Abs(step[1])*n <= 1 && math.Abs(step[2])*n <= 1
	for i := 0; i < len(dose); i += lanes {
		end := min(i+lanes, len(dose))
		if !s.fill(i, end, dose, scale, gamma2) {
			continue
		}
		g := s.group
		g.first = int64(i)
		near := &s.field.here
		if parallel && s.contiguous(index(i), end-i) {
			s.searchContiguous(g, near)
		} else {
			near = &s.field.everywhere
			s.scatter(i, end, index)
			s.searchScattered(g, near)
		}
		for l, g2 := range gamma2[i:end] {
			switch {
			case g2 != g2:
			case g.v[rowOverflow][l] != 0:
				gamma2[i+l] = single(i + l)
				s.alone = append(s.alone, int32(i+l))
			case g.bits>>l&1 == 0:
				gamma2[i+l] = math.Inf(1)
			default:
				gamma2[i+l] = g.v[rowBest][l]
			}
		}
		if g.queued >= slots*lanes/2 {
			s.settleQueue(gamma2, int(g.queued)/lanes, single)
		}
	}
	s.settleQueue(gamma2, (int(s.group.queued)+lanes-1)/lanes, single)
}

// settleQueue settles the first so many slots of what was put off; a cell that
// resists makes its point one that is searched for by itself.
func (s *Search) settleQueue(gamma2 []float64, n int, single func(int) float64) {
	g := s.group
	queued := int(g.queued)
	for i := range n {
		from := &s.put[i]
		copy(g.v[:], from.v[:])
		g.cell = from.cell
		here := min(queued-i*lanes, lanes)
		for l := here; l < lanes; l++ {
			g.v[rowBest][l] = 0
		}
		s.settleCells(g)
		for l, point := range from.point[:here] {
			g2 := g.v[rowBest][l]
			if g.bits>>l&1 != 0 {
				s.resume(g, l)
				s.best = min(s.best, gamma2[point])
				s.minimise(int(g.cell[l]), vec{g.v[rowCellX][l], g.v[rowCellY][l], g.v[rowCellZ][l]}, s.x)
				if g2 = s.best; !s.proven && !slices.Contains(s.alone, point) {
					g2 = single(int(point))
					s.alone = append(s.alone, point)
				}
			}
			gamma2[point] = min(gamma2[point], g2)
		}
	}
	if left := queued - n*lanes; left > 0 {
		s.put[0] = s.put[n]
		g.queued = int64(left)
	} else {
		g.queued = 0
	}
}

// fill writes dose and criteria of points i to end into the group, and reports
// whether there is any.
func (s *Search) fill(i, end int, dose []float32, scale, gamma2 []float64) (any bool) {
	g := s.group
	for l := range lanes {
		g.v[rowBest][l] = 0
		if i+l >= end || gamma2[i+l] != gamma2[i+l] {
			continue
		}
		any = true
		g.v[rowBest][l] = s.field.limit
		g.v[rowDose][l] = float64(dose[i+l])
		g.v[rowScale][l] = scale[i+l]
	}
	return any
}

// contiguous places n points, one cell after the other along x from index r,
// if they and all they may read lie inside the field, and at the same place in
// their cells as the points before.
func (s *Search) contiguous(r [3]float64, n int) bool {
	f := s.field
	var cells [3]int
	for a := range 3 {
		at := home(r[a])
		last := float64(f.high[a] - 1)
		if a == 0 {
			last -= float64(n - 1)
		}
		if !(at >= float64(f.low[a]) && at <= last) {
			return false
		}
		cells[a] = int(at)
	}
	cell := f.corner(cells)
	reach := f.margin[0] + f.size[0]*(f.margin[1]+f.size[1]*f.margin[2])
	if cell < reach || cell+reach+f.step[0]+f.step[1]+f.step[2]+lanes > len(f.dose) {
		return false
	}
	at := vec{r[0] - float64(cells[0]), r[1] - float64(cells[1]), r[2] - float64(cells[2])}
	d := vec{at.x - f.at.x, at.y - f.at.y, at.z - f.at.z}
	if max(math.Abs(d.x), math.Abs(d.y), math.Abs(d.z)) > aligned/2 {
		return false
	}
	g := s.group
	span := f.row(cells[1], cells[2]) + cells[0]
	for l := range lanes {
		g.v[rowFX][l], g.v[rowFY][l], g.v[rowFZ][l] = at.x, at.y, at.z
		g.span[l], g.cell[l] = int32(span+l), int32(cell+l)
	}
	return true
}

// scatter places the points of the group from i to end anywhere.
func (s *Search) scatter(i, end int, index func(int) [3]float64) {
	f, g := s.field, s.group
	for l := range lanes {
		r := index(min(i+l, end-1))
		home := [3]int{f.layer(0, r[0]), f.layer(1, r[1]), f.layer(2, r[2])}
		g.v[rowFX][l], g.v[rowFY][l], g.v[rowFZ][l] = r[0]-float64(home[0]), r[1]-float64(home[1]), r[2]-float64(home[2])
		g.span[l] = int32(f.row(home[1], home[2]) + home[0])
		g.cell[l] = int32(home[0] + f.size[0]*(home[1]+f.size[1]*home[2]))
	}
}
