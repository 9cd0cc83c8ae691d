package dose

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"

	"github.com/kerma-rt/kerma/dose/beam"
	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/internal/kernels/convolve"
	"github.com/kerma-rt/kerma/internal/kernels/parallel"
	"github.com/kerma-rt/kerma/internal/kernels/pencil"
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

// fluenceMaps makes the component maps φ ⊗ w_k of the segments of one beam. All
// segments share one lattice, so a kernel is transformed once.
type fluenceMaps struct {
	beam    *delivery
	threads int
	leak    beam.Leakage
	open    *beam.Fluence // fine pixels: the open field and its surroundings
	all     *beam.Fluence // coarse pixels: wherever anything passes
	block   int           // fine pixels to a coarse one, each way
	reach   int           // of the near part, fine pixels; a multiple of block
	far     int           // reach of the far part, coarse pixels

	// With leakage the fluence goes on beyond the lattice of open, so the
	// fine maps are smaller than it by reach on each side; without, larger.
	inset int // fine pixels, reach or −reach

	kernelOf   int       // entry of Pencil.Lateral that the kernels are of; −1 none yet
	nearWeight []float64 // ∫ w_k χ
	fine       plane
	coarse     plane
}

// newFluenceMaps finds the lattices for a beam. Of the maps of the beam before,
// which may be nil and are used up, it keeps what serves again. It fails with
// beam.ErrFluence.
func newFluenceMaps(d *delivery, threads int, before *fluenceMaps) (*fluenceMaps, error) {
	m := d.machine
	f := &fluenceMaps{
		beam: d, threads: threads, kernelOf: -1,
		leak: beam.Leakage{Jaws: m.JawTransmission, Leaves: m.LeafTransmission},
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
	n := len(m.Pencil.Lateral[0])
	f.nearWeight = make([]float64, n)
	if before == nil || len(before.nearWeight) != n {
		before = &fluenceMaps{}
	}
	var fineKept, coarseKept bool
	f.fine, fineKept = newPlane(f.open, -f.inset, n, threads, &before.fine)
	f.coarse, coarseKept = newPlane(f.all, f.far, n, threads, &before.coarse)
	if fineKept && coarseKept && before.beam.machine == m && before.block == f.block && before.far == f.far {
		f.kernelOf, f.nearWeight = before.kernelOf, before.nearWeight
	}
	return f, nil
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
	c.Value = make([]float64, c.NX*c.NY)
	return c
}

// of is the maps of one segment, fine around the open field and coarse around
// that, in monitor units. Kernels are those of the source–skin distance (mm).
// The maps have no points where nothing passes.
func (f *fluenceMaps) of(ctx context.Context, s *beam.Segment, ssd float64) (fine, coarse *pencil.Map, err error) {
	if f.all.NX == 0 {
		return &pencil.Map{Step: 1}, &pencil.Map{Step: 1}, nil
	}
	if err := f.kernels(ctx, f.beam.machine.Pencil.Index(ssd)); err != nil {
		return nil, nil, err
	}
	f.fill(s)
	f.fine.set(f.open)
	f.coarse.set(f.all)
	pairs := (len(f.nearWeight) + 1) / 2
	err = parallel.For(ctx, 2*pairs, f.threads, func(i int) error {
		if i < pairs {
			f.fine.convolve(i)
		} else {
			f.coarse.convolve(i - pairs)
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	if fine, err = f.fineMap(ctx); err != nil {
		return nil, nil, err
	}
	return fine, f.coarseMap(), nil
}

// fill makes the fluence of one segment on both lattices.
func (f *fluenceMaps) fill(s *beam.Segment) {
	m := f.beam.machine
	for _, lattice := range []*beam.Fluence{f.open, f.all} {
		clear(lattice.Value)
		for _, a := range s.Apertures {
			lattice.Add(f.beam.Devices, a, f.leak)
		}
	}
	f.open.Blur(m.SourceSigma)
	f.open.Shape(m.Profile)
	f.all.Shape(m.Profile)
	// Where the fine map reaches, a coarse pixel is the mean of its fine ones.
	i0 := int(math.Round((f.open.X - f.all.X) / coarsePixel))
	j0 := int(math.Round((f.open.Y - f.all.Y) / coarsePixel))
	for j := range f.open.NY / f.block {
		for i := range f.open.NX / f.block {
			var sum float64
			for y := range f.block {
				row := f.open.Value[(j*f.block+y)*f.open.NX+i*f.block:]
				for _, v := range row[:f.block] {
					sum += v
				}
			}
			f.all.Value[(j0+j)*f.all.NX+i0+i] = sum / float64(f.block*f.block)
		}
	}
}

// kernels transforms the kernels of one entry of Pencil.Lateral.
func (f *fluenceMaps) kernels(ctx context.Context, index int) error {
	if index == f.kernelOf {
		return nil
	}
	components := f.beam.machine.Pencil.Lateral[index]
	err := parallel.For(ctx, (len(components)+1)/2, f.threads, func(pair int) error {
		var near, far [2][]float64
		for i := range min(2, len(components)-2*pair) {
			k := 2*pair + i
			n, a := split(&components[k])
			near[i], far[i] = n.Pixels(f.reach+1, f.open.Spacing), a.Pixels(f.far+1, coarsePixel)
			f.nearWeight[k] = n.Integral(windowLast)
		}
		f.fine.kernel(pair, near[0], near[1], f.reach+1)
		f.coarse.kernel(pair, far[0], far[1], f.far+1)
		return nil
	})
	if err == nil {
		f.kernelOf = index
	}
	return err
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

// coarseMap is the whole kernel's map outside the fine one: there fluence is
// smooth, so the near part is the fluence at the place times its weight.
func (f *fluenceMaps) coarseMap() *pencil.Map {
	k := len(f.nearWeight)
	m := &pencil.Map{
		X: f.all.X + (0.5-float64(f.far))*coarsePixel, Y: f.all.Y + (0.5-float64(f.far))*coarsePixel, Step: coarsePixel,
		NX: f.coarse.w, NY: f.coarse.h, Components: pencil.Padded(k),
	}
	m.Value = make([]float32, m.NX*m.NY*m.Components)
	for c := range k {
		for p, v := range f.coarse.out[c] {
			m.Value[p*m.Components+c] = v
		}
		for j := range f.all.NY {
			for i := range f.all.NX {
				p := (j+f.far)*m.NX + i + f.far
				m.Value[p*m.Components+c] += float32(f.nearWeight[c] * f.all.Value[j*f.all.NX+i])
			}
		}
	}
	return m
}

// fineMap is the near part's map and the far part's, interpolated by
// Catmull–Rom cubics, added up.
func (f *fluenceMaps) fineMap(ctx context.Context) (*pencil.Map, error) {
	if f.open.NX == 0 {
		return &pencil.Map{Step: 1}, nil
	}
	k := len(f.nearWeight)
	m := &pencil.Map{
		X: f.open.X + (0.5+float64(f.inset))*f.open.Spacing, Y: f.open.Y + (0.5+float64(f.inset))*f.open.Spacing, Step: f.open.Spacing,
		NX: f.open.NX - 2*f.inset, NY: f.open.NY - 2*f.inset, Components: pencil.Padded(k),
	}
	m.Value = make([]float32, m.NX*m.NY*m.Components)
	// The fine map begins at a corner of coarse pixel (i0, j0).
	i0 := f.far + int(math.Round((f.open.X-f.all.X)/coarsePixel)) + f.inset/f.block
	j0 := f.far + int(math.Round((f.open.Y-f.all.Y)/coarsePixel)) + f.inset/f.block
	weights, first := make([][4]float32, f.block), make([]int, f.block)
	for b := range f.block {
		t := (float64(b)+0.5)/float64(f.block) - 0.5
		if first[b] = -1; t < 0 {
			first[b], t = -2, t+1
		}
		weights[b] = catmullRom(t)
	}
	err := parallel.For(ctx, m.NY, f.threads, func(y int) error {
		line := make([]float32, f.coarse.w)
		wy, jy := weights[y%f.block], j0+y/f.block+first[y%f.block]
		for c := range k {
			far := f.coarse.out[c]
			r0, r1 := far[jy*f.coarse.w:], far[(jy+1)*f.coarse.w:]
			r2, r3 := far[(jy+2)*f.coarse.w:], far[(jy+3)*f.coarse.w:]
			for i := range line {
				line[i] = wy[0]*r0[i] + wy[1]*r1[i] + wy[2]*r2[i] + wy[3]*r3[i]
			}
			near := f.fine.out[c][y*m.NX:][:m.NX]
			out := m.Value[y*m.NX*m.Components+c:]
			for x, v := range near {
				b := x % f.block
				w, q := &weights[b], line[i0+x/f.block+first[b]:][:4]
				out[x*m.Components] = v + w[0]*q[0] + w[1]*q[1] + w[2]*q[2] + w[3]*q[3]
			}
		}
		return nil
	})
	return m, err
}

// catmullRom is the weights of four neighbours for a place the share t of the
// way from the second to the third.
func catmullRom(t float64) [4]float32 {
	return [4]float32{
		float32(t * (-1 + t*(2-t)) / 2),
		float32((2 + t*t*(3*t-5)) / 2),
		float32(t * (1 + t*(4-3*t)) / 2),
		float32(t * t * (t - 1) / 2),
	}
}

// plane convolves one map with the kernels of all components, two at a time.
type plane struct {
	pad        int // zeros before the map, pixels; negative: what the result is short of on each side
	w, h       int // of the result
	nx, ny     int // of the transform
	spectrum   []float32
	kernels    [][]float32              // by pair of components
	out        [][]float32              // by component, rounded up to a whole pair
	transforms chan *convolve.Transform // one a goroutine
}

// newPlane is the plane for a map with a border of pad pixels, or without one of
// −pad. It takes the
// memory and the kernels of the plane before, where they have its size.
func newPlane(f *beam.Fluence, pad, components, threads int, before *plane) (p plane, kept bool) {
	if f.NX == 0 {
		return plane{}, false
	}
	p = plane{pad: pad, w: f.NX + 2*pad, h: f.NY + 2*pad}
	p.nx, p.ny = convolve.Size(max(p.w, f.NX)), convolve.Size(max(p.h, f.NY))
	pairs := (components + 1) / 2
	if kept = p.nx == before.nx && p.ny == before.ny; kept {
		p.transforms, p.spectrum, p.kernels = before.transforms, before.spectrum, before.kernels
	} else {
		n := threads
		if n == 0 {
			n = runtime.GOMAXPROCS(0)
		}
		p.transforms = make(chan *convolve.Transform, n)
		for range n {
			p.transforms <- convolve.New(p.nx, p.ny)
		}
		size := convolve.Len(p.nx, p.ny)
		p.spectrum = make([]float32, size)
		for range pairs {
			p.kernels = append(p.kernels, make([]float32, size))
		}
	}
	for range 2 * pairs {
		p.out = append(p.out, make([]float32, p.w*p.h))
	}
	return p, kept
}

// kernel transforms a pair of kernels; the second may be nil.
func (p *plane) kernel(pair int, first, second []float64, n int) {
	if p.w == 0 {
		return
	}
	t := <-p.transforms
	t.Kernels(p.kernels[pair], first, second, n)
	p.transforms <- t
}

func (p *plane) set(f *beam.Fluence) {
	if p.w == 0 {
		return
	}
	t := <-p.transforms
	t.Map(p.spectrum, f.Value, f.NX, f.NY, max(p.pad, 0))
	p.transforms <- t
}

func (p *plane) convolve(pair int) {
	if p.w == 0 {
		return
	}
	t := <-p.transforms
	t.Product(p.out[2*pair], p.out[2*pair+1], p.spectrum, p.kernels[pair], max(-p.pad, 0), p.w, p.h)
	p.transforms <- t
}
