// Package fan integrates a volume along all rays of a divergent beam at once:
// samples on planes at constant distance from the source along the beam axis,
// added up plane by plane, and looked up by trilinear interpolation. It
// replaces one exact ray trace a point.
package fan

import (
	"context"
	"math"

	"github.com/kerma-rt/kerma/internal/kernels/parallel"
)

// Axis is N evenly spaced places First, First+Step, ….
type Axis struct {
	First, Step float64
	N           int
}

// Volume is values on a regular grid, x fastest, seen from the beam: the point
// (x, y, z) of the beam frame has continuous index Origin + x·X + y·Y + z·Z.
// The volume reaches to the outer faces of its voxels; outside it is 0.
type Volume struct {
	Data            []float32
	Size            [3]int
	Origin, X, Y, Z [3]float64
}

// Fan is ∫ v da, a the distance from the source along the beam axis, at nodes
// on rays from the source at (0, 0, SAD). Node (t, i, j) lies in plane
// a = A.First + t·A.Step on the ray that meets the isocentre plane at
// u = U.First + i·U.Step, w = W.First + j·W.Step.
type Fan struct {
	SAD     float64
	A, U, W Axis
	// Sums is [t][u][w], w contiguous: the integral along the axis. Along the
	// ray it is longer by the obliquity √(1 + (u² + w²)/SAD²).
	Sums []float32

	perA, perU, perW, perSAD2 float64 // 1/Step of the axes, 1/SAD², set by Build
}

// Build fills Sums, which has A.N·U.N·W.N values, from v by the midpoint rule
// between planes. Where solid is set, the largest value that a ray has met so
// far takes the place of the value itself. It fails only when ctx ends; the
// result has the same bits whatever the number of goroutines.
func (f *Fan) Build(ctx context.Context, v Volume, solid bool, threads int) error {
	f.perA, f.perU, f.perW, f.perSAD2 = 1/f.A.Step, 1/f.U.Step, 1/f.W.Step, 1/(f.SAD*f.SAD)
	return parallel.For(ctx, f.U.N, threads, func(i int) error {
		f.row(v, i, solid)
		return ctx.Err()
	})
}

// row fills the nodes of all planes at one u.
func (f *Fan) row(v Volume, i int, solid bool) {
	sums := make([]float64, f.W.N)
	sample := make([]float32, f.W.N)
	most := make([]float32, f.W.N)
	column := make([]float32, v.Size[2])
	u := f.U.First + float64(i)*f.U.Step
	for t := range f.A.N {
		a := f.A.First + (float64(t)+0.5)*f.A.Step
		m := a / f.SAD
		var first, step [3]float64
		for c := range 3 {
			first[c] = v.Origin[c] + u*m*v.X[c] + f.W.First*m*v.Y[c] + (f.SAD-a)*v.Z[c]
			step[c] = f.W.Step * m * v.Y[c]
		}
		if step[0] == 0 && step[1] == 0 {
			v.along(sample, column, first, step[2])
		} else {
			v.line(sample, first, step)
		}
		if solid {
			for j, s := range sample {
				most[j] = max(most[j], s)
			}
			copy(sample, most)
		}
		out := f.Sums[(t*f.U.N+i)*f.W.N:][:len(sums)]
		sample := sample[:len(sums)]
		for j, s := range sums {
			out[j] = float32(s)
			sums[j] = s + f.A.Step*float64(sample[j])
		}
	}
}

// line samples v at first, first + step, … (continuous indices).
func (v Volume) line(out []float32, first, step [3]float64) {
	n := len(out)
	// Between the outermost centres, less a rounding margin, eight voxels
	// surround each sample; elsewhere the careful way decides.
	low, high := 0, n
	for c := range 3 {
		l, h := within(first[c], step[c], 1e-9, float64(v.Size[c]-1)-1e-9, n)
		low, high = max(low, l), min(high, h)
	}
	if low >= high {
		low, high = n, n
	}
	careful := func(from, to int) {
		for j := from; j < to; j++ {
			out[j] = v.at(first[0]+float64(j)*step[0], first[1]+float64(j)*step[1], first[2]+float64(j)*step[2])
		}
	}
	careful(0, low)
	nx, nxy := v.Size[0], v.Size[0]*v.Size[1]
	for j := low; j < high; j++ {
		t := float64(j)
		x, y, z := first[0]+t*step[0], first[1]+t*step[1], first[2]+t*step[2]
		i0, j0, k0 := int(x), int(y), int(z)
		fx, fy, fz := float32(x-float64(i0)), float32(y-float64(j0)), float32(z-float64(k0))
		d := v.Data[i0+nx*j0+nxy*k0:]
		d1 := d[nxy:]
		_, _ = d[nx+1], d1[nx+1]
		a := d[0] + fx*(d[1]-d[0])
		b := d[nx] + fx*(d[nx+1]-d[nx])
		p := d1[0] + fx*(d1[1]-d1[0])
		q := d1[nx] + fx*(d1[nx+1]-d1[nx])
		a += fy * (b - a)
		p += fy * (q - p)
		out[j] = a + fz*(p-a)
	}
	careful(high, n)
}

// along is line for steps along z of the volume, as in every beam without
// couch and collimator angle: four columns of voxels are blended into one, and
// that is sampled. column is room for one value a slice.
func (v Volume) along(out, column []float32, first [3]float64, step float64) {
	nx, nxy, nz := v.Size[0], v.Size[0]*v.Size[1], v.Size[2]
	n := len(out)
	x, y, z := first[0], first[1], first[2]
	end := z + float64(n-1)*step
	low, high := min(z, end), max(z, end)
	if !(x >= -0.5 && x <= float64(nx)-0.5 && y >= -0.5 && y <= float64(v.Size[1])-0.5 && high >= -0.5 && low <= float64(nz)-0.5) {
		clear(out)
		return
	}
	i, di, fx := cell(x, nx)
	j, dj, fy := cell(y, v.Size[1])
	dj *= nx
	from, _, _ := cell(low, nz)
	to, dk, _ := cell(high, nz)
	for k := from; k <= to+dk; k++ {
		d := v.Data[i+nx*j+nxy*k:]
		a := d[0] + fx*(d[di]-d[0])
		b := d[dj] + fx*(d[dj+di]-d[dj])
		column[k] = a + fy*(b-a)
	}
	careful := func(from, to int) {
		for j := from; j < to; j++ {
			z := z + float64(j)*step
			out[j] = 0
			if z >= -0.5 && z <= float64(nz)-0.5 {
				k, dk, fz := cell(z, nz)
				out[j] = column[k] + fz*(column[k+dk]-column[k])
			}
		}
	}
	fast, slow := within(z, step, 1e-9, float64(nz-1)-1e-9, n)
	if fast >= slow {
		fast, slow = n, n
	}
	careful(0, fast)
	for j := fast; j < slow; j++ {
		z := z + float64(j)*step
		k := int(z)
		d := column[k : k+2]
		out[j] = d[0] + float32(z-float64(k))*(d[1]-d[0])
	}
	careful(slow, n)
}

// within is the range of j in [0, n) with low ≤ first + j·step ≤ high.
func within(first, step, low, high float64, n int) (from, to int) {
	if step == 0 {
		if first >= low && first <= high {
			return 0, n
		}
		return 0, 0
	}
	a, b := (low-first)/step, (high-first)/step
	if step < 0 {
		a, b = b, a
	}
	limit := float64(n)
	return int(math.Ceil(min(max(a, 0), limit))), int(math.Floor(min(max(b, -1), limit-1))) + 1
}

// at is the value at one continuous index: that of the nearest centres in the
// outer half voxel, 0 outside.
func (v Volume) at(x, y, z float64) float32 {
	nx, ny, nz := float64(v.Size[0]), float64(v.Size[1]), float64(v.Size[2])
	if !(x >= -0.5 && x <= nx-0.5 && y >= -0.5 && y <= ny-0.5 && z >= -0.5 && z <= nz-0.5) {
		return 0
	}
	i, di, fx := cell(x, v.Size[0])
	j, dj, fy := cell(y, v.Size[1])
	k, dk, fz := cell(z, v.Size[2])
	d := v.Data[i+v.Size[0]*(j+v.Size[1]*k):]
	dj *= v.Size[0]
	dk *= v.Size[0] * v.Size[1]
	a := d[0] + fx*(d[di]-d[0])
	b := d[dj] + fx*(d[dj+di]-d[dj])
	p := d[dk] + fx*(d[dk+di]-d[dk])
	q := d[dk+dj] + fx*(d[dk+dj+di]-d[dk+dj])
	a += fy * (b - a)
	p += fy * (q - p)
	return a + fz*(p-a)
}

// cell is the lower voxel, the step to the upper one and the part between.
func cell(x float64, n int) (low, step int, part float32) {
	x = min(max(x, 0), float64(n-1))
	low = int(x)
	if low < n-1 {
		step = 1
	}
	return low, step, float32(x - float64(low))
}

// At is ∫ v dl along the ray from the source to the point at distance a along
// the axis on the ray through (u, w) of the isocentre plane: trilinear between
// nodes, times the obliquity. Before the first plane it is 0, behind the last
// it stays. Beside the fan it is NaN.
func (f *Fan) At(u, w, a float64) float64 {
	x, y := (u-f.U.First)*f.perU, (w-f.W.First)*f.perW
	// A hundredth of a step is given for rounding at the edges.
	if !(x > -0.01 && y > -0.01 && x < float64(f.U.N)-0.99 && y < float64(f.W.N)-0.99) || math.IsNaN(a) {
		return math.NaN()
	}
	z := (a - f.A.First) * f.perA
	if z <= 0 {
		return 0
	}
	// Plain comparisons: min and max of floats cost as much as the look-up.
	if last := float64(f.A.N - 1); z > last {
		z = last
	}
	i, j, k := int(x), int(y), int(z) // towards zero: −0.01 belongs to cell 0
	if i > f.U.N-2 {
		i = f.U.N - 2
	}
	if j > f.W.N-2 {
		j = f.W.N - 2
	}
	if k > f.A.N-2 {
		k = f.A.N - 2
	}
	x, y, z = x-float64(i), y-float64(j), z-float64(k)
	nw, plane := f.W.N, f.U.N*f.W.N
	d := f.Sums[k*plane+i*nw+j:]
	e := d[plane : plane+nw+2]
	d = d[:nw+2]
	p := lerp(lerp(float64(d[0]), float64(d[1]), y), lerp(float64(d[nw]), float64(d[nw+1]), y), x)
	q := lerp(lerp(float64(e[0]), float64(e[1]), y), lerp(float64(e[nw]), float64(e[nw+1]), y), x)
	return lerp(p, q, z) * math.Sqrt(1+(u*u+w*w)*f.perSAD2)
}

func lerp(a, b, t float64) float64 { return a + t*(b-a) }

// Row is At for points first, first + step, … of the beam frame, one for each
// place of out. Points beside or behind the source (a ≤ 0) give NaN.
func (f *Fan) Row(out []float64, first, step [3]float64) {
	for n := range out {
		t := float64(n)
		a := f.SAD - (first[2] + t*step[2])
		if !(a > 0) {
			out[n] = math.NaN()
			continue
		}
		m := f.SAD / a
		out[n] = f.At((first[0]+t*step[0])*m, (first[1]+t*step[1])*m, a)
	}
}
