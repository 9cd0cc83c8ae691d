package sparse

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/kerma-rt/kerma/internal/kernels/simd"
)

// treated is a matrix as nine beams on a patient make it: each line is a
// cylinder through the grid.
func treated(columns int) (Lines, int) {
	const nx, ny, nz = 167, 167, 108
	l := Lines{Start: []int64{0}, RunStart: []int64{0}}
	for j := range columns {
		cx, cz := 70+float64(j%7)*4.0, 40+float64(j%11)*2.5
		for z := range nz {
			for y := 30; y < 130; y++ {
				dz, dx := (float64(z) - cz), cx+0.1*float64(y-80)
				if h := 16.7*16.7 - dz*dz; h > 0 {
					h = math.Sqrt(h)
					first, end := int(dx-h), int(dx+h)+1
					at := int32((z*ny + y) * nx)
					l.Run = append(l.Run, Run{at + int32(first), at + int32(end)})
					for i := first; i < end; i++ {
						l.Value = append(l.Value, float32(i&7))
					}
				}
			}
		}
		l.Start = append(l.Start, int64(len(l.Value)))
		l.RunStart = append(l.RunStart, int64(len(l.Run)))
	}
	return l, nx * ny * nz
}

func BenchmarkProducts(b *testing.B) {
	l, n := treated(300)
	w := slices.Repeat([]float64{0.5}, l.Len())
	x, y := slices.Repeat([]float32{0.5}, n), make([]float64, l.Len())
	bytes := int64(4*len(l.Value) + 8*len(l.Run))
	// per reports the time that passed, and the CPU time that a busy machine does
	// not change.
	per := func(b *testing.B, start time.Duration) {
		n := float64(b.N) * float64(len(l.Value))
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/n, "ns/entry")
		b.ReportMetric(float64((cpu()-start).Nanoseconds())/n, "cpu-ns/entry")
	}
	for _, level := range simd.Available() {
		for threads := range runtime.GOMAXPROCS(0) {
			threads++
			b.Run(fmt.Sprintf("add/%v/%d", level, threads), func(b *testing.B) {
				defer simd.Set(level)()
				b.SetBytes(bytes)
				y := make([]float32, n)
				start := cpu()
				for b.Loop() {
					require.NoError(b, l.Multiply(b.Context(), y, w, threads))
				}
				per(b, start)
			})
			b.Run(fmt.Sprintf("dot/%v/%d", level, threads), func(b *testing.B) {
				defer simd.Set(level)()
				b.SetBytes(bytes)
				start := cpu()
				for b.Loop() {
					require.NoError(b, l.Dot(b.Context(), y, x, threads))
				}
				per(b, start)
			})
		}
	}
}

// cpu is the CPU time of this process.
func cpu() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
