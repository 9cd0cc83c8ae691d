package heterogeneity

import (
	"context"
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/spatial/r3"
)

// ErrFactors is wrapped by every error about factors that cannot be computed.
var ErrFactors = errors.New("heterogeneity: no correction factors")

// Factored is a correction that multiplies the dose in water, read at its
// depth, by a factor.
type Factored interface {
	Correction
	// Factors tabulates the factor for one beam.
	Factors(ctx context.Context, b Beam, w Water) (*Factors, error)
}

// TissueRatios is what a correction asks about a beam in water.
type TissueRatios interface {
	// TissueRatio is T(d, r): the dose at depth d per fluence in air at the
	// same point, in a circular field of radius r there (both mm), relative to
	// one value for all d and r. It is a tissue–air ratio but for that value.
	TissueRatio(depth, radius float64) float64
}

// AbsorptionRatios is an ability of TissueRatios: to tell media apart. Where
// there is none, dose is that to water.
type AbsorptionRatios interface {
	// AbsorptionRatio is the mass energy-absorption coefficient of a material
	// (a name of Tissue.Materials) over that of water, averaged over the beam.
	AbsorptionRatio(material string) (float64, error)
}

// AttenuationRatios is an ability of AbsorptionRatios: where electron density
// does not tell how a medium attenuates, as in metals at high energy.
type AttenuationRatios interface {
	// AttenuationRatio is the attenuation coefficient per electron of a material
	// over that of water, averaged over the beam.
	AttenuationRatio(material string) (float64, error)
}

// Water is what a factor depends on beside the patient.
type Water struct {
	Ratios TissueRatios
	Radius float64 // of the circular field equivalent to the opening, mm in the isocentre plane
	Open   Field   // around what is open
}

func (w Water) check() error {
	if w.Ratios == nil || !(w.Radius > 0) || math.IsInf(w.Radius, 0) || !(w.Open.X0 <= w.Open.X1) || !(w.Open.Y0 <= w.Open.Y1) {
		return fmt.Errorf("%w: field of radius %v mm in %+v", ErrFactors, w.Radius, w.Open)
	}
	return nil
}

// peak is the depth of maximum of T for a radius, to 1 mm, and T there.
func (w Water) peak(radius float64) (depth, ratio float64, err error) {
	const deepest = 80 // mm: beyond d_max of any photon beam
	for d := 0.0; d <= deepest; d++ {
		if t := w.Ratios.TissueRatio(d, radius); t > ratio {
			depth, ratio = d, t
		}
	}
	if !(ratio > 0) || math.IsInf(ratio, 0) {
		return 0, 0, fmt.Errorf("%w: no tissue ratios for a field of radius %g mm", ErrFactors, radius)
	}
	return depth, ratio, nil
}

// Factors is a correction factor on the rays of a beam.
type Factors struct {
	// ln CF over the obliquity, in place of a depth: the look-up multiplies by
	// the obliquity, and before the first plane the factor is 1.
	log    *Depths
	medium *medium // nil: dose to water
}

// At is the factor at the point at distance a (mm) from the source along the
// beam axis on the ray through (x, y) of the isocentre plane; NaN outside the
// field.
func (f *Factors) At(x, y, a float64) float64 {
	v := math.Exp(f.log.At(x, y, a))
	if f.medium != nil {
		m := a / f.log.frame.SAD
		v *= f.medium.at(f.log.frame.ToPatient(r3.Vec{X: x * m, Y: y * m, Z: f.log.frame.SAD - a}))
	}
	return v
}

// Row is the factors at the points first, first + step, … in beam coordinates;
// see Depths.Row.
func (f *Factors) Row(out []float64, first, step r3.Vec) {
	f.log.Row(out, first, step)
	for i, v := range out {
		out[i] = math.Exp(v)
	}
	if f.medium != nil {
		f.medium.scale(out, f.log.frame, first, step)
	}
}

// Free is Depths.Free.
func (f *Factors) Free() { f.log.Free() }

// obliquity is the length of the ray of index (i, j) per length of the axis.
func (d *Depths) obliquity(i, j int) float64 {
	u, w := d.fan.U.First+float64(i)*d.fan.U.Step, d.fan.W.First+float64(j)*d.fan.W.Step
	return math.Sqrt(1 + (u*u+w*w)/(d.fan.SAD*d.fan.SAD))
}

// place is where the ray of index (i, j) meets the isocentre plane.
func (d *Depths) place(i, j int) (x, y float64) {
	u, w := d.fan.U.First+float64(i)*d.fan.U.Step, d.fan.W.First+float64(j)*d.fan.W.Step
	return d.cos*u - d.sin*w, d.sin*u + d.cos*w
}

// distance is that of plane t from the source along the axis, mm.
func (d *Depths) distance(t int) float64 { return d.fan.A.First + float64(t)*d.fan.A.Step }

// empty is a table on the same nodes without its values.
func (d *Depths) empty() *Depths {
	e := *d
	e.fan.Sums = d.cache.floats(len(d.fan.Sums))
	clear(e.fan.Sums)
	return &e
}
