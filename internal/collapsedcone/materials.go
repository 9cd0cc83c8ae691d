package collapsedcone

import (
	"fmt"
	"math"

	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/heterogeneity"
)

// basis expresses materials as mixtures by mass of a few of them,
//
//	μ_m(E) ≈ Σ_k c_mk μ_k(E),  μen_m(E) ≈ Σ_k c_mk μen_k(E),
//
// so that one path length for each k is enough to attenuate every energy of a
// ray through any of them (basis material decomposition, Alvarez and Macovski
// 1976, Phys Med Biol 21:733, here by the energies of the beam). Photons of
// therapy interact in three ways, each with one dependence on Z, so three
// materials are enough for all tissues and four with metal.
type basis struct {
	coefficient [][]float64            // [material][k]
	of          []*machine.Attenuation // by k
	worst       float64                // largest misfit, rms over the energies of the beam, relative
}

// basisTolerance is the misfit that ends the search for basis materials.
const basisTolerance = 5e-4

// attenuation is the coefficients of a material of the composition table:
// tabulated, or by the mixture rule from its elements.
func attenuation(name string) (*machine.Attenuation, error) {
	a, err := machine.AttenuationOf(name)
	if err == nil {
		return a, nil
	}
	m, ok := heterogeneity.MaterialNamed(name)
	if !ok {
		return nil, err
	}
	fractions := map[int]float64{}
	for _, e := range m.Elements {
		fractions[e.Z] += e.MassFraction
	}
	return machine.MixtureAttenuation(name, fractions)
}

// newBasis finds the basis of materials for the photons of the beams: it takes
// the material that is farthest from what those taken before can mix, again and
// again, until none is far.
func newBasis(materials []string, spectra []photons) (*basis, error) {
	n := len(materials)
	all := make([]*machine.Attenuation, n)
	vector := make([][]float64, n)
	for m, name := range materials {
		var err error
		if all[m], err = attenuation(name); err != nil {
			return nil, err
		}
		for _, s := range spectra {
			p, q, err := weights(s)
			if err != nil {
				return nil, err
			}
			for b, e := range s.energy {
				mu, absorbed := all[m].Mass(e), all[m].MassEnergyAbsorption(e)
				if !(mu > 0 && absorbed > 0) {
					return nil, fmt.Errorf("collapsedcone: %s: no attenuation at %g MeV", name, e)
				}
				// Misfits count by the energy that a bin releases in water.
				w := math.Sqrt(p[b]+q[b]) / mean(e)
				vector[m] = append(vector[m], w*mu, w*absorbed)
			}
		}
	}
	b := &basis{}
	var ortho [][]float64 // orthonormal, of the materials taken
	var taken []int
	residual := make([][]float64, n)
	for m := range vector {
		residual[m] = append([]float64(nil), vector[m]...)
	}
	for {
		far, worst := -1, basisTolerance
		b.worst = 0
		for m := range residual {
			r := math.Sqrt(dot(residual[m], residual[m]) / dot(vector[m], vector[m]))
			b.worst = max(b.worst, r)
			if r > worst {
				far, worst = m, r
			}
		}
		if far < 0 {
			break
		}
		u := residual[far]
		norm := math.Sqrt(dot(u, u))
		unit := make([]float64, len(u))
		for i := range u {
			unit[i] = u[i] / norm
		}
		ortho, taken = append(ortho, unit), append(taken, far)
		for m := range residual {
			c := dot(residual[m], unit)
			for i := range unit {
				residual[m][i] -= c * unit[i]
			}
		}
	}
	// Back substitution: the taken materials are triangular in the orthonormal
	// vectors.
	k := len(taken)
	for _, v := range vector {
		c := make([]float64, k)
		for i := k - 1; i >= 0; i-- {
			c[i] = dot(v, ortho[i])
			for j := i + 1; j < k; j++ {
				c[i] -= c[j] * dot(vector[taken[j]], ortho[i])
			}
			c[i] /= dot(vector[taken[i]], ortho[i])
		}
		b.coefficient = append(b.coefficient, c)
	}
	for _, m := range taken {
		b.of = append(b.of, all[m])
	}
	return b, nil
}

// mean is about the attenuation of soft matter, cm²/g, so that every bin has
// the same scale.
func mean(energyMeV float64) float64 { return 0.07 / math.Sqrt(energyMeV) }

func dot(a, b []float64) float64 {
	var sum float64
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}
