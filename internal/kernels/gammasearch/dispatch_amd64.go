//go:build !purego

package gammasearch

import "github.com/kerma-rt/kerma/internal/kernels/simd"

// searchContiguous searches for points in cells that follow one another along
// x, all at the place that the neighbours were listed for; all that lies
// within the margin of them must be inside the dose.
func (s *Search) searchContiguous(g *group, near *neighbours) {
	f := s.field
	switch simd.Current() {
	case simd.AVX512:
		searchContiguousAVX512(&g.v[0][0], &f.dose[0], &f.least[0], &f.most[0], &near.place[0], &near.apart[0], &s.put[0].v[0][0])
	case simd.AVX2:
		searchContiguousAVX2(&g.v[0][0], &f.dose[0], &f.least[0], &f.most[0], &near.place[0], &near.apart[0], &s.put[0].v[0][0])
	default:
		s.searchGeneric(g, near)
	}
}

// searchScattered searches for points anywhere.
func (s *Search) searchScattered(g *group, near *neighbours) {
	f := s.field
	switch simd.Current() {
	case simd.AVX512:
		searchScatteredAVX512(&g.v[0][0], &f.dose[0], &f.least[0], &f.most[0], &near.place[0], &near.apart[0], &s.put[0].v[0][0])
	case simd.AVX2:
		searchScatteredAVX2(&g.v[0][0], &f.dose[0], &f.least[0], &f.most[0], &near.place[0], &near.apart[0], &s.put[0].v[0][0])
	default:
		s.searchGeneric(g, near)
	}
}

// settleCells settles a cell for each point of a group; its bits are those that
// it cannot settle.
func (s *Search) settleCells(g *group) {
	switch simd.Current() {
	case simd.AVX512:
		settleCellsAVX512(&g.v[0][0], &s.field.dose[0])
	case simd.AVX2:
		settleCellsAVX2(&g.v[0][0], &s.field.dose[0])
	default:
		s.settleGeneric(g)
	}
}

// spans is spansGeneric for the leading cells that fill whole vectors; it tells
// how many these are.
func spans(least, most, a, b, c, d []float32) int {
	// The last corner of the last cell must be inside the rows.
	n := min(len(least), len(a)-1)
	fill := spansAVX2
	switch simd.Current() {
	case simd.AVX512:
		n, fill = n&^15, spansAVX512
	case simd.AVX2:
		n &^= 7
	default:
		return 0
	}
	if n > 0 {
		fill(&least[0], &most[0], &a[0], &b[0], &c[0], &d[0], n)
	}
	return max(n, 0)
}
