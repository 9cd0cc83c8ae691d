package doseline

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kerma-rt/kerma/internal/kernels/simd"
)

// random is a row of n cells on a line, somewhere in the slices given back.
func random(r *rand.Rand, n int) (m Sampler, line, part []float32) {
	start := r.IntN(9)
	line = make([]float32, start+2+r.IntN(40))[start:]
	for i := range line {
		line[i] = float32(r.NormFloat64())
	}
	step := (r.Float32()*2 - 1) * float32(len(line)-1) / float32(n)
	if r.IntN(2) == 0 { // the quick way
		line, step = append(make([]float32, 0, len(line)+Spare), line...), max(min(step, 1), -1)
	}
	part = make([]float32, start+Padded(n))[start:]
	for i := range part {
		switch r.IntN(4) {
		case 0:
		case 1:
			part[i] = r.Float32()
		default:
			part[i] = 1
		}
	}
	length := float32(len(line) - 1)
	m = Sampler{
		Start: (r.Float32() - 0.2) * length, Step: step,
		Lowest: -0.1 * length, Highest: 0.9 * length,
		Low: -1, High: 1.5, PerGy: 400, Bins: 1000, Sliver: 0.3, Turn: r.Uint32(),
	}
	m.Reset()
	return m, line, part
}

func TestEveryLevelTakesTheSameSamples(t *testing.T) {
	for n := 1; n < 300; n++ {
		var want []any
		for _, level := range simd.Available() {
			r := rand.New(rand.NewPCG(uint64(n), 3))
			restore := simd.Set(level)
			m, line, part := random(r, n)
			bin := make([]int32, Padded(n))
			m.Row(bin, line, part, n)
			restore()
			low, high := m.Extremes()
			anyLow, anyHigh := m.AnyExtremes()
			got := []any{bin, low, high, anyLow, anyHigh, m.Sum()}
			if want == nil {
				want = got
			}
			require.Equal(t, want, got, "%v, %d cells", level, n)
		}
	}
}

// Each sample lies in its cell, and counts with the dose that float64
// interpolation gives there.
func TestSamplesAreTheInterpolatedDose(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		n := 1 + r.IntN(100)
		m, line, part := random(r, n)
		bin := make([]int32, Padded(n))
		m.Row(bin, line, part, n)
		sum, most := 0.0, math.Inf(-1)
		for i := range n {
			turn := math.Mod(float64(m.Turn)/(1<<32)+float64(i)*math.Mod(float64(golden)/(1<<32), 1), 1)
			at := float64(m.Start) + (float64(i)+turn)*float64(m.Step)
			if at < float64(m.Lowest) || at > float64(m.Highest) {
				continue
			}
			at = min(max(at, 0), float64(len(line)-2))
			k := int(at)
			d := float64(line[k]) + (at-float64(k))*float64(line[k+1]-line[k])
			d = min(max(d, float64(m.Low)), float64(m.High))
			if assert.NotZero(t, bin[i]) {
				assert.InDelta(t, d, float64(m.Low)+(float64(bin[i])-0.5)/float64(m.PerGy), 0.51/float64(m.PerGy)+2e-3)
			}
			sum += d * float64(part[i])
			if part[i] >= m.Sliver {
				most = max(most, d)
			}
		}
		_, got := m.Extremes()
		assert.InDelta(t, max(most, -1e9), max(float64(got), -1e9), 2e-3)
		assert.InDelta(t, sum, m.Sum(), 2e-3*float64(n))
		assert.Zero(t, m.Sum(), "asked for a second time")
	}
}

func TestRangeHoldsAllDoses(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, level := range simd.Available() {
		defer simd.Set(level)()
		for n := range 100 {
			if n == 99 {
				n = 3<<15 + 21 // more than one call takes
			}
			d := make([]float32, n+3)[3:]
			least, most := float32(math.Inf(1)), float32(math.Inf(-1))
			for i := range d {
				d[i] = float32(r.NormFloat64())
				least, most = min(least, d[i]), max(most, d[i])
			}
			var all Range
			all.Add(d[:n/3])
			all.Add(d[n/3:])
			low, high := all.Ends()
			assert.Equal(t, [2]float32{least, most}, [2]float32{low, high}, "%v, %d doses", level, n)
		}
	}
}

func TestEveryLevelBlendsTheSameBits(t *testing.T) {
	for n := range 80 {
		var want []float32
		for _, level := range simd.Available() {
			r := rand.New(rand.NewPCG(uint64(n), 9))
			var rows [4][]float32
			for i := range rows {
				rows[i] = make([]float32, n+i)[i:]
				for k := range rows[i] {
					rows[i][k] = float32(r.NormFloat64())
				}
			}
			got := make([]float32, n)
			restore := simd.Set(level)
			Blend(got, rows[0], rows[1], rows[2], rows[3], &[4]float32{0.1, 0.3, 0.4, 0.2})
			restore()
			if want == nil {
				want = got
			}
			require.Equal(t, want, got, "%v, %d elements", level, n)
		}
	}
}

func TestShortSlicesPanic(t *testing.T) {
	m, line, part := random(rand.New(rand.NewPCG(1, 1)), 40)
	assert.Panics(t, func() { m.Row(make([]int32, 40), line, part, 40) })
	assert.Panics(t, func() { m.Row(make([]int32, 48), line, part[:40:40], 40) })
	assert.Panics(t, func() { m.Row(make([]int32, 48), nil, part, 40) })
}

func BenchmarkRow(b *testing.B) {
	const n = 96
	for _, level := range simd.Available() {
		for name, spare := range map[string]int{"": 0, "/spare": Spare} {
			b.Run(fmt.Sprint(level)+name, func(b *testing.B) {
				defer simd.Set(level)()
				m, _, part := random(rand.New(rand.NewPCG(1, 1)), n)
				m.Start, m.Step = 0.2, 0.3
				line := make([]float32, 40, 40+spare)
				bin := make([]int32, n)
				for b.Loop() {
					m.Row(bin, line, part, n)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/element")
			})
		}
	}
}
