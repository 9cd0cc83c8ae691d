//go:build unix

package influence_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/kerma-rt/kerma/dose/influence"
)

// processor is the seconds of all cores that this process has had.
func processor(t testing.TB) float64 {
	var u unix.Rusage
	require.NoError(t, unix.Getrusage(unix.RUSAGE_SELF, &u))
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// BenchmarkNineBeams makes the matrix of 2,851 bixels whole, from the phantom
// on; the first turn finds the memory cold.
func BenchmarkNineBeams(b *testing.B) {
	tissue, target, grid := phantom(b)
	r := influence.Request{Tissue: tissue, Machine: svd(b), Grid: grid, Beams: equispaced(b, target, 9)}
	before, entries := processor(b), 0
	for b.Loop() {
		m, err := influence.Compute(b.Context(), r)
		require.NoError(b, err)
		entries += m.Entries()
	}
	b.ReportMetric((processor(b)-before)/float64(b.N), "cpu-s/op")
	b.ReportMetric(b.Elapsed().Seconds()*1e9/float64(entries), "ns/entry")
	b.ReportMetric(float64(entries)/float64(b.N), "entries")
}
