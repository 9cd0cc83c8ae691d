package heterogeneity_test

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/heterogeneity"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/spatial/r3"
)

// chest is an elliptic cylinder of water, 280 × 200 mm, along z with a block of
// lung and one of bone, sharp edges parallel to the axes: rays at gantry 0
// skim them, which is the worst case.
func chest(g geometry.Grid) *geometry.Volume {
	v := geometry.NewVolume(g)
	n := g.Size()
	for k := range n[2] {
		for j := range n[1] {
			for i := range n[0] {
				p := g.Point(float64(i), float64(j), float64(k))
				rho := float32(0.00108)
				if p.X*p.X/(140*140)+p.Y*p.Y/(100*100) < 1 {
					rho = 1
					switch {
					case p.X > 20 && p.X < 90 && math.Abs(p.Y) < 40 && math.Abs(p.Z) < 60:
						rho = 0.26
					case p.X < -30 && p.X > -60 && p.Y < -20 && p.Y > -60:
						rho = 1.6
					}
				}
				v.Data[g.Offset(i, j, k)] = rho
			}
		}
	}
	return v
}

func frame(t testing.TB, p geometry.Pose) geometry.Frame {
	p.Position, p.SAD = geometry.HFS, 1000
	f, err := geometry.NewFrame(p)
	require.NoError(t, err)
	return f
}

var square = heterogeneity.Field{X0: -80, X1: 80, Y0: -80, Y1: 80}

// rms and the largest deviation, mm, over random points in the field.
func deviation(t *testing.T, d *heterogeneity.Depths, f geometry.Frame, reference func(p r3.Vec) float64) (rms, worst float64) {
	r := rand.New(rand.NewPCG(7, 8))
	const n = 3000
	for range n {
		a := 1000 + 260*(r.Float64()-0.5)
		u, w := 160*(r.Float64()-0.5), 160*(r.Float64()-0.5)
		p := f.ToPatient(r3.Vec{X: u * a / 1000, Y: w * a / 1000, Z: 1000 - a})
		e := d.AtPoint(p) - reference(p)
		require.False(t, math.IsNaN(e), "%v", p)
		rms += e * e / n
		worst = max(worst, math.Abs(e))
	}
	return math.Sqrt(rms), worst
}

func TestDepthsAgreeWithTheExactIntegral(t *testing.T) {
	v := chest(grid(t, 3, 110, 90, 70))
	for _, c := range []struct {
		name                            string
		pose                            geometry.Pose
		spacing, step, rmsMost, maxMost float64
	}{
		{"gantry 0", geometry.Pose{}, 2, 2, 0.45, 6},
		{"gantry 0, fine", geometry.Pose{}, 1, 1, 0.15, 3},
		{"oblique", geometry.Pose{GantryDeg: 40, CouchDeg: 20, CollimatorDeg: 30}, 2, 2, 0.3, 3},
		{"off the isocentre", geometry.Pose{GantryDeg: 250, Isocentre: r3.Vec{X: 30, Y: -20, Z: 10}, PitchDeg: 2, RollDeg: -3}, 2, 2, 0.3, 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := frame(t, c.pose)
			d, err := heterogeneity.NewDepths(t.Context(), v, f, square, c.spacing, c.step, 0)
			require.NoError(t, err)
			rms, worst := deviation(t, d, f, func(p r3.Vec) float64 { return v.SmoothLineIntegral(f.Source(), p) })
			t.Logf("against the trilinear line integral: rms %.3f mm, max %.2f mm", rms, worst)
			require.Less(t, rms, c.rmsMost)
			require.Less(t, worst, c.maxMost)
		})
	}
}

// Slabs at right angles to the beam have no edges to skim: then Siddon's sum
// and the fan agree, but for the ramp of the interpolation between two voxels.
func TestDepthsInSlabsAgreeWithSiddon(t *testing.T) {
	g := grid(t, 2.5, 90, 90, 60)
	v := geometry.NewVolume(g)
	for i := range v.Data {
		j := i / 90 % 90
		v.Data[i] = 1
		if j >= 30 && j < 50 {
			v.Data[i] = 0.26
		}
	}
	f := frame(t, geometry.Pose{})
	field := heterogeneity.Field{X0: -60, X1: 60, Y0: -50, Y1: 50}
	d, err := heterogeneity.NewDepths(t.Context(), v, f, field, 5, 1, 0)
	require.NoError(t, err)
	m := f.OfGrid(g)
	// Voxel boundaries: there both models agree exactly away from a slab's face.
	for _, depth := range []struct{ voxels, want float64 }{
		{0, 0}, {10, 25}, {28, 70}, {40, 75 + 0.26*25}, {60, 75 + 0.26*50 + 25}, {90, 75 + 0.26*50 + 100},
	} {
		for _, i := range []float64{30, 44.5, 61} {
			b := m.At(i, depth.voxels-0.5, 29.5)
			p := f.ToPatient(b)
			a := 1000 - b.Z
			oblique := math.Sqrt(1 + (b.X*b.X+b.Y*b.Y)/(a*a))
			exact := heterogeneity.ExactDepth(v, f, p)
			require.InDelta(t, depth.want*oblique, exact, 1e-4)
			require.InDelta(t, exact, d.AtPoint(p), 0.5, "half a step at each of the faces, at %g voxels", depth.voxels)
		}
	}
}

func TestDepthsDoNotDependOnTheGoroutines(t *testing.T) {
	v := chest(grid(t, 5, 60, 50, 40))
	f := frame(t, geometry.Pose{GantryDeg: 30})
	var first *geometry.Volume
	for _, threads := range []int{1, 2, 7} {
		d, err := heterogeneity.NewDepths(t.Context(), v, f, square, 3, 2, threads)
		require.NoError(t, err)
		depth, err := d.Volume(t.Context(), v.Grid, threads)
		require.NoError(t, err)
		if first == nil {
			first = depth
		}
		for i := range depth.Data { // NaN outside the field equals NaN
			require.Equal(t, math.Float32bits(first.Data[i]), math.Float32bits(depth.Data[i]), "%d goroutines, voxel %d", threads, i)
		}
	}
}

func TestVolumeAndRowAreAtPointByPoint(t *testing.T) {
	v := chest(grid(t, 5, 60, 50, 40))
	f := frame(t, geometry.Pose{GantryDeg: 110, CouchDeg: 15, CollimatorDeg: 45})
	d, err := heterogeneity.NewDepths(t.Context(), v, f, square, 3, 2, 0)
	require.NoError(t, err)
	depth, err := d.Volume(t.Context(), v.Grid, 0)
	require.NoError(t, err)
	outside, inside := 0, 0
	for n := 0; n < v.Grid.Len(); n += 17 {
		i, j, k := n%60, n/60%50, n/60/50
		x, y, a := f.Project(v.Grid.Point(float64(i), float64(j), float64(k)))
		want := d.At(x, y, a)
		if math.Max(math.Abs(x), math.Abs(y)) > 82 {
			outside++
			require.True(t, math.IsNaN(want) && math.IsNaN(float64(depth.Data[n])), "outside the field: %v", want)
		} else if math.Max(math.Abs(x), math.Abs(y)) < 80 {
			inside++
			require.InDelta(t, want, depth.Data[n], 5e-4)
		}
	}
	require.Positive(t, inside)
	require.Positive(t, outside)
}

func TestNewDepthsRefusesWhatItCannotTabulate(t *testing.T) {
	v := chest(grid(t, 10, 30, 30, 30))
	f := frame(t, geometry.Pose{})
	inside := frame(t, geometry.Pose{Isocentre: r3.Vec{Y: 950}}) // source within the volume
	ctx := t.Context()
	for name, try := range map[string]func() (*heterogeneity.Depths, error){
		"no volume": func() (*heterogeneity.Depths, error) { return heterogeneity.NewDepths(ctx, nil, f, square, 2, 2, 0) },
		"no frame": func() (*heterogeneity.Depths, error) {
			return heterogeneity.NewDepths(ctx, v, geometry.Frame{}, square, 2, 2, 0)
		},
		"spacing 0": func() (*heterogeneity.Depths, error) { return heterogeneity.NewDepths(ctx, v, f, square, 0, 2, 0) },
		"step NaN": func() (*heterogeneity.Depths, error) {
			return heterogeneity.NewDepths(ctx, v, f, square, 2, math.NaN(), 0)
		},
		"too fine": func() (*heterogeneity.Depths, error) { return heterogeneity.NewDepths(ctx, v, f, square, 1e-3, 2, 0) },
		"far too fine": func() (*heterogeneity.Depths, error) {
			return heterogeneity.NewDepths(ctx, v, f, square, 1e-300, 1e-300, 0)
		},
		"field turned": func() (*heterogeneity.Depths, error) {
			return heterogeneity.NewDepths(ctx, v, f, heterogeneity.Field{X0: 5, X1: -5}, 2, 2, 0)
		},
		"field NaN": func() (*heterogeneity.Depths, error) {
			return heterogeneity.NewDepths(ctx, v, f, heterogeneity.Field{X1: math.NaN()}, 2, 2, 0)
		},
		"source in volume": func() (*heterogeneity.Depths, error) { return heterogeneity.NewDepths(ctx, v, inside, square, 2, 2, 0) },
		"none, no tissue": func() (*heterogeneity.Depths, error) {
			return heterogeneity.None{}.Depths(ctx, heterogeneity.Beam{Frame: f})
		},
		"length, no tissue": func() (*heterogeneity.Depths, error) {
			return heterogeneity.EquivalentPathLength{}.Depths(ctx, heterogeneity.Beam{Frame: f})
		},
	} {
		_, err := try()
		require.ErrorIs(t, err, heterogeneity.ErrDepths, name)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	_, err := heterogeneity.NewDepths(cancelled, v, f, square, 2, 2, 0)
	require.ErrorIs(t, err, context.Canceled)
}

func BenchmarkApply(b *testing.B) {
	g := grid(b, 3, 167, 167, 100)
	ct := uniform(g, 20)
	for b.Loop() {
		if _, err := heterogeneity.DefaultCalibration.ApplyWith(ct, heterogeneity.Options{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*g.Len()), "ns/voxel")
}

func BenchmarkExactDepth(b *testing.B) {
	v := chest(grid(b, 3, 167, 167, 108))
	f, i := frame(b, geometry.Pose{GantryDeg: 40}), 0
	for b.Loop() {
		heterogeneity.ExactDepth(v, f, r3.Vec{X: float64(i*7%160) - 80, Y: float64(i*11%160) - 80, Z: float64(i*13%160) - 80})
		i++
	}
}
