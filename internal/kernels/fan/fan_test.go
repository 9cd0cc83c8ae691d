package fan_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/kerma-rt/kerma/internal/kernels/fan"
	"github.com/kerma-rt/kerma/internal/kernels/simd"
)

// cube is a volume of n³ voxels of the given spacing around the isocentre,
// turned about the beam's z axis.
func cube(n int, spacing, turn float64, value func(x, y, z float64) float32) fan.Volume {
	s, c := math.Sincos(turn)
	h := float64(n-1) / 2
	v := fan.Volume{
		Data: make([]float32, n*n*n), Size: [3]int{n, n, n}, Origin: [3]float64{h, h, h},
		X: [3]float64{c / spacing, s / spacing}, Y: [3]float64{-s / spacing, c / spacing}, Z: [3]float64{2: 1 / spacing},
	}
	for i := range v.Data {
		v.Data[i] = value(float64(i%n)-h, float64(i/n%n)-h, float64(i/n/n)-h)
	}
	return v
}

func build(t testing.TB, v fan.Volume, spacing, step float64, solid bool, threads int) *fan.Fan {
	f := &fan.Fan{SAD: 1000,
		U: fan.Axis{First: -40, Step: spacing, N: int(80/spacing) + 1},
		W: fan.Axis{First: -40, Step: spacing, N: int(80/spacing) + 1},
		A: fan.Axis{First: 900, Step: step, N: int(200/step) + 1},
	}
	f.Sums = make([]float32, f.A.N*f.U.N*f.W.N)
	require.NoError(t, f.Build(t.Context(), v, solid, threads))
	return f
}

// A uniform cube of 102 mm: the depth is the path below its upper face.
func TestUniformCubeGivesThePathBelowItsFace(t *testing.T) {
	v := cube(51, 2, 0.3, func(x, y, z float64) float32 { return 0.5 })
	f := build(t, v, 2, 0.5, false, 1)
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.Float64Range(-35, 35)
		u, w, a := c.Draw(t, "u"), c.Draw(t, "w"), rapid.Float64Range(880, 1120).Draw(t, "a")
		want := 0.5 * min(max(a-949, 0), 102) * math.Sqrt(1+(u*u+w*w)/1e6)
		require.InDelta(t, want, f.At(u, w, a), 0.5*0.5+1e-4, "half a step at each face")
	})
}

// The midpoint rule is exact for a value linear in a, trilinear look-up on rays.
func TestLinearFieldIsIntegratedExactlyOnNodes(t *testing.T) {
	v := cube(101, 2, 0, func(x, y, z float64) float32 { return float32(2 + 0.01*z) })
	f := build(t, v, 4, 2, false, 2)
	for _, u := range []float64{-40, 0, 16} {
		for _, a := range []float64{902, 950, 1000, 1100} {
			// z = (1000 − a)/2 voxels.
			want := 0.0
			integral := func(a float64) float64 { return 2*a + 0.005*(1000*a-a*a/2) }
			if a > 900 {
				want = integral(a) - integral(900)
			}
			require.InEpsilon(t, want*math.Sqrt(1+u*u/1e6), f.At(u, 0, a), 1e-5)
		}
	}
}

// filled is memory for columns that holds something.
func filled(size [3]int) []float32 {
	m := make([]float32, fan.ColumnLen(size))
	for i := range m {
		m[i] = float32(math.NaN())
	}
	return m
}

func noise(n int) fan.Volume {
	r := rand.New(rand.NewPCG(3, 4))
	return cube(n, 2, 0.7, func(x, y, z float64) float32 { return r.Float32() })
}

// A beam along z of the volume takes the short way through columns: a turn too
// small to matter takes the general one.
func TestColumnsAgreeWithTheGeneralWay(t *testing.T) {
	v := noise(31)
	v.Y, v.Z = v.Z, v.Y // w along the third index
	for c := range 3 {
		v.Z[c] = -v.Z[c]
	}
	for _, sign := range []float64{1, -1} {
		v.Y[2] *= sign
		turned := v
		turned.Y[0] = 1e-12
		want, got := build(t, turned, 2.5, 2, false, 1), build(t, v, 2.5, 2, false, 1)
		require.Positive(t, got.Sums[len(got.Sums)*3/4+len(got.Sums)/8])
		for i := range want.Sums {
			require.InDelta(t, want.Sums[i], got.Sums[i], 2e-4, "node %d", i)
		}
	}
}

func TestBuildIsTheSameWhateverTheGoroutines(t *testing.T) {
	v := noise(31)
	for _, solid := range []bool{false, true} {
		want := build(t, v, 2, 2, solid, 1)
		for _, threads := range []int{2, 3, 8} {
			require.Equal(t, want, build(t, v, 2, 2, solid, threads))
		}
	}
}

func TestDepthDoesNotFallAlongARay(t *testing.T) {
	f := build(t, noise(31), 3, 2, false, 2)
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.Float64Range(-40, 38)
		u, w := c.Draw(t, "u"), c.Draw(t, "w")
		a := rapid.Float64Range(880, 1120)
		a0, a1 := a.Draw(t, "a"), a.Draw(t, "a")
		require.LessOrEqual(t, f.At(u, w, min(a0, a1)), f.At(u, w, max(a0, a1))+1e-9)
	})
}

// A hollow shell counts as solid once entered.
func TestSolidFillsWhatLiesBehindTheEntry(t *testing.T) {
	v := cube(41, 2, 0, func(x, y, z float64) float32 {
		if max(math.Abs(x), math.Abs(y), math.Abs(z)) > 15 {
			return 1
		}
		return 0
	})
	shell, solid := build(t, v, 2, 1, false, 1), build(t, v, 2, 1, true, 1)
	require.InDelta(t, 10, shell.At(0, 0, 1000), 0.5)
	require.InDelta(t, 41, solid.At(0, 0, 1000), 0.5)
}

func TestBesideTheFanIsNotANumber(t *testing.T) {
	f := build(t, noise(11), 2, 2, false, 1)
	for _, p := range [][3]float64{{-40.1, 0, 1000}, {40.1, 0, 1000}, {0, -41, 1000}, {0, 40.1, 1000}, {math.NaN(), 0, 1000}, {0, math.NaN(), 1000}, {0, 0, math.NaN()}, {math.Inf(1), 0, 1000}} {
		require.True(t, math.IsNaN(f.At(p[0], p[1], p[2])), p)
	}
	for _, p := range [][3]float64{{-40, -40, 1000}, {40, 40, 1000}, {40, -40, -5}, {0, 0, math.Inf(1)}} {
		require.False(t, math.IsNaN(f.At(p[0], p[1], p[2])), p)
	}
}

func TestRowIsAtPointByPoint(t *testing.T) {
	f := build(t, noise(31), 2, 2, false, 1)
	random := rand.New(rand.NewPCG(5, 6))
	for _, level := range simd.Available() {
		defer simd.Set(level)()
		inside := 0
		for range 300 {
			out := make([]float32, 1+random.IntN(70), 100)
			guard := out[:cap(out)][len(out):]
			for i := range guard {
				guard[i] = 7
			}
			var first, step [3]float64
			for c := range 3 {
				first[c], step[c] = 40*random.NormFloat64(), random.NormFloat64()
			}
			f.Row(out, first, step)
			for n, got := range out {
				x, y, a := first[0]+float64(n)*step[0], first[1]+float64(n)*step[1], 1000-first[2]-float64(n)*step[2]
				want := f.At(x*(1000/a), y*(1000/a), a)
				require.Equal(t, math.IsNaN(want), got != got, "%v (%g, %g) at %g mm", level, x, y, a)
				if got == got {
					inside++
					require.InDelta(t, want, got, 2e-4)
				}
			}
			for _, g := range guard {
				require.EqualValues(t, 7, g)
			}
		}
		require.Greater(t, inside, 1000)
	}
	out := make([]float32, 1)
	f.Row(out, [3]float64{0, 0, 1000}, [3]float64{})
	require.True(t, out[0] != out[0])
	f.Row(out, [3]float64{0, 0, math.NaN()}, [3]float64{})
	require.True(t, out[0] != out[0])
}

// Wherever the volume lies and however it is turned: in the fan, at its edges,
// beside it.
func TestEveryLevelAgreesWithTheReference(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	for n := range 20 {
		v := cube(5+random.IntN(40), 1+2*random.Float64(), random.Float64(), func(x, y, z float64) float32 { return random.Float32() })
		v.Y, v.Z = v.Z, v.Y // w along the third index
		if n%2 == 0 {
			v.Y[0] = 0.05 * random.NormFloat64()
		}
		for c := range 3 {
			v.Origin[c] += 10 * random.NormFloat64()
		}
		solid := n%5 == 0
		restore := simd.Set(simd.Generic)
		want := build(t, v, 1.5+random.Float64(), 2, solid, 1)
		restore()
		var err error
		v.Columns, err = fan.NewColumns(t.Context(), filled(v.Size), v.Data, v.Size, 2)
		require.NoError(t, err)
		most := 0.0
		for _, s := range want.Sums {
			most = max(most, float64(s))
		}
		for _, level := range simd.Available() {
			defer simd.Set(level)()
			got := build(t, v, want.U.Step, 2, solid, 2)
			for i, s := range want.Sums {
				require.InDelta(t, s, got.Sums[i], 1e-5*most, "%v case %d node %d", level, n, i)
			}
		}
	}
}

// Columns only save time.
func TestColumnsChangeNoBit(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 10))
	for _, level := range simd.Available() {
		defer simd.Set(level)()
		for range 5 {
			size := [3]int{5 + random.IntN(30), 5 + random.IntN(30), 5 + random.IntN(30)}
			v := noise(31)
			v.Size, v.Data = size, v.Data[:size[0]*size[1]*size[2]]
			v.Y, v.Z = v.Z, v.Y
			// Air around half of it.
			for i := range v.Data {
				if i%size[0] < size[0]/2 {
					v.Data[i] = 0
				}
			}
			want := build(t, v, 2.5, 2, false, 1)
			var err error
			v.Columns, err = fan.NewColumns(t.Context(), filled(v.Size), v.Data, v.Size, 2)
			require.NoError(t, err)
			require.Equal(t, want, build(t, v, 2.5, 2, false, 1), "%v %v", level, size)
		}
	}
}

func TestBuildStopsWhenCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f := build(t, noise(11), 2, 2, false, 1)
	require.ErrorIs(t, f.Build(ctx, noise(11), false, 1), context.Canceled)
}

func BenchmarkBuild(b *testing.B) {
	for _, c := range []struct {
		name    string
		columns bool
	}{{"along z", true}, {"turned", false}} {
		for _, level := range simd.Available() {
			b.Run(fmt.Sprintf("%s/%v", c.name, level), func(b *testing.B) {
				defer simd.Set(level)()
				v := cube(150, 3, 0.35, func(x, y, z float64) float32 { return 1 })
				if c.columns {
					v.Y, v.Z = v.Z, v.Y
					v.Columns, _ = fan.NewColumns(b.Context(), filled(v.Size), v.Data, v.Size, 1)
				}
				f := &fan.Fan{SAD: 1000, U: fan.Axis{First: -110, Step: 2, N: 112}, W: fan.Axis{First: -110, Step: 2, N: 106}, A: fan.Axis{First: 800, Step: 2, N: 210}}
				f.Sums = make([]float32, f.A.N*f.U.N*f.W.N)
				for b.Loop() {
					if err := f.Build(b.Context(), v, false, 1); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(f.Sums)), "ns/sample")
			})
		}
	}
}

func BenchmarkColumns(b *testing.B) {
	size := [3]int{167, 167, 129}
	data := make([]float32, size[0]*size[1]*size[2])
	b.SetBytes(8 * int64(len(data)))
	memory := filled(size)
	for b.Loop() {
		if _, err := fan.NewColumns(b.Context(), memory, data, size, 1); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRow looks up rows of voxels of 3 mm, plane after plane.
func BenchmarkRow(b *testing.B) {
	for _, level := range simd.Available() {
		b.Run(fmt.Sprint(level), func(b *testing.B) {
			defer simd.Set(level)()
			f := &fan.Fan{SAD: 1000, U: fan.Axis{First: -110, Step: 2, N: 112}, W: fan.Axis{First: -110, Step: 2, N: 106}, A: fan.Axis{First: 800, Step: 2, N: 210}}
			f.Sums = make([]float32, f.A.N*f.U.N*f.W.N)
			require.NoError(b, f.Build(b.Context(), cube(20, 10, 0, func(x, y, z float64) float32 { return 1 }), false, 1))
			out := make([]float32, 66)
			points := 0
			for b.Loop() {
				for y := -100.0; y < 100; y += 3 {
					for z := -100.0; z < 100; z += 3 {
						f.Row(out, [3]float64{-100, z, y}, [3]float64{3, 0, 0})
						points += len(out)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(points), "ns/voxel")
		})
	}
}
