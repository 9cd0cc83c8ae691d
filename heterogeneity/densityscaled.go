package heterogeneity

import (
	"context"
	"fmt"

	"github.com/kerma-rt/kerma/internal/kernels/parallel"
	"github.com/kerma-rt/kerma/internal/kernels/sectors"
)

// DensityScaled scales the pencil kernel with density along each ray and
// across it, electrons and scattered photons apart (an anisotropic analytical
// approach, as Ulmer and Harder 1995, Z Med Phys 5:25, and Tillikainen et al
// 2008, Phys Med Biol 53:3821, but of kernels derived, not fitted to beams):
//
//	D(P) = (μen/ρ)_m/(μen/ρ)_w Σ_β Φ_β Σ_k L c_k(d′_β) · ρ_β μ_k e^(−μ_k ∫ρ dr)/(2πr)
//
// over the pencils β of the beam's pixels, in the plane through P across the
// axis. Scaling point kernels with density along straight lines (O'Connor 1957,
// Phys Med Biol 1:352) leaves the dose integrated over a plane a function of
// radiological depth alone: released energy convolved along the ray with what
// the kernels send ahead and back, in radiological distance, is L(d′) of water
// in any layers, build-up included. What layers change is the width of the
// plane's dose: energy from a distance z ahead, ζ of water, has spread by z/ζ of
// what it would have in water. So the density ρ that scales the width at P is
//
//	1/ρ(P) = ∫ z/ζ dD(ζ)
//
// along the ray of P, D the part in the width in water of what comes from at
// most ζ ahead (of electrons some cm, of photons some 20 cm). Width builds up
// and down behind an interface as the electrons travel on. In the plane the
// kernel's exponentials are then absorbed along 16 sectors around every pencil, in the ρ
// of the pixels passed.
//
// It is right within a few per cent beyond, in and beside lung, also in small
// fields. What it leaves out: where an electron or photon passes in other planes
// than those of its pencil and its end (a straight line through both would), so
// it errs beside and behind small inserts; backscatter that is missing behind
// the patient or changed by what lies behind; the curvature of electron paths
// at interfaces. Bone and metal differ from water by electron density and, for
// dose to medium, energy absorption at the point.
type DensityScaled struct{}

// Name is "density-scaled".
func (DensityScaled) Name() string { return "density-scaled" }

// Depths is the radiological depth in mm of water.
func (DensityScaled) Depths(ctx context.Context, b Beam) (*Depths, error) {
	return EquivalentPathLength{}.Depths(ctx, b)
}

const (
	sectorCount       = 16
	narrowest, widest = 0.05, 100 // least and most that a width is scaled
)

// Spread is the dose of the fluence f at the field of b and at the pixels of f,
// on planes b.Step apart. It fails with ErrFactors and ErrDepths.
func (c DensityScaled) Spread(ctx context.Context, b Beam, f Fluence, p PencilPart, media AbsorptionRatios) (*Spread, error) {
	if f.NX < 1 || f.NY < 1 || len(f.Value) != f.NX*f.NY || !(f.Step > 0) {
		return nil, fmt.Errorf("%w: fluence of %d×%d pixels of %v mm", ErrFactors, f.NX, f.NY, f.Step)
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	var i0, j0 int
	b.Field, i0, j0 = f.lattice(b.Field)
	b.Spacing, b.aligned = f.Step, true
	tissue, err := b.Tissue.attenuating(media)
	if err != nil {
		return nil, err
	}
	if tissue != b.Tissue {
		// It is made anew for every beam.
		b.Tissue, b.Cache = tissue, nil
	}
	depths, err := c.Depths(ctx, b)
	if err != nil {
		return nil, err
	}
	defer depths.Free()
	s := &Spread{dose: depths.empty()}
	if s.medium, err = newMedium(b.Tissue, media); err != nil {
		return nil, err
	}

	// The fan has u and then w; so do the planes here.
	fan := &depths.fan
	nodes := fan.U.N * fan.W.N
	fluence := make([]float64, nodes)
	for j := range f.NY {
		for i := range f.NX {
			fluence[(i+i0)*fan.W.N+j+j0] = f.Value[j*f.NX+i]
		}
	}
	for i, v := range fluence {
		if v != 0 {
			o := depths.obliquity(i/fan.W.N, i%fan.W.N)
			s.deepest = max(s.deepest, float64(fan.Sums[(fan.A.N-1)*nodes+i])*o)
		}
	}
	dose := make([]float64, fan.A.N*nodes)
	if err := depths.spread(ctx, dose, fluence, &p, depths.planes(), b.Threads); err != nil {
		return nil, err
	}
	for i, d := range dose {
		s.dose.fan.Sums[i] = float32(d / depths.obliquity(i%nodes/fan.W.N, i%fan.W.N))
	}
	return s, nil
}

// planes is the range of planes that lie in tissue on any ray, and two before
// and behind, between which the border is read.
func (d *Depths) planes() [2]int {
	const air = 0.5 // mm of water that air may add up to
	nodes := d.fan.U.N * d.fan.W.N
	total := d.fan.Sums[(d.fan.A.N-1)*nodes:]
	first, end := d.fan.A.N, 0
	for t := range d.fan.A.N {
		begun, left := false, false
		for i, sum := range d.fan.Sums[t*nodes : (t+1)*nodes] {
			begun = begun || sum > air
			left = left || total[i]-sum > air
		}
		if begun {
			first = min(first, t)
		}
		if left {
			end = t + 1
		}
	}
	return [2]int{max(first-2, 0), min(end+2, d.fan.A.N)}
}

// spread is the dose on the planes of a range.
func (d *Depths) spread(ctx context.Context, dose, fluence []float64, part *PencilPart, within [2]int, threads int) error {
	fan := &d.fan
	nodes := fan.U.N * fan.W.N
	first, count := within[0], max(within[1]-within[0], 0)
	if len(part.Rate) == 0 {
		return parallel.For(ctx, count, threads, func(t int) error {
			t += first
			m := fan.SAD / d.distance(t)
			for i, v := range fluence {
				if v != 0 {
					o := d.obliquity(i/fan.W.N, i%fan.W.N)
					dose[t*nodes+i] += m * m * v * o * part.integral(float64(fan.Sums[t*nodes+i])*o)
				}
			}
			return nil
		})
	}
	scale := make([]float32, len(dose)) // ρ of the width
	err := parallel.For(ctx, fan.U.N, threads, func(i int) error {
		depth := make([]float64, fan.A.N)
		for j := range fan.W.N {
			node := i*fan.W.N + j
			o := d.obliquity(i, j)
			for t := range depth {
				depth[t] = float64(fan.Sums[t*nodes+node]) * o
			}
			for t := first; t < first+count; t++ {
				scale[t*nodes+node] = float32(1 / part.stretch(depth, t, fan.A.Step*o))
			}
		}
		return ctx.Err()
	})
	if err != nil {
		return err
	}

	planes := make(chan *sectors.Plane, fan.A.N)
	return parallel.For(ctx, count, threads, func(t int) error {
		t += first
		var plane *sectors.Plane
		select {
		case plane = <-planes:
		default:
			plane = sectors.NewPlane(fan.W.N, fan.U.N, sectorCount, part.Rate)
		}
		defer func() { planes <- plane }()
		n := len(part.Rate)
		side := fan.U.Step * d.distance(t) / fan.SAD
		emitted, density := make([]float64, nodes*n), make([]float64, nodes)
		absorbed := make([]float64, nodes)
		for i, v := range fluence {
			rho := float64(scale[t*nodes+i])
			density[i] = rho * side
			if v == 0 {
				continue
			}
			o := d.obliquity(i/fan.W.N, i%fan.W.N)
			source := emitted[i*n : (i+1)*n]
			part.at(float64(fan.Sums[t*nodes+i])*o, source)
			for k := range source {
				source[k] *= v * o * rho
			}
		}
		plane.Spread(absorbed, emitted, density)
		// Fluence of the isocentre plane on the pixels of this one.
		m := fan.SAD / d.distance(t)
		for i, e := range absorbed {
			dose[t*nodes+i] += m * m * e / float64(scale[t*nodes+i])
		}
		return nil
	})
}

// stretch is ∫ z/ζ dD(ζ) over what lies ahead of node n of a ray, whose nodes
// are way mm apart, by their radiological depths. Where nothing does, the
// medium behind the node counts.
func (p *PencilPart) stretch(depth []float64, n int, way float64) float64 {
	reach := float64(len(p.Drift)-1) * p.DriftStep
	var sum, weight, before float64
	for t := n - 1; t >= 0; t-- {
		near, far := depth[n]-depth[t+1], depth[n]-depth[t]
		if near >= reach {
			break
		}
		now := p.drift(far)
		if part := now - before; part > 0 {
			sum += part * (float64(n-t) - 0.5) * way * 2 / (near + far)
			weight += part
		}
		before = now
	}
	if weight < 1e-6 {
		t := min(n, len(depth)-2)
		sum, weight = way, depth[t+1]-depth[t]
	}
	return min(max(sum/weight, narrowest), widest)
}
