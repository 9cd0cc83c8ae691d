package heterogeneity

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"
)

// ErrCalibration is wrapped by every error about an impossible CT calibration.
var ErrCalibration = errors.New("heterogeneity: invalid CT calibration")

// Calibration turns CT numbers into mass density, electron density and
// material. NewCalibration and ReadCalibration make them; they do not change.
type Calibration struct {
	table     Table
	points    []Point
	materials []Material // one per range of the table
}

// Table is what a calibration is made of, and its form in JSON:
//
//	{
//	  "name": "clinic, scanner 2, 120 kV",
//	  "source": "Gammex 467, 2026-01-15",
//	  "points": [
//	    {"hu": -1000, "density": 0.0012, "electron_density": 0.00108},
//	    {"hu": 0, "density": 1, "electron_density": 1},
//	    {"hu": 1525, "density": 1.92, "electron_density": 1.7806}
//	  ],
//	  "materials": [
//	    {"from_hu": -1000, "material": "air_dry"},
//	    {"from_hu": -950, "material": "water_liquid"},
//	    {"from_hu": 200, "material": "bone_cortical_icru44"}
//	  ]
//	}
//
// Both densities are linear in HU between points: a tissue between two points
// is taken as a mixture of theirs, in which both are additive by volume. Two
// points at one HU are a step; the second holds from there on. Where the
// points give one of the two densities only, the other follows from the
// electrons per gram (Z/A) of the material, ρe = ρ·(Z/A)/(Z/A)_water, and has
// a step where the material changes.
type Table struct {
	Name   string `json:"name"`
	Source string `json:"source,omitempty"` // where the numbers come from

	// Points are in ascending HU. All give density, or all electron density, or
	// all both; what is given is positive and does not fall with HU.
	Points []Point `json:"points"`
	// Falling states that a density falls somewhere, which is refused otherwise.
	Falling bool `json:"falling,omitempty"`
	// Materials hold from their HU on to the next; the first no later than the
	// first point.
	Materials []MaterialRange `json:"materials"`
}

// Point is one knot of a calibration curve.
type Point struct {
	HU              float64 `json:"hu"`
	Density         float64 `json:"density,omitempty"`          // mass density, g/cm³
	ElectronDensity float64 `json:"electron_density,omitempty"` // relative to water
}

// MaterialRange names the material from a CT number on.
type MaterialRange struct {
	FromHU   float64 `json:"from_hu"`
	Material string  `json:"material"` // one of Materials
}

// NewCalibration checks a table and makes the calibration. It fails with
// ErrCalibration and says which entry is at fault.
func NewCalibration(t Table) (*Calibration, error) {
	fail := func(format string, args ...any) (*Calibration, error) {
		return nil, fmt.Errorf("%w %q: %s", ErrCalibration, t.Name, fmt.Sprintf(format, args...))
	}
	if t.Name == "" {
		return fail("it has no name")
	}
	if len(t.Points) < 2 {
		return fail("%d points, at least 2 wanted", len(t.Points))
	}
	if len(t.Materials) == 0 || len(t.Materials) > math.MaxUint8 {
		return fail("%d materials, 1 to %d wanted", len(t.Materials), math.MaxUint8)
	}
	byMass, byElectrons := t.Points[0].Density != 0, t.Points[0].ElectronDensity != 0
	if !byMass && !byElectrons {
		return fail("point 0 has no density")
	}
	for i, p := range t.Points {
		if !(math.Abs(p.HU) <= maxHU) {
			return fail("point %d: %v HU", i, p.HU)
		}
		for _, q := range []struct {
			name  string
			given bool
			value func(Point) float64
		}{
			{"density", byMass, func(p Point) float64 { return p.Density }},
			{"electron density", byElectrons, func(p Point) float64 { return p.ElectronDensity }},
		} {
			value := q.value(p)
			switch {
			case !q.given && value != 0:
				return fail("point %d: %s %v, but point 0 has none", i, q.name, value)
			case q.given && !(value > 0 && value <= maxDensity):
				return fail("point %d: %s %v", i, q.name, value)
			case i > 0 && value < q.value(t.Points[i-1]) && !t.Falling:
				return fail("point %d: %s falls from %v to %v", i, q.name, q.value(t.Points[i-1]), value)
			}
		}
		if i > 0 && p.HU < t.Points[i-1].HU {
			return fail("point %d: %v HU after %v HU", i, p.HU, t.Points[i-1].HU)
		}
		if i > 1 && p.HU == t.Points[i-2].HU {
			return fail("point %d: third at %v HU", i, p.HU)
		}
	}
	if t.Points[0].HU == t.Points[len(t.Points)-1].HU {
		return fail("all points at %v HU", t.Points[0].HU)
	}
	c := &Calibration{table: t, points: slices.Clone(t.Points)}
	c.table.Points = slices.Clone(t.Points)
	c.table.Materials = slices.Clone(t.Materials)
	for i, m := range t.Materials {
		material, ok := MaterialNamed(m.Material)
		if !ok {
			return fail("material %d: %q is not known", i, m.Material)
		}
		if math.IsNaN(m.FromHU) || i > 0 && !(m.FromHU > t.Materials[i-1].FromHU) {
			return fail("material %d: from %v HU", i, m.FromHU)
		}
		c.materials = append(c.materials, material)
	}
	if t.Materials[0].FromHU > t.Points[0].HU {
		return fail("no material between %v HU and %v HU", t.Points[0].HU, t.Materials[0].FromHU)
	}
	return c, nil
}

const (
	maxHU      = 1e6 // beyond any scanner's extended scale
	maxDensity = 25  // g/cm³; osmium, the densest element, has 22.6
)

// Name is the calibration's name.
func (c *Calibration) Name() string { return c.table.Name }

// Table is what the calibration was made of.
func (c *Calibration) Table() Table {
	t := c.table
	t.Points, t.Materials = slices.Clone(t.Points), slices.Clone(t.Materials)
	return t
}

// Range is the CT numbers that the points span; outside, At holds the ends.
func (c *Calibration) Range() (low, high float64) {
	return c.points[0].HU, c.points[len(c.points)-1].HU
}

// At is the mass density (g/cm³), the electron density relative to water, and
// the index into Table().Materials at a CT number. Outside Range it is that of
// the nearer end.
func (c *Calibration) At(hu float64) (density, electronDensity float64, material int) {
	low, high := c.Range()
	hu = min(max(hu, low), high)
	// The segment from the last point at or below hu: after a step.
	i := sort.Search(len(c.points), func(i int) bool { return c.points[i].HU > hu }) - 1
	p := c.points[i]
	if i+1 < len(c.points) {
		q := c.points[i+1]
		part := (hu - p.HU) / (q.HU - p.HU)
		p.Density += part * (q.Density - p.Density)
		p.ElectronDensity += part * (q.ElectronDensity - p.ElectronDensity)
	}
	material = sort.Search(len(c.materials), func(i int) bool { return c.table.Materials[i].FromHU > hu }) - 1
	return c.complete(p, material)
}

// complete derives the density that the table leaves out.
func (c *Calibration) complete(p Point, material int) (density, electronDensity float64, _ int) {
	electrons := c.materials[material].ElectronDensityOf(1)
	switch {
	case c.points[0].Density == 0:
		p.Density = p.ElectronDensity / electrons
	case c.points[0].ElectronDensity == 0:
		p.ElectronDensity = p.Density * electrons
	}
	return p.Density, p.ElectronDensity, material
}
