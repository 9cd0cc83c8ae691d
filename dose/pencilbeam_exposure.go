package dose

import (
	"context"
	"math"

	"github.com/kerma-rt/kerma/dose/beam"
	"github.com/kerma-rt/kerma/internal/kernels/parallel"
	"github.com/kerma-rt/kerma/internal/kernels/pencil"
)

// exposure is the maps of one segment, in memory that serves the next again.
type exposure struct {
	maps         *fluenceMaps
	open, all    *beam.Fluence
	fine, coarse convolved
	near, around pencil.Map // the result: fine around the open field, coarse around that
}

// convolved is one map and its convolutions.
type convolved struct {
	spectrum []float32
	out      [][]float32 // by component, up to a whole pair
}

// grown is a slice of n values, in the memory of s if that suffices. They may
// be anything.
func grown[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// fit makes room for the maps of a beam.
func (e *exposure) fit(f *fluenceMaps) {
	e.maps = f
	lattice := func(old, of *beam.Fluence) *beam.Fluence {
		l := *of
		if old != nil {
			l.Value = old.Value
		}
		l.Value = grown(l.Value, l.NX*l.NY)
		return &l
	}
	e.open, e.all = lattice(e.open, f.open), lattice(e.all, f.all)
	if f.all.NX == 0 {
		return
	}
	for _, c := range []struct {
		*convolved
		*plane
	}{{&e.fine, &f.fine}, {&e.coarse, &f.coarse}} {
		c.spectrum = grown(c.spectrum, c.size())
		for len(c.out) < 2*f.pairs() {
			c.out = append(c.out, nil)
		}
		for i := range c.out {
			c.out[i] = grown(c.out[i], c.w*c.h)
		}
	}
}

// expose makes the maps of a segment, in monitor units. Kernels are those of
// the source–skin distance (mm), which have been prepared. The maps have no
// points where nothing passes.
func (e *exposure) expose(ctx context.Context, s *beam.Segment, ssd float64, threads int) error {
	f := e.maps
	e.near = pencil.Map{Step: 1, Value: e.near.Value}
	e.around = pencil.Map{Step: 1, Value: e.around.Value}
	if f.all.NX == 0 {
		return nil
	}
	e.fill(s)
	err := parallel.For(ctx, 2, threads, func(i int) error {
		if i == 0 {
			f.fine.transform(e.fine.spectrum, e.open)
		} else {
			f.coarse.transform(e.coarse.spectrum, e.all)
		}
		return nil
	})
	if err != nil {
		return err
	}
	k, pairs := f.kernels[f.beam.machine.Pencil.Index(ssd)], f.pairs()
	err = parallel.For(ctx, 2*pairs, threads, func(i int) error {
		if pair := i % pairs; i < pairs {
			f.fine.product(e.fine.out[2*pair], e.fine.out[2*pair+1], e.fine.spectrum, k.fine[pair])
		} else {
			f.coarse.product(e.coarse.out[2*pair], e.coarse.out[2*pair+1], e.coarse.spectrum, k.coarse[pair])
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := e.fineMap(ctx, threads); err != nil {
		return err
	}
	e.coarseMap(k)
	return nil
}

// fill makes the fluence of one segment on both lattices.
func (e *exposure) fill(s *beam.Segment) {
	f := e.maps
	m := f.beam.machine
	for _, lattice := range []*beam.Fluence{e.open, e.all} {
		clear(lattice.Value)
		for _, a := range s.Apertures {
			lattice.Add(f.beam.Devices, a, f.leak)
		}
	}
	e.open.Blur(m.SourceSigma)
	e.open.Shape(m.Profile)
	e.all.Shape(m.Profile)
	// Where the fine map reaches, a coarse pixel is the mean of its fine ones.
	i0 := int(math.Round((e.open.X - e.all.X) / coarsePixel))
	j0 := int(math.Round((e.open.Y - e.all.Y) / coarsePixel))
	for j := range e.open.NY / f.block {
		for i := range e.open.NX / f.block {
			var sum float64
			for y := range f.block {
				row := e.open.Value[(j*f.block+y)*e.open.NX+i*f.block:]
				for _, v := range row[:f.block] {
					sum += v
				}
			}
			e.all.Value[(j0+j)*e.all.NX+i0+i] = sum / float64(f.block*f.block)
		}
	}
}

// coarseMap is the whole kernel's map outside the fine one: there fluence is
// smooth, so the near part is the fluence at the place times its weight.
func (e *exposure) coarseMap(k *kernels) {
	f := e.maps
	m := f.aroundMap()
	m.Value = grown(e.around.Value, m.NX*m.NY*m.Components)
	e.around = *m
	n := m.Components
	for c := range n {
		if c >= f.components {
			for p := range m.NX * m.NY {
				m.Value[p*n+c] = 0
			}
			continue
		}
		for p, v := range e.coarse.out[c] {
			m.Value[p*n+c] = v
		}
		weight := k.nearWeight[c]
		for j := range f.all.NY {
			row := m.Value[((j+f.far)*m.NX+f.far)*n+c:]
			for i, v := range e.all.Value[j*f.all.NX:][:f.all.NX] {
				row[i*n] += float32(weight * v)
			}
		}
	}
}

// nearMap and aroundMap are the maps without their values.
func (f *fluenceMaps) nearMap() *pencil.Map {
	if f.open.NX == 0 {
		return &pencil.Map{Step: 1}
	}
	return &pencil.Map{
		X: f.open.X + (0.5+float64(f.inset))*f.open.Spacing, Y: f.open.Y + (0.5+float64(f.inset))*f.open.Spacing, Step: f.open.Spacing,
		NX: f.open.NX - 2*f.inset, NY: f.open.NY - 2*f.inset, Components: pencil.Padded(f.components),
	}
}

func (f *fluenceMaps) aroundMap() *pencil.Map {
	return &pencil.Map{
		X: f.all.X + (0.5-float64(f.far))*coarsePixel, Y: f.all.Y + (0.5-float64(f.far))*coarsePixel, Step: coarsePixel,
		NX: f.coarse.w, NY: f.coarse.h, Components: pencil.Padded(f.components),
	}
}

// fineMap is the near part's map and the far part's, interpolated by
// Catmull–Rom cubics, added up.
func (e *exposure) fineMap(ctx context.Context, threads int) error {
	f := e.maps
	if f.open.NX == 0 {
		return nil
	}
	m := f.nearMap()
	m.Value = grown(e.near.Value, m.NX*m.NY*m.Components)
	e.near = *m
	n := m.Components
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
	width := m.NX/f.block + 4 // coarse pixels that a row takes from
	return parallel.For(ctx, (m.NY+f.block-1)/f.block, threads, func(part int) error {
		line := make([]float32, width)
		for y := part * f.block; y < min((part+1)*f.block, m.NY); y++ {
			wy, jy := weights[y%f.block], j0+y/f.block+first[y%f.block]
			row := m.Value[y*m.NX*n:][:m.NX*n]
			for c := range n {
				out := row[c:]
				if c >= f.components {
					for x := range m.NX {
						out[x*n] = 0
					}
					continue
				}
				far := e.coarse.out[c][jy*f.coarse.w+i0-2:]
				r0, r1 := far[:width], far[f.coarse.w:][:width]
				r2, r3 := far[2*f.coarse.w:][:width], far[3*f.coarse.w:][:width]
				for i := range line {
					line[i] = wy[0]*r0[i] + wy[1]*r1[i] + wy[2]*r2[i] + wy[3]*r3[i]
				}
				near := e.fine.out[c][y*m.NX:][:m.NX]
				for x0 := 0; x0 < len(near); x0 += f.block {
					from := line[x0/f.block:]
					for b, v := range near[x0:min(x0+f.block, len(near))] {
						w, q := &weights[b], from[first[b]+2:][:4]
						out[(x0+b)*n] = v + w[0]*q[0] + w[1]*q[1] + w[2]*q[2] + w[3]*q[3]
					}
				}
			}
		}
		return nil
	})
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
