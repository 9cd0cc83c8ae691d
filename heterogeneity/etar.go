package heterogeneity

import (
	"context"
	"fmt"
	"math"

	"github.com/kerma-rt/kerma/internal/kernels/parallel"
)

// ETAR is the ratio of equivalent tissue–air ratios,
//
//	CF = T(d′, r·ρ̃) / T(d, r),   ρ̃ = Σ_ijk ρ_ijk W_ijk / Σ_ijk W_ijk,
//
// d the geometric and d′ the radiological depth, r the field radius at the
// point, and ρ̃ the electron density of the irradiated surroundings weighted by
// how much scatter W each voxel sends to the point: what is left of the scaling
// theorem (a medium of density ρ is water with all lengths times ρ) when
// density varies. It multiplies the dose at d′ by T(d′, rρ̃)/T(d′, r).
//
// Sources: Sontag and Cunningham 1978, Radiology 129:787; with all voxels by
// Fourier transform, Yu and Wong 1993, Med Phys 20:627. W is that of first
// Compton scatter (Klein–Nishina) at the energy whose attenuation T shows. It
// depends on the relative place alone, so both sums are convolutions. They are
// taken in the frame of the beam, its divergence left out of W, over what lies
// inside the rectangle around the opening; water of the body's shape is the
// denominator.
//
// It scales scatter, not electrons: a radius below d_max, about their reach,
// counts as d_max. So it is good in wide fields; where electrons are out of
// equilibrium (lung, small fields, high energy) it gives too high a dose. The
// way of scatter between voxel and point is not followed, and the dose is that to
// water also in bone. Tissue beside a field
// is reached by no weight: outside the beam the factor is rough.
type ETAR struct {
	// Coalesced is the way of 1978: all slices (planes of the beam axis and x)
	// are combined into one, with the weights that they scatter into the
	// plane of the point, and stand at their mean distance.
	Coalesced bool
}

// Name is "etar", "etar-coalesced" where slices are.
func (e ETAR) Name() string {
	if e.Coalesced {
		return "etar-coalesced"
	}
	return "etar"
}

// Depths is the radiological depth in mm of water.
func (ETAR) Depths(ctx context.Context, b Beam) (*Depths, error) {
	return EquivalentPathLength{}.Depths(ctx, b)
}

// Factors is T(d′, rρ̃)/T(d′, r). It fails with ErrFactors and ErrDepths.
func (e ETAR) Factors(ctx context.Context, b Beam, w Water) (*Factors, error) {
	if err := w.check(); err != nil {
		return nil, err
	}
	surroundings, err := e.surroundings(ctx, b, w)
	if err != nil {
		return nil, err
	}
	depths, err := e.Depths(ctx, b)
	if err != nil {
		return nil, err
	}
	defer depths.Free()
	f := &Factors{log: depths.empty()}
	fan := &f.log.fan
	nodes := fan.U.N * fan.W.N
	err = parallel.For(ctx, fan.A.N, b.Threads, func(t int) error {
		a := depths.distance(t)
		m := a / fan.SAD
		radius := w.Radius * m
		reach, _, err := w.peak(radius)
		if err != nil {
			return err
		}
		for i := range fan.U.N {
			for j := range fan.W.N {
				n := t*nodes + i*fan.W.N + j
				obliquity := depths.obliquity(i, j)
				depth := float64(depths.fan.Sums[n]) * obliquity
				x, y := depths.place(i, j)
				density := surroundings.at(x*m, y*m, a)
				scaled, plain := w.Ratios.TissueRatio(depth, max(radius*density, reach)), w.Ratios.TissueRatio(depth, max(radius, reach))
				// On the surface of a kernel fitted behind build-up there is no dose.
				if plain != 0 {
					fan.Sums[n] = float32(math.Log(scaled/plain) / obliquity)
				}
			}
		}
		return ctx.Err()
	})
	if err != nil {
		return nil, err
	}
	return f, nil
}

const (
	scatterCell   = 6       // mm between lattice points of ρ̃
	scatterMargin = 30      // mm of lattice around the beam
	scatterPoints = 1 << 18 // of a lattice; larger ones are coarser
)

// surroundings is ρ̃ on a lattice of the beam frame.
func (e ETAR) surroundings(ctx context.Context, b Beam, w Water) (*lattice, error) {
	mu, err := w.attenuation()
	if err != nil {
		return nil, err
	}
	energy := comptonEnergy(mu)

	// Ray sums over the opening: their differences are mean densities.
	b.Field, b.Spacing, b.Step = w.Open, scatterCell/2, scatterCell/2
	body, err := None{}.Depths(ctx, b)
	if err != nil {
		return nil, err
	}
	tissue, err := EquivalentPathLength{}.Depths(ctx, b)
	if err != nil {
		return nil, err
	}
	near, far := tissue.distance(0), tissue.distance(tissue.fan.A.N-1)
	sad := b.Frame.SAD
	l := newLattice(
		[3]float64{min(w.Open.X0*near, w.Open.X0*far)/sad - scatterMargin, min(w.Open.Y0*near, w.Open.Y0*far)/sad - scatterMargin, near},
		[3]float64{max(w.Open.X1*near, w.Open.X1*far)/sad + scatterMargin, max(w.Open.Y1*near, w.Open.Y1*far)/sad + scatterMargin, far})

	// Real part density, imaginary part body: the weights are real.
	pair := newTransform(l.n)
	err = parallel.For(ctx, l.n[2], b.Threads, func(k int) error {
		a := l.first[2] + float64(k)*l.cell
		m := sad / a
		for j := range l.n[1] {
			for i := range l.n[0] {
				x, y := (l.first[0]+float64(i)*l.cell)*m, (l.first[1]+float64(j)*l.cell)*m
				share := overlap(x, l.cell*m, w.Open.X0, w.Open.X1) * overlap(y, l.cell*m, w.Open.Y0, w.Open.Y1)
				if share == 0 {
					continue
				}
				u, v := min(max(x, w.Open.X0), w.Open.X1), min(max(y, w.Open.Y0), w.Open.Y1)
				per := share / (l.cell * math.Sqrt(1+(u*u+v*v)/(sad*sad)))
				mean := func(d *Depths) float64 { return per * (d.At(u, v, a+l.cell/2) - d.At(u, v, a-l.cell/2)) }
				pair.data[pair.offset(i, j, k)] = complex(mean(tissue), mean(body))
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	weights := newTransform(l.n)
	if err := e.weights(ctx, weights, l, mu, energy, b.Threads); err != nil {
		return nil, err
	}
	if err := pair.forward(ctx, b.Threads); err != nil {
		return nil, err
	}
	if err := weights.forward(ctx, b.Threads); err != nil {
		return nil, err
	}
	for i, v := range weights.data {
		pair.data[i] *= v
	}
	if err := pair.backward(ctx, b.Threads); err != nil {
		return nil, err
	}
	for k := range l.n[2] {
		for j := range l.n[1] {
			for i := range l.n[0] {
				sums := pair.data[pair.offset(i, j, k)]
				density := 1.0
				// Where the transform's rounding is all there is, nothing scatters.
				if imag(sums) > 1e-9*pair.largest {
					density = min(max(real(sums)/imag(sums), 0.01), 5)
				}
				l.value[(k*l.n[1]+j)*l.n[0]+i] = density
			}
		}
	}
	return l, nil
}

// overlap is the part of a cell around x that lies from low to high.
func overlap(x, cell, low, high float64) float64 {
	return max(0, min(x+cell/2, high)-max(x-cell/2, low)) / cell
}

// weights fills W at all relative places of a lattice: t holds the place from
// scatterer to point, negative ones at its end.
func (e ETAR) weights(ctx context.Context, t *transform, l *lattice, mu, energy float64, threads int) error {
	// The weight of (i, j, k) is that of (|i|, |j|, k).
	nx, nxy := l.n[0], l.n[0]*l.n[1]
	one := make([]float64, nxy*(2*l.n[2]-1))
	each := func(visit func(i, j, k, n int)) {
		for k := 1 - l.n[2]; k < l.n[2]; k++ {
			for j := 1 - l.n[1]; j < l.n[1]; j++ {
				for i := 1 - l.n[0]; i < l.n[0]; i++ {
					visit(max(i, -i), max(j, -j), k+l.n[2]-1, t.offset((i+t.n[0])%t.n[0], (j+t.n[1])%t.n[1], (k+t.n[2])%t.n[2]))
				}
			}
		}
	}
	fill := func(y func(j int) float64) error {
		return parallel.For(ctx, 2*l.n[2]-1, threads, func(k int) error {
			for j := range l.n[1] {
				for i := range nx {
					one[k*nxy+j*nx+i] = firstScatter(float64(i)*l.cell, y(j), float64(k-l.n[2]+1)*l.cell, l.cell, mu, energy)
				}
			}
			return nil
		})
	}
	if err := fill(func(j int) float64 { return float64(j) * l.cell }); err != nil {
		return err
	}
	if !e.Coalesced {
		each(func(i, j, k, n int) { t.data[n] = complex(one[k*nxy+j*nx+i], 0) })
		return nil
	}
	// w_j: what a whole slice scatters into the plane of the point.
	slice := make([]float64, l.n[1])
	each(func(i, j, k, _ int) {
		if j == 0 {
			slice[j] += one[k*nxy+i]
		} else {
			slice[j] += one[k*nxy+j*nx+i] / 2 // on either side
		}
	})
	var sum, moment float64
	for j, v := range slice {
		if j > 0 {
			v *= 2
		}
		sum += v
		moment += v * float64(j) * l.cell
	}
	if err := fill(func(int) float64 { return moment / sum }); err != nil {
		return err
	}
	each(func(i, j, k, n int) { t.data[n] = complex(slice[j]*one[k*nxy+j*nx+i], 0) })
	return nil
}

// attenuation is that of the primary beam in water, per mm: the slope of ln T
// from 100 to 200 mm in the narrowest field in which electrons balance.
func (w Water) attenuation() (float64, error) {
	peak, _, err := w.peak(w.Radius)
	if err != nil {
		return 0, err
	}
	mu := math.Log(w.Ratios.TissueRatio(100, peak)/w.Ratios.TissueRatio(200, peak)) / 100
	if !(mu > 0) || mu > 0.1 {
		return 0, fmt.Errorf("%w: tissue ratios that fall by %v per mm", ErrFactors, mu)
	}
	return mu, nil
}
