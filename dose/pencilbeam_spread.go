package dose

import (
	"context"
	"fmt"
	"slices"

	"github.com/kerma-rt/kerma/dose/beam"
	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/heterogeneity"
	"github.com/kerma-rt/kerma/internal/kernels/parallel"
)

const (
	spreadPixel   = 2   // mm; pencils where primary dose is
	spreadReach   = 60  // mm around the opening that electrons are followed, in lung too
	scatterReach  = 400 // mm around it that scatter is
	scatterBlock  = 2   // coarse pixels to a pencil of scatter, each way
	scatterPlanes = 6   // mm between planes of scatter
)

// pencilParts is the kernel of a machine by parts that spread apart.
type pencilParts struct{ primary, scatter heterogeneity.PencilPart }

// spread adds the dose of one pose by a correction that evaluates kernels in
// its own way: electrons on fine pencils in and around the opening, scatter on
// coarse ones everywhere.
func (p *pencilJob) spread(ctx context.Context, c heterogeneity.Spreading, frame geometry.Frame, q *exposure, s *beam.Segment) (deepest float64, err error) {
	maps := q.maps
	m := maps.beam.machine
	parts, err := p.partsOf(m)
	if err != nil {
		return 0, err
	}
	if maps.all.NX == 0 {
		p.progress.add(p.Grid.Size()[2])
		return 0, nil
	}
	q.fill(s)
	factor := m.Calibration.FluencePerMU
	primaries, scattered := pixels(q.open, int(spreadPixel/maps.open.Spacing), factor), pixels(q.all, scatterBlock, factor)

	spread := func(f heterogeneity.Fluence, reach, step float64, part heterogeneity.PencilPart) (*heterogeneity.Spread, error) {
		if f.NX == 0 {
			return nil, nil
		}
		b := heterogeneity.Beam{Tissue: p.Tissue, Frame: frame, Field: within(f, reach, shadow(p.Grid, frame)), Step: step, Threads: p.Threads, Cache: p.cache}
		out, err := c.Spread(ctx, b, f, part, absorptionRatios{m.Beam.Spectrum})
		if err == nil {
			deepest = max(deepest, out.Deepest())
		}
		return out, err
	}
	scatter, err := spread(scattered, scatterReach, scatterPlanes, parts.scatter)
	if err != nil {
		return 0, err
	}
	primary, err := spread(primaries, spreadReach, fieldStep, parts.primary)
	if err != nil {
		return 0, err
	}
	// Leakage is wide and even: its electrons need not be followed.
	var leaked *heterogeneity.Spread
	if maps.leak != (beam.Leakage{}) {
		even := parts.primary
		even.Rate, even.Share = nil, nil
		if leaked, err = spread(outside(pixels(q.all, 1, factor), q.open), 0, scatterPlanes, even); err != nil {
			return 0, err
		}
	}

	size, affine := p.Grid.Size(), frame.OfGrid(p.Grid)
	err = parallel.For(ctx, size[2], p.Threads, func(k int) error {
		row := make([]float64, size[0])
		for y := range size[1] {
			n := p.Grid.Offset(0, y, k)
			first, end := extent(p.inside[n : n+size[0]])
			if first == end {
				continue
			}
			start := affine.At(float64(first), float64(y), float64(k))
			for _, part := range [...]*heterogeneity.Spread{scatter, primary, leaked} {
				if part == nil {
					continue
				}
				add := row[:end-first]
				part.Row(add, start, affine.Step[0])
				for i, d := range add {
					// Not a number: beyond the reach of this part.
					if p.inside[n+first+i] && d == d {
						p.dose.Data[n+first+i] += float32(d)
					}
				}
			}
		}
		p.progress.add(1)
		return nil
	})
	return deepest, err
}

// partsOf derives the kernel of a machine, once.
func (p *pencilJob) partsOf(m *machine.Machine) (*pencilParts, error) {
	if parts := p.parts[m]; parts != nil {
		return parts, nil
	}
	if m.Beam == nil {
		return nil, fmt.Errorf("%w: machine %q has no spectrum, from which %s derives its kernels", ErrRequest, m.Name, p.correction.Name())
	}
	primary, scatter, err := m.Beam.Parts()
	if err != nil {
		return nil, err
	}
	parts := &pencilParts{heterogeneity.PencilPart(*primary), heterogeneity.PencilPart(*scatter)}
	p.parts[m] = parts
	return parts, nil
}

// pixels is a map with blocks of pixels taken together, times factor.
func pixels(m *beam.Fluence, block int, factor float64) heterogeneity.Fluence {
	step := m.Spacing * float64(block)
	f := heterogeneity.Fluence{X: m.X + step/2, Y: m.Y + step/2, Step: step, NX: (m.NX + block - 1) / block, NY: (m.NY + block - 1) / block}
	f.Value = make([]float64, f.NX*f.NY)
	for j := range m.NY {
		for i, v := range m.Value[j*m.NX : (j+1)*m.NX] {
			f.Value[j/block*f.NX+i/block] += v * factor / float64(block*block)
		}
	}
	return f
}

// outside is f without the pixels inside a map.
func outside(f heterogeneity.Fluence, m *beam.Fluence) heterogeneity.Fluence {
	f.Value = slices.Clone(f.Value)
	for j := range f.NY {
		for i := range f.NX {
			x, y := (f.X+float64(i)*f.Step-m.X)/m.Spacing, (f.Y+float64(j)*f.Step-m.Y)/m.Spacing
			if x >= 0 && y >= 0 && x < float64(m.NX) && y < float64(m.NY) {
				f.Value[j*f.NX+i] = 0
			}
		}
	}
	return f
}

// within is the field that reaches so far (mm) around the pixels of f, where it
// is seen.
func within(f heterogeneity.Fluence, reach float64, seen heterogeneity.Field) heterogeneity.Field {
	x1, y1 := f.X+float64(f.NX-1)*f.Step, f.Y+float64(f.NY-1)*f.Step
	return heterogeneity.Field{
		X0: min(max(f.X-reach, seen.X0), x1), X1: max(min(x1+reach, seen.X1), f.X),
		Y0: min(max(f.Y-reach, seen.Y0), y1), Y1: max(min(y1+reach, seen.Y1), f.Y),
	}
}
