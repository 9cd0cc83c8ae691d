package cones

import "testing"

// BenchmarkTransport is one direction through 96³ voxels, all of which release
// or only a column of them, with three groups.
func BenchmarkTransport(b *testing.B) {
	for _, c := range []struct {
		name string
		half int
	}{{"everywhere", 48}, {"column", 10}} {
		b.Run(c.name, func(b *testing.B) {
			const n = 96
			f := block([3]int{n, n, n}, [3]float64{0.25, 0.25, 0.25}, 3, func(i, j, k int) (float32, bool) {
				in := max(i-n/2, n/2-i) <= c.half && max(j-n/2, n/2-j) <= c.half
				return 1, in
			})
			cone := tilted([3]float64{0.3, 0.2, 0.93}, 3)
			energy := make([]float32, n*n*n)
			for b.Loop() {
				for r := 0; r < n; r += 8 {
					Transport(energy, f, cone, r, r+8)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(n*n*n), "ns/voxel")
		})
	}
}
