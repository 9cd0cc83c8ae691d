package speed

import (
	"context"
	"fmt"
	"slices"

	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/dose"
	"github.com/kerma-rt/kerma/dose/beam"
	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/geometry"
)

// open is a plan of square fields of 100 mm, 100 MU each, from equispaced
// gantry angles.
func open(isocentre r3.Vec, beams int, couchDeg float64) *beam.Plan {
	plan := &beam.Plan{Groups: []beam.FractionGroup{{Number: 1, Fractions: 1}}}
	for n := range beams {
		point := beam.ControlPoint{
			Isocentre: isocentre, GantryDeg: 360 * float64(n) / float64(beams), CouchDeg: couchDeg,
			Positions: [][]float64{{-50, 50}, {-50, 50}},
		}
		end := point
		end.Weight = 1
		plan.Beams = append(plan.Beams, beam.Beam{
			Number: n + 1, EnergyMV: 6, Unit: beam.MonitorUnits, SAD: 1000, Position: geometry.HFS,
			Devices: []beam.Device{{Kind: beam.JawX, Name: "ASYMX"}, {Kind: beam.JawY, Name: "ASYMY"}},
			Points:  []beam.ControlPoint{point, end},
		})
		plan.Groups[0].Beams = append(plan.Groups[0].Beams, beam.BeamMeterset{BeamNumber: n + 1, Meterset: 100})
	}
	return plan
}

// The water box of the size of the TG-119 phantom, on the grids that other
// programs were timed on.
var (
	boxOrigin    = r3.Vec{X: -250, Y: -250, Z: -160}
	boxSpacing   = [3]float64{3, 3, 2.5}
	boxSize      = [3]int{167, 167, 129}
	boxBody      = geometry.Box{Low: [3]int{33, 58, 3}, High: [3]int{134, 108, 124}}
	boxIsocentre = r3.Vec{X: -1, Y: -2.5, Z: -2.5}
	doseOrigin   = r3.Vec{X: -250, Y: -250, Z: -160.75}
	doseSpacing  = 3.0
	doseSize     = [3]int{167, 167, 108}
)

// boxRequest is open fields on the water box, dose on cubes of that spacing.
func boxRequest(m *machine.Machine, beams int, couchDeg, spacing float64) (dose.Request, error) {
	ct, err := geometry.NewGrid(boxOrigin, boxSpacing, boxSize, geometry.IdentityAxes)
	if err != nil {
		return dose.Request{}, err
	}
	size := doseSize
	for a := range size {
		size[a] = int(float64(size[a]) * doseSpacing / spacing)
	}
	g, err := geometry.NewGrid(doseOrigin, [3]float64{spacing, spacing, spacing}, size, geometry.IdentityAxes)
	if err != nil {
		return dose.Request{}, err
	}
	return dose.Request{Tissue: waterBox(ct, boxBody), Plan: open(boxIsocentre, beams, couchDeg), Machines: machine.Set{m}, Grid: g}, nil
}

// computing is the run of a request by an engine.
func computing(e dose.Engine, r dose.Request, threads int) run {
	r.Threads = threads
	return run{units: float64(r.Grid.Len()), unit: "voxels", do: func(ctx context.Context) (func() string, error) {
		result, err := e.Compute(ctx, r)
		return func() string { return fmt.Sprintf("maximum %.4f Gy", slices.Max(result.Dose.Data)) }, err
	}}
}

// field is a job of open fields by the pencil beam.
func field(machineOf func() (*machine.Machine, error), beams int, couchDeg float64) func(context.Context, Options, int) (run, error) {
	return func(_ context.Context, _ Options, threads int) (run, error) {
		m, err := machineOf()
		if err != nil {
			return run{}, err
		}
		r, err := boxRequest(m, beams, couchDeg, doseSpacing)
		if err != nil {
			return run{}, err
		}
		return computing(dose.PencilBeam{}, r, threads), nil
	}
}

func generic6MV() (*machine.Machine, error) { return machine.Generic("generic_6mv") }
