package gammasearch

// Field is a dose lattice, x fastest, prepared for the search: for every cell
// of it that a search can reach it knows the least and the greatest dose.
type Field struct {
	dose  []float32
	size  [3]int
	step  [3]int // distance in dose of two corners of a cell; 0 across an axis of one value
	cells [3]int // cells along each axis; an axis of one value has one cell, of no width

	// The cells with a span: the half-open box from low to high.
	low, high [3]int
	spans     []span
	origin    int // index in spans of cell (0, 0, 0), which need not be in the box
}

// span is the range of dose in a cell, the wrong way round when a corner has
// no dose (NaN): such a cell counts as outside the lattice.
type span struct{ low, high float32 }

func (s span) valid() bool { return s.low <= s.high }

var noSpan = span{1, -1}

// NewField prepares for searches that stay within the cells from low to high
// (half open); the box is cut to the lattice. The spans are empty until
// FillSpans has seen every layer.
func NewField(dose []float32, size, low, high [3]int) *Field {
	f := &Field{dose: dose, size: size}
	stride, n := 1, 1
	for a := range 3 {
		f.cells[a] = max(size[a]-1, 1)
		if size[a] > 1 {
			f.step[a] = stride
		}
		stride *= size[a]
		f.low[a] = min(max(low[a], 0), f.cells[a]-1)
		f.high[a] = max(min(high[a], f.cells[a]), f.low[a]+1)
		n *= f.high[a] - f.low[a]
	}
	f.spans = make([]span, n)
	f.origin = -f.low[0] - (f.high[0]-f.low[0])*(f.low[1]+(f.high[1]-f.low[1])*f.low[2])
	return f
}

// Layers is the range of z layers that FillSpans has to be called for.
func (f *Field) Layers() (low, high int) { return f.low[2], f.high[2] }

// row is the index in spans of cell (0, y, z).
func (f *Field) row(y, z int) int {
	return f.origin + (f.high[0]-f.low[0])*(y+(f.high[1]-f.low[1])*z)
}

func (f *Field) span(cell [3]int) span {
	return f.spans[f.row(cell[1], cell[2])+cell[0]]
}

// FillSpans computes the spans of the cells of one z layer. Layers are
// independent of each other.
func (f *Field) FillSpans(z int) {
	n := f.high[0] - f.low[0]
	for y := f.low[1]; y < f.high[1]; y++ {
		at := f.low[0] + f.size[0]*(y+f.size[1]*z)
		width := n + min(f.step[0], 1)
		a := f.dose[at : at+width]
		b := f.dose[at+f.step[1]:][:width]
		c := f.dose[at+f.step[2]:][:width]
		d := f.dose[at+f.step[1]+f.step[2]:][:width]
		spans := f.spans[f.row(y, z)+f.low[0]:][:n]
		left := column(a[0], b[0], c[0], d[0])
		for i := range spans {
			right := left
			if i+1 < width {
				right = column(a[i+1], b[i+1], c[i+1], d[i+1])
			}
			s := left
			if right.low < s.low {
				s.low = right.low
			}
			if right.high > s.high {
				s.high = right.high
			}
			if !left.valid() || !right.valid() {
				s = noSpan
			}
			spans[i] = s
			left = right
		}
	}
}

// column is the span of the four corners of a cell that share an x.
func column(a, b, c, d float32) span {
	if a+b+c+d != a+b+c+d {
		return noSpan
	}
	if b < a {
		a, b = b, a
	}
	if d < c {
		c, d = d, c
	}
	if c < a {
		a = c
	}
	if d > b {
		b = d
	}
	return span{a, b}
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
