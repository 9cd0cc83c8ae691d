package speed

import (
	"context"
	"math"

	"github.com/kerma-rt/kerma/internal/kernels/accumulate"
	"github.com/kerma-rt/kerma/internal/kernels/beamlet"
	"github.com/kerma-rt/kerma/internal/kernels/cones"
	"github.com/kerma-rt/kerma/internal/kernels/convolve"
	"github.com/kerma-rt/kerma/internal/kernels/fan"
	"github.com/kerma-rt/kerma/internal/kernels/limits"
	"github.com/kerma-rt/kerma/internal/kernels/pencil"
	"github.com/kerma-rt/kerma/internal/kernels/sparse"
)

var kernels = []kernel{
	{
		"accumulate", "voxel", adding,
		func(l limits.Limits) (float64, string) { return 12 / stream(l), "12 B read from memory" },
	},
	{
		"fan along z", "sample", func(ctx context.Context) (func() error, float64, error) { return building(ctx, true) },
		func(l limits.Limits) (float64, string) { return 4 / stream(l), "4 B written to memory" },
	},
	{
		"fan turned", "sample", func(ctx context.Context) (func() error, float64, error) { return building(ctx, false) },
		func(l limits.Limits) (float64, string) { return 4 / l.GatherPairs, "4 gathers of pairs" },
	},
	{
		"depth look-up", "voxel", lookingUp,
		func(l limits.Limits) (float64, string) { return 4 / l.GatherPairs, "4 gathers of pairs" },
	},
	{
		"pencil beam", "voxel", pencils,
		func(l limits.Limits) (float64, string) { return 96 / l.L2, "map and depths, 96 B read from L2" },
	},
	{
		"convolution", "point", convolving,
		// A complex transform there and one back, each 5 N log₂ N for N = n² points.
		func(l limits.Limits) (float64, string) {
			return 10 * math.Log2(convolved*convolved) / lanes(l), "10 log₂ n² operations"
		},
	},
	{
		"cones, passing", "voxel direction", func(context.Context) (func() error, float64, error) { return transport(false) },
		// Two series of 6, 12 rungs of 2, 10 channels of 3.
		func(l limits.Limits) (float64, string) { return 66 / lanes(l), "66 operations" },
	},
	{
		"cones, released into", "voxel direction", func(context.Context) (func() error, float64, error) { return transport(true) },
		// And a cosine of 3, 20 polynomials of 4, 10 sums.
		func(l limits.Limits) (float64, string) { return 159 / lanes(l), "159 operations" },
	},
	{
		"bixels into columns", "entry", bixelBlocks,
		func(l limits.Limits) (float64, string) {
			return max(2*beamlet.Rank/lanes(l), 4.3/stream(l)), "8 products and 8 sums, or 4.3 B written to memory"
		},
	},
	{
		"matrix × weights", "entry", func(context.Context) (func() error, float64, error) { return products(false) },
		func(l limits.Limits) (float64, string) { return 4.3 / stream(l), "4.3 B read from memory" },
	},
	{
		"transposed matrix × dose", "entry", func(context.Context) (func() error, float64, error) { return products(true) },
		func(l limits.Limits) (float64, string) { return 4.3 / stream(l), "4.3 B read from memory" },
	},
}

// filled is n values that are not all on the one page of zeros that fresh memory
// is made of.
func filled(n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(1 + i%7)
	}
	return out
}

func adding(context.Context) (func() error, float64, error) {
	const n = 1 << 23
	dst, src := make([]float64, n), filled(n)
	return func() error { accumulate.Add(dst, src); return nil }, n, nil
}

// ray is a fan over a field of 100 mm and 50 mm beside it.
func ray() *fan.Fan {
	f := &fan.Fan{SAD: 1000, U: fan.Axis{First: -110, Step: 2, N: 112}, W: fan.Axis{First: -110, Step: 2, N: 106}, A: fan.Axis{First: 800, Step: 2, N: 210}}
	f.Sums = make([]float32, f.A.N*f.U.N*f.W.N)
	return f
}

// cube is 150³ voxels of 3 mm about the isocentre: with columns along the w axis
// of the fan, or oblique to all its axes.
func cube(ctx context.Context, along bool) (fan.Volume, error) {
	const n, perMM = 150, 1.0 / 3
	v := fan.Volume{Data: filled(n * n * n), Size: [3]int{n, n, n}, Origin: [3]float64{(n - 1) / 2.0, (n - 1) / 2.0, (n - 1) / 2.0}}
	if !along {
		v.X = [3]float64{0.719846 * perMM, 0.642788 * perMM, -0.262003 * perMM}
		v.Y = [3]float64{-0.604023 * perMM, 0.766044 * perMM, 0.219846 * perMM}
		v.Z = [3]float64{0.34202 * perMM, 0, 0.939693 * perMM}
		return v, nil
	}
	sin, cos := math.Sincos(0.35)
	v.X, v.Y, v.Z = [3]float64{cos * perMM, sin * perMM, 0}, [3]float64{0, 0, perMM}, [3]float64{-sin * perMM, cos * perMM, 0}
	var err error
	v.Columns, err = fan.NewColumns(ctx, make([]float32, fan.ColumnLen(v.Size)), v.Data, v.Size, 1)
	return v, err
}

func building(ctx context.Context, along bool) (func() error, float64, error) {
	v, err := cube(ctx, along)
	f := ray()
	return func() error { return f.Build(ctx, v, false, 1) }, float64(len(f.Sums)), err
}

func lookingUp(ctx context.Context) (func() error, float64, error) {
	v, err := cube(ctx, true)
	if err != nil {
		return nil, 0, err
	}
	f := ray()
	out := make([]float32, 66)
	const rows = 66
	return func() error {
		for k := range rows {
			for j := range rows {
				f.Row(out, [3]float64{-99, float64(3*j) - 99, float64(3*k) - 99}, [3]float64{3, 0, 0})
			}
		}
		return nil
	}, float64(rows * rows * len(out)), f.Build(ctx, v, false, 1)
}

func pencils(context.Context) (func() error, float64, error) {
	const components, side, row = 3, 481, 66
	m := &pencil.Map{X: -120, Y: -120, Step: 0.5, NX: side, NY: side, Components: pencil.Padded(components)}
	m.Value = filled(side * side * m.Components)
	var depth, value []float64
	for d := range 400 {
		depth = append(depth, float64(d))
		for k := range components {
			value = append(value, math.Exp(-0.005*float64(k+1)*float64(d)))
		}
	}
	f := pencil.Field{SAD: 1000, Factor: 1, Map: m, Depths: pencil.NewDepths(depth, []float64{1}, value, components)}
	at, dose := make([]float32, row), make([]float32, row)
	for i := range at {
		at[i] = float32(3 * i)
	}
	return func() error {
		for k := range row {
			for j := range row {
				f.Add(dose, at, pencil.Line{Origin: [3]float64{-99, float64(3*j) - 99, float64(3*k) - 99}, Step: [3]float64{3, 0, 0}}, 0)
			}
		}
		return nil
	}, row * row * row, nil
}

const convolved = 1024

func convolving(context.Context) (func() error, float64, error) {
	const n = convolved
	t := convolve.New(n, n)
	src := make([]float64, n*n/4)
	for i := range src {
		src[i] = float64(i % 3)
	}
	plane, kernel := make([]float32, convolve.Len(n, n)), filled(convolve.Len(n, n))
	first, second := make([]float32, n*n), make([]float32, n*n)
	return func() error {
		t.Map(plane, src, n/2, n/2, n/4)
		t.Product(first, second, plane, kernel, 0, n, n)
		return nil
	}, n * n, nil
}

// bixelBlocks fills the columns of 18 × 19 bixels of 5 mm from voxels of 3 mm.
func bixelBlocks(context.Context) (func() error, float64, error) {
	const nx, ny, pitch, stride, blocks = 18, 19, 5, 50, 500
	l := &beamlet.Lattice{Reach: 50}
	for i := range nx {
		l.X = append(l.X, float32(pitch*i)-45)
	}
	for j := range ny {
		l.Y = append(l.Y, float32(pitch*j)-45)
	}
	for c := range nx * ny {
		l.Column = append(l.Column, int32(c))
	}
	functions := func(components int) *beamlet.Functions {
		const half = 2000 // nodes of 0.1 mm on each side
		return &beamlet.Functions{First: -half * 0.1, PerMM: 10, Stride: stride, Components: components, Node: filled((2*half + 1) * components * beamlet.Rank)}
	}
	all := make([]beamlet.Block, blocks)
	counted := make([]beamlet.Column, nx*ny)
	for c := range counted {
		counted[c].Last = beamlet.Start
	}
	for i := range all {
		b := &all[i]
		b.First, b.Inside, b.I1, b.J1 = int32(i*beamlet.Lanes), 0xffff, nx, ny
		for n := range beamlet.Lanes {
			b.X[n], b.Y[n] = float32(3*n)-24, float32(i%30)*3-45
		}
		beamlet.Count(counted, l, b)
	}
	var values, runs int64
	columns := make([]beamlet.Column, len(counted))
	for c, n := range counted {
		columns[c] = beamlet.Column{Value: values, Limit: values + n.Value, Run: runs, Last: beamlet.Start}
		values, runs = values+n.Value, runs+n.Run
	}
	w := &beamlet.Writer{Lattice: l, P: functions(1), Q: functions(3), Columns: make([]beamlet.Column, len(columns)), Value: filled(int(values)), Run: make([]beamlet.Run, runs), Sums: filled(beamlet.Lanes * len(columns))}
	amplitude := filled(3 * beamlet.Lanes)
	return func() error {
		copy(w.Columns, columns)
		for i := range all {
			w.Add(&all[i], amplitude)
		}
		return nil
	}, float64(values), nil
}

// products are those of a matrix of 300 columns as a beam makes them, 64 million
// entries in runs of 32.
func products(transposed bool) (func() error, float64, error) {
	const columns, runs, long, voxels = 300, 6667, 32, 1 << 20
	l := sparse.Lines{Value: filled(columns * runs * long), Start: []int64{0}, RunStart: []int64{0}}
	for j := range columns {
		for r := range runs {
			first := int32(r*(voxels-long)/runs + j%3)
			l.Run = append(l.Run, sparse.Run{First: first, End: first + long})
		}
		l.Start = append(l.Start, int64(len(l.Run)*long))
		l.RunStart = append(l.RunStart, int64(len(l.Run)))
	}
	x, w, g := filled(voxels), make([]float64, columns), make([]float64, columns)
	for j := range w {
		w[j] = 1
	}
	if transposed {
		return func() error { return l.Dot(context.Background(), g, x, 1) }, float64(len(l.Value)), nil
	}
	return func() error { return l.Multiply(context.Background(), x, w, 1) }, float64(len(l.Value)), nil
}

// transport is one direction through 160 × 96 × 128 voxels of 2.5 mm, all of
// which release energy or those of the first plane.
func transport(released bool) (func() error, float64, error) {
	const groups = 2
	size := [3]int{160, 96, 128}
	n := size[0] * size[1] * size[2]
	f := &cones.Field{Size: size, High: size, Spacing: [3]float64{0.25, 0.25, 0.25}, Electron: filled(n), Photon: filled(n)}
	for a := range f.Ray {
		f.Ray[a] = filled(n)
	}
	for range groups {
		f.Primary, f.Scatter = append(f.Primary, filled(n)), append(f.Scatter, filled(n))
	}
	for row := range size[1] * size[2] {
		run := cones.Run{}
		if released || row < size[1] {
			run.To = int32(size[0])
		}
		f.Runs = append(f.Runs, run)
	}
	c := &cones.Cone{Direction: [3]float64{0.0322, 0.0215, 0.9993}, Scale: 0.8, Shift: 0.1, Shares: filled(cones.Channels * groups * (cones.Degree + 1))}
	energy := filled(n)
	return func() error {
		last := cones.Lines(f, c)
		for line := 0; line < last; line += 8 {
			cones.Transport(energy, f, c, line, min(line+8, last))
		}
		return nil
	}, float64(n), nil
}
