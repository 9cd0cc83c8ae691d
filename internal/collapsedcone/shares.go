package collapsedcone

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/kerma-rt/kerma/internal/kernels/cones"
)

// exact is the part of a released unit that a cone of the ring takes when the
// ray of the releasing voxel makes the angle gamma with it, Channels values for
// each group. The kernel is averaged over the ring moved to that angle: as a
// function of gamma alone a cone knows no ring but the one it was made for.
func (r ring) exact(groups []group, gamma float64, dst []float64) {
	shift := gamma - r.polar
	for g := range groups {
		row := dst[g*cones.Channels:][:cones.Channels]
		groups[g].primary.perSteradian(r.low+shift, r.high+shift, row[:cones.Primary])
		groups[g].scatter.perSteradian(r.low+shift, r.high+shift, row[cones.Primary:])
		for j := range row {
			row[j] *= r.solidAngle
		}
	}
}

// spread is how what is released is distributed over the chord (2 sin of half
// the angle) of its ray from the beam axis: weights of equal intervals.
type spread struct {
	largest float64 // chord
	weight  [spreadBins]float64
}

const (
	spreadBins = 24
	turns      = 16 // of azimuth, for means over it
	// floor is the least weight of an interval over the mean one.
	floor = 0.01
)

// angle is that of a chord, rad.
func angle(chord float64) float64 { return 2 * math.Asin(min(chord/2, 1)) }

// each calls for a sample of rays: the cosine of the angle to a direction that
// makes the angle polar with the axis, and its weight.
func (s *spread) each(polar float64, f func(cos, weight float64)) {
	var sum float64
	for _, w := range s.weight {
		sum += w
	}
	for i, w := range s.weight {
		tilt := angle(s.largest * (float64(i) + 0.5) / spreadBins)
		for t := range turns {
			azimuth := math.Pi * (float64(t) + 0.5) / turns
			cos := math.Sin(polar)*math.Sin(tilt)*math.Cos(azimuth) + math.Cos(polar)*math.Cos(tilt)
			f(min(max(cos, -1), 1), (w+floor*sum/spreadBins)/turns)
		}
	}
}

// polynomials is the shares of the cones of a ring as cones.Cone takes them.
type polynomials struct {
	scale, shift float64
	shares       []float32
}

// fit is the polynomials of a ring by least squares over the rays there are.
// What it leaves moves the dose by 0.01 % of its maximum (6 MV) to 0.03 % (15 MV),
// rms (TestPolynomialSharesAreGoodEnough): most of that is the steps of 3.75° in
// which kernels are tabulated, and is there with higher degrees as well.
func (r ring) fit(groups []group, s *spread) (polynomials, error) {
	widest := angle(s.largest)
	low, high := math.Cos(min(r.polar+widest, math.Pi)), math.Cos(max(r.polar-widest, 0))
	p := polynomials{scale: 2 / (high - low), shift: -(high + low) / (high - low)}
	columns := len(groups) * cones.Channels
	var a, b []float64
	row := make([]float64, columns)
	rows := 0
	s.each(r.polar, func(cos, weight float64) {
		w := math.Sqrt(weight)
		x := w
		for range cones.Degree + 1 {
			a = append(a, x)
			x *= p.scale*cos + p.shift
		}
		r.exact(groups, math.Acos(cos), row)
		for _, v := range row {
			b = append(b, w*v)
		}
		rows++
	})
	var x mat.Dense
	if err := x.Solve(mat.NewDense(rows, cones.Degree+1, a), mat.NewDense(rows, columns, b)); err != nil {
		return p, fmt.Errorf("collapsedcone: polynomials of a cone: %w", err)
	}
	for j := range cones.Channels {
		for g := range groups {
			for n := range cones.Degree + 1 {
				p.shares = append(p.shares, float32(x.At(n, g*cones.Channels+j)/cones.Coefficient(j)))
			}
		}
	}
	return p, nil
}

// sums is what all primary and all scatter channels together take, by group.
func (p *polynomials) sums(cos float64, primary, scatter []float64) {
	t := p.scale*cos + p.shift
	shares := p.shares
	for j := range cones.Channels {
		into := primary
		if j >= cones.Primary {
			into = scatter
		}
		for g := range into {
			v := 0.0
			for n := cones.Degree; n >= 0; n-- {
				v = v*t + float64(shares[n])
			}
			into[g] += v * cones.Coefficient(j)
			shares = shares[cones.Degree+1:]
		}
	}
}

// balance is what all cones together take of a unit released, by group and by
// the chord of the ray from the beam axis. Dividing by it, every voxel releases
// exactly its energy.
type balance struct {
	largest          float64     // chord of the last row
	primary, scatter [][]float64 // [tilt][group]
}

const tilts = 12

func newBalance(groups []group, ds []direction, rings []polynomials, largest float64) *balance {
	b := &balance{largest: largest}
	for i := range tilts {
		sin, cos := math.Sincos(angle(largest * float64(i) / (tilts - 1)))
		p, s := make([]float64, len(groups)), make([]float64, len(groups))
		for t := range turns {
			y, x := math.Sincos(2 * math.Pi * (float64(t) + 0.5) / turns)
			for _, d := range ds {
				dot := sin*(x*d.unit[0]+y*d.unit[1]) + cos*d.unit[2]
				rings[d.ring].sums(dot, p, s)
			}
		}
		for g := range groups {
			p[g] /= turns
			s[g] /= turns * groups[g].scatter.total
		}
		b.primary, b.scatter = append(b.primary, p), append(b.scatter, s)
	}
	return b
}

// at finds the rows before and after a chord and the weight of the latter.
func (b *balance) at(chord float64) (i int, t float64) {
	x := chord / b.largest * (tilts - 1)
	i = min(int(x), tilts-2)
	return i, min(x-float64(i), 1)
}
