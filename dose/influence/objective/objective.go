// Package objective says how far a dose is from what is wanted, and finds the
// bixel weights that bring it nearest: the objectives of fluence-map
// optimisation with their gradients, and a minimiser for weights that cannot be
// negative.
//
// Names and parameters are those of matRad and pyRadPlan (SquaredDeviation,
// SquaredOverdosing, SquaredUnderdosing, MinDVH, MaxDVH, EUD, MeanDose, each with
// a penalty). Where those count voxels, this package weighs each voxel with the
// part of it that lies inside the structure, so a sum over voxels reads Σ v_i …
// / V with V = Σ v_i; for masks of whole voxels the two are the same.
//
// The squared objectives take a Prescription, one dose for the whole region or
// one for each voxel (dose painting by numbers).
package objective

import (
	"errors"
	"fmt"
	"math"

	"github.com/kerma-rt/kerma/geometry"
)

// ErrObjective is wrapped by errors about objectives that have no value: an
// empty region, a parameter out of its range, a dose on another grid.
var ErrObjective = errors.New("objective: no value")

// Objective is a figure of the dose, to be made small.
type Objective interface {
	// Evaluate returns the objective's value for a dose in Gy, penalty included,
	// and adds its derivative by the dose of each voxel (value per Gy) to
	// gradient, unless that is nil. It fails with ErrObjective, and has then
	// left the gradient in no definite state.
	Evaluate(dose, gradient *geometry.Volume) (float64, error)
}

// sameGrid is how far (mm) voxels may lie apart that are taken for the same.
const sameGrid = 0.01

// check is what every objective asks before it looks at a voxel.
func check(name string, r *Region, penalty float64, dose, gradient *geometry.Volume) error {
	switch {
	case r == nil || len(r.voxel) == 0:
		return fmt.Errorf("%w: %s of a region without voxels", ErrObjective, name)
	case !(penalty >= 0) || math.IsInf(penalty, 1):
		return fmt.Errorf("%w: %s with a penalty of %v", ErrObjective, name, penalty)
	}
	for _, v := range []*geometry.Volume{dose, gradient} {
		if v == nil && v != dose {
			continue // no gradient is asked for
		}
		if v == nil || len(v.Data) != v.Grid.Len() {
			return fmt.Errorf("%w: %s: no dose, or not one value a voxel", ErrObjective, name)
		}
		if !v.Grid.Equal(r.grid, sameGrid) {
			return fmt.Errorf("%w: %s: dose on %v, region on %v", ErrObjective, name, v.Grid, r.grid)
		}
	}
	return nil
}

// checkGy is the range of a dose level in Gy.
func checkGy(name string, gy float64) error {
	if !(gy >= 0) || math.IsInf(gy, 1) {
		return fmt.Errorf("%w: %s of %v Gy", ErrObjective, name, gy)
	}
	return nil
}

// finite is the last look at a value: a dose that is no number, or a voxel without
// a prescription, shows in the sum.
func finite(name string, value float64) (float64, error) {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return 0, fmt.Errorf("%w: %s: the dose is not finite, or nothing is prescribed, somewhere in the region", ErrObjective, name)
	}
	return value, nil
}
