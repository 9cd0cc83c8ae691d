package heterogeneity

import (
	"context"
	"math"

	"github.com/kerma-rt/kerma/internal/kernels/parallel"
)

// Batho is the power law of tissue ratios for any number of layers:
//
//	CF = (μen/ρ)_N/(μen/ρ)_w · Π_(m=1…N) T(X_m, r)^(ρ_m − ρ_(m−1)),  ρ_0 = 1,
//
// counted from the skin, the point in layer N; X_m is the distance from the
// point back to the face where layer m begins, ρ_m its electron density
// relative to water, r the field radius at the point, T normalised to its
// maximum. It multiplies the dose at the geometric depth. The ratio of mass
// energy-absorption coefficients makes it dose to medium, where the beam's
// spectrum is known.
//
// Sources: Batho 1964, J Can Assoc Radiol 15:79; Sontag and Cunningham 1977,
// Med Phys 4:431; Webb and Fox 1980, Phys Med Biol 25:225; Cassell, Hobday and
// Parker 1981, Phys Med Biol 26.
//
// Every difference of density between neighbouring samples of a ray is a face,
// so a CT needs no layers drawn. T rises before the depth of maximum d_max,
// where the law has no meaning: nearer than d_max a face counts as d_max away,
// that is not at all.
//
// It is exact for water only, and for other media where T is an exponential. It knows
// the order of layers but not how far they reach to the sides, and nothing of
// electrons: in lung it is good at cobalt-60, too low a correction in wide
// fields at higher energies, and a dose too high in small ones.
type Batho struct{}

// Name is "batho".
func (Batho) Name() string { return "batho" }

// Depths is the depth below the skin in mm, as of None.
func (Batho) Depths(ctx context.Context, b Beam) (*Depths, error) { return None{}.Depths(ctx, b) }

// Factors is CF. It fails with ErrFactors and ErrDepths.
func (Batho) Factors(ctx context.Context, b Beam, w Water) (*Factors, error) {
	return b.layers(ctx, w, func(x, peak float64) float64 { return max(x, peak) })
}

// ModifiedBatho is Batho with T(X_m + d_max) in place of T(X_m): only the
// falling part of the curve enters, and the factor does not jump at an
// interface (Thomas 1991, Med Phys 18:719, who found it better than Batho at
// cobalt-60, 8 and 16 MV beyond cork). What it does not know is what Batho does
// not know: the sides, and electrons.
type ModifiedBatho struct{}

// Name is "modified-batho".
func (ModifiedBatho) Name() string { return "modified-batho" }

// Depths is the depth below the skin in mm, as of None.
func (ModifiedBatho) Depths(ctx context.Context, b Beam) (*Depths, error) {
	return None{}.Depths(ctx, b)
}

// Factors is CF. It fails with ErrFactors and ErrDepths.
func (ModifiedBatho) Factors(ctx context.Context, b Beam, w Water) (*Factors, error) {
	return b.layers(ctx, w, func(x, peak float64) float64 { return x + peak })
}

// least is the change of density that makes a face; smaller ones add up until
// they do.
const least = 1e-3

// layers is the power law with T read at depth(X, d_max).
func (b Beam) layers(ctx context.Context, w Water, depth func(x, peak float64) float64) (*Factors, error) {
	if err := w.check(); err != nil {
		return nil, err
	}
	body, err := None{}.Depths(ctx, b)
	if err != nil {
		return nil, err
	}
	tissue, err := EquivalentPathLength{}.Depths(ctx, b)
	if err != nil {
		return nil, err
	}
	defer body.Free()
	defer tissue.Free()
	f := &Factors{log: tissue.empty()}
	if f.medium, err = newMedium(b.Tissue, w.Ratios); err != nil {
		return nil, err
	}

	// ln T at each plane for faces so many planes away, and some more since
	// rays are oblique.
	fan := &f.log.fan
	n, step := fan.A.N, fan.A.Step
	corner := max(tissue.obliquity(0, 0), tissue.obliquity(fan.U.N-1, fan.W.N-1), tissue.obliquity(0, fan.W.N-1), tissue.obliquity(fan.U.N-1, 0))
	room := int(float64(n)*corner) + 2
	ratio := make([]float64, n*room)
	err = parallel.For(ctx, n, b.Threads, func(t int) error {
		radius := w.Radius * tissue.distance(t) / fan.SAD
		peak, most, err := w.peak(radius)
		if err != nil {
			return err
		}
		row := ratio[t*room : (t+1)*room]
		for i := range min(room, int(float64(t+1)*corner)+2) {
			row[i] = math.Log(w.Ratios.TissueRatio(depth(float64(i)*step, peak), radius) / most)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}

	nodes := fan.U.N * fan.W.N
	err = parallel.For(ctx, fan.U.N, b.Threads, func(i int) error {
		face, change := make([]int, n), make([]float64, n)
		for j := range fan.W.N {
			node := i*fan.W.N + j
			obliquity := tissue.obliquity(i, j)
			faces, before, pending := 0, 0.0, 0.0
			for t := range n {
				var sum float64
				row := ratio[t*room : (t+1)*room]
				for s, at := range face[:faces] {
					x := float64(t-at) * obliquity
					k := int(x)
					sum += change[s] * (row[k] + (x-float64(k))*(row[k+1]-row[k]))
				}
				fan.Sums[t*nodes+node] = float32(sum / obliquity)
				if t == n-1 {
					break
				}
				// Density less body between this plane and the next: outside
				// the body the reference is nothing, inside it is water.
				a, c := t*nodes+node, (t+1)*nodes+node
				density := float64(tissue.fan.Sums[c]-tissue.fan.Sums[a]-(body.fan.Sums[c]-body.fan.Sums[a])) / step
				pending += density - before
				before = density
				if math.Abs(pending) > least {
					face[faces], change[faces] = t, pending
					faces++
					pending = 0
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
