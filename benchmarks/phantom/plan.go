package phantom

import (
	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/dose/beam"
	"github.com/kerma-rt/kerma/geometry"
)

// field is one open or shaped field.
type field struct {
	name                      string
	gantry, collimator, couch float64    // degrees
	x, y                      [2]float64 // of the jaws, mm at the isocentre
	mlc                       func(y float64) (x0, x1 float64)
	mu                        float64
}

// square is a field of that side.
func square(name string, side, gantry, mu float64) field {
	return field{name: name, gantry: gantry, x: [2]float64{-side / 2, side / 2}, y: [2]float64{-side / 2, side / 2}, mu: mu}
}

// leaves of 5 mm across 400 mm.
func leaves() []float64 {
	var edges []float64
	for y := -200.0; y <= 200; y += 5 {
		edges = append(edges, y)
	}
	return edges
}

// planOf is a plan of fields on one isocentre, given once.
func planOf(label string, energyMV float64, isocentre r3.Vec, fields ...field) *beam.Plan {
	p := &beam.Plan{Label: label, Groups: []beam.FractionGroup{{Number: 1, Fractions: 1}}}
	for i, f := range fields {
		b := beam.Beam{
			Number: i + 1, Name: f.name, Machine: "generic", EnergyMV: energyMV, Unit: beam.MonitorUnits, SAD: 1000, Position: geometry.HFS,
			Devices: []beam.Device{{Kind: beam.JawX, Name: "ASYMX"}, {Kind: beam.JawY, Name: "ASYMY"}},
		}
		positions := [][]float64{{f.x[0], f.x[1]}, {f.y[0], f.y[1]}}
		if f.mlc != nil {
			edges := leaves()
			b.Devices = append(b.Devices, beam.Device{Kind: beam.MLCX, Name: "MLCX", Boundaries: edges})
			n := len(edges) - 1
			tips := make([]float64, 2*n)
			for l := range n {
				tips[l], tips[n+l] = f.mlc((edges[l] + edges[l+1]) / 2)
			}
			positions = append(positions, tips)
		}
		point := beam.ControlPoint{GantryDeg: f.gantry, CollimatorDeg: f.collimator, CouchDeg: f.couch, Isocentre: isocentre, Positions: positions}
		last := point
		last.Weight = 1
		b.Points = []beam.ControlPoint{point, last}
		p.Beams = append(p.Beams, b)
		p.Groups[0].Beams = append(p.Groups[0].Beams, beam.BeamMeterset{BeamNumber: i + 1, Meterset: f.mu})
	}
	return p
}
