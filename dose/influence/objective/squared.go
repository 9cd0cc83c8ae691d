package objective

import (
	"math"

	"github.com/kerma-rt/kerma/geometry"
)

// SquaredDeviation is the mean square distance of the dose from the one
// prescribed, in Gy²:
//
//	f = penalty · Σ v_i (d_i − p_i)² / V,    ∂f/∂d_i = penalty · 2 v_i (d_i − p_i) / V.
//
// It is convex and differentiable everywhere. Bortfeld et al., Phys Med Biol 35
// (1990) 1423.
type SquaredDeviation struct {
	Region  *Region
	Dose    Prescription // d_ref, Gy
	Penalty float64
}

// Evaluate fulfils Objective.
func (o SquaredDeviation) Evaluate(dose, gradient *geometry.Volume) (float64, error) {
	return squared{"squared deviation", o.Region, o.Dose, o.Penalty, true, true}.evaluate(dose, gradient)
}

// SquaredOverdosing is the mean square of the dose above the one prescribed, in
// Gy²:
//
//	f = penalty · Σ v_i max(d_i − p_i, 0)² / V.
//
// It is convex and differentiable everywhere; the second derivative jumps at
// d_i = p_i.
type SquaredOverdosing struct {
	Region  *Region
	Dose    Prescription // d_max, Gy
	Penalty float64
}

// Evaluate fulfils Objective.
func (o SquaredOverdosing) Evaluate(dose, gradient *geometry.Volume) (float64, error) {
	return squared{"squared overdosing", o.Region, o.Dose, o.Penalty, true, false}.evaluate(dose, gradient)
}

// SquaredUnderdosing is the mean square of the dose missing below the one
// prescribed, in Gy²:
//
//	f = penalty · Σ v_i max(p_i − d_i, 0)² / V.
//
// It is convex and differentiable everywhere; the second derivative jumps at
// d_i = p_i.
type SquaredUnderdosing struct {
	Region  *Region
	Dose    Prescription // d_min, Gy
	Penalty float64
}

// Evaluate fulfils Objective.
func (o SquaredUnderdosing) Evaluate(dose, gradient *geometry.Volume) (float64, error) {
	return squared{"squared underdosing", o.Region, o.Dose, o.Penalty, false, true}.evaluate(dose, gradient)
}

// squared is what the three have in common.
type squared struct {
	name    string
	region  *Region
	dose    Prescription
	penalty float64
	above   bool // counts dose above the prescription
	below   bool // and below it
}

func (o squared) evaluate(dose, gradient *geometry.Volume) (float64, error) {
	if err := check(o.name, o.region, o.penalty, dose, gradient); err != nil {
		return 0, err
	}
	if err := o.dose.check(o.name, o.region); err != nil {
		return 0, err
	}
	r, d := o.region, dose.Data
	scale := o.penalty / r.volume
	sum := r.sum(func(from, to int) float64 {
		sum, p := 0.0, o.dose.gy
		for n, voxel := range r.voxel[from:to] {
			if o.dose.voxels != nil {
				if p = float64(o.dose.voxels.Data[voxel]); !(p > 0) {
					return math.NaN()
				}
			}
			diff := float64(d[voxel]) - p
			if diff > 0 && !o.above || diff < 0 && !o.below {
				continue
			}
			push := r.part[from+n] * diff
			sum += push * diff
			if gradient != nil {
				gradient.Data[voxel] += float32(2 * scale * push)
			}
		}
		return sum
	})
	return finite(o.name, scale*sum)
}
