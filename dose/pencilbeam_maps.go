package dose

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/kerma-rt/kerma/dose/beam"
	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/internal/kernels/convolve"
	"github.com/kerma-rt/kerma/internal/kernels/parallel"
)

// A lateral kernel is split in two,
//
//	w = w·χ + w·(1−χ),  χ(r) = 1 for r ≤ r₁, cos² between r₁ and r₂, 0 for r ≥ r₂,
//
// so that only the near part, which is steep, needs fine pixels, and only the
// far part, which is smooth, a large plane.
const (
	windowFirst, windowLast = 4, 16 // r₁ and r₂, mm
	windowStep              = 0.25  // mm between nodes while χ falls

	finePixel   = 0.5 // mm; see TestFineEnough for the error
	widePixel   = 1   // mm; of maps larger than wide
	wide        = 320 // mm
	coarsePixel = 4   // mm; a whole number of fine ones
	blurMargin  = 5   // standard deviations of the source
)

// fluenceMaps is what the component maps φ ⊗ w_k of all segments of one beam
// share: lattices, transforms and kernels.
type fluenceMaps struct {
	beam  *delivery
	leak  beam.Leakage
	open  *beam.Fluence // fine pixels: the open field and its surroundings; without values
	all   *beam.Fluence // coarse pixels: wherever anything passes; without values
	block int           // fine pixels to a coarse one, each way
	reach int           // of the near part, fine pixels; a multiple of block
	far   int           // reach of the far part, coarse pixels

	// With leakage the fluence goes on beyond the lattice of open, so the
	// fine maps are smaller than it by reach on each side; without, larger.
	inset int // fine pixels, reach or −reach

	components   int
	fine, coarse plane
	kernels      map[int]*kernels // by entry of Pencil.Lateral
}

// kernels are transformed: a pair of components each.
type kernels struct {
	fine, coarse [][]float32
	nearWeight   []float64 // ∫ w_k χ
}

// newFluenceMaps finds the lattices for a beam. It fails with beam.ErrFluence.
func newFluenceMaps(d *delivery) (*fluenceMaps, error) {
	m := d.machine
	f := &fluenceMaps{
		beam: d, leak: beam.Leakage{Jaws: m.JawTransmission, Leaves: m.LeafTransmission},
		components: len(m.Pencil.Lateral[0]), kernels: map[int]*kernels{},
	}
	var apertures []beam.Aperture
	for _, s := range d.segments {
		apertures = append(apertures, s.Apertures...)
	}
	leaks := f.leak != beam.Leakage{}
	margin := blurMargin * m.SourceSigma
	if leaks {
		margin += 2 * windowLast
	}
	var err error
	for _, pixel := range [2]float64{finePixel, widePixel} {
		f.block = int(coarsePixel / pixel)
		if f.open, err = beam.NewFluence(d.Devices, apertures, beam.Leakage{}, margin, pixel, f.block); err != nil {
			return nil, err
		}
		if float64(max(f.open.NX, f.open.NY))*pixel <= wide {
			break
		}
	}
	f.reach = int(windowLast / f.open.Spacing)
	if f.inset = -f.reach; leaks {
		f.inset = f.reach
	}
	if f.all, err = beam.NewFluence(d.Devices, apertures, f.leak, 0, coarsePixel, 1); err != nil {
		return nil, err
	}
	f.all = around(f.all, f.open)
	f.open.Value, f.all.Value = nil, nil
	if f.all.NX == 0 {
		return f, nil
	}

	var reach float64
	for _, components := range m.Pencil.Lateral {
		for _, w := range components {
			if n := len(w.Radius); n > 0 {
				reach = max(reach, w.Radius[n-1])
			}
		}
	}
	reach = min(reach, d.farthest(f.all))
	if !(reach <= 4000) {
		return nil, fmt.Errorf("%w: kernel of %g mm reach", ErrRequest, reach)
	}
	// The fine maps take their far part from between coarse pixels.
	f.far = max(int(math.Ceil(reach/coarsePixel))+1, f.reach/f.block+3)
	f.fine, f.coarse = newPlane(f.open, -f.inset), newPlane(f.all, f.far)
	return f, nil
}

// begin makes the transforms, so many of each size. Of the maps of the beam
// before, which may be nil and are used up, it takes what serves again.
func (f *fluenceMaps) begin(before *fluenceMaps, transforms int) {
	if before == nil {
		before = &fluenceMaps{}
	}
	f.fine.begin(&before.fine, transforms)
	f.coarse.begin(&before.coarse, transforms)
	if f.fine.same(&before.fine) && f.coarse.same(&before.coarse) && before.beam.machine == f.beam.machine && before.block == f.block && before.far == f.far {
		f.kernels = before.kernels
	}
}

// farthest is how far the projection of a voxel can lie from a place in a map
// along x or y, mm: no kernel is needed further out.
func (d *delivery) farthest(f *beam.Fluence) float64 {
	if d.grid.Len() == 0 {
		return math.Inf(1)
	}
	var far float64
	x1, y1 := f.X+float64(f.NX)*f.Spacing, f.Y+float64(f.NY)*f.Spacing
	for _, frame := range d.frames {
		s := shadow(d.grid, frame)
		far = max(far, s.X1-f.X, x1-s.X0, s.Y1-f.Y, y1-s.Y0)
	}
	return far
}

// around is an empty map on the coarse pixels that cover both maps.
func around(a, b *beam.Fluence) *beam.Fluence {
	if a.NX == 0 && b.NX == 0 {
		return a
	}
	low, high := [2]float64{math.Inf(1), math.Inf(1)}, [2]float64{math.Inf(-1), math.Inf(-1)}
	for _, f := range []*beam.Fluence{a, b} {
		if f.NX > 0 {
			low[0], high[0] = min(low[0], f.X), max(high[0], f.X+float64(f.NX)*f.Spacing)
			low[1], high[1] = min(low[1], f.Y), max(high[1], f.Y+float64(f.NY)*f.Spacing)
		}
	}
	c := &beam.Fluence{X: low[0], Y: low[1], Spacing: coarsePixel}
	c.NX = int(math.Round((high[0] - low[0]) / coarsePixel))
	c.NY = int(math.Round((high[1] - low[1]) / coarsePixel))
	return c
}

// pairs is how many pairs of components there are, the last perhaps half.
func (f *fluenceMaps) pairs() int { return (f.components + 1) / 2 }

// prepare transforms the kernels for some distances from source to skin (mm).
// It keeps those of other distances as long as there are no more than most.
func (f *fluenceMaps) prepare(ctx context.Context, threads, most int, ssds []float64) error {
	if f.all.NX == 0 {
		return nil
	}
	lateral := f.beam.machine.Pencil
	need := map[int]bool{}
	var missing []int
	for _, ssd := range ssds {
		index := lateral.Index(ssd)
		if !need[index] && f.kernels[index] == nil {
			missing = append(missing, index)
		}
		need[index] = true
	}
	// The memory of one that is not needed now serves the next.
	var spare []*kernels
	for index, k := range f.kernels {
		if !need[index] && len(f.kernels)+len(missing) > most {
			spare = append(spare, k)
			delete(f.kernels, index)
		}
	}
	pairs := f.pairs()
	for _, index := range missing {
		if len(spare) > 0 {
			f.kernels[index] = spare[0]
			spare = spare[1:]
			continue
		}
		k := &kernels{nearWeight: make([]float64, f.components)}
		for range pairs {
			k.fine = append(k.fine, make([]float32, f.fine.size()))
			k.coarse = append(k.coarse, make([]float32, f.coarse.size()))
		}
		f.kernels[index] = k
	}
	return parallel.For(ctx, 2*pairs*len(missing), threads, func(i int) error {
		index, pair, part := missing[i/(2*pairs)], i/2%pairs, i%2
		k := f.kernels[index]
		var pixels [2][]float64
		for n := range min(2, f.components-2*pair) {
			near, far := split(&lateral.Lateral[index][2*pair+n])
			if part == 0 {
				pixels[n] = near.Pixels(f.reach+1, f.open.Spacing)
				k.nearWeight[2*pair+n] = near.Integral(windowLast)
			} else {
				pixels[n] = far.Pixels(f.far+1, coarsePixel)
			}
		}
		if part == 0 {
			f.fine.kernel(k.fine[pair], pixels[0], pixels[1], f.reach+1)
		} else {
			f.coarse.kernel(k.coarse[pair], pixels[0], pixels[1], f.far+1)
		}
		return nil
	})
}

// split cuts a kernel into its near and far parts. At the nodes of both they
// add up to w, so they do everywhere.
func split(w *machine.Radial) (near, far machine.Radial) {
	if len(w.Radius) == 0 {
		return *w, machine.Radial{}
	}
	last := w.Radius[len(w.Radius)-1]
	radius := slices.Clone(w.Radius)
	for r := float64(windowFirst); r <= windowLast && r <= last; r += windowStep {
		radius = append(radius, r)
	}
	slices.Sort(radius)
	radius = slices.Compact(radius)
	near = machine.Radial{Radius: radius, Value: make([]float64, len(radius)), Core: w.Core}
	far = machine.Radial{Radius: radius, Value: make([]float64, len(radius))}
	i := 0
	for n, r := range radius {
		for i < len(w.Radius)-2 && r > w.Radius[i+1] {
			i++
		}
		v := w.Value[i]
		if i+1 < len(w.Radius) {
			t := (r - w.Radius[i]) / (w.Radius[i+1] - w.Radius[i])
			v += t * (w.Value[i+1] - v)
		}
		near.Value[n] = v * window(r)
		far.Value[n] = v - near.Value[n]
	}
	return near, far
}

// window is χ(r).
func window(r float64) float64 {
	t := (r - windowFirst) / (windowLast - windowFirst)
	c := math.Cos(math.Pi / 2 * min(max(t, 0), 1))
	return c * c
}

// plane is a lattice on which maps are convolved.
type plane struct {
	pad        int // zeros before the map, pixels; negative: what the result is short of on each side
	w, h       int // of the result
	nx, ny     int // of the transform
	transforms chan *convolve.Transform
}

// newPlane is the plane for a map with a border of pad pixels, or without one of
// −pad.
func newPlane(f *beam.Fluence, pad int) plane {
	if f.NX == 0 {
		return plane{}
	}
	p := plane{pad: pad, w: f.NX + 2*pad, h: f.NY + 2*pad}
	p.nx, p.ny = convolve.Size(max(p.w, f.NX)), convolve.Size(max(p.h, f.NY))
	return p
}

// begin makes n transforms, or takes those of the plane before if they have
// its size.
func (p *plane) begin(before *plane, n int) {
	if p.w == 0 {
		return
	}
	if p.same(before) && before.transforms != nil {
		p.transforms = before.transforms
		return
	}
	p.transforms = make(chan *convolve.Transform, n)
	for range n {
		p.transforms <- convolve.New(p.nx, p.ny)
	}
}

// same tells whether transforms and kernels of one plane serve the other.
func (p *plane) same(q *plane) bool { return p.nx == q.nx && p.ny == q.ny }

// size is the values of a spectrum.
func (p *plane) size() int {
	if p.w == 0 {
		return 0
	}
	return convolve.Len(p.nx, p.ny)
}

// kernel transforms a pair of kernels; the second may be nil.
func (p *plane) kernel(dst []float32, first, second []float64, n int) {
	if p.w == 0 {
		return
	}
	t := <-p.transforms
	t.Kernels(dst, first, second, n)
	p.transforms <- t
}

// transform writes the spectrum of a map.
func (p *plane) transform(dst []float32, f *beam.Fluence) {
	if p.w == 0 {
		return
	}
	t := <-p.transforms
	t.Map(dst, f.Value, f.NX, f.NY, max(p.pad, 0))
	p.transforms <- t
}

// product writes the convolutions with a pair of kernels.
func (p *plane) product(first, second, spectrum, kernels []float32) {
	if p.w == 0 {
		return
	}
	t := <-p.transforms
	t.Product(first, second, spectrum, kernels, max(-p.pad, 0), p.w, p.h)
	p.transforms <- t
}
