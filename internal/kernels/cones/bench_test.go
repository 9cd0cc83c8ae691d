package cones

import (
	"fmt"
	"testing"
	"time"

	"github.com/kerma-rt/kerma/internal/kernels/simd"
)

// BenchmarkTransport is one direction through 160×96×128 voxels, all of which
// release, or those of the first plane only, so that the rest are passed.
func BenchmarkTransport(b *testing.B) {
	size := [3]int{160, 96, 128}
	n := size[0] * size[1] * size[2]
	for _, c := range []struct {
		name   string
		planes int
	}{{"released", size[2]}, {"passed", 1}} {
		f := block(size, [3]float64{0.25, 0.25, 0.25}, 2, func(i, j, k int) (float32, bool) { return 1, k < c.planes })
		cone := tilted([3]float64{0.03, 0.02, 0.93}, 2)
		energy := make([]float32, n)
		for _, level := range simd.Available() {
			b.Run(fmt.Sprint(c.name, "/", level), func(b *testing.B) {
				defer simd.Set(level)()
				best := time.Hour
				for b.Loop() {
					began := time.Now()
					for r := 0; r < Lines(f, cone); r += 8 {
						Transport(energy, f, cone, r, min(r+8, Lines(f, cone)))
					}
					best = min(best, time.Since(began))
				}
				b.ReportMetric(float64(best.Nanoseconds())/float64(n), "best-ns/voxel")
			})
		}
	}
}
