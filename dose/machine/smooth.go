package machine

import (
	"math"
	"sort"

	"gonum.org/v1/gonum/interp"
)

// smoothKernel is a point kernel made continuous without moving energy out of
// its elements. The kernel is tabulated as energy per spherical shell and
// cone; taken as constant inside each, it would leave rings in a pencil
// kernel. Instead the cumulative energy is interpolated by monotone cubics
// (Fritsch and Butland 1984, SIAM J Sci Stat Comput 5:300), along the radius
// in every cone, then across the cones at one radius, and differentiated:
// non-negative, continuous, and its integral over every element is the
// tabulated energy.
type smoothKernel struct {
	edge   []float64 // 1−cos of the cone edges, ascending from 0 to 2
	reach  float64   // radius of the outermost shell, mm
	radial []interp.FritschButland
}

// smooth prepares the sum of all categories of k.
func (k *EnergyDepositionKernel) smooth() (*smoothKernel, error) {
	cones, shells := len(k.AngleDeg), len(k.Radius)
	s := &smoothKernel{
		edge:   make([]float64, cones+1),
		reach:  k.Radius[shells-1],
		radial: make([]interp.FritschButland, cones),
	}
	radius := append([]float64{0}, k.Radius...)
	for i := range cones {
		half := math.Sin(k.AngleDeg[i] * math.Pi / 360)
		s.edge[i+1] = 2 * half * half
		cumulative := make([]float64, shells+1)
		for j := range shells {
			cumulative[j+1] = cumulative[j]
			for c := range k.Fraction {
				cumulative[j+1] += k.Fraction[c][i*shells+j]
			}
		}
		if err := s.radial[i].Fit(radius, cumulative); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// cone is the cone that holds 1−cosθ = u.
func (s *smoothKernel) cone(u float64) int {
	return min(max(sort.SearchFloat64s(s.edge, u)-1, 0), len(s.radial)-1)
}

// density is the share of the energy per mm of radius and per unit of cosθ at
// radius ρ (mm) and u = 1−cosθ, which lies in the given cone: 2πρ² times the
// energy per volume.
func (s *smoothKernel) density(rho, u float64, cone int) float64 {
	if rho >= s.reach {
		return 0
	}
	// mean is per unit of cosθ over one cone, at this radius.
	mean := func(i int) (q, h float64) {
		h = s.edge[i+1] - s.edge[i]
		return max(s.radial[i].PredictDerivative(rho), 0) / h, h
	}
	q, h := mean(cone)
	var below, above float64 // the density on the two edges of the cone
	if cone > 0 {
		q0, h0 := mean(cone - 1)
		below = harmonic(q0, h0, q, h)
	}
	if cone < len(s.radial)-1 {
		q1, h1 := mean(cone + 1)
		above = harmonic(q, h, q1, h1)
	}
	// On the beam axis the density is a straight line in cosθ.
	if cone == 0 {
		below = min(max(2*q-above, 0), 3*q)
	}
	if cone == len(s.radial)-1 {
		above = min(max(2*q-below, 0), 3*q)
	}
	t := (u - s.edge[cone]) / h
	return max(6*t*(1-t)*q+(1-t)*(1-3*t)*below+t*(3*t-2)*above, 0)
}

// harmonic is the slope of the monotone cubic between two intervals of widths
// h0, h1 and mean slopes q0, q1.
func harmonic(q0, h0, q1, h1 float64) float64 {
	if q0 <= 0 || q1 <= 0 {
		return 0
	}
	a := (1 + h1/(h0+h1)) / 3
	return q0 * q1 / (a*q1 + (1-a)*q0)
}
