package geometry_test

import (
	"math"
	"testing"

	"github.com/kerma-rt/kerma/geometry"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/spatial/r3"
	"pgregory.net/rapid"
)

// anyGrid draws a small grid, aligned with LPS or turned.
func anyGrid(t *rapid.T, turned bool) geometry.Grid {
	var spacing [3]float64
	var size [3]int
	for a := range 3 {
		spacing[a] = rapid.Float64Range(0.5, 5).Draw(t, "spacing")
		size[a] = rapid.IntRange(1, 8).Draw(t, "size")
	}
	axes := geometry.IdentityAxes
	if turned {
		f := frame(t, anyPose(t))
		o := f.ToPatient(r3.Vec{})
		for a, axis := range geometry.IdentityAxes {
			axes[a] = r3.Sub(f.ToPatient(axis), o)
		}
	}
	g, err := geometry.NewGrid(anyPoint(t, 100), spacing, size, axes)
	require.NoError(t, err)
	return g
}

func anyPoint(t *rapid.T, reach float64) r3.Vec {
	c := rapid.Float64Range(-reach, reach)
	return r3.Vec{X: c.Draw(t, "x"), Y: c.Draw(t, "y"), Z: c.Draw(t, "z")}
}

// filled is a volume with the value of f at each voxel centre.
func filled(g geometry.Grid, f func(r3.Vec) float64) *geometry.Volume {
	v := geometry.NewVolume(g)
	n := g.Size()
	for k := range n[2] {
		for j := range n[1] {
			for i := range n[0] {
				v.Data[g.Offset(i, j, k)] = float32(f(g.Point(float64(i), float64(j), float64(k))))
			}
		}
	}
	return v
}

func linear(p r3.Vec) float64 { return 1.5 + 0.01*p.X - 0.02*p.Y + 0.03*p.Z }

func TestInterpolateIsExactForLinearFields(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := anyGrid(t, true)
		v := filled(g, linear)
		n := g.Size()
		index := func(a int) float64 { return rapid.Float64Range(0, float64(n[a]-1)).Draw(t, "index") }
		p := g.Point(index(0), index(1), index(2))
		value, inside := v.Interpolate(p)
		require.True(t, inside)
		require.InDelta(t, linear(p), value, 1e-5)
	})
}

func TestVolumeReachesToItsOuterFaces(t *testing.T) {
	g, err := geometry.NewGrid(r3.Vec{X: 10}, [3]float64{2, 3, 4}, [3]int{2, 1, 3}, geometry.IdentityAxes)
	require.NoError(t, err)
	v := filled(g, linear)
	for _, c := range []struct {
		p, nearest r3.Vec
		inside     bool
	}{
		{r3.Vec{X: 9, Y: -1.5, Z: -2}, r3.Vec{X: 10}, true},
		{r3.Vec{X: 13, Y: 1.5, Z: 10}, r3.Vec{X: 12, Z: 8}, true},
		{r3.Vec{X: 8.999}, r3.Vec{}, false},
		{r3.Vec{X: 13.001}, r3.Vec{}, false},
		{r3.Vec{X: 10, Y: 1.501}, r3.Vec{}, false},
		{r3.Vec{X: 10, Z: 10.001}, r3.Vec{}, false},
		{r3.Vec{X: math.NaN()}, r3.Vec{}, false},
		{r3.Vec{X: math.Inf(1)}, r3.Vec{}, false},
	} {
		value, inside := v.Interpolate(c.p)
		require.Equal(t, c.inside, inside, c.p)
		if inside {
			require.InDelta(t, linear(c.nearest), value, 1e-6, c.p)
		} else {
			require.Zero(t, value)
		}
	}
}
