package geometry_test

import (
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/kerma-rt/kerma/geometry"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/spatial/r3"
	"pgregory.net/rapid"
)

func noisy(g geometry.Grid) *geometry.Volume {
	r := rand.New(rand.NewPCG(1, 2))
	return filled(g, func(r3.Vec) float64 { return r.Float64() })
}

// Where the axes agree the fast path runs: it must give what Interpolate gives.
func TestResampleEqualsInterpolateAtEachVoxel(t *testing.T) {
	for _, turned := range []bool{false, true} {
		rapid.Check(t, func(t *rapid.T) {
			v := noisy(anyGrid(t, turned))
			g := anyGrid(t, false)
			if turned {
				g = anyGrid(t, true)
			}
			// Near v, so that there is something to see.
			n := v.Grid.Size()
			origin := r3.Add(v.Grid.Point(float64(n[0]-1)/2, float64(n[1]-1)/2, float64(n[2]-1)/2), anyPoint(t, 6))
			g, err := geometry.NewGrid(origin, g.Spacing(), g.Size(), g.Axes())
			require.NoError(t, err)
			r := geometry.Resample(v, g, -7)
			require.Equal(t, g, r.Grid)
			m := g.Size()
			for k := range m[2] {
				for j := range m[1] {
					for i := range m[0] {
						p := g.Point(float64(i), float64(j), float64(k))
						want, inside := v.Interpolate(p)
						if !inside {
							want = -7
						}
						if face := distanceToFace(v.Grid, p); face < 1e-9 {
							continue // rounding decides the side
						}
						require.InDelta(t, want, r.At(i, j, k), 1e-6, "%v", p)
					}
				}
			}
		})
	}
}

func distanceToFace(g geometry.Grid, p r3.Vec) float64 {
	q, n := g.Index(p), g.Size()
	d := math.Inf(1)
	for a, x := range [3]float64{q.X, q.Y, q.Z} {
		d = min(d, math.Abs(x+0.5), math.Abs(x-float64(n[a])+0.5))
	}
	return d
}

func TestResampleOnTheSameVoxelsCopiesThem(t *testing.T) {
	g, err := geometry.NewGrid(r3.Vec{X: -0.1, Y: 0.7, Z: 1e3 / 3}, [3]float64{0.977, 0.977, 2.5}, [3]int{20, 21, 22}, geometry.IdentityAxes)
	require.NoError(t, err)
	v := noisy(g)
	require.Equal(t, v.Data, geometry.Resample(v, g, 0).Data)
	// A part of the grid, whose indices are whole but for rounding.
	part, err := geometry.NewGrid(g.Point(3, 4, 5), g.Spacing(), [3]int{7, 8, 9}, g.Axes())
	require.NoError(t, err)
	r := geometry.Resample(v, part, 0)
	require.Equal(t, v.At(3, 4, 5), r.At(0, 0, 0))
	require.Equal(t, v.At(9, 11, 13), r.At(6, 7, 8))
}

func TestResampleIsTheSameWhateverTheCPUs(t *testing.T) {
	g, err := geometry.NewGrid(r3.Vec{}, [3]float64{1, 1, 1}, [3]int{30, 30, 30}, geometry.IdentityAxes)
	require.NoError(t, err)
	v := noisy(g)
	fine, err := g.WithSpacing([3]float64{0.7, 0.7, 0.7})
	require.NoError(t, err)
	want := geometry.Resample(v, fine, 0).Data
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	require.Equal(t, want, geometry.Resample(v, fine, 0).Data)
}
