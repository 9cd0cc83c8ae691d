package collapsedcone

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/internal/kernels/cones"
)

// angular is how the energy of one kernel is spread over polar angle and the
// channels of transport: the energy inside the cone of half-angle edge[i].
type angular struct {
	edge   []float64   // rad, from 0 to π
	inside [][]float64 // [edge][channel]
	total  float64     // deposited to infinity for a unit released
}

// fit turns a mean point kernel (fractions by cone and shell) into exponentials
// of the given channels, cone by cone: least squares on the energy inside each
// radius, Σ_j A_j·(1 − e^(−a_j·r)). Amplitudes may be negative: the sums of
// them that lines carry are not.
func fit(fraction, angleDeg, radius []float64, first, channels int) (angular, error) {
	const ridge = 1e-3 // holds the amplitudes of neighbours together
	rows := len(radius)
	a := angular{edge: []float64{0}, inside: [][]float64{make([]float64, channels)}}
	basis := mat.NewDense(rows+channels, channels, nil)
	for j := range channels {
		for i, r := range radius {
			basis.Set(i, j, 1-math.Exp(-cones.Coefficient(first+j)*r/10))
		}
		basis.Set(rows+j, j, ridge)
	}
	var qr mat.QR
	qr.Factorize(basis)
	for c, deg := range angleDeg {
		inside := mat.NewVecDense(rows+channels, nil)
		var sum float64
		for i := range radius {
			sum += fraction[c*rows+i]
			inside.SetVec(i, sum)
		}
		var amplitude mat.VecDense
		if err := qr.SolveVecTo(&amplitude, false, inside); err != nil {
			return a, fmt.Errorf("collapsedcone: kernel fit: %w", err)
		}
		next := make([]float64, channels)
		for j := range next {
			next[j] = a.inside[c][j] + amplitude.AtVec(j)
			a.total += amplitude.AtVec(j)
		}
		a.edge = append(a.edge, deg*math.Pi/180)
		a.inside = append(a.inside, next)
	}
	return a, nil
}

// within adds to dst the energy inside half-angle theta (rad) times scale, even
// in theta. Inside a tabulated cone it is the same in every solid angle.
func (a *angular) within(theta, scale float64, dst []float64) {
	theta = math.Abs(theta)
	i := 0
	for i < len(a.edge)-2 && a.edge[i+1] < theta {
		i++
	}
	low, high := math.Cos(a.edge[i]), math.Cos(a.edge[i+1])
	t := min((low-math.Cos(theta))/(low-high), 1)
	for j := range dst {
		dst[j] += scale * (a.inside[i][j] + t*(a.inside[i+1][j]-a.inside[i][j]))
	}
}

// perSteradian is the mean energy per steradian between polar angles low and
// high (rad). A negative low means that the band runs over the pole.
func (a *angular) perSteradian(low, high float64, dst []float64) {
	clear(dst)
	high = min(high, math.Pi)
	inner := 1 - math.Cos(low)
	sign := -1.0
	if low < 0 {
		inner, sign = -inner, 1
	}
	solid := 2 * math.Pi * (1 - math.Cos(high) - inner)
	a.within(high, 1/solid, dst)
	a.within(low, sign/solid, dst)
}

// group is the photons of a range of energies, which share their kernels.
type group struct {
	bins             []int   // of the spectrum
	weight           float64 // energy released to electrons, see weights
	primary, scatter angular
}

// weights is the energy that each energy of a spectrum releases per mass of water
// before anything has attenuated it: to electrons, and the rest. Kernels that
// are means by these weights, with two groups, are within 0.2 % of a kernel for
// each energy from the surface to 30 cm (TestTwoGroupsAreEnough); weighed as in
// some depth they are not, for the build-up needs the soft part.
func weights(s photons) (primary, scatter []float64, err error) {
	water, err := machine.AttenuationOf("water_liquid")
	if err != nil {
		return nil, nil, err
	}
	for b, n := range s.number {
		e := s.energy[b]
		mu, absorbed := water.Mass(e), water.MassEnergyAbsorption(e)
		if n > 0 && !(mu > 0) {
			return nil, nil, fmt.Errorf("collapsedcone: spectrum %q: no attenuation at %g MeV", s.name, e)
		}
		w := 0.0
		if n > 0 {
			w = n * e
		}
		primary = append(primary, w*absorbed)
		scatter = append(scatter, w*(mu-absorbed))
	}
	return primary, scatter, nil
}

// split divides the bins of a spectrum into n runs that release about the same
// energy.
func split(s photons, n int) ([][]int, error) {
	p, q, err := weights(s)
	if err != nil {
		return nil, err
	}
	var total, sum float64
	for b := range p {
		total += p[b] + q[b]
	}
	groups := make([][]int, n)
	for b := range p {
		if s.number[b] > 0 {
			middle := sum + (p[b]+q[b])/2
			g := min(int(middle/total*float64(n)), n-1)
			groups[g] = append(groups[g], b)
		}
		sum += p[b] + q[b]
	}
	out := groups[:0]
	for _, g := range groups {
		if len(g) > 0 {
			out = append(out, g)
		}
	}
	return out, nil
}

// kernels makes the groups of a spectrum: the mean over their bins of the point
// kernels, each normalised to the energy it holds.
func kernels(s photons, bins [][]int) ([]group, error) {
	p, q, err := weights(s)
	if err != nil {
		return nil, err
	}
	var groups []group
	for _, list := range bins {
		var first *machine.EnergyDepositionKernel
		var primary, scatter []float64
		var sumP, sumQ float64
		for _, b := range list {
			k, err := machine.DepositionKernel(s.energy[b])
			if err != nil {
				return nil, err
			}
			if first == nil {
				first = k
				primary = make([]float64, len(k.Fraction[machine.Primary]))
				scatter = make([]float64, len(primary))
			}
			total := k.Total(machine.Primary)
			sumP += p[b]
			sumQ += q[b]
			for i := range primary {
				primary[i] += p[b] * k.Fraction[machine.Primary][i] / total
				for c := machine.FirstScatter; int(c) < machine.Categories; c++ {
					scatter[i] += q[b] * k.Fraction[c][i] / (1 - total)
				}
			}
		}
		for i := range primary {
			primary[i] /= sumP
			scatter[i] /= sumQ
		}
		g := group{bins: list, weight: sumP}
		if g.primary, err = fit(primary, first.AngleDeg, first.Radius, 0, cones.Primary); err != nil {
			return nil, err
		}
		if g.scatter, err = fit(scatter, first.AngleDeg, first.Radius, cones.Primary, cones.Scatter); err != nil {
			return nil, err
		}
		groups = append(groups, g)
	}
	return groups, nil
}
