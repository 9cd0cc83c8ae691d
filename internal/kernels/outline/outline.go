// Package outline does the arithmetic of cross-sections of bodies that are
// drawn by their outlines in planes: distances to outlines on a raster, how
// these are blended between planes, and which cells lie inside.
//
// Rows are worked on in whole vectors: every slice must hold Padded(n)
// elements where n are asked for, and those beyond n are read and overwritten.
// Every level of vector instructions gives the same bits.
package outline

//go:generate go run -C ../gen ./outline -out ../outline/outline_amd64.s -stubs ../outline/outline_amd64.go -pkg outline

// vector is the number of elements that are worked on at once.
const vector = 16

// Padded is the number of elements that slices of n must hold.
func Padded(n int) int { return (n + vector - 1) &^ (vector - 1) }

// Edge is an edge of an outline, as seen from a point of a raster. All are in
// one unit of length.
type Edge struct {
	U, V    float32 // from the edge's first corner to the raster's first point
	DU, DV  float32 // from one point of the raster to the next
	EU, EV  float32 // from the edge's first corner to its last
	Inverse float32 // 1/(EU² + EV²), zero for an edge without length
}

// Nearest lowers d to the squared distances from the points of a raster to the
// edge: d[j·stride + i] for point (i, j).
func (e *Edge) Nearest(d []float32, stride, rows, columns int) {
	if rows <= 0 || columns <= 0 {
		return
	}
	columns = Padded(columns)
	_ = d[(rows-1)*stride+columns-1]
	nearest(e, d, stride, rows, columns)
}

// Roots is d ← −√d for all of d, whose length is Padded.
func Roots(d []float32) {
	if len(d)%vector != 0 {
		panic("outline: length is no multiple of the vector's")
	}
	if len(d) > 0 {
		roots(d)
	}
}

// Bend blends the distances in two planes a and b, bent by the planes before
// and after them:
//
//	WA·clip(a) + WB·clip(b) − Bend·minmod(KB·((b − a) − RB·(a − before)), KA·(RA·(after − b) − (b − a)))
//
// clip keeps a distance to ±Step; minmod is the smaller of two numbers of one
// sign, else zero. Where a and b are both at Step or beyond, on one side, it is
// Step.
type Bend struct {
	WA, WB, Step, Bend, KB, RB, KA, RA float32
}

// Row writes n blended distances to row.
func (m *Bend) Row(row, a, b, before, after []float32, n int) {
	if n = Padded(n); n > 0 {
		_, _, _, _, _ = row[n-1], a[n-1], b[n-1], before[n-1], after[n-1]
		bend(m, row, a, b, before, after, n)
	}
}

// End carries the distances in the last plane a on beyond it, by b, before and
// after, which follow inwards:
//
//	WA·a + WB·b + Bend·(a − 2b + before)
//
// the last term only where it and b − 2·before + after are negative.
type End struct {
	WA, WB, Bend float32
}

// Row raises n distances of row to those of the end.
func (m *End) Row(row, a, b, before, after []float32, n int) {
	if n = Padded(n); n > 0 {
		_, _, _, _, _ = row[n-1], a[n-1], b[n-1], before[n-1], after[n-1]
		end(m, row, a, b, before, after, n)
	}
}

// Cover says which of n cells lie inside: out is 1 for those with all four
// corners inside and 0 for all others, plus rest, kept to 0…1. The corners of
// cell i are low[i], low[i+1], high[i] and high[i+1], inside at zero or above.
// Bit i%8 of mixed[i/8] tells cells with corners on both sides.
func Cover(out, low, high, rest []float32, mixed []byte, n int) {
	if n = Padded(n); n > 0 {
		_, _, _, _, _ = out[n-1], low[n], high[n], rest[n-1], mixed[n/8-1]
		cover(out, low, high, rest, mixed, n)
	}
}
