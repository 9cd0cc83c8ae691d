// Package fan integrates a volume along all rays of a divergent beam at once:
// samples on planes at constant distance from the source along the beam axis,
// added up plane by plane, and looked up by trilinear interpolation. It
// replaces one exact ray trace a point.
package fan

//go:generate go run -C ../gen ./fan -out ../fan/fan_amd64.s -stubs ../fan/fan_amd64.go -pkg fan

import (
	"context"
	"math"
	"slices"

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
	Columns         *Columns // Data side by side, or nil; it only saves time
}

// Columns is a volume with its third index fastest, each column padded with
// zeros to whole vectors.
type Columns struct {
	data  []float32
	empty []bool // by column: whether all of it is 0
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

// rows is how many rays of u a goroutine takes at once.
const rows = 4

// Build fills Sums, which has A.N·U.N·W.N values, from v by the midpoint rule
// between planes. Where solid is set, the largest value that a ray has met so
// far takes the place of the value itself. It fails only when ctx ends; the
// result has the same bits whatever the number of goroutines.
func (f *Fan) Build(ctx context.Context, v Volume, solid bool, threads int) error {
	f.perA, f.perU, f.perW, f.perSAD2 = 1/f.A.Step, 1/f.U.Step, 1/f.W.Step, 1/(f.SAD*f.SAD)
	return parallel.For(ctx, (f.U.N+rows-1)/rows, threads, func(unit int) error {
		b := newBuffers(f.W.N, v.Size[2])
		// Neighbouring rays meet the same voxels, so they go on together.
		for t := range f.A.N {
			for i := unit * rows; i < min((unit+1)*rows, f.U.N); i++ {
				f.step(v, t, i, solid, b)
			}
		}
		return ctx.Err()
	})
}

// buffers are the memory of one goroutine, padded to whole vectors.
type buffers struct {
	sums, most [rows][]float32
	sample     []float32
	column     []float32
	four       []float32 // columns, where the volume has none
}

func newBuffers(w, nz int) *buffers {
	n := padded(w)
	b := &buffers{sample: make([]float32, n+lanes), column: make([]float32, padded(nz)+lanes), four: make([]float32, 4*padded(nz))}
	for i := range rows {
		b.sums[i], b.most[i] = make([]float32, n), make([]float32, n)
	}
	return b
}

// lanes is the most values to a vector.
const lanes = 16

func padded(n int) int { return (n + lanes - 1) / lanes * lanes }

// step fills the nodes of plane t at one u and goes on to the next plane.
func (f *Fan) step(v Volume, t, i int, solid bool, b *buffers) {
	u := f.U.First + float64(i)*f.U.Step
	a := f.A.First + (float64(t)+0.5)*f.A.Step
	m := a / f.SAD
	var first, step [3]float64
	for c := range 3 {
		first[c] = v.Origin[c] + u*m*v.X[c] + f.W.First*m*v.Y[c] + (f.SAD-a)*v.Z[c]
		step[c] = f.W.Step * m * v.Y[c]
	}
	out, sums, sample := f.Sums[(t*f.U.N+i)*f.W.N:][:f.W.N], b.sums[i%rows], b.sample[:f.W.N]
	var met bool
	if step[0] == 0 && step[1] == 0 {
		met = v.along(sample, b, first, step[2])
	} else {
		met = v.line(sample, first, step)
	}
	switch {
	case solid:
		most := b.most[i%rows]
		if met {
			for j, s := range sample {
				most[j] = max(most[j], s)
			}
		}
		add(out, sums, most, float32(f.A.Step))
	case met:
		add(out, sums, sample, float32(f.A.Step))
	default:
		copy(out, sums)
	}
}

// line samples v at first, first + step, … (continuous indices), and reports
// whether any of them may lie in it; else it writes nothing.
func (v Volume) line(out []float32, first, step [3]float64) bool {
	n := len(out)
	from, to := 0, n
	// Between the outermost centres, less a margin for rounding, eight voxels
	// surround each sample; elsewhere the careful way decides.
	low, high := 0, n
	for c := range 3 {
		last := float64(v.Size[c] - 1)
		l, h := within(first[c], step[c], -0.5, last+0.5, n)
		from, to = max(from, l), min(to, h)
		l, h = within(first[c], step[c], margin(v.Size[c]), last-margin(v.Size[c]), n)
		low, high = max(low, l), min(high, h)
	}
	if from >= to {
		return false
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
	if low < high {
		l := float64(low)
		sample(out[low:high], v.Data, v.Size, [6]float32{
			float32(first[0] + l*step[0]), float32(step[0]),
			float32(first[1] + l*step[1]), float32(step[1]),
			float32(first[2] + l*step[2]), float32(step[2]),
		})
	}
	careful(high, n)
	return true
}

// margin is more than rounding to float32 moves an index.
func margin(size int) float64 { return 1e-6 * float64(size+64) }

// along is line for steps along z of the volume, as in every beam that the
// couch is not turned for: four columns of voxels are blended into one, and
// that is sampled.
func (v Volume) along(out []float32, b *buffers, first [3]float64, step float64) bool {
	nx, nxy, nz := v.Size[0], v.Size[0]*v.Size[1], v.Size[2]
	n := len(out)
	x, y, z := first[0], first[1], first[2]
	end := z + float64(n-1)*step
	low, high := min(z, end), max(z, end)
	if !(x >= -0.5 && x <= float64(nx)-0.5 && y >= -0.5 && y <= float64(v.Size[1])-0.5 && high >= -0.5 && low <= float64(nz)-0.5) {
		return false
	}
	i, di, fx := cell(x, nx)
	j, dj, fy := cell(y, v.Size[1])
	k0, _, _ := cell(low, nz)
	k1, dk, _ := cell(high, nz)
	k1 += dk + 1
	weight := [4]float32{(1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy}
	place := [4]int{j*nx + i, j*nx + i + di, (j+dj)*nx + i, (j+dj)*nx + i + di}
	length := padded(nz)
	var columns []float32
	if c := v.Columns; c != nil {
		if c.empty[place[0]] && c.empty[place[1]] && c.empty[place[2]] && c.empty[place[3]] {
			return false
		}
		columns = c.data
	} else {
		columns = b.four
		for c, p := range place {
			four := b.four[c*length:]
			for k := k0; k < k1; k++ {
				four[k] = v.Data[p+k*nxy]
			}
			place[c] = c
		}
	}
	// Whole vectors, so that it is the same whatever part is needed.
	k0 = k0 / lanes * lanes
	for c := range place {
		place[c] = place[c]*length + k0
	}
	blend(b.column[k0:padded(k1)], columns, &weight, &place)

	careful := func(from, to int) {
		for j := from; j < to; j++ {
			z := z + float64(j)*step
			out[j] = 0
			if z >= -0.5 && z <= float64(nz)-0.5 {
				k, dk, fz := cell(z, nz)
				out[j] = b.column[k] + fz*(b.column[k+dk]-b.column[k])
			}
		}
	}
	fast, slow := within(z, step, margin(nz), float64(nz-1)-margin(nz), n)
	if fast >= slow {
		fast, slow = n, n
	}
	careful(0, fast)
	if fast < slow {
		resample(out[fast:slow], b.column, float32(z+float64(fast)*step), float32(step))
	}
	careful(slow, n)
	return true
}

// NewColumns copies a volume of that size to memory of ColumnLen values, which
// may hold anything.
func NewColumns(ctx context.Context, memory, data []float32, size [3]int, threads int) (*Columns, error) {
	nx, ny, nz := size[0], size[1], size[2]
	length := padded(nz)
	c := &Columns{data: memory[:ColumnLen(size)], empty: make([]bool, nx*ny)}
	err := parallel.For(ctx, ny, threads, func(j int) error {
		row := c.data[j*nx*length : (j+1)*nx*length]
		transpose(row, data[j*nx:], length, nx*ny, nx, nz)
		for i := range nx {
			column := row[i*length:][:length]
			clear(column[nz:])
			c.empty[j*nx+i] = !slices.ContainsFunc(column, func(v float32) bool { return v != 0 })
		}
		return nil
	})
	return c, err
}

// ColumnLen is the number of values that columns have.
func ColumnLen(size [3]int) int { return size[0] * size[1] * padded(size[2]) }

// Memory is that of the columns, which cannot be used afterwards.
func (c *Columns) Memory() []float32 { return c.data }

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
