package speed

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkJob is every whole job on all threads, to be profiled:
//
//	go test ./benchmarks/speed -run xxx -bench Job/field-svd$ -cpuprofile cpu.out
func BenchmarkJob(b *testing.B) {
	for _, j := range jobs {
		b.Run(j.name, func(b *testing.B) {
			r, err := j.prepare(b.Context(), Options{}, 0)
			require.NoError(b, err)
			b.ReportAllocs()
			for b.Loop() {
				_, err := r.do(b.Context())
				require.NoError(b, err)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/r.units, "ns/unit")
		})
	}
}
