package geometry_test

import (
	"math"
	"testing"

	"github.com/kerma-rt/kerma/geometry"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/spatial/r3"
	"pgregory.net/rapid"
)

func square(x, y, z, half float64) geometry.Contour {
	return geometry.Contour{
		{X: x - half, Y: y - half, Z: z}, {X: x + half, Y: y - half, Z: z},
		{X: x + half, Y: y + half, Z: z}, {X: x - half, Y: y + half, Z: z},
	}
}

func requireCovers(t require.TestingT, g geometry.Grid, p r3.Vec) {
	q, n := g.Index(p), g.Size()
	for a, x := range [3]float64{q.X, q.Y, q.Z} {
		require.True(t, x > -0.5-1e-5 && x < float64(n[a])-0.5+1e-5, "axis %d: index %v of %d voxels", a, x, n[a])
	}
}

func TestAroundCoversContoursAndNoMoreThanAVoxel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		centre := anyPoint(t, 200)
		half := rapid.Float64Range(1, 50).Draw(t, "half")
		gap := rapid.Float64Range(0.5, 5).Draw(t, "gap")
		n := rapid.IntRange(1, 9).Draw(t, "planes")
		spacing := rapid.Float64Range(0.5, 5).Draw(t, "spacing")
		s := &geometry.Structure{Name: "PTV"}
		for i := range n {
			s.Contours = append(s.Contours, square(centre.X, centre.Y, centre.Z+gap*float64(n-1-i), half))
		}
		g, err := geometry.Around(s, spacing)
		require.NoError(t, err)
		require.Equal(t, [3]float64{spacing, spacing, spacing}, g.Spacing())
		require.Equal(t, geometry.IdentityAxes, g.Axes())
		for _, contour := range s.Contours {
			for _, p := range contour {
				requireCovers(t, g, p)
			}
		}
		height := gap * float64(n) // planes stand for slabs
		if n == 1 {
			height = 0
		}
		for a, extent := range [3]float64{2 * half, 2 * half, height} {
			require.Less(t, float64(g.Size()[a]-1)*spacing, extent+1e-6*spacing+1e-9)
		}
		if n > 1 {
			requireCovers(t, g, r3.Vec{X: centre.X, Y: centre.Y, Z: centre.Z - gap/2})
			requireCovers(t, g, r3.Vec{X: centre.X, Y: centre.Y, Z: centre.Z + gap*(float64(n)-0.5)})
		}
	})
}

func TestGridAroundKeepsItsAxesAndItsBox(t *testing.T) {
	f := frame(t, geometry.Pose{Position: geometry.HFS, SAD: 1000, CouchDeg: 20})
	axes := [3]r3.Vec{f.ToPatient(r3.Vec{X: 1}), f.ToPatient(r3.Vec{Y: 1}), f.ToPatient(r3.Vec{Z: 1})}
	g, err := geometry.NewGrid(r3.Vec{X: 5}, [3]float64{2, 2, 2}, [3]int{50, 60, 70}, axes)
	require.NoError(t, err)
	s := &geometry.Structure{Contours: []geometry.Contour{{g.Point(10, 20, 30), g.Point(15, 20, 30), g.Point(12, 28, 33)}}}
	small, err := g.Around(s, 1, 4)
	require.NoError(t, err)
	require.Equal(t, g.Axes(), small.Axes())
	require.Equal(t, [3]int{18, 24, 14}, small.Size()) // 10+8, 16+8, 6+8 mm
	requireCovers(t, small, g.Point(8, 18, 28))
	requireCovers(t, small, g.Point(17, 30, 35))
	whole, err := g.Around(s, 2, 1e6)
	require.NoError(t, err)
	require.True(t, whole.Equal(g, 1e-9), "%v is not %v", whole, g)
}

func TestWithSpacingCoversTheBox(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := anyGrid(t, true)
		spacing := rapid.Float64Range(0.5, 9).Draw(t, "spacing")
		h, err := g.WithSpacing([3]float64{spacing, spacing, spacing})
		require.NoError(t, err)
		n := g.Size()
		for c := range 8 {
			corner := g.Point(float64(n[0]*(c&1))-0.5, float64(n[1]*(c>>1&1))-0.5, float64(n[2]*(c>>2))-0.5)
			requireCovers(t, h, corner)
		}
		same, err := g.WithSpacing(g.Spacing())
		require.NoError(t, err)
		require.True(t, same.Equal(g, 1e-9), "%v is not %v", same, g)
	})
}

func TestAroundRejectsWhatItCannotCover(t *testing.T) {
	good := &geometry.Structure{Name: "PTV", Contours: []geometry.Contour{square(0, 0, 0, 10)}}
	g, err := geometry.Around(good, 1)
	require.NoError(t, err)
	for _, spacing := range []float64{0, -1, math.NaN(), math.Inf(1), 1e-9} {
		_, err := geometry.Around(good, spacing)
		require.ErrorIs(t, err, geometry.ErrGrid, "%v", spacing)
		_, err = g.WithSpacing([3]float64{1, spacing, 1})
		require.ErrorIs(t, err, geometry.ErrGrid, "%v", spacing)
	}
	for _, s := range []*geometry.Structure{
		nil, {Name: "empty"}, {Contours: []geometry.Contour{{}}}, {Contours: []geometry.Contour{{{X: math.NaN()}}}},
	} {
		_, err := geometry.Around(s, 1)
		require.ErrorIs(t, err, geometry.ErrStructure)
	}
	far := &geometry.Structure{Name: "far", Contours: []geometry.Contour{square(1000, 0, 0, 10)}}
	_, err = g.Around(far, 1, 5)
	require.ErrorIs(t, err, geometry.ErrGrid)
	_, err = g.Around(good, 1, math.NaN())
	require.ErrorIs(t, err, geometry.ErrGrid)
	_, err = geometry.Grid{}.WithSpacing([3]float64{1, 1, 1})
	require.ErrorIs(t, err, geometry.ErrGrid)
}
