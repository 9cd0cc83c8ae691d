package collapsedcone

import (
	"context"
	"math"

	"github.com/kerma-rt/kerma/dose/beam"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/internal/kernels/parallel"
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

// corners are the places in the sums of a rectangle with centre (x, y) and half
// sides (hx, hy), mm; ok is false where it lies outside the map.
func (s *sums) corners(x, y, hx, hy float64) (r rectangle, ok bool) {
	x0, x1 := (x-hx-s.x)/s.step, (x+hx-s.x)/s.step
	y0, y1 := (y-hy-s.y)/s.step, (y+hy-s.y)/s.step
	if x1 <= 0 || y1 <= 0 || x0 >= float64(s.nx) || y0 >= float64(s.ny) || s.nx == 0 || s.ny == 0 {
		return r, false
	}
	return rectangle{pixel(x0, s.nx), pixel(x1, s.nx), pixel(y0, s.ny), pixel(y1, s.ny), 1 / ((x1 - x0) * (y1 - y0))}, true
}

type rectangle struct {
	a, b, c, d node // x from, to, y from, to
	perArea    float64
}

// mean is that of the map, or of its square, by the sums of it. Beyond the map it
// is 0.
func (s *sums) mean(of []float64, r rectangle) float64 {
	return (s.at(of, r.b, r.d) - s.at(of, r.a, r.d) - s.at(of, r.b, r.c) + s.at(of, r.a, r.c)) * r.perArea
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
	// smooth is the map as voxels see it where it hardly changes, elsewhere NaN,
	// at the centres of pixels of its grid and of pad more on every side.
	smooth []float32
	pad    int
}

// Where the relative variance of fluence over the box around a voxel's shadow is
// below even, and its mean over half the box is the same within bend, a voxel's
// fluence is that mean, linear between pixels.
const even, bend = 1e-5, 2e-4

func newShadow(ctx context.Context, p Pose, m *medium, threads int) (*shadow, error) {
	s := &shadow{affine: p.Frame.OfGrid(m.Grid), sad: p.Frame.SAD, sums: newSums(p.Fluence)}
	f := p.Fluence
	// The widest shadow of a voxel, at the corner nearest to the source.
	var hx, hy float64
	size := m.Size()
	for c := range 8 {
		b := s.affine.At(float64(size[0]*(c&1)), float64(size[1]*(c>>1&1)), float64(size[2]*(c>>2)))
		scale := s.sad / (s.sad - b.Z)
		x := min(max(b.X*scale, f.X), f.X+float64(f.NX)*f.Spacing)
		y := min(max(b.Y*scale, f.Y), f.Y+float64(f.NY)*f.Spacing)
		x, y = s.half(x, y, scale, [3]int{1, 1, 1})
		hx, hy = max(hx, x), max(hy, y)
	}
	s.pad = int(math.Ceil(max(hx, hy)/f.Spacing)) + 1
	nx, ny := f.NX+2*s.pad, f.NY+2*s.pad
	s.smooth = make([]float32, nx*ny)
	err := parallel.For(ctx, ny, threads, func(j int) error {
		y := f.Y + (float64(j-s.pad)+0.5)*f.Spacing
		for i := range nx {
			x := f.X + (float64(i-s.pad)+0.5)*f.Spacing
			r, ok := s.sums.corners(x, y, hx, hy)
			if !ok {
				continue
			}
			mean, square, half := s.sums.mean(s.sums.first, r), s.sums.mean(s.sums.second, r), 0.0
			if r, ok := s.sums.corners(x, y, hx/2, hy/2); ok {
				half = s.sums.mean(s.sums.first, r)
			}
			if square-mean*mean > even*mean*mean || math.Abs(half-mean) > bend*mean {
				mean = math.NaN()
			}
			s.smooth[j*nx+i] = float32(mean)
		}
		return nil
	})
	return s, err
}

// half is half the sides of the box around the shadow of a part of a voxel, whose
// axes are divided by n, where the isocentre plane is met at (x, y).
func (s *shadow) half(x, y, scale float64, n [3]int) (hx, hy float64) {
	for a, step := range s.affine.Step {
		hx += math.Abs(step.X+x/s.sad*step.Z) / 2 * scale / float64(n[a])
		hy += math.Abs(step.Y+y/s.sad*step.Z) / 2 * scale / float64(n[a])
	}
	return hx, hy
}

// over is the mean of the map over the shadow that voxel (i, j, k) throws on the
// isocentre plane.
func (s *shadow) over(i, j, k int) float64 {
	b := s.affine.At(float64(i), float64(j), float64(k))
	a := s.sad - b.Z
	if !(a > 1) {
		return 0
	}
	scale := s.sad / a
	x, y := b.X*scale, b.Y*scale
	// In pixels from the first centre of smooth.
	first := float64(s.pad) - 0.5
	u, v := (x-s.sums.x)/s.sums.step+first, (y-s.sums.y)/s.sums.step+first
	nx, ny := s.sums.nx+2*s.pad, s.sums.ny+2*s.pad
	if !(u >= 0 && v >= 0 && u < float64(nx-1) && v < float64(ny-1)) {
		return 0
	}
	p, q := int(u), int(v)
	low := s.smooth[q*nx+p:][:nx+2]
	fu, fv := float32(u-float64(p)), float32(v-float64(q))
	below, above := low[0]+fu*(low[1]-low[0]), low[nx]+fu*(low[nx+1]-low[nx])
	if mean := below + fv*(above-below); mean == mean {
		return float64(mean)
	}
	return s.parts(i, j, k, x, y, scale)
}

// parts is the mean over parts of the voxel, each over the box around its
// shadow. The shadow is swept by the three axes of the voxel: in each direction
// of the map one of them may stay whole, for the others the voxel is divided.
func (s *shadow) parts(i, j, k int, x, y, scale float64) float64 {
	const most, length, least = 4, 0.5, 0.03 // parts; mm
	var long [2][3]float64
	for a, step := range s.affine.Step {
		long[0][a] = scale * math.Abs(step.X+x/s.sad*step.Z)
		long[1][a] = scale * math.Abs(step.Y+y/s.sad*step.Z)
	}
	n := [3]int{1, 1, 1}
	for _, l := range long {
		whole := 0
		for a := range l {
			if l[a] > l[whole] {
				whole = a
			}
		}
		for a := range l {
			if a != whole && l[a] > least {
				n[a] = max(n[a], min(int(math.Ceil(l[a]/length))+1, most))
			}
		}
	}
	hx, hy := s.half(x, y, scale, n)
	off := func(i, n int) float64 { return (float64(i)+0.5)/float64(n) - 0.5 }
	var sum float64
	for c := range n[2] {
		for b := range n[1] {
			for a := range n[0] {
				p := s.affine.At(float64(i)+off(a, n[0]), float64(j)+off(b, n[1]), float64(k)+off(c, n[2]))
				scale := s.sad / (s.sad - p.Z)
				if r, ok := s.sums.corners(p.X*scale, p.Y*scale, hx, hy); ok {
					sum += s.sums.mean(s.sums.first, r)
				}
			}
		}
	}
	return sum / float64(n[0]*n[1]*n[2])
}
