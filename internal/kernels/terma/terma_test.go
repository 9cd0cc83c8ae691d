package terma

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/kerma-rt/kerma/internal/kernels/simd"
)

// beam is a spectrum of some bins, and its numbers.
func beam(r *rand.Rand, ends []int, materials int) (s *Spectrum, energy []float64, total, kerma [][]float64) {
	n := ends[len(ends)-1]
	for range n {
		energy = append(energy, 0.1+r.Float64())
	}
	for range materials {
		var t, k []float64
		for range n {
			t = append(t, 0.02+0.2*r.Float64())
			k = append(k, 0.02*r.Float64())
		}
		total, kerma = append(total, t), append(kerma, k)
	}
	return New(energy, ends, total, kerma), energy, total, kerma
}

// voxels is a row of n.
func voxels(r *rand.Rand, n, materials, groups int) *Row {
	values := func(scale float64) []float32 {
		v := make([]float32, n+3)
		for i := range v {
			v[i] = float32(scale * r.Float64())
		}
		return v[r.IntN(4):]
	}
	row := &Row{Fluence: values(1), All: values(1)}
	for range materials {
		row.Path, row.Local = append(row.Path, values(40)), append(row.Local, values(1.5))
	}
	for range groups {
		row.Primary, row.Scatter = append(row.Primary, values(0.1)), append(row.Scatter, values(0.1))
	}
	return row
}

func TestReleaseIsTheSumOverEnergies(t *testing.T) {
	for _, level := range simd.Available() {
		r := rand.New(rand.NewPCG(1, 2))
		defer simd.Set(level)()
		ends := []int{4, 11}
		s, energy, total, kerma := beam(r, ends, 3)
		const n = 37
		row := voxels(r, n, 3, 2)
		for i := range n {
			bin := 0
			for g, end := range ends {
				p, all := float64(row.Primary[g][i]), float64(row.Primary[g][i]+row.Scatter[g][i])
				for ; bin < end; bin++ {
					var x, mu, e float64
					for k := range 3 {
						x += total[k][bin] * float64(row.Path[k][i])
						mu += total[k][bin] * float64(row.Local[k][i])
						e += kerma[k][bin] * float64(row.Local[k][i])
					}
					f := float64(row.Fluence[i]) * energy[bin] * math.Exp(-x)
					p += f * e
					all += f * mu
				}
				one := &Row{Fluence: row.Fluence[i:], All: make([]float32, 1)}
				for k := range 3 {
					one.Path, one.Local = append(one.Path, row.Path[k][i:]), append(one.Local, row.Local[k][i:])
				}
				for g := range 2 {
					one.Primary, one.Scatter = append(one.Primary, []float32{row.Primary[g][i]}), append(one.Scatter, []float32{row.Scatter[g][i]})
				}
				s.Release(one, 1)
				assert.InEpsilon(t, p, one.Primary[g][0], 1e-5, "%v", level)
				assert.InEpsilon(t, all, one.Primary[g][0]+one.Scatter[g][0], 1e-5, "%v", level)
			}
		}
	}
}

func TestEveryLevelIsTheReference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, materials := rapid.IntRange(1, 70).Draw(t, "voxels"), rapid.IntRange(1, 5).Draw(t, "materials")
		first := rapid.IntRange(1, 9).Draw(t, "bins")
		ends := []int{first, first + rapid.IntRange(1, 20).Draw(t, "more")}
		seed := rapid.Uint64().Draw(t, "seed")
		run := func(level simd.Level) *Row {
			defer simd.Set(level)()
			r := rand.New(rand.NewPCG(seed, 1))
			s, _, _, _ := beam(r, ends, materials)
			row := voxels(r, n, materials, 2)
			for i := 0; i < n; i += 5 {
				row.Fluence[i] = 0
			}
			s.Release(row, n)
			return row
		}
		want := run(simd.Generic)
		for _, level := range simd.Available() {
			got := run(level)
			for _, pair := range [][2][]float32{{want.All, got.All}, {want.Primary[0], got.Primary[0]}, {want.Primary[1], got.Primary[1]}, {want.Scatter[0], got.Scatter[0]}, {want.Scatter[1], got.Scatter[1]}} {
				for i := range pair[0] {
					w, g := pair[0][i], pair[1][i]
					if math.Abs(float64(w-g)) > 1e-5*math.Abs(float64(w)) || i >= n && w != g || (w == 0) != (g == 0) {
						t.Fatalf("%v, voxel %d of %d: %g, reference %g", level, i, n, g, w)
					}
				}
			}
		}
	})
}

func TestExponentialIsExact(t *testing.T) {
	var worst float64
	for x := float32(-86.9); x <= 0; x += 0.00137 {
		worst = max(worst, math.Abs(float64(exp(x))/math.Exp(float64(x))-1))
	}
	t.Logf("within %.1e", worst)
	assert.Less(t, worst, 3e-7)
	assert.Equal(t, float32(1), exp(0))
	assert.Less(t, exp(-1e9), float32(1e-37))
}

func BenchmarkRelease(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	s, _, _, _ := beam(r, []int{9, 20}, 3)
	const n = 160
	row := voxels(r, n, 3, 2)
	for _, level := range simd.Available() {
		b.Run(fmt.Sprint(level), func(b *testing.B) {
			defer simd.Set(level)()
			for b.Loop() {
				s.Release(row, n)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/voxel")
		})
	}
}
