package collapsedcone

import (
	"math"

	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/heterogeneity"
)

// stopper is a medium for electrons: what Bethe's formula asks of it.
type stopper struct {
	zOverA     float64 // mole of electrons per g
	excitation float64 // mean excitation energy, eV
	density    float64 // g/cm³
}

// collision is the mass collision stopping power of electrons (MeV cm²/g) at a
// kinetic energy in MeV, by Bethe's formula with the Møller cross section and
// the density effect (ICRU 37, 1984):
//
//	S/ρ = 0.153537 (Z/A)/β² [ln(τ²(τ+2)/(2(I/mc²)²)) + F − δ],
//	F   = 1 − β² + (τ²/8 − (2τ+1) ln 2)/(τ+1)²,  τ = T/mc².
//
// From 10 keV to 10 MeV it is within 0.5 % of ESTAR for water.
func (m stopper) collision(energyMeV float64) float64 {
	tau := energyMeV / electronMass
	beta2 := tau * (tau + 2) / ((tau + 1) * (tau + 1))
	i := m.excitation * 1e-6 / electronMass
	f := 1 - beta2 + (tau*tau/8-(2*tau+1)*math.Ln2)/((tau+1)*(tau+1))
	return 0.153537 * m.zOverA / beta2 * (math.Log(tau*tau*(tau+2)/(2*i*i)) + f - m.densityEffect(tau))
}

// densityEffect is δ. It depends on βγ·ħω_p/I by the same function for materials
// with oscillator strengths of the same shape, for which that of water stands
// (parameters of Sternheimer, Berger and Seltzer 1984, At Data Nucl Data Tables
// 30:261): exact for water of any density, right for every material where δ is
// large, and in between within 1 % of S up to aluminium.
func (m stopper) densityEffect(tau float64) float64 {
	const c, x0, x1, a, k = 3.5017, 0.2400, 2.8004, 0.09116, 3.4773
	plasma := 28.816 * math.Sqrt(m.density*m.zOverA) // ħω_p, eV
	x := math.Log10(math.Sqrt(tau*(tau+2))) - (2*math.Log(m.excitation/plasma)+1-c)/(2*math.Ln10)
	switch {
	case x < x0:
		return 0
	case x < x1:
		return 2*math.Ln10*x - c + a*math.Pow(x1-x, k)
	}
	return 2*math.Ln10*x - c
}

// waterRatio is the dose to a small piece of water in the medium over the dose
// to the medium, for electrons that slow down from an energy (MeV): Bragg and
// Gray's ratio of collision stopping powers over the fluence 1/S_w,
//
//	s = T / ∫ S_m/S_w dT  from 0 to T,
//
// as for Monte Carlo doses by Siebers et al 2000 (Phys Med Biol 45:983).
func (m stopper) waterRatio(water stopper, energyMeV float64) float64 {
	const cut, steps = 0.01, 32 // below cut (MeV) the ratio is taken as at cut
	whole, sum := cut, cut*m.collision(cut)/water.collision(cut)
	h := math.Log(energyMeV/cut) / steps
	for i := range steps {
		t := cut * math.Exp((float64(i)+0.5)*h)
		whole += t * h
		sum += t * h * m.collision(t) / water.collision(t)
	}
	return whole / sum
}

// The densities at which ratios to water are tabulated, g/cm³: the density effect
// differs between them.
const (
	densities         = 32
	thinnest, densest = 1e-3, 25.0
)

// toWater is dose to water over dose to the medium of each material, by density.
type toWater [][densities]float64

// newToWater tabulates it for electrons of the mean energy that the photons of
// the beams transfer in water, E·μen/μ, weighted by what they release.
func newToWater(materials []string, spectra []photons) (toWater, error) {
	absorbing, err := attenuation("water_liquid")
	if err != nil {
		return nil, err
	}
	var sum, weight float64
	for _, s := range spectra {
		p, _, err := weights(s)
		if err != nil {
			return nil, err
		}
		for b, e := range s.energy {
			sum += p[b] * e * absorbing.MassEnergyAbsorption(e) / absorbing.Mass(e)
			weight += p[b]
		}
	}
	mean := sum / weight
	out := make(toWater, len(materials))
	water, err := stopperOf("water_liquid")
	if err != nil {
		return nil, err
	}
	water.density = 1
	for i, name := range materials {
		m, err := stopperOf(name)
		if err != nil {
			return nil, err
		}
		for j := range out[i] {
			m.density = thinnest * math.Pow(densest/thinnest, float64(j)/(densities-1))
			out[i][j] = m.waterRatio(water, mean)
		}
	}
	return out, nil
}

// at is the ratio of a material at a density, linear in its logarithm.
func (w toWater) at(material uint8, density float64) float64 {
	x := math.Log(max(density, thinnest)/thinnest) / math.Log(densest/thinnest) * (densities - 1)
	i := min(int(x), densities-2)
	t := min(x-float64(i), 1)
	row := &w[material]
	return row[i] + t*(row[i+1]-row[i])
}

// stopperOf is a material of the composition table without its density. Where
// the table has no mean excitation energy it follows from the elements by Bragg's
// rule, ln I = Σ w (Z/A) ln I / Σ w (Z/A). It fails with *machine.MaterialError.
func stopperOf(name string) (stopper, error) {
	m, ok := heterogeneity.MaterialNamed(name)
	if !ok {
		return stopper{}, &machine.MaterialError{Material: name}
	}
	if m.ExcitationEnergy > 0 {
		return stopper{zOverA: m.ZOverA, excitation: m.ExcitationEnergy}, nil
	}
	var sum, weight float64
	for _, e := range m.Elements {
		c, ok := constituents[e.Z]
		if !ok {
			return stopper{}, &machine.MaterialError{Material: name}
		}
		w := e.MassFraction * float64(e.Z) / c.mass
		sum += w * math.Log(c.excitation)
		weight += w
	}
	if !(weight > 0) {
		return stopper{}, &machine.MaterialError{Material: name}
	}
	return stopper{zOverA: m.ZOverA, excitation: math.Exp(sum / weight)}, nil
}

// constituents are the elements of tissues: atomic mass, and mean excitation
// energy in solid and liquid compounds, eV (ICRU 37, table 5.1).
var constituents = map[int]struct{ mass, excitation float64 }{
	1: {1.008, 19.2}, 6: {12.011, 81}, 7: {14.007, 82}, 8: {15.999, 106}, 11: {22.990, 168.4}, 12: {24.305, 176.3},
	15: {30.974, 195.5}, 16: {32.06, 203.4}, 17: {35.45, 180}, 18: {39.948, 188}, 19: {39.098, 214.7}, 20: {40.078, 215.8},
	22: {47.867, 263.3}, 26: {55.845, 323.2}, 53: {126.90, 554.8},
}
