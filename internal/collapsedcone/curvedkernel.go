package collapsedcone

import (
	"math"

	"gonum.org/v1/gonum/interp"

	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/internal/kernels/curved"
)

// curvedKernels makes the kernels of bent paths of a spectrum, as kernels does
// those of straight lines.
func curvedKernels(s photons, bins [][]int) ([]curved.Kernel, error) {
	p, _, err := weights(s)
	if err != nil {
		return nil, err
	}
	var out []curved.Kernel
	for _, list := range bins {
		var mean *machine.EnergyDepositionKernel
		var share, sum float64
		for _, b := range list {
			k, err := machine.DepositionKernel(s.energy[b])
			if err != nil {
				return nil, err
			}
			if mean == nil {
				mean = &machine.EnergyDepositionKernel{AngleDeg: k.AngleDeg, Radius: k.Radius}
				mean.Fraction[machine.Primary] = make([]float64, len(k.Fraction[machine.Primary]))
			}
			total := k.Total(machine.Primary)
			for i, f := range k.Fraction[machine.Primary] {
				mean.Fraction[machine.Primary][i] += p[b] * f / total
			}
			share += p[b] * scattered(k)
			sum += p[b]
		}
		for i := range mean.Fraction[machine.Primary] {
			mean.Fraction[machine.Primary][i] /= sum
		}
		k, err := tabulate(mean)
		if err != nil {
			return nil, err
		}
		k.Share = share / sum
		out = append(out, k)
	}
	return out, nil
}

// scattered is the share of the spread in angle of a primary kernel that is
// multiple scattering. Turning by both the angle of birth and by scattering
// multiplies the mean cosines, so by their logarithms, with the energy-weighted
// mean over all of the kernel and that of Compton electrons (Klein and Nishina,
// cot φ = (1+α)·tan(θ/2); those of pairs are set free at no wider angles),
//
//	f = 1 − ln⟨cos φ⟩ / ln⟨cos θ⟩:
//
// 0.7 at 2 MeV, 0.8 at 6 MeV.
func scattered(k *machine.EnergyDepositionKernel) float64 {
	var all, weight float64
	shells, low := len(k.Radius), 1.0
	for a, deg := range k.AngleDeg {
		high := math.Cos(deg * math.Pi / 180)
		for _, f := range k.Fraction[machine.Primary][a*shells:][:shells] {
			all += f * (low + high) / 2
			weight += f
		}
		low = high
	}
	all /= weight
	const steps = 1000
	alpha := k.EnergyMeV / electronMass
	var birth, energy float64
	for i := range steps {
		cos := -1 + (float64(i)+0.5)*2/steps
		r := 1 / (1 + alpha*(1-cos)) // E'/E
		w := r * r * (r + 1/r - 1 + cos*cos) * (1 - r)
		cot := (1 + alpha) * math.Sqrt((1-cos)/(1+cos))
		birth += w * cot / math.Sqrt(1+cot*cot)
		energy += w
	}
	return min(max(1-math.Log(birth/energy)/math.Log(all), 0), 1)
}

// tabulate makes the primary part of a point kernel continuous: monotone cubics
// of the energy inside each radius of a cone, and inside each angle.
func tabulate(k *machine.EnergyDepositionKernel) (curved.Kernel, error) {
	const outside = 5e-4 // of the energy may be beyond the reach
	shells := len(k.Radius)
	radius := []float64{0}
	for _, r := range k.Radius {
		radius = append(radius, r/10)
	}
	u := []float64{0} // 1 − cos
	along := make([]interp.FritschButland, len(k.AngleDeg))
	inside := make([]float64, shells+1)
	for a, deg := range k.AngleDeg {
		u = append(u, 1-math.Cos(deg*math.Pi/180))
		cumulative := make([]float64, shells+1)
		for i, f := range k.Fraction[machine.Primary][a*shells:][:shells] {
			cumulative[i+1] = cumulative[i] + f
			inside[i+1] += cumulative[i+1]
		}
		if err := along[a].Fit(radius, cumulative); err != nil {
			return curved.Kernel{}, err
		}
	}
	out := curved.Kernel{Inside: make([]float32, (curved.Radii+1)*(curved.Angles+1))}
	for i := 1; i <= shells && out.Reach == 0; i++ {
		if inside[i] >= inside[shells]-outside {
			out.Reach = radius[i]
		}
	}
	for i := range curved.Radii {
		x := float64(i) / curved.Radii
		cumulative := make([]float64, len(u))
		for a := range along {
			cumulative[a+1] = cumulative[a] + max(along[a].PredictDerivative(out.Reach*x*x), 0)
		}
		var angle interp.FritschButland
		if err := angle.Fit(u, cumulative); err != nil {
			return curved.Kernel{}, err
		}
		row := out.Inside[i*(curved.Angles+1):][:curved.Angles+1]
		for j := range row {
			w := float64(j) / curved.Angles
			// With t = tan(θ/2) = w/(1−w), 1 − cosθ = 2t²/(1+t²).
			row[j] = float32(angle.Predict(2 * w * w / (w*w + (1-w)*(1-w))))
		}
	}
	return out, nil
}
