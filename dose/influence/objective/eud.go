package objective

import (
	"fmt"
	"math"

	"github.com/kerma-rt/kerma/geometry"
)

// EUD is the square distance of the generalised equivalent uniform dose from a
// reference, in Gy²:
//
//	EUD = (Σ v_i d_i^a / V)^(1/a),    f = penalty · (EUD − EUD_ref)²,
//	∂EUD/∂d_i = v_i EUD^(1−a) d_i^(a−1) / V.
//
// a = 1 is the mean dose, a → ∞ the maximum, a → −∞ the minimum: above 1 for
// organs, negative for targets. Being two-sided, f also pulls an EUD below its
// reference up; to keep an organ's low, the reference is 0. Niemierko, Med Phys
// 26 (1999) 1100 (abstract); Choi and Deasy, Phys Med Biol 47 (2002) 3579.
//
// EUD is convex in the dose for a ≥ 1 and concave for a ≤ 1. So f is convex for
// a ≥ 1 only where EUD ≥ EUD_ref (everywhere if that is 0), for a ≤ 1 only where
// EUD ≤ EUD_ref. Doses count as 1e-6 Gy at least, as for a < 1 the derivative
// grows without bound towards 0.
//
// Exponent is the k of matRad's EUD and the inverse of pyRadPlan's.
type EUD struct {
	Region    *Region
	Reference float64 // EUD_ref, Gy
	Exponent  float64 // a, 0.01…1000 in size
	Penalty   float64
}

// Evaluate fulfils Objective.
func (o EUD) Evaluate(dose, gradient *geometry.Volume) (float64, error) {
	const name = "EUD"
	if err := check(name, o.Region, o.Penalty, dose, gradient); err != nil {
		return 0, err
	}
	if err := checkGy(name, o.Reference); err != nil {
		return 0, err
	}
	if size := math.Abs(o.Exponent); !(size >= 0.01 && size <= 1000) {
		return 0, fmt.Errorf("%w: EUD with an exponent of %v", ErrObjective, o.Exponent)
	}
	r := o.Region
	eud, scale := r.eud(dose.Data, o.Exponent)
	value, err := finite(name, o.Penalty*(eud-o.Reference)*(eud-o.Reference))
	if err != nil || gradient == nil {
		return value, err
	}
	// v d^(a−1) EUD^(1−a)/V with powers of d/scale only, which neither overflow
	// nor all vanish.
	c := 2 * o.Penalty * (eud - o.Reference) / r.volume * math.Pow(eud/scale, 1-o.Exponent)
	r.sum(func(from, to int) float64 {
		for n, voxel := range r.voxel[from:to] {
			x := max(float64(dose.Data[voxel]), leastGy) / scale
			gradient.Data[voxel] += float32(c * r.part[from+n] * math.Pow(x, o.Exponent-1))
		}
		return 0
	})
	return value, nil
}

const leastGy = 1e-6

// eud is the equivalent uniform dose, and the dose among those of the region that
// its sum is dominated by, both Gy.
func (r *Region) eud(dose []float32, a float64) (eud, scale float64) {
	scale = max(float64(dose[r.voxel[0]]), leastGy)
	for _, voxel := range r.voxel {
		if d := max(float64(dose[voxel]), leastGy); a > 0 {
			scale = max(scale, d)
		} else {
			scale = min(scale, d)
		}
	}
	sum := r.sum(func(from, to int) float64 {
		sum := 0.0
		for n, voxel := range r.voxel[from:to] {
			sum += r.part[from+n] * math.Pow(max(float64(dose[voxel]), leastGy)/scale, a)
		}
		return sum
	})
	return scale * math.Pow(sum/r.volume, 1/a), scale
}
