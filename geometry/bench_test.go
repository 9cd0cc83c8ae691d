package geometry_test

import (
	"testing"

	"github.com/kerma-rt/kerma/geometry"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/spatial/r3"
)

func benchGrid(b *testing.B) geometry.Grid {
	g, err := geometry.NewGrid(r3.Vec{X: -250, Y: -250, Z: -160}, [3]float64{3, 3, 2.5}, [3]int{167, 167, 129}, geometry.IdentityAxes)
	require.NoError(b, err)
	return g
}

func BenchmarkResampleAligned(b *testing.B) {
	v := noisy(benchGrid(b))
	g, err := v.Grid.WithSpacing([3]float64{2.5, 2.5, 2.5})
	require.NoError(b, err)
	for b.Loop() {
		geometry.Resample(v, g, 0)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*g.Len()), "ns/voxel")
}

func BenchmarkResampleTurned(b *testing.B) {
	v := noisy(benchGrid(b))
	axes := [3]r3.Vec{{X: 0.8, Y: 0.6}, {X: -0.6, Y: 0.8}, {Z: 1}}
	g, err := geometry.NewGrid(r3.Vec{X: -50, Y: -150, Z: -100}, [3]float64{2.5, 2.5, 2.5}, [3]int{80, 80, 80}, axes)
	require.NoError(b, err)
	for b.Loop() {
		geometry.Resample(v, g, 0)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*g.Len()), "ns/voxel")
}

func benchIntegral(b *testing.B, integral func(from, to r3.Vec) float64) {
	source, i := r3.Vec{Y: -1000}, 0
	for b.Loop() {
		integral(source, r3.Vec{X: float64(i*7%400) - 200, Y: float64(i*11%400) - 200, Z: float64(i*13%300) - 150})
		i++
	}
}

func BenchmarkLineIntegral(b *testing.B) { benchIntegral(b, noisy(benchGrid(b)).LineIntegral) }

func BenchmarkSmoothLineIntegral(b *testing.B) {
	benchIntegral(b, noisy(benchGrid(b)).SmoothLineIntegral)
}
