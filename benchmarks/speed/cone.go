package speed

import (
	"context"

	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/dose"
	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/geometry"
)

// coneSize is the lattice that collapsed cones are timed on.
var coneSize = [3]int{256, 256, 150}

// coneRequest is one open field on so many voxels, all of water or a chest.
func coneRequest(size [3]int, lungs bool) (dose.Request, error) {
	m, err := generic6MV()
	if err != nil {
		return dose.Request{}, err
	}
	r := dose.Request{Machines: machine.Set{m}}
	if lungs {
		ct, err := centred(size, [3]float64{500 / float64(size[0]), 500 / float64(size[1]), 3})
		if err != nil {
			return r, err
		}
		r.Tissue, r.Plan = chest(ct), open(r3.Vec{}, 1, 0)
		r.Grid, err = ct.WithSpacing([3]float64{2.5, 2.5, 2.5})
		return r, err
	}
	r.Grid, err = centred(size, [3]float64{2.5, 2.5, 2.5})
	if err != nil {
		return r, err
	}
	r.Tissue = waterBox(r.Grid, geometry.Box{High: size})
	top := r.Grid.Point(0, -0.5, 0).Y
	r.Plan = open(r3.Vec{Y: top + 100}, 1, 0) // 900 mm to the surface
	return r, nil
}

// cone is a job of one open field by collapsed cones.
func cone(directions int, lungs bool) func(context.Context, Options, int) (run, error) {
	return func(_ context.Context, _ Options, threads int) (run, error) {
		r, err := coneRequest(coneSize, lungs)
		if err != nil {
			return run{}, err
		}
		out := computing(dose.CollapsedCone{Directions: directions}, r, threads)
		out.units, out.unit = out.units*float64(directions), "voxel directions"
		return out, nil
	}
}
