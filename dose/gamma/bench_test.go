package gamma

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/internal/kernels/simd"
)

// crossing is nine coplanar soft-edged beams that cross at the isocentre: the
// pair that other tools were timed on, as far as its description goes.
func crossing(p r3.Vec) float64 {
	dose := 0.0
	for n := range 9 {
		sin, cos := math.Sincos(2 * math.Pi * float64(n) / 9)
		across, along := p.X*cos+p.Y*sin, -p.X*sin+p.Y*cos
		edge := func(x, half float64) float64 {
			return 1 / (1 + math.Exp((math.Abs(x)-half)/2.5))
		}
		dose += 2.0 / 9 * edge(across, 35) * edge(p.Z, 55) * math.Exp(-0.004*(along+60))
	}
	return dose
}

func crossingPair(tb testing.TB, size [3]int) (reference, evaluated *geometry.Volume) {
	tb.Helper()
	const spacing = 2.5
	origin := r3.Vec{
		X: -spacing / 2 * float64(size[0]-1), Y: -spacing / 2 * float64(size[1]-1), Z: -spacing / 2 * float64(size[2]-1),
	}
	grid, err := geometry.NewGrid(origin, [3]float64{spacing, spacing, spacing}, size, geometry.IdentityAxes)
	require.NoError(tb, err)
	reference, evaluated = geometry.NewVolume(grid), geometry.NewVolume(grid)
	noise := rand.New(rand.NewPCG(1, 2))
	shift := r3.Vec{X: 1.5, Y: 1, Z: -1}
	i := 0
	for z := range size[2] {
		for y := range size[1] {
			for x := range size[0] {
				p := grid.Point(float64(x), float64(y), float64(z))
				reference.Data[i] = float32(crossing(p))
				evaluated.Data[i] = float32(1.015*crossing(r3.Sub(p, shift)) + 0.005*2*noise.NormFloat64())
				i++
			}
		}
	}
	return reference, evaluated
}

func BenchmarkCrossingBeams(b *testing.B) {
	reference, evaluated := crossingPair(b, [3]int{200, 200, 150})
	for _, level := range slices.Backward(simd.Available()) {
		for _, c := range []Criteria{
			{DosePercent: 3, Distance: 3, CutoffPercent: 10},
			{DosePercent: 2, Distance: 2, CutoffPercent: 10},
			{DosePercent: 1, Distance: 1, CutoffPercent: 10},
		} {
			for _, threads := range []int{1, 2} {
				c.Threads = threads
				b.Run(fmt.Sprintf("%v/%g%%/%gmm/threads=%d", level, c.DosePercent, c.Distance, threads), func(b *testing.B) {
					defer simd.Set(level)()
					var r *Result
					before := processorTime(b)
					for b.Loop() {
						var err error
						r, err = Compute(b.Context(), reference, evaluated, c)
						require.NoError(b, err)
					}
					perPoint := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / float64(b.N) / float64(r.Points) }
					b.ReportMetric(perPoint(b.Elapsed()), "ns/point")
					b.ReportMetric(perPoint(processorTime(b)-before), "cpu-ns/point")
					b.ReportMetric(r.PassRate, "%pass")
					b.ReportMetric(float64(r.Points), "points")
					b.ReportMetric(r.Mean, "mean")
				})
			}
		}
	}
}

// processorTime is what this process has used of all processors, which other
// jobs on the machine change less than the time on the wall.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
