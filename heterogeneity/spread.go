package heterogeneity

import (
	"context"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/spatial/r3"
)

// Spreading is a correction that evaluates kernels its own way: it makes the
// dose, not a factor on one.
type Spreading interface {
	Correction
	// Spread is the dose of one fluence by one part of a pencil kernel; parts
	// add up. It is dose to water where media is nil.
	Spread(ctx context.Context, b Beam, f Fluence, p PencilPart, media AbsorptionRatios) (*Spread, error)
}

// Fluence is planar fluence in the isocentre plane: pixel (i, j) is centred on
// X + i·Step, Y + j·Step (mm).
type Fluence struct {
	X, Y, Step float64
	NX, NY     int
	Value      []float64 // any unit, x fastest
}

// PencilPart is one part of a pencil kernel in water: at depth d (mm) and
// distance r from the pencil the dose is
//
//	L(d) Σ_k c_k(d) μ_k e^(−μ_k r)/(2πr).
//
// Without rates it is not spread: all of L falls on the pencil.
type PencilPart struct {
	Depth    []float64 // mm, ascending from 0
	Integral []float64 // L at Depth, dose times mm² for fluence 1 through each mm²
	Rate     []float64 // μ_k, per mm
	Share    []float64 // c_k, [depth][k], Σ_k = 1
	// Drift[i] is the share, rising from 0 to 1, that photons interacting less
	// than i·DriftStep (mm) ahead have in the mean distance of the dose in a
	// plane from the pencil.
	Drift     []float64
	DriftStep float64
}

func (p *PencilPart) check() error {
	n := len(p.Depth)
	ok := n >= 2 && p.Depth[0] == 0 && len(p.Integral) == n && len(p.Share) == n*len(p.Rate) &&
		len(p.Drift) >= 2 && p.DriftStep > 0
	for i := 1; i < n; i++ {
		ok = ok && p.Depth[i] > p.Depth[i-1]
	}
	for _, mu := range p.Rate {
		ok = ok && mu > 0
	}
	if !ok {
		return fmt.Errorf("%w: incomplete pencil kernel", ErrFactors)
	}
	return nil
}

// at writes L·c_k at a depth to dst.
func (p *PencilPart) at(depth float64, dst []float64) {
	i, t := p.find(depth)
	n := len(p.Rate)
	for k := range dst {
		a, b := p.Share[(i-1)*n+k]*p.Integral[i-1], p.Share[i*n+k]*p.Integral[i]
		dst[k] = a + t*(b-a)
	}
}

// integral is L at a depth.
func (p *PencilPart) integral(depth float64) float64 {
	i, t := p.find(depth)
	return p.Integral[i-1] + t*(p.Integral[i]-p.Integral[i-1])
}

// find is the upper of the two tabulated depths around a depth and the share of
// the way to it; the end of the table for larger ones.
func (p *PencilPart) find(depth float64) (int, float64) {
	i, _ := slices.BinarySearch(p.Depth, depth)
	i = min(max(i, 1), len(p.Depth)-1)
	return i, min((depth-p.Depth[i-1])/(p.Depth[i]-p.Depth[i-1]), 1)
}

// drift is D(ζ).
func (p *PencilPart) drift(zeta float64) float64 {
	x := zeta / p.DriftStep
	if last := float64(len(p.Drift) - 1); x >= last {
		return p.Drift[len(p.Drift)-1]
	}
	i := int(x)
	return p.Drift[i] + (x-float64(i))*(p.Drift[i+1]-p.Drift[i])
}

// Spread is dose on the rays of a beam.
type Spread struct {
	dose    *Depths // dose over the obliquity
	medium  *medium
	deepest float64
}

// Row is the dose at the points first, first + step, … in beam coordinates (mm);
// see Depths.Row.
func (s *Spread) Row(out []float64, first, step r3.Vec) {
	s.dose.Row(out, first, step)
	if s.medium != nil {
		s.medium.scale(out, s.dose.frame, first, step)
	}
}

// Deepest is the largest radiological depth on a ray with fluence, mm.
func (s *Spread) Deepest() float64 { return s.deepest }

// lattice is the field of the smallest lattice on the pixels of f that holds
// both them and a field.
func (f *Fluence) lattice(around Field) (field Field, i0, j0 int) {
	grow := func(first float64, n int, low, high float64) (int, int) {
		before := max(0, int(math.Ceil((first-low)/f.Step-1e-6)))
		after := max(0, int(math.Ceil((high-first)/f.Step-1e-6))-(n-1))
		return before, before + n + after
	}
	i0, nx := grow(f.X, f.NX, around.X0, around.X1)
	j0, ny := grow(f.Y, f.NY, around.Y0, around.Y1)
	x, y := f.X-float64(i0)*f.Step, f.Y-float64(j0)*f.Step
	return Field{X0: x, X1: x + float64(max(nx, 2)-1)*f.Step, Y0: y, Y1: y + float64(max(ny, 2)-1)*f.Step}, i0, j0
}
