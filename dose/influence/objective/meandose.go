package objective

import (
	"math"

	"github.com/kerma-rt/kerma/geometry"
)

// MeanDose is the distance of the mean dose from a reference,
//
//	d̄ = Σ v_i d_i / V,    f = penalty · |d̄ − d_ref| (Gy),  or  penalty · (d̄ − d_ref)² (Gy²).
//
// Both are convex. The first is not differentiable at d̄ = d_ref, where a
// minimiser of smooth functions gets stuck: it is meant for a reference of 0,
// which no dose goes below. The parameters are matRad's (d^ref, f_diff).
type MeanDose struct {
	Region    *Region
	Reference float64 // d_ref, Gy
	Quadratic bool    // the square of the distance
	Penalty   float64
}

// Evaluate fulfils Objective.
func (o MeanDose) Evaluate(dose, gradient *geometry.Volume) (float64, error) {
	const name = "mean dose"
	if err := check(name, o.Region, o.Penalty, dose, gradient); err != nil {
		return 0, err
	}
	if err := checkGy(name, o.Reference); err != nil {
		return 0, err
	}
	r := o.Region
	diff := r.sum(func(from, to int) float64 {
		sum := 0.0
		for n, voxel := range r.voxel[from:to] {
			sum += r.part[from+n] * float64(dose.Data[voxel])
		}
		return sum
	})/r.volume - o.Reference
	f, slope := math.Abs(diff), math.Copysign(1, diff)
	if o.Quadratic {
		f, slope = diff*diff, 2*diff
	}
	value, err := finite(name, o.Penalty*f)
	if err != nil || gradient == nil {
		return value, err
	}
	c := o.Penalty * slope / r.volume
	r.sum(func(from, to int) float64 {
		for n, voxel := range r.voxel[from:to] {
			gradient.Data[voxel] += float32(c * r.part[from+n])
		}
		return 0
	})
	return value, nil
}
