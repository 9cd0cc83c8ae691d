package collapsedcone

import "math"

// aim turns the cones of each ring to the polar angle where its primary energy
// is on the average: the mean cosine, over the ring, of the electrons' part of
// the kernels. The middle of the solid angle lies farther out, where the kernel
// is weaker, and so widens small fields in lung.
func aim(ds []direction, rings []ring, groups []group) {
	for i := range rings {
		rings[i].polar = rings[i].centre(groups)
	}
	for i := range ds {
		d := &ds[i]
		across := math.Hypot(d.unit[0], d.unit[1])
		sin, cos := math.Sincos(rings[d.ring].polar)
		d.unit = [3]float64{d.unit[0] / across * sin, d.unit[1] / across * sin, cos}
	}
}

// centre is the polar angle of the mean cosine.
func (r ring) centre(groups []group) float64 {
	const parts = 16
	var sum, moment, before float64
	for i := range parts + 1 {
		theta := r.low + (r.high-r.low)*float64(i)/parts
		var inside float64
		for g := range groups {
			inside += groups[g].weight * groups[g].primary.energyWithin(theta)
		}
		if i > 0 {
			middle := theta - (r.high-r.low)/parts/2
			sum += inside - before
			moment += (inside - before) * math.Cos(middle)
		}
		before = inside
	}
	return math.Acos(min(max(moment/sum, -1), 1))
}

// energyWithin is the energy inside half-angle theta (rad), all channels together.
func (a *angular) energyWithin(theta float64) float64 {
	row := make([]float64, len(a.inside[0]))
	a.within(theta, 1, row)
	var sum float64
	for _, e := range row {
		sum += e
	}
	return sum
}
