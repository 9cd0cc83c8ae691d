package collapsedcone

import (
	"math"

	"github.com/kerma-rt/kerma/dose/beam"
	"github.com/kerma-rt/kerma/geometry"
)

// sums holds the integral over the lower left of a fluence map and of its
// square, so that means over rectangles cost eight look-ups (summed-area table,
// Crow 1984).
type sums struct {
	x, y, step float64 // lower corner and pixel, mm
	nx, ny     int
	first      []float64 // Σ value, (nx+1)·(ny+1)
	second     []float64 // Σ value²
}

func newSums(f *beam.Fluence) *sums {
	s := &sums{x: f.X, y: f.Y, step: f.Spacing, nx: f.NX, ny: f.NY}
	s.first, s.second = make([]float64, (f.NX+1)*(f.NY+1)), make([]float64, (f.NX+1)*(f.NY+1))
	for j := range f.NY {
		var row, row2 float64
		for i := range f.NX {
			v := f.Value[j*f.NX+i]
			row += v
			row2 += v * v
			at := (j+1)*(f.NX+1) + i + 1
			s.first[at] = s.first[at-f.NX-1] + row
			s.second[at] = s.second[at-f.NX-1] + row2
		}
	}
	return s
}

// over is the mean of the map, and of its square, over the rectangle with
// centre (x, y) and half sides (hx, hy), mm; beyond the map it is 0.
func (s *sums) over(x, y, hx, hy float64) (mean, square float64) {
	x0, x1 := (x-hx-s.x)/s.step, (x+hx-s.x)/s.step
	y0, y1 := (y-hy-s.y)/s.step, (y+hy-s.y)/s.step
	if x1 <= 0 || y1 <= 0 || x0 >= float64(s.nx) || y0 >= float64(s.ny) || s.nx == 0 || s.ny == 0 {
		return 0, 0
	}
	area := (x1 - x0) * (y1 - y0)
	a, b := pixel(x0, s.nx), pixel(x1, s.nx)
	c, d := pixel(y0, s.ny), pixel(y1, s.ny)
	mean = (s.at(s.first, b, d) - s.at(s.first, a, d) - s.at(s.first, b, c) + s.at(s.first, a, c)) / area
	square = (s.at(s.second, b, d) - s.at(s.second, a, d) - s.at(s.second, b, c) + s.at(s.second, a, c)) / area
	return mean, square
}

type node struct {
	i int
	t float64
}

func pixel(x float64, n int) node {
	x = min(max(x, 0), float64(n))
	i := min(int(x), n-1)
	return node{i, x - float64(i)}
}

func (s *sums) at(table []float64, x, y node) float64 {
	w := s.nx + 1
	low := table[y.i*w+x.i:][:w+2]
	a := low[0] + x.t*(low[1]-low[0])
	b := low[w] + x.t*(low[w+1]-low[w])
	return a + y.t*(b-a)
}

// shadow is what voxels of the lattice see of a fluence map.
type shadow struct {
	affine geometry.Affine // of the lattice to the beam frame
	sad    float64
	sums   *sums
}

// even is the relative variance of fluence over a voxel below which its mean
// over the box around the voxel's shadow is good enough.
const even = 1e-6

// over is the mean of the map over the shadow that voxel (i, j, k) throws on the
// isocentre plane. Where fluence changes in it the mean is over 4³ parts of the
// voxel, each again over the box around its shadow.
func (s *shadow) over(i, j, k int) float64 {
	b := s.affine.At(float64(i), float64(j), float64(k))
	a := s.sad - b.Z
	if !(a > 1) {
		return 0
	}
	scale := s.sad / a
	x, y := b.X*scale, b.Y*scale
	var hx, hy float64
	for _, step := range s.affine.Step {
		hx += math.Abs(step.X+x/s.sad*step.Z) / 2 * scale
		hy += math.Abs(step.Y+y/s.sad*step.Z) / 2 * scale
	}
	mean, square := s.sums.over(x, y, hx, hy)
	if square-mean*mean <= even*mean*mean {
		return mean
	}
	const n = 4
	var sum float64
	for q := range n * n * n {
		off := func(i int) float64 { return (float64(i)+0.5)/n - 0.5 }
		b := s.affine.At(float64(i)+off(q%n), float64(j)+off(q/n%n), float64(k)+off(q/n/n))
		scale := s.sad / (s.sad - b.Z)
		mean, _ := s.sums.over(b.X*scale, b.Y*scale, hx/n, hy/n)
		sum += mean
	}
	return sum / (n * n * n)
}
