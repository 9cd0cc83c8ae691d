package geometry

import (
	"iter"
	"math"
	"math/bits"

	"gonum.org/v1/gonum/spatial/r2"

	"github.com/kerma-rt/kerma/internal/kernels/outline"
)

// Sections draws cross-sections of a Solid on a raster. It keeps what it drew
// of neighbouring planes, so sections are cheapest in order of w. Each
// goroutine needs its own; all give the same bits.
type Sections struct {
	solid   *Solid
	raster  Raster
	limit   float64 // mm
	step    float64 // mm
	cover   coverage
	lines   lines
	planes  []*drawnPlane
	fields  []*field
	blends  []blend
	coarse  []edge
	row     [2][]float32 // blended distances along two rows of corners
	line    []float32    // of the cells between them: what is inside
	none    []float32    // zeros
	mixed   []byte       // of them: bits of those that are partly inside
	bend    outline.Bend
	end     outline.End
	out     []float32
	written Window
}

// Window is a range of raster cells, half open.
type Window struct {
	I0, I1, J0, J1 int
}

// drawnPlane is the coverage of a plane's cells: as its distances tell it, and
// what they miss (corners, and details smaller than a cell).
type drawnPlane struct {
	plane int
	rest  []float32 // and a vector more
}

// field is the distances to some parts of a plane.
type field struct {
	plane int
	which which
	distances
}

// which parts of a plane.
type which uint8

const (
	allParts   which = iota
	upParts          // that go on above
	downParts        // that go on below
	endUp            // that end above and go on below
	endDown          // that end below and go on above
	aloneParts       // that do neither
)

// has reports whether part i of a plane is one of them.
func (p *plane) has(w which, i int) bool {
	up, down := p.up[i], p.down[i]
	switch w {
	case upParts:
		return up
	case downParts:
		return down
	case endUp:
		return !up && down
	case endDown:
		return up && !down
	case aloneParts:
		return !up && !down
	}
	return true
}

// blend is a weighted sum of two distances; b may be nil. Where the planes
// beyond both are at hand, it is bent by their second differences:
//
//	φ = wa·a + wb·b − bend · minmod(Δ²before, Δ²after)
//	Δ²before = kb·((b − a) − rb·(a − before)), Δ²after = ka·(ra·(after − b) − (b − a))
//
// minmod is the smaller of two numbers of one sign, else zero: outlines that
// curve steadily (the side of a sphere) are followed to second order, and
// nothing else moves: no overshoot beside a step, no echo of a single
// plane drawn differently. At an end, b and then before and after follow one
// another inwards from a, and the outline only bends inwards:
//
//	φ = wa·a + wb·b + bend·(a − 2b + before)
//
// (Newton's backward formula), where this second difference and the one before
// it are both negative.
type blend struct {
	a, b          *distances
	wa, wb        float32
	before, after *distances
	bend          float32
	kb, rb        float32
	ka, ra        float32
	end           bool
}

// curve adds the planes beyond a and b to a blend at t between them.
func (s *Sections) curve(m *blend, below, above int, t float64) {
	planes := s.solid.planes
	if below == 0 || above == len(planes)-1 {
		return
	}
	h := planes[above].w - planes[below].w
	h0 := planes[below].w - planes[below-1].w
	h2 := planes[above+1].w - planes[above].w
	m.before, m.after = s.field(below-1, upParts), s.field(above+1, downParts)
	if m.before == nil || m.after == nil {
		m.before, m.after = nil, nil
		return
	}
	m.bend = float32(t * (1 - t) / 2)
	m.kb, m.rb = float32(2/(1+h0/h)), float32(h/h0)
	m.ka, m.ra = float32(2/(1+h2/h)), float32(h/h2)
}

// close adds the two planes inwards of b to the blend of an end, where the last
// four planes are evenly spaced.
func (s *Sections) close(m *blend, near, inward int) {
	planes := s.solid.planes
	far := near + 3*inward
	if far < 0 || far >= len(planes) {
		return
	}
	h := planes[near+inward].w - planes[near].w
	for i := range 2 {
		next := planes[near+(i+2)*inward].w - planes[near+(i+1)*inward].w
		if math.Abs(next-h) > 0.1*math.Abs(h) {
			return
		}
	}
	outward := upParts
	if inward > 0 {
		outward = downParts
	}
	before, after := s.field(near+2*inward, outward), s.field(far, outward)
	if before == nil || after == nil {
		return
	}
	e := -m.wb // planes beyond the last
	m.before, m.after, m.bend = before, after, e*(1+e)/2
}

// Sections prepares to draw cross-sections of the solid on a raster.
func (b *Solid) Sections(r Raster) *Sections {
	return &Sections{
		solid:  b,
		raster: r,
		// Interpolation within a cell needs distances that reach across it.
		limit: max(distanceLimit*b.spacing, 2*math.Hypot(r.DU, r.DV)),
		step:  max(stepLimit*b.spacing, math.Hypot(r.DU, r.DV)),
		row:   [2][]float32{make([]float32, outline.Padded(r.NU+1)+1), make([]float32, outline.Padded(r.NU+1)+1)},
		line:  make([]float32, outline.Padded(r.NU)),
		none:  make([]float32, outline.Padded(r.NU)),
		mixed: make([]byte, outline.Padded(r.NU)/8),
		out:   make([]float32, r.NU*r.NV),
	}
}

// At is the part of each raster cell that lies inside the solid at height w
// (mm), 0…1, u fastest, and the window of cells outside which all are zero.
// The slice is overwritten by the next call.
func (s *Sections) At(w float64) ([]float32, Window) {
	in, ok := s.solid.interval(w)
	var win Window
	near := 0
	if ok {
		win, near = s.prepare(in, w)
	}
	if win.I1 <= win.I0 || win.J1 <= win.J0 {
		win = Window{}
	}
	if win != s.written {
		for j := s.written.J0; j < s.written.J1; j++ {
			clear(s.out[j*s.raster.NU+s.written.I0 : j*s.raster.NU+s.written.I1])
		}
		s.written = win
	}
	if win == (Window{}) {
		return s.out, win
	}
	rest := s.drawn(near).rest
	nu, n := s.raster.NU, win.I1-win.I0
	s.mix(0, win.J0, win)
	for j := win.J0; j < win.J1; j++ {
		low, high := s.row[(j-win.J0)&1], s.row[(j-win.J0+1)&1]
		s.mix((j-win.J0+1)&1, j+1, win)
		rest := rest[j*nu+win.I0:]
		outline.Cover(s.line, low, high, rest, s.mixed, n)
		out := s.out[j*nu+win.I0 : j*nu+win.I1]
		copy(out, s.line)
		for i := range setBits(s.mixed, n) {
			a := positiveArea(low[i], low[i+1], high[i+1], high[i]) + rest[i]
			if a < 0 {
				a = 0
			} else if a > 1 {
				a = 1
			}
			out[i] = a
		}
	}
	return s.out, s.written
}

// setBits are the numbers of the bits that are set, of the first n.
func setBits(b []byte, n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for k := 0; 8*k < n; k++ {
			for x := b[k]; x != 0; x &= x - 1 {
				if i := 8*k + bits.TrailingZeros8(x); i >= n || !yield(i) {
					return
				}
			}
		}
	}
}

func (b *Solid) interval(w float64) (interval, bool) {
	lo, hi := 0, len(b.intervals)
	for lo < hi {
		m := (lo + hi) / 2
		if b.intervals[m].high <= w {
			lo = m + 1
		} else {
			hi = m
		}
	}
	if lo == len(b.intervals) || w < b.intervals[lo].low {
		return interval{}, false
	}
	return b.intervals[lo], true
}

// prepare sets the blends whose greatest value is the distance at w, and
// finds the window they need and the nearest plane.
func (s *Sections) prepare(in interval, w float64) (win Window, near int) {
	s.blends = s.blends[:0]
	low, high := in.below, in.above
	t := 0.0
	switch {
	case low < 0:
		near = high
	case high < 0:
		near = low
	default:
		t = (w - in.low) / (in.high - in.low)
		near = low
		if t >= 0.5 {
			near = high
		}
	}
	first, last := near, near
	if low >= 0 && high >= 0 {
		first, last = low, high
		a, b := s.field(low, upParts), s.field(high, downParts)
		if a != nil && b != nil {
			m := blend{a: a, b: b, wa: float32(1 - t), wb: float32(t)}
			s.curve(&m, low, high, t)
			s.blends = append(s.blends, m)
		}
	}
	planes := s.solid.planes
	p := &planes[near]
	// Parts of the nearest plane that end on this side of it.
	end, other := endUp, near-1
	if w < p.w {
		end, other = endDown, near+1
	}
	if a := s.field(near, end); a != nil {
		e := float32((w - p.w) / (p.w - planes[other].w))
		m := blend{a: a, b: s.field(other, allParts), wa: 1 + e, wb: -e, end: true}
		s.close(&m, near, other-near)
		s.blends = append(s.blends, m)
	}
	if a := s.field(near, aloneParts); a != nil {
		s.blends = append(s.blends, blend{a: a, wa: 1, end: true})
	}
	lo, hi := planes[first].low, planes[first].high
	lo.X, lo.Y = min(lo.X, planes[last].low.X), min(lo.Y, planes[last].low.Y)
	hi.X, hi.Y = max(hi.X, planes[last].high.X), max(hi.Y, planes[last].high.Y)
	return s.raster.window(lo, hi, s.limit/2), near
}

// mix computes the distance along one row of cell corners of the window.
func (s *Sections) mix(buffer, j int, win Window) {
	row, n := s.row[buffer], win.I1-win.I0+1
	outside := float32(-1)
	if len(s.blends) > 0 {
		outside = float32(math.Inf(-1))
	}
	if len(s.blends) == 0 || s.blends[0].end {
		for i := range row[:n] {
			row[i] = outside
		}
	}
	for _, m := range s.blends {
		a := m.a.row(win.I0, j)
		b, before, after := a, a, a
		if m.b != nil {
			b = m.b.row(win.I0, j)
		}
		if m.before != nil {
			before, after = m.before.row(win.I0, j), m.after.row(win.I0, j)
		}
		if m.end {
			s.end = outline.End{WA: m.wa, WB: m.wb, Bend: m.bend}
			s.end.Row(row, a, b, before, after, n)
		} else { // between planes, always the first
			s.bend = outline.Bend{WA: m.wa, WB: m.wb, Step: float32(s.step), Bend: m.bend, KB: m.kb, RB: m.rb, KA: m.ka, RA: m.ra}
			s.bend.Row(row, a, b, before, after, n)
		}
	}
}

// simplest is how far, in diagonals of a cell, the outline whose distances are
// taken may lie from the drawn one. What that moves in a plane is put back by
// the exact coverage.
const simplest = 0.05

// keepPlanes is how far apart planes may be whose fields are needed for one
// section: from the one before those around it to the last that an end is
// carried on by, three planes beyond the nearest.
const keepPlanes = 5

// field is the distances to the parts of a plane, nil where there are none.
func (s *Sections) field(plane int, w which) *distances {
	p := &s.solid.planes[plane]
	kept := 0
	for i := range p.parts {
		if p.has(w, i) {
			kept++
		}
	}
	switch kept {
	case 0:
		return nil
	case p.parts:
		w = allParts
	}
	var old *field
	for _, f := range s.fields {
		if f.plane == plane && f.which == w {
			return &f.distances
		}
		if f.plane < plane-keepPlanes || f.plane > plane+keepPlanes {
			old = f
		}
	}
	if old == nil {
		old = &field{}
		s.fields = append(s.fields, old)
	}
	old.plane, old.which = plane, w
	s.coarse = simplify(s.coarse, p.of(w), simplest*math.Hypot(s.raster.DU, s.raster.DV))
	old.fill(s.coarse, newParity(p.loops), s.raster, s.limit, &s.lines)
	return &old.distances
}

func (s *Sections) drawn(plane int) *drawnPlane {
	var d *drawnPlane
	for _, o := range s.planes {
		if o.plane == plane {
			return o
		}
		if o.plane < plane-1 || o.plane > plane+1 {
			d = o
		}
	}
	if d == nil {
		d = &drawnPlane{rest: make([]float32, s.raster.NU*s.raster.NV+outline.Padded(1))}
		s.planes = append(s.planes, d)
	}
	d.plane = plane
	p := &s.solid.planes[plane]
	s.cover.draw(p, s.raster, d.rest)
	f := s.field(plane, allParts)
	win, nu := s.raster.window(p.low, p.high, s.raster.DU+s.raster.DV), s.raster.NU
	for j := win.J0; j < win.J1; j++ {
		low, high := f.row(win.I0, j), f.row(win.I0, j+1)
		rest := d.rest[j*nu+win.I0 : j*nu+win.I1]
		outline.Cover(s.line, low, high, s.none, s.mixed, len(rest))
		for i := range rest {
			rest[i] -= s.line[i]
		}
		for i := range setBits(s.mixed, len(rest)) {
			rest[i] -= positiveArea(low[i], low[i+1], high[i+1], high[i])
		}
	}
	return d
}

// window is the cells that lie between two corners or within a margin (mm) of that.
func (r Raster) window(low, high r2.Vec, margin float64) Window {
	cell := func(x float64, n int) int { return int(min(max(x, 0), float64(n))) }
	return Window{
		I0: cell(math.Floor((low.X-margin-r.U)/r.DU), r.NU),
		I1: cell(math.Ceil((high.X+margin-r.U)/r.DU), r.NU),
		J0: cell(math.Floor((low.Y-margin-r.V)/r.DV), r.NV),
		J1: cell(math.Ceil((high.Y+margin-r.V)/r.DV), r.NV),
	}
}
