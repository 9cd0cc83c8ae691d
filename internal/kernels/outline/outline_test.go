package outline

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kerma-rt/kerma/internal/kernels/simd"
)

// everyLevel runs f on every level with the lengths from 1 to 70 and slices
// that start anywhere, and asks that all levels give the same bits.
func everyLevel(t *testing.T, f func(n int, row func(scale float32) []float32) []any) {
	t.Helper()
	for n := 1; n < 70; n++ {
		var want []any
		for _, level := range simd.Available() {
			random := rand.New(rand.NewPCG(uint64(n), 7))
			restore := simd.Set(level)
			got := f(n, func(scale float32) []float32 {
				start := random.IntN(9)
				all := make([]float32, start+Padded(n)+vector)
				for i := range all {
					if all[i] = scale * float32(random.NormFloat64()); random.IntN(8) == 0 {
						all[i] = 0
					}
				}
				return all[start:]
			})
			restore()
			if want == nil {
				want = got
			}
			require.Equal(t, want, got, "%v, %d elements", level, n)
		}
	}
}

func TestEveryLevelBlendsTheSameBits(t *testing.T) {
	everyLevel(t, func(n int, row func(float32) []float32) []any {
		out, a, b, before, after := row(1), row(2), row(2), row(2), row(2)
		m := Bend{WA: 0.3, WB: 0.7, Step: 1.5, Bend: 0.11, KB: 0.9, RB: 1.1, KA: 1.05, RA: 0.95}
		m.Row(out, a, b, before, after, n)
		first := slices.Clone(out[:n])
		e := End{WA: 1.4, WB: -0.4, Bend: 0.28}
		e.Row(out, a, b, before, after, n)
		return []any{first, out[:n]}
	})
}

func TestEveryLevelCoversTheSameCells(t *testing.T) {
	everyLevel(t, func(n int, row func(float32) []float32) []any {
		out, low, high, rest := row(1), row(1), row(1), row(0.1)
		mixed := make([]byte, Padded(n)/8)
		Cover(out, low, high, rest, mixed, n)
		return []any{out[:n], mixed}
	})
}

func TestEveryLevelTakesTheSameRoots(t *testing.T) {
	everyLevel(t, func(n int, row func(float32) []float32) []any {
		d := row(3)[:Padded(n)]
		for i := range d {
			d[i] *= d[i]
		}
		Roots(d)
		return []any{d}
	})
}

// Distances are those of float64 arithmetic, on every level with the same bits,
// and nothing but the rows asked for is touched.
func TestNearestPointOfAnEdge(t *testing.T) {
	const rows, far = 5, 100
	everyLevel(t, func(n int, row func(float32) []float32) []any {
		x := row(4)
		e := Edge{U: x[0], V: x[1], DU: 0.7, DV: 0.6, EU: x[2], EV: x[3]}
		if l2 := e.EU*e.EU + e.EV*e.EV; l2 > 0 {
			e.Inverse = 1 / l2
		}
		stride := Padded(n) + 3
		d := make([]float32, rows*stride+vector)
		for i := range d {
			d[i] = far
		}
		e.Nearest(d, stride, rows, n)
		for j := range rows {
			for i := range stride {
				got := float64(d[j*stride+i])
				if i >= Padded(n) {
					require.Equal(t, float64(far), got, "column %d of %d", i, n)
					continue
				}
				pu, pv := float64(e.U)+float64(i)*float64(e.DU), float64(e.V)+float64(j)*float64(e.DV)
				eu, ev := float64(e.EU), float64(e.EV)
				if l2 := eu*eu + ev*ev; l2 > 0 {
					s := min(max((pu*eu+pv*ev)/l2, 0), 1)
					pu, pv = pu-s*eu, pv-s*ev
				}
				require.InDelta(t, min(math.Hypot(pu, pv), math.Sqrt(far)), math.Sqrt(got), 2e-5)
			}
		}
		return []any{d}
	})
}

func TestShortSlicesPanic(t *testing.T) {
	short, long := make([]float32, 20), make([]float32, 33)
	assert.Panics(t, func() { new(Edge).Nearest(short, 20, 2, 20) })
	assert.Panics(t, func() { new(Bend).Row(short, long, long, long, long, 20) })
	assert.Panics(t, func() { new(End).Row(long, long, long, long, short, 20) })
	assert.Panics(t, func() { Cover(long, long, short, long, make([]byte, 4), 20) })
	assert.Panics(t, func() { Cover(long, long, long, long, make([]byte, 3), 20) })
	assert.Panics(t, func() { Roots(short) })
}

func benchmark(b *testing.B, n int, f func()) {
	for _, level := range simd.Available() {
		b.Run(fmt.Sprint(level), func(b *testing.B) {
			defer simd.Set(level)()
			for b.Loop() {
				f()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/element")
		})
	}
}

func BenchmarkNearest(b *testing.B) {
	d := make([]float32, 24*32)
	e := Edge{U: -8, V: -8, DU: 0.7, DV: 0.7, EU: 1, EV: 1, Inverse: 0.5}
	benchmark(b, 24*32, func() { e.Nearest(d, 32, 24, 32) })
}

func BenchmarkBend(b *testing.B) {
	x := make([]float32, 96)
	m := Bend{WA: 0.5, WB: 0.5, Step: 1, Bend: 0.1, KB: 1, RB: 1, KA: 1, RA: 1}
	benchmark(b, 96, func() { m.Row(x, x, x, x, x, 96) })
}

func BenchmarkCover(b *testing.B) {
	x, mixed := make([]float32, 97), make([]byte, 12)
	out := make([]float32, 96)
	benchmark(b, 96, func() { Cover(out, x, x, x, mixed, 96) })
}
