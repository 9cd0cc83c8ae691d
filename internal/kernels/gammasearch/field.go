package gammasearch

import "math"

// Field is a dose lattice, x fastest, prepared for the search: for every cell
// of it that a search can reach it knows the least and the greatest dose.
type Field struct {
	dose  []float32
	size  [3]int
	step  [3]int // distance in dose of two corners of a cell; 0 across an axis of one value
	cells [3]int // cells along each axis; an axis of one value has one cell, of no width

	k     vec     // lattice spacing in units of the distance criterion
	limit float64 // γ² that ends the search

	low, high [3]int // the half-open box of cells that may be searched

	// The range of dose in each cell of that box and of a margin round it, as
	// wide as a search can reach, so that no search has to look where the box
	// ends. It is the wrong way round for a cell that has a corner without dose
	// (NaN) and for all of the margin outside the lattice: these hold nothing.
	margin      [3]int
	width       [3]int // of box and margin
	origin      int    // index of cell (0, 0, 0), which need not be among them
	least, most []float32

	// The cells round a point anywhere in its cell, and round one at a place in it.
	everywhere, here neighbours
	at               vec
}

// Where a search can reach more cells than this the margin is left out, and
// every point is searched for by itself: so fine a lattice has its minimum in
// many cells from each point, and the lists of neighbours grow long.
const maxReach = 1 << 16

// NewField prepares for searches within the cells from low to high (half
// open), cut to the lattice, whose spacing is k along each axis in units of
// the distance criterion, as far as maxGamma. Points at the same place in
// their cells as the one at a continuous index are searched for fastest. There
// are no spans until FillSpans has seen every layer.
func NewField(dose []float32, size, low, high [3]int, k [3]float64, maxGamma float64, point [3]float64) *Field {
	// A lattice that ends at exactly the limit is data: rounding of the
	// indices must not lose it.
	f := &Field{dose: dose, size: size, k: vec{k[0], k[1], k[2]}, limit: maxGamma * maxGamma * (1 + 1e-9)}
	stride, reached, all := 1, 1.0, 1.0
	for a := range 3 {
		f.cells[a] = max(size[a]-1, 1)
		if size[a] > 1 {
			f.step[a] = stride
		}
		stride *= size[a]
		f.low[a] = min(max(low[a], 0), f.cells[a]-1)
		f.high[a] = max(min(high[a], f.cells[a]), f.low[a]+1)
		n, reach := float64(f.high[a]-f.low[a]), math.Ceil(maxGamma/k[a])+1
		f.margin[a] = int(math.Min(reach, math.MaxInt32))
		reached *= 2*reach + 1
		all *= n + 2*reach
	}
	if reached > maxReach || all >= math.MaxInt32 || len(dose) >= math.MaxInt32 {
		f.margin = [3]int{}
	}
	n := 1
	for a := range 3 {
		f.width[a] = f.high[a] - f.low[a] + 2*f.margin[a]
		n *= f.width[a]
	}
	f.origin = f.margin[0] - f.low[0] + f.width[0]*(f.margin[1]-f.low[1]+f.width[1]*(f.margin[2]-f.low[2]))
	// Vectors may begin with the last span.
	f.least, f.most = make([]float32, n+lanes), make([]float32, n+lanes)
	if f.grouped() {
		f.everywhere = f.neighbours(vec{}, vec{1, 1, 1})
		f.at = vec{part(point[0]), part(point[1]), part(point[2])}
		f.here = f.neighbours(
			vec{f.at.x - aligned, f.at.y - aligned, f.at.z - aligned},
			vec{f.at.x + aligned, f.at.y + aligned, f.at.z + aligned})
	}
	return f
}

// aligned is how far, in cells, places may differ that count as the same place
// in their cells: far above the rounding of indices, far below what matters.
const aligned = 1e-9

// home is the cell of a continuous index; rounding does not put an index at
// the lower end of a cell into the one below.
func home(r float64) float64 { return math.Floor(r + aligned) }

func part(r float64) float64 { return r - home(r) }

// grouped reports whether points can be searched for side by side.
func (f *Field) grouped() bool { return f.margin[0] > 0 }

// Layers is the range of z layers that FillSpans has to be called for.
func (f *Field) Layers() (low, high int) {
	return f.low[2] - f.margin[2], f.high[2] + f.margin[2]
}

// row is the index of the span of cell (0, y, z).
func (f *Field) row(y, z int) int { return f.origin + f.width[0]*(y+f.width[1]*z) }

// holds reports whether a cell has dose at all its corners.
func (f *Field) holds(cell [3]int) bool {
	i := f.row(cell[1], cell[2]) + cell[0]
	return f.least[i] <= f.most[i]
}

// FillSpans computes the spans of the cells of one z layer. Layers are
// independent of each other.
func (f *Field) FillSpans(z int) {
	for y := f.low[1] - f.margin[1]; y < f.high[1]+f.margin[1]; y++ {
		at := f.row(y, z) + f.low[0] - f.margin[0]
		least, most := f.least[at:at+f.width[0]], f.most[at:at+f.width[0]]
		if z < f.low[2] || z >= f.high[2] || y < f.low[1] || y >= f.high[1] {
			void(least, most)
			continue
		}
		m, n := f.margin[0], f.high[0]-f.low[0]
		void(least[:m], most[:m])
		void(least[m+n:], most[m+n:])
		f.fill(least[m:m+n], most[m:m+n], f.low[0]+f.size[0]*(y+f.size[1]*z))
	}
}

// void marks cells that hold nothing.
func void(least, most []float32) {
	for i := range least {
		least[i], most[i] = 1, -1
	}
}

// fill computes the spans of a row of cells, the first of which has its lowest
// corner at dose[at].
func (f *Field) fill(least, most []float32, at int) {
	width := len(least) + min(f.step[0], 1)
	a := f.dose[at : at+width]
	b := f.dose[at+f.step[1]:][:width]
	c := f.dose[at+f.step[2]:][:width]
	d := f.dose[at+f.step[1]+f.step[2]:][:width]
	if i := spans(least, most, a, b, c, d); i < len(least) {
		spansGeneric(least[i:], most[i:], a[i:], b[i:], c[i:], d[i:])
	}
}

// corner is the index in dose of the lowest corner of a cell, and origin its
// place.
func (f *Field) corner(cell [3]int) int {
	return cell[0] + f.size[0]*(cell[1]+f.size[1]*cell[2])
}

func origin(cell [3]int) vec {
	return vec{float64(cell[0]), float64(cell[1]), float64(cell[2])}
}

// layer is the cell along axis a that is nearest to continuous index r.
func (f *Field) layer(a int, r float64) int {
	if !(r > float64(f.low[a])) {
		return f.low[a]
	}
	if r >= float64(f.high[a]) {
		return f.high[a] - 1
	}
	return int(r)
}

// inside reports whether a continuous index lies within the lattice.
func (f *Field) inside(r vec) bool {
	return r.x >= 0 && r.x <= float64(f.size[0]-1) &&
		r.y >= 0 && r.y <= float64(f.size[1]-1) &&
		r.z >= 0 && r.z <= float64(f.size[2]-1)
}
