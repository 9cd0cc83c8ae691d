package gammasearch

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/kerma-rt/kerma/internal/kernels/simd"
)

// Noise of a third of the dose criterion makes many cells of each
// neighbourhood compete, and holes and edges of the lattice lie in reach.
func TestEveryLevelFindsTheMinimumOfASearchByItself(t *testing.T) {
	for _, level := range simd.Available() {
		t.Run(level.String(), func(t *testing.T) {
			defer simd.Set(level)()
			rapid.Check(t, func(t *rapid.T) {
				size := [3]int{rapid.IntRange(1, 40).Draw(t, "nx"), rapid.IntRange(1, 9).Draw(t, "ny"), rapid.IntRange(1, 9).Draw(t, "nz")}
				random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
				holes := rapid.SampledFrom([]float64{0, 0.01, 0.3}).Draw(t, "holes")
				noise := rapid.SampledFrom([]float64{0, 0.3, 3}).Draw(t, "noise")
				dose := make([]float32, size[0]*size[1]*size[2])
				for i := range dose {
					x, y, z := i%size[0], i/size[0]%size[1], i/size[0]/size[1]
					dose[i] = float32(0.3*float64(x) - 0.2*float64(y) + 0.1*float64(z) + noise*random.NormFloat64())
					if random.Float64() < holes {
						dose[i] = float32(math.NaN())
					}
				}
				spacing := rapid.Float64Range(0.3, 1.5)
				k := [3]float64{spacing.Draw(t, "kx"), spacing.Draw(t, "ky"), spacing.Draw(t, "kz")}
				step := rapid.SampledFrom([][3]float64{{1, 0, 0}, {0.8, 0, 0}, {0.6, 0.3, -0.2}, {-1, 0, 0}}).Draw(t, "step")
				n := rapid.IntRange(1, 45).Draw(t, "points")
				first := [3]float64{}
				for a := range 3 {
					first[a] = rapid.SampledFrom([]float64{0, 0.25, random.Float64()}).Draw(t, "part") + float64(random.IntN(size[a]+1)) - 1
				}
				f := NewField(dose, size, [3]int{}, size, k, rapid.Float64Range(0.5, 2).Draw(t, "maxGamma"), first)
				fillAll(f)
				s, alone := New(f, 0), New(f, 0)
				points, scale, gamma2 := make([]float32, n), make([]float64, n), make([]float64, n)
				for i := range n {
					points[i], scale[i] = float32(0.3*(first[0]+float64(i))+random.NormFloat64()), 0.5+random.Float64()
					if random.IntN(4) == 0 {
						gamma2[i] = math.NaN()
					}
				}
				s.Row(first, step, points, scale, gamma2)
				for i, got := range gamma2 {
					if got != got {
						continue
					}
					x := float64(i)
					unproven := alone.Unproven
					want, found := alone.Minimum([3]float64{first[0] + x*step[0], first[1] + x*step[1], first[2] + x*step[2]}, float64(points[i]), scale[i])
					if !found {
						require.True(t, math.IsInf(got, 1), "point %d: γ² %g where there is no dose", i, got)
						continue
					}
					if alone.Unproven > unproven || s.Unproven > 0 {
						continue
					}
					require.InDelta(t, want, got, 2*tolerance*want+1e-12, "point %d of %d", i, n)
				}
			})
		})
	}
}

func TestEveryLevelHasTheSameSpans(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for n := range 70 {
		size := [3]int{n + 1, 3, 2}
		dose := make([]float32, size[0]*size[1]*size[2])
		for i := range dose {
			dose[i] = random.Float32() - 0.5
			if random.IntN(20) == 0 {
				dose[i] = float32(math.NaN())
			}
		}
		restore := simd.Set(simd.Generic)
		want := whole(dose, size, [3]float64{1, 1, 1}, 2)
		restore()
		for _, level := range simd.Available() {
			restore := simd.Set(level)
			got := whole(dose, size, [3]float64{1, 1, 1}, 2)
			restore()
			require.Equal(t, want.least, got.least, "%v, %d cells", level, n)
			require.Equal(t, want.most, got.most, "%v, %d cells", level, n)
		}
	}
}

// A queue that is too small for all that twisted cells put off must lose none.
func TestMoreThanTheQueueHoldsIsSearchedForAlone(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	size := [3]int{24, 24, 24}
	dose := make([]float32, 24*24*24)
	for i := range dose {
		dose[i] = float32(random.NormFloat64())
	}
	f := whole(dose, size, [3]float64{0.25, 0.25, 0.25}, 2)
	points, scale, gamma2 := make([]float32, 24), make([]float64, 24), make([]float64, 24)
	for i := range points {
		points[i], scale[i] = 2, 1
	}
	for _, level := range simd.Available() {
		restore := simd.Set(level)
		clear(gamma2)
		s, alone := New(f, 0), New(f, 0)
		s.Row([3]float64{0, 12, 12}, [3]float64{1, 0, 0}, points, scale, gamma2)
		overflown := 0.0
		for _, x := range s.group.v[rowOverflow] {
			overflown += x
		}
		for i, got := range gamma2 {
			want, _ := alone.Minimum([3]float64{float64(i), 12, 12}, 2, 1)
			require.InDelta(t, want, got, 2*tolerance*want, "%v, point %d", level, i)
		}
		require.Positive(t, overflown, "%v: the queue was large enough: this tests nothing", level)
		restore()
	}
}

func BenchmarkRow(b *testing.B) {
	const n = 64
	size := [3]int{n, n, n}
	random := rand.New(rand.NewPCG(1, 2))
	dose, reference := make([]float32, n*n*n), make([]float32, n*n*n)
	for i := range dose {
		x, y, z := float64(i%n-n/2)/8, float64(i/n%n-n/2)/8, float64(i/n/n-n/2)/8
		reference[i] = float32(33 * math.Exp(-(x*x+y*y+z*z)/8))
		dose[i] = reference[i]*1.015 + float32(0.17*random.NormFloat64())
	}
	for _, level := range simd.Available() {
		b.Run(fmt.Sprint(level), func(b *testing.B) {
			defer simd.Set(level)()
			s := New(whole(dose, size, [3]float64{0.83, 0.83, 0.83}, 2), 0)
			scale, gamma2 := make([]float64, n), make([]float64, n)
			for i := range scale {
				scale[i] = 1
			}
			points := 0
			for b.Loop() {
				for row := 0; row < n; row++ {
					clear(gamma2)
					at := n * (row + n*n/2)
					s.Row([3]float64{0, float64(row), n / 2}, [3]float64{1, 0, 0}, reference[at:at+n], scale, gamma2)
					points += n
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(points), "ns/point")
		})
	}
}
