package machine

import (
	"fmt"
	"math"
)

const (
	mmPerCm = 10.0
	// grayPerMeVPerMM3 turns energy per volume of water of 1 g/cm³ into dose:
	// 1 MeV = 1.602176634e-13 J, 1 mm³ = 1e-6 kg.
	grayPerMeVPerMM3 = 1.602176634e-13 / 1e-6
)

// release is the energy that one photon of a spectrum sets free per mm of its
// path in water, split by the point kernel that spreads it:
//
//	T_k(t) = Σ_b n_b E_b λ_bk μ_b exp(−μ_b t)
//
// over the bins b, with λ_bk the weight of kernel k in the kernel of E_b,
// linear in log E. Every bin keeps its own attenuation, so the beam hardens,
// and its own kernel. There is no inverse square in it: photons of a pencil
// stay in the pencil.
type release struct {
	kernels int
	step    float64   // of depth, mm
	value   []float64 // [depth][kernel], MeV/mm
}

// newRelease tabulates T_k to a depth in mm. The step is small enough for
// linear interpolation: (μ step)²/8 < 1e-5 at the softest photon that matters.
func newRelease(s Spectrum, kernels []*EnergyDepositionKernel, depth float64) (*release, error) {
	const step = 0.5
	water, err := AttenuationOf("water_liquid")
	if err != nil {
		return nil, err
	}
	rows := int(math.Ceil(depth/step)) + 2
	r := &release{kernels: len(kernels), step: step, value: make([]float64, rows*len(kernels))}
	for b, n := range s.Number {
		if n == 0 {
			continue
		}
		e := s.Energy(b)
		k, t, err := bracketEnergy(kernels, e)
		if err != nil {
			return nil, fmt.Errorf("machine: spectrum %q, bin %d: %w", s.Name, b, err)
		}
		mu := water.Mass(e) / mmPerCm // of water of 1 g/cm³, per mm
		for i := range rows {
			v := n * e * mu * math.Exp(-mu*step*float64(i))
			r.value[i*r.kernels+k] += (1 - t) * v
			r.value[i*r.kernels+k+1] += t * v
		}
	}
	return r, nil
}

// at returns the row of T_k before a depth ≥ 0 (mm), the row after it, and
// the weight of the latter.
func (r *release) at(depth float64) (before, after []float64, t float64) {
	x := depth / r.step
	i := int(x)
	n := r.kernels
	return r.value[i*n : (i+1)*n], r.value[(i+1)*n : (i+2)*n], x - float64(i)
}
