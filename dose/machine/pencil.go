package machine

import (
	"errors"
	"fmt"
	"math"
	"runtime"

	"golang.org/x/sync/errgroup"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// The lattices of a derived pencil kernel.
const (
	pencilComponents = 10   // see TestLowRankAgreesWithTheDirectKernel for what they are worth
	lateralFirst     = 0.05 // mm between radii near the axis,
	lateralRatio     = 1.05 // then this ratio of neighbours,
	lateralStep      = 4    // then mm between them
	lateralLast      = 400  // mm in the isocentre plane
)

// divergent is the dose at a point for one photon/cm² through each mm² of the
// isocentre plane, by the distance from the point's own ray: the kernel
//
//	K(ρ; d, a) = p(r, t),   tan α = ρ/SAD,   r = a sin α,   t = a cos α − (a−d)/cos α
//
// of a point on the beam axis at distance a from the source and depth d. A
// pencil whose ray crosses the isocentre plane at ρ passes the point at the
// perpendicular distance r; the foot of the perpendicular lies at depth t
// along that pencil, when the surface is a plane across the axis at a−d. The
// pencils diverge, so the point kernels are tilted with them. For a point off
// the axis, on a ray at the angle β, K/cos β with d the depth along that ray
// stands for the surroundings of the ray: within 0.3 % to 100 mm off the axis
// and 0.7 % to 150 mm, for a flat surface across the axis.
func (p *direct) divergent(rho, depth, a, sad float64) float64 {
	sin, cos := math.Sincos(math.Atan(rho / sad))
	return p.at(a*sin, a*cos-(a-depth)/cos) / (a * sin)
}

// newPencil derives the low-rank form of the divergent kernel:
//
//	Σ_k D_k(d, s) w_k(ρ) = s² K(ρ; d, s·SAD)
//
// by singular value decomposition of the right side on a lattice of depths and
// scales by radii. A radius stands for the energy around it (see moments), so
// what is made small is the error of the energy from there, relative to the
// dose of an infinite field at that depth, or at its maximum where that is
// deeper.
func newPencil(p *direct, sad float64) (*Pencil, error) {
	depth, scale, radius := depthLattice(), scaleLattice(), lateralLattice()
	rows, cols := len(depth)*len(scale), len(radius)
	family := mat.NewDense(rows, cols, nil)
	norm := make([]float64, rows)

	var work errgroup.Group
	work.SetLimit(runtime.GOMAXPROCS(0))
	for j, s := range scale {
		work.Go(func() error {
			var deeper float64 // the largest dose of an infinite field from here on
			for i := len(depth) - 1; i >= 0; i-- {
				row := family.RawRowView(i*len(scale) + j)
				p.moments(row, radius, depth[i], s, sad)
				deeper = max(deeper, floats.Sum(row))
				norm[i*len(scale)+j] = deeper
				floats.Scale(1/deeper, row)
			}
			return nil
		})
	}
	if err := work.Wait(); err != nil {
		return nil, err
	}

	// A third of the depths and scales tells the shapes there are; all are
	// then projected on them.
	const every = 3
	var few []int
	for i := 0; i < len(depth); i += every {
		for j := 0; j < len(scale); j += every {
			few = append(few, i*len(scale)+j)
		}
	}
	thin := mat.NewDense(len(few), cols, nil)
	for i, row := range few {
		thin.SetRow(i, family.RawRowView(row))
	}
	var svd mat.SVD
	if !svd.Factorize(thin, mat.SVDThin) {
		return nil, errors.New("machine: the singular value decomposition of the pencil kernel did not converge")
	}
	var v, projected mat.Dense
	svd.VTo(&v)
	shapes := v.Slice(0, cols, 0, pencilComponents)
	projected.Mul(family, shapes)

	out := emptyPencil()
	for i := range rows {
		for k := range pencilComponents {
			out.Depth.Value[i*pencilComponents+k] = single(projected.At(i, k) * norm[i])
		}
	}
	mass := massMatrix(radius)
	for k := range pencilComponents {
		w := out.Lateral[0][k].Value
		if err := mass.SolveVecTo(mat.NewVecDense(cols, w), false, v.ColView(k)); err != nil {
			return nil, fmt.Errorf("machine: lateral kernel: %w", err)
		}
		for i, x := range w {
			w[i] = single(x)
		}
	}
	return out, nil
}

// single rounds to float32, in which derived kernels are stored.
func single(x float64) float64 { return float64(float32(x)) }

// emptyPencil is a derived pencil kernel with its lattices and no values.
func emptyPencil() *Pencil {
	depth, scale, radius := depthLattice(), scaleLattice(), lateralLattice()
	p := &Pencil{
		Planar:  true,
		Lateral: [][]Radial{make([]Radial, pencilComponents)},
		Depth: DepthTable{
			Components: pencilComponents, Depth: depth, Scale: scale,
			Value: make([]float64, len(depth)*len(scale)*pencilComponents),
		},
	}
	for k := range p.Lateral[0] {
		p.Lateral[0][k] = Radial{Radius: radius, Value: make([]float64, len(radius))}
	}
	return p
}

// moments fills row with the integrals of s² K over the isocentre plane, each
// weighted with the hat φ_i that is 1 at radius i and falls to 0 at its
// neighbours: 2π ∫ s² K(ρ) φ_i(ρ) ρ dρ. Together they are the integral of the
// whole; K rises without bound at ρ → 0 but K·ρ does not.
func (p *direct) moments(row, radius []float64, depth, s, sad float64) {
	const g = 0.21132486540518713 // the two Gauss points of 0…1 are g and 1−g
	for i := range row {
		row[i] = 0
	}
	for i := 1; i < len(radius); i++ {
		h := radius[i] - radius[i-1]
		for _, t := range [2]float64{g, 1 - g} {
			rho := radius[i-1] + t*h
			v := 2 * math.Pi * s * s * p.divergent(rho, depth, s*sad, sad) * rho * h / 2
			row[i-1] += (1 - t) * v
			row[i] += t * v
		}
	}
}

// massMatrix is 2π ∫ φ_i φ_j ρ dρ. Solved for the moments of a kernel it gives
// the values between which straight lines have the same moments.
func massMatrix(radius []float64) *mat.Tridiag {
	n := len(radius)
	lower, diagonal := make([]float64, n-1), make([]float64, n)
	for i := 1; i < n; i++ {
		a, b := radius[i-1], radius[i]
		f := 2 * math.Pi * (b - a) / 12
		diagonal[i-1] += f * (3*a + b)
		diagonal[i] += f * (a + 3*b)
		lower[i-1] = f * (a + b)
	}
	upper := append([]float64(nil), lower...)
	return mat.NewTridiag(n, lower, diagonal, upper)
}

// scaleLattice is a/SAD from close to the collimator to behind a patient.
func scaleLattice() []float64 {
	s := make([]float64, 19)
	for i := range s {
		s[i] = float64(60+5*i) / 100
	}
	return s
}

// lateralLattice is the radii of the lateral kernels, mm.
func lateralLattice() []float64 {
	radius := []float64{0}
	for r := float32(lateralFirst); r <= lateralLast; r += min(max(lateralFirst, r*(lateralRatio-1)), lateralStep) {
		radius = append(radius, float64(r))
	}
	return radius
}
