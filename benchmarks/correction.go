package benchmarks

import (
	"math"
	"slices"
)

// Correction is the correction factor on the axis: the dose over that of the
// same beam in water on the same grid.
type Correction struct {
	// Water is the case in water of the same beam and grid, whose reference
	// dose is the denominator of reference factors; empty where there is none.
	Water string `json:"water_case"`

	Max      Figure            `json:"max_error_percent"` // signed, more than 1 cm from interfaces
	MaxDepth Figure            `json:"max_error_depth_mm"`
	Points   []CorrectionPoint `json:"points"`
}

// CorrectionPoint is the correction factor at one depth.
type CorrectionPoint struct {
	Depth     float64 `json:"depth_mm"`
	Factor    Figure  `json:"factor"`
	Reference Figure  `json:"reference"`
	Error     Figure  `json:"error_percent"` // Factor over Reference, less 1
}

// correct fills the correction factors of a result from the doses in water, by
// depth: that of the same engine, and of the reference of a case in water.
func (r *reference) correct(out *Result, water []float64, name string, reference []float64) {
	c := Correction{Water: name, Max: Figure(nan), MaxDepth: Figure(nan), Points: []CorrectionPoint{}}
	for k, p := range out.Axis.Points {
		q := CorrectionPoint{Depth: p.Depth, Factor: p.Dose / Figure(water[k]), Reference: Figure(nan), Error: Figure(nan)}
		if reference != nil && r.axis.reference != nil {
			q.Reference = Figure(r.axis.reference[k] / reference[k])
			q.Error = 100 * (q.Factor/q.Reference - 1)
		}
		c.Points = append(c.Points, q)
		if e := math.Abs(float64(q.Error)); e-e == 0 && !p.Near && !(e <= math.Abs(float64(c.Max))) {
			c.Max, c.MaxDepth = q.Error, Figure(q.Depth)
		}
	}
	out.Correction = c
}

// inWater says whether a case is water throughout.
func (c *Case) inWater() bool {
	for i, d := range c.Tissue.Density.Data {
		if d != 1 || c.Tissue.Materials[c.Tissue.Material[i]] != "water_liquid" {
			return false
		}
	}
	return true
}

// sameAxis says whether two cases differ in their phantoms only, and whether
// the same voxels are averaged on the axis: not where one leaves out air.
func (r *reference) sameAxis(o *reference) bool {
	return r.Spectrum.Name == o.Spectrum.Name && r.SSD == o.SSD && r.Field == o.Field && r.Source == o.Source &&
		r.grid.Equal(o.grid, 1e-3) && slices.EqualFunc(r.axis.voxels, o.axis.voxels, slices.Equal)
}
