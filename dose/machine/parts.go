package machine

import (
	"math"
	"runtime"
	"sort"

	"golang.org/x/sync/errgroup"
	"gonum.org/v1/gonum/mat"
)

// PencilPart is one part of the pencil kernel of a spectrum in water, in the
// form that scaling with density needs: per photon, at depth d and distance r
// from the pencil,
//
//	p(r, d) = L(d) Σ_k c_k(d) μ_k e^(−μ_k r)/(2πr),  Σ_k c_k = 1,
//
// an integral over the plane across the pencil and its spread in that plane.
type PencilPart struct {
	Depth    []float64 // mm of water, ascending from 0
	Integral []float64 // L at Depth, Gy mm² for a photon/cm² through each mm²
	Rate     []float64 // μ_k, per mm of water
	Share    []float64 // c_k ≥ 0, [depth][k]

	// Drift tells how much of the spread at a plane comes from how far ahead of
	// it: D(ζ), the integral of the distance from the pencil over the dose in
	// the plane that photons interacting up to ζ before it have given, as a
	// share of all from ahead. Drift[i] is D(i·DriftStep), in mm of water.
	Drift     []float64
	DriftStep float64
}

// Parts derives the pencil kernel of q in water from the point kernels, the
// energy of electrons set free by primary photons apart from that of all
// scattered photons, bremsstrahlung and annihilation included:
//
//	p(r, d) = 1/ρ_w Σ_i ∫ T_i(t) h_i(r, d−t) dt
//
// with the energy T_i released at depth t along the pencil and spread by point
// kernel i, each spectrum bin with its own attenuation. The exponentials are
// fitted to the dose inside discs; TestPartsAddUpToThePencilKernel tells how well.
// It fails with an *EnergyRangeError beyond 20 MeV.
func (q *Quality) Parts() (primary, scatter *PencilPart, err error) {
	kernels, err := loadKernels()
	if err != nil {
		return nil, nil, err
	}
	released, err := newRelease(q.Spectrum, kernels, deepest+kernels[0].Radius[len(kernels[0].Radius)-1])
	if err != nil {
		return nil, nil, err
	}
	first := newPlanes(-20, 140, 0.5, 0.05, 150)
	if primary, err = first.part(kernels, released, []Category{Primary}, []float64{0.4, 1, 2.5, 6, 15}); err != nil {
		return nil, nil, err
	}
	rest := newPlanes(-300, 600, 2, 0.5, 600)
	if scatter, err = rest.part(kernels, released, []Category{FirstScatter, SecondScatter, MultipleScatter, Radiative}, []float64{5, 20, 60, 120, 300}); err != nil {
		return nil, nil, err
	}
	return primary, scatter, nil
}

// planes is how the energy of a point kernel lies in planes across the beam:
// ahead of or behind the point of interaction, by distance from the axis.
type planes struct {
	first, step float64   // of ζ, mm; bin i from first+i·step
	bins        int       // of ζ
	radius      []float64 // upper edges of the rings, mm
}

func newPlanes(first, last, step, inner, outer float64) *planes {
	const ratio = 1.13
	p := &planes{first: first, step: step, bins: int((last - first) / step)}
	for r := inner; r < outer*ratio; r *= ratio {
		p.radius = append(p.radius, r)
	}
	return p
}

// energy is the share of the energy of k, in some categories, by plane and
// ring, and its sum.
func (p *planes) energy(k *EnergyDepositionKernel, categories []Category) ([]float64, error) {
	one := &EnergyDepositionKernel{EnergyMeV: k.EnergyMeV, AngleDeg: k.AngleDeg, Radius: k.Radius}
	for c := range one.Fraction {
		one.Fraction[c] = make([]float64, len(k.Fraction[c]))
	}
	var total float64
	for _, c := range categories {
		one.Fraction[c] = k.Fraction[c]
		total += k.Total(c)
	}
	s, err := one.smooth()
	if err != nil {
		return nil, err
	}
	out := make([]float64, p.bins*len(p.radius))
	const along, across = 8, 4 // samples of an element
	var sum, inner float64
	for _, outer := range k.Radius {
		for a := range along {
			width := (outer - inner) / along
			rho := inner + (float64(a)+0.5)*width
			for cone := range len(s.edge) - 1 {
				du := (s.edge[cone+1] - s.edge[cone]) / across
				for b := range across {
					u := s.edge[cone] + (float64(b)+0.5)*du
					v := s.density(rho, u, cone) * width * du
					sum += v
					zeta := int(math.Floor((rho*(1-u) - p.first) / p.step))
					r := rho * math.Sqrt(u*(2-u))
					ring := sort.SearchFloat64s(p.radius, r)
					if zeta >= 0 && zeta < p.bins && ring < len(p.radius) {
						out[zeta*len(p.radius)+ring] += v
					}
				}
			}
		}
		inner = outer
	}
	for i := range out {
		out[i] *= total / sum
	}
	return out, nil
}

// partDepths is where a part is tabulated, mm.
func partDepths() []float64 {
	var d []float64
	for _, lattice := range []struct{ end, step float64 }{{5, 1}, {40, 2.5}, {100, 10}, {deepest, 25}} {
		for x := lastOr(d, -lattice.step) + lattice.step; x <= lattice.end; x += lattice.step {
			d = append(d, x)
		}
	}
	return d
}

func (p *planes) part(kernels []*EnergyDepositionKernel, released *release, categories []Category, reach []float64) (*PencilPart, error) {
	energies := make([][]float64, len(kernels))
	var work errgroup.Group
	work.SetLimit(runtime.GOMAXPROCS(0))
	for i, k := range kernels {
		work.Go(func() error {
			var err error
			energies[i], err = p.energy(k, categories)
			return err
		})
	}
	if err := work.Wait(); err != nil {
		return nil, err
	}
	out := &PencilPart{Depth: partDepths(), DriftStep: p.step}
	for _, r := range reach {
		out.Rate = append(out.Rate, 1/r)
	}
	out.Integral = make([]float64, len(out.Depth))
	out.Share = make([]float64, len(out.Depth)*len(out.Rate))
	for i, d := range out.Depth {
		work.Go(func() error {
			ring := p.at(d, energies, released)
			for j := 1; j < len(ring); j++ {
				ring[j] += ring[j-1]
			}
			sum := ring[len(ring)-1]
			const mm2PerCm2 = 100
			out.Integral[i] = sum * grayPerMeVPerMM3 / mm2PerCm2
			for j := range ring {
				ring[j] /= sum
			}
			return discs(out.Share[i*len(reach):(i+1)*len(reach)], p.radius, ring, out.Rate)
		})
	}
	if err := work.Wait(); err != nil {
		return nil, err
	}
	out.Drift = p.drift(energies, released)
	return out, nil
}

// at is the energy per mm of depth that the rings of the plane at depth d get.
func (p *planes) at(d float64, energies [][]float64, released *release) []float64 {
	ring := make([]float64, len(p.radius))
	for z := range p.bins {
		low, high := p.first+float64(z)*p.step, p.first+float64(z+1)*p.step
		// Only what was released behind the surface, t = d−ζ > 0.
		part := (min(high, d) - low) / p.step
		if part <= 0 {
			break
		}
		before, after, t := released.at(d - (low+min(high, d))/2)
		for k, e := range energies {
			w := part * ((1-t)*before[k] + t*after[k])
			if w == 0 {
				continue
			}
			for j, v := range e[z*len(ring) : (z+1)*len(ring)] {
				ring[j] += w * v
			}
		}
	}
	return ring
}

// drift is D(ζ) for the spectrum at 100 mm of water, growing toward the source
// as fluence does.
func (p *planes) drift(energies [][]float64, released *release) []float64 {
	const depth = 100
	share, _, _ := released.at(depth)
	deeper, _, _ := released.at(2 * depth)
	var a, b float64
	for k := range share {
		a += share[k]
		b += deeper[k]
	}
	mu := math.Log(a/b) / depth
	drift := []float64{0}
	for z := int(-p.first / p.step); z < p.bins; z++ {
		zeta := p.first + (float64(z)+0.5)*p.step
		var sum float64
		for k, e := range energies {
			inner := 0.0
			for j, v := range e[z*len(p.radius) : (z+1)*len(p.radius)] {
				sum += share[k] * v * (inner + p.radius[j]) / 2
				inner = p.radius[j]
			}
		}
		drift = append(drift, drift[len(drift)-1]+sum*math.Exp(mu*zeta))
	}
	// The last thousandth comes from so far that following it is not worth it.
	last := sort.SearchFloat64s(drift, 0.999*drift[len(drift)-1])
	for i := range drift[:last+1] {
		drift[i] = min(drift[i]/drift[last], 1)
	}
	return drift[:last+1]
}

// discs finds c ≥ 0, Σ c = 1, for which Σ_k c_k (1−e^(−μ_k r)) is closest, in
// least squares, to the share inside each disc (Lawson and Hanson 1974, Solving
// Least Squares Problems, algorithm NNLS).
func discs(c, radius, share, rate []float64) error {
	rows, cols := len(radius)+1, len(rate)
	a, b := mat.NewDense(rows, cols, nil), mat.NewVecDense(rows, nil)
	for i, r := range radius {
		for k, mu := range rate {
			a.Set(i, k, -math.Expm1(-mu*r))
		}
		b.SetVec(i, share[i])
	}
	const sum = 1e3 // how much Σ c = 1 outweighs a disc
	for k := range rate {
		a.Set(rows-1, k, sum)
	}
	b.SetVec(rows-1, sum)
	return nonNegative(c, a, b)
}

// nonNegative writes the least-squares solution of a·x = b with x ≥ 0.
func nonNegative(x []float64, a *mat.Dense, b *mat.VecDense) error {
	rows, cols := a.Dims()
	free := make([]bool, cols)
	clear(x)
	var residual, gradient mat.VecDense
	for range 10 * cols {
		residual.MulVec(a, mat.NewVecDense(cols, x))
		residual.SubVec(b, &residual)
		gradient.MulVec(a.T(), &residual)
		best, at := 1e-9*float64(rows), -1
		for k := range cols {
			if g := gradient.AtVec(k); !free[k] && g > best {
				best, at = g, k
			}
		}
		if at < 0 {
			return nil
		}
		free[at] = true
		for {
			var index []int
			for k, f := range free {
				if f {
					index = append(index, k)
				}
			}
			sub := mat.NewDense(rows, len(index), nil)
			for j, k := range index {
				sub.SetCol(j, mat.Col(nil, k, a))
			}
			var s mat.VecDense
			if err := s.SolveVec(sub, b); err != nil {
				if _, near := err.(mat.Condition); !near {
					return err
				}
			}
			step, worst := 1.0, -1
			for j, k := range index {
				if v := s.AtVec(j); v <= 0 {
					if t := x[k] / (x[k] - v); t < step || worst < 0 {
						step, worst = min(t, step), k
					}
				}
			}
			for j, k := range index {
				x[k] += step * (s.AtVec(j) - x[k])
			}
			if worst < 0 {
				break
			}
			x[worst], free[worst] = 0, false
		}
	}
	return nil
}
