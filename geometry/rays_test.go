package geometry_test

import (
	"math"
	"testing"

	"github.com/kerma-rt/kerma/geometry"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/spatial/r3"
	"pgregory.net/rapid"
)

func TestTraceMidpointsLieInTheirVoxels(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := anyGrid(t, true)
		from, to := anyPoint(t, 120), anyPoint(t, 120)
		direction := r3.Unit(r3.Sub(to, from))
		n := g.Size()
		var start float64
		first := true
		g.Trace(from, to, func(offset int, length float64) {
			require.Greater(t, length, 0.0)
			i, j, k := offset%n[0], offset/n[0]%n[1], offset/n[0]/n[1]
			if first {
				// Distance of the first voxel from the start, by its own clipping.
				start, first = entry(g, from, to), false
			}
			q := g.Index(r3.Add(from, r3.Scale(start+length/2, direction)))
			for a, d := range [3]float64{q.X - float64(i), q.Y - float64(j), q.Z - float64(k)} {
				require.LessOrEqual(t, math.Abs(d), 0.5+1e-9, "axis %d", a)
			}
			start += length
		})
	})
}

func entry(g geometry.Grid, from, to r3.Vec) float64 {
	p, q, n := g.Index(from), g.Index(to), g.Size()
	t := 0.0
	for a, e := range [3][2]float64{{p.X, q.X}, {p.Y, q.Y}, {p.Z, q.Z}} {
		if d := e[1] - e[0]; d != 0 {
			t = max(t, min((-0.5-e[0])/d, (float64(n[a])-0.5-e[0])/d))
		}
	}
	return t * r3.Norm(r3.Sub(to, from))
}

func TestLineIntegralOfUniformVolumeIsTheChord(t *testing.T) {
	g, err := geometry.NewGrid(r3.Vec{X: 1, Y: 1.5, Z: 2}, [3]float64{2, 3, 4}, [3]int{10, 10, 10}, geometry.IdentityAxes)
	require.NoError(t, err)
	v := filled(g, func(r3.Vec) float64 { return 0.5 })
	// The box is 20 × 30 × 40 mm from the origin: corner to corner.
	want := 0.5 * math.Sqrt(20*20+30*30+40*40)
	for _, integral := range []func(from, to r3.Vec) float64{v.LineIntegral, v.SmoothLineIntegral} {
		require.InDelta(t, want, integral(r3.Vec{X: -20, Y: -30, Z: -40}, r3.Vec{X: 40, Y: 60, Z: 80}), 1e-9)
		require.InDelta(t, 0.5*12, integral(r3.Vec{X: 3, Y: 7, Z: 9}, r3.Vec{X: 15, Y: 7, Z: 9}), 1e-12)
		require.Zero(t, integral(r3.Vec{X: -5}, r3.Vec{X: -5, Y: 50}))
		require.True(t, math.IsNaN(integral(r3.Vec{X: math.NaN()}, r3.Vec{})))
	}
}

// Between centres the interpolant is a cubic in the length, which the integral
// must meet: compared with a fine midpoint sum of Interpolate.
func TestSmoothLineIntegralIsTheIntegralOfInterpolate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := noisy(anyGrid(t, true))
		n := v.Grid.Size()
		c := rapid.Float64Range(-1, 1)
		end := func() r3.Vec {
			at := func(a int) float64 { return (float64(n[a])-1)/2 + float64(n[a])*c.Draw(t, "index") }
			return v.Grid.Point(at(0), at(1), at(2))
		}
		from, to := end(), end()
		const steps = 4000
		sum := 0.0
		for i := range steps {
			x, _ := v.Interpolate(r3.Add(from, r3.Scale((float64(i)+0.5)/steps, r3.Sub(to, from))))
			sum += x
		}
		l := r3.Norm(r3.Sub(to, from))
		// The step at the outer faces costs the midpoint sum up to a step each.
		require.InDelta(t, sum*l/steps, v.SmoothLineIntegral(from, to), 2*l/steps+1e-6)
		require.InDelta(t, v.SmoothLineIntegral(to, from), v.SmoothLineIntegral(from, to), 1e-9*(1+l))
	})
}

// Inside the hull of the centres there are no steps and the error of the
// midpoint sum vanishes fast: the comparison becomes sharp.
func TestSmoothLineIntegralIsExactBetweenCentres(t *testing.T) {
	g, err := geometry.NewGrid(r3.Vec{}, [3]float64{1, 1, 1}, [3]int{6, 6, 6}, geometry.IdentityAxes)
	require.NoError(t, err)
	v := noisy(g)
	from, to := r3.Vec{X: 0.2, Y: 0.1, Z: 0.3}, r3.Vec{X: 4.7, Y: 4.9, Z: 3.3}
	const steps = 200_000
	sum := 0.0
	for i := range steps {
		x, _ := v.Interpolate(r3.Add(from, r3.Scale((float64(i)+0.5)/steps, r3.Sub(to, from))))
		sum += x
	}
	require.InDelta(t, sum/steps*r3.Norm(r3.Sub(to, from)), v.SmoothLineIntegral(from, to), 1e-8)
}

// The linear field is integrated in closed form by its value at the middle.
func TestSmoothLineIntegralOfALinearField(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := anyGrid(t, true)
		v := filled(g, linear)
		n := g.Size()
		end := func() r3.Vec {
			at := func(a int) float64 { return rapid.Float64Range(0, float64(n[a]-1)).Draw(t, "index") }
			return g.Point(at(0), at(1), at(2))
		}
		from, to := end(), end()
		l := r3.Norm(r3.Sub(to, from))
		require.InDelta(t, l*linear(r3.Scale(0.5, r3.Add(from, to))), v.SmoothLineIntegral(from, to), 1e-5*(1+l))
	})
}
