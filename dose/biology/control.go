package biology

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/integrate/quad"
	"gonum.org/v1/gonum/stat/distuv"
)

// Poisson is tumour control as the absence of surviving clonogens,
//
//	TCP = exp(−Σ ρ V_i exp(−α·BED_i)),
//
// averaged over a population whose α is normally distributed (and positive) with
// α/β the same for all (Webb and Nahum, Phys Med Biol 38 (1993) 653).
type Poisson struct {
	Density    float64 // of clonogens ρ, 1/cm³
	Alpha      float64 // mean of α, 1/Gy
	AlphaSigma float64 // standard deviation of α, 1/Gy; 0: all are alike
}

// TCP is the probability of control, 0…1, for a distribution in cm³. The
// repopulation of e is that of its own α.
func (p Poisson) TCP(d Distribution, e *Effect) (float64, error) {
	if err := d.check(); err != nil {
		return 0, err
	}
	if err := above("clonogen density", p.Density); err != nil {
		return 0, err
	}
	if err := above("α", p.Alpha); err != nil {
		return 0, err
	}
	if !(p.AlphaSigma >= 0 && p.AlphaSigma <= p.Alpha) {
		return 0, fmt.Errorf("%w: α of %g with a standard deviation of %g", ErrParameter, p.Alpha, p.AlphaSigma)
	}
	bed := d.under(e.BED)
	alike := func(alpha float64) float64 {
		var survive float64
		for i, v := range d.Volume {
			survive += p.Density * v * math.Exp(-alpha*bed.Dose[i])
		}
		return math.Exp(-survive)
	}
	if p.AlphaSigma == 0 {
		return alike(p.Alpha), nil
	}
	normal := distuv.Normal{Mu: p.Alpha, Sigma: p.AlphaSigma}
	low, high := max(0, p.Alpha-8*p.AlphaSigma), p.Alpha+8*p.AlphaSigma
	of := func(f func(float64) float64) float64 {
		const pieces, points = 64, 8 // TCP turns within a small part of the range
		var sum float64
		for i := range pieces {
			a := low + (high-low)*float64(i)/pieces
			sum += quad.Fixed(f, a, a+(high-low)/pieces, points, quad.Legendre{}, 0)
		}
		return sum
	}
	return of(func(a float64) float64 { return normal.Prob(a) * alike(a) }) / of(normal.Prob), nil
}

// Niemierko is control or complication as a logistic function of the equivalent
// uniform dose (Gay and Niemierko, Phys Med 23 (2007) 115):
//
//	P = 1 / (1 + (D50/EUD)^(4γ50)).
type Niemierko struct {
	A       float64 // exponent of the EUD: below 0 for tumours
	D50     float64 // TCD50 or TD50, Gy
	Gamma50 float64 // slope at D50: percent of probability for one percent of dose, over 100
}

// Probability is P, 0…1.
func (m Niemierko) Probability(d Distribution) (float64, error) {
	if err := above("D50", m.D50); err != nil {
		return 0, err
	}
	if err := above("γ50", m.Gamma50); err != nil {
		return 0, err
	}
	eud, err := d.EUD(m.A)
	if err != nil {
		return 0, err
	}
	return 1 / (1 + math.Pow(m.D50/eud, 4*m.Gamma50)), nil
}
