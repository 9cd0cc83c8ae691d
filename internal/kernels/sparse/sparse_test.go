package sparse

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/kerma-rt/kerma/internal/kernels/simd"
)

// random is a matrix of lines over n places, with runs of up to longest places
// and gaps of up to widest.
func random(r *rand.Rand, lines, n, longest, widest int) Lines {
	l := Lines{Start: []int64{0}, RunStart: []int64{0}}
	for range lines {
		for at := r.IntN(widest + 1); at < n; {
			end := min(n, at+r.IntN(longest+1))
			l.Run = append(l.Run, Run{int32(at), int32(end)})
			for range end - at {
				l.Value = append(l.Value, r.Float32()-0.25)
			}
			at = end + r.IntN(widest+1)
		}
		l.Start = append(l.Start, int64(len(l.Value)))
		l.RunStart = append(l.RunStart, int64(len(l.Run)))
	}
	return l
}

// places is how many a vector has: few, and unless time is short also many.
func places(many ...int) []int {
	few := []int{1, 7, 100, 1000, 5000}
	if testing.Short() {
		return few
	}
	return append(few, many...)
}

func numbers[F float32 | float64](r *rand.Rand, n int) []F {
	v := make([]F, n)
	for i := range v {
		if r.IntN(8) > 0 { // some are zero
			v[i] = F(r.NormFloat64())
		}
	}
	return v
}

// entries calls f with every entry, line by line.
func entries(l Lines, f func(line, place int, value float32)) {
	for j := range l.Len() {
		values := l.value(j)
		for _, r := range l.run(j) {
			for i := r.First; i < r.End; i++ {
				f(j, int(i), values[0])
				values = values[1:]
			}
		}
	}
}

func TestSumIsTheNaiveSumBitForBitOnEveryLevel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		n := rapid.SampledFrom(places(bandLen-1, bandLen, 2*bandLen+17)).Draw(t, "places")
		l := random(r, rapid.IntRange(0, 5).Draw(t, "lines"), n, rapid.SampledFrom([]int{1, 3, 15, 40, 3 * bandLen}).Draw(t, "longest"), 1+n/rapid.IntRange(1, 400).Draw(t, "gap"))
		w := numbers[float64](r, l.Len())
		want := make([]float64, n)
		entries(l, func(j, i int, v float32) { want[i] += float64(float32(w[j])) * float64(v) })
		cut := rapid.IntRange(0, l.Len()).Draw(t, "cut")
		for _, level := range simd.Available() {
			restore := simd.Set(level)
			for _, threads := range []int{1, 3} {
				s := NewSum(n)
				// The lines in two calls: Start and RunStart need not begin with 0.
				first, second := l, l
				first.Start, first.RunStart = l.Start[:cut+1], l.RunStart[:cut+1]
				second.Start, second.RunStart = l.Start[cut:], l.RunStart[cut:]
				require.NoError(t, s.Add(t.Context(), first, w[:cut], threads))
				require.NoError(t, s.Add(t.Context(), second, w[cut:], threads))
				got, rounded := make([]float32, n), make([]float32, n)
				s.CopyTo(got)
				for i, v := range want {
					rounded[i] = float32(v)
					if sum := s.band[i/bandLen][i%bandLen]; v != sum {
						t.Fatalf("%v: place %d of %d: %v, expected %v", level, i, n, sum, v)
					}
				}
				require.True(t, slices.Equal(rounded, got))
				for i := range got {
					got[i] = float32(math.NaN())
				}
				require.NoError(t, l.Multiply(t.Context(), got, w, threads))
				require.True(t, slices.Equal(rounded, got))
			}
			restore()
		}
	})
}

func TestDotIsTheSameBitsOnEveryLevelAndTheNaiveSum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 2))
		n := rapid.SampledFrom(places(3*most+17)).Draw(t, "places")
		l := random(r, rapid.IntRange(0, 5).Draw(t, "lines"), n, rapid.SampledFrom([]int{1, 3, 15, 40, 3 * most}).Draw(t, "longest"), 1+n/rapid.IntRange(1, 400).Draw(t, "gap"))
		x := numbers[float32](r, n)
		naive, size := make([]float64, l.Len()), make([]float64, l.Len())
		entries(l, func(j, i int, v float32) {
			naive[j] += float64(v) * float64(x[i])
			size[j] += math.Abs(float64(v) * float64(x[i]))
		})
		var want []float64
		for _, level := range simd.Available() {
			restore := simd.Set(level)
			for _, threads := range []int{1, 3} {
				got := make([]float64, l.Len())
				require.NoError(t, l.Dot(t.Context(), got, x, threads))
				if want == nil {
					want = got
				}
				require.Equal(t, want, got, "%v, %d threads", level, threads)
			}
			restore()
		}
		for j := range naive {
			require.InDelta(t, naive[j], want[j], 1e-12*size[j], "line %d", j)
		}
	})
}

// What lies around a vector is neither used nor changed, wherever it starts.
func TestKernelsStayWithinTheirVectors(t *testing.T) {
	for _, level := range simd.Available() {
		defer simd.Set(level)()
		for start := range 5 {
			for n := range 40 {
				nan := float32(math.NaN())
				value, x := make([]float32, start+n+20), make([]float32, start+n+20)
				y := make([]float64, start+n+20)
				for i := range value {
					value[i], x[i], y[i] = nan, nan, math.NaN()
				}
				for i := range n {
					value[start+i], x[start+i], y[start+i] = 1, 2, 3
				}
				runs := []Run{{10, int32(10 + n)}}
				require.Equal(t, n, addRuns(y[start:start+n+slack], 10, value[start:start+n], runs, 2))
				for i, v := range y {
					if i < start || i >= start+n {
						require.True(t, math.IsNaN(v), "%v: %d places from %d: place %d is %v", level, n, start, i, v)
					} else {
						require.Equal(t, 5.0, v, "%v: %d places from %d: place %d", level, n, start, i)
					}
				}
				var lane [lanes]float64
				runs = []Run{{0, int32(n)}}
				require.Equal(t, n, dotRuns(&lane, value[start:start+n], runs, x[start:start+n]))
				sum := 0.0
				for _, s := range lane {
					sum += s
				}
				require.Equal(t, float64(2*n), sum, "%v: %d places from %d", level, n, start)
			}
		}
	}
}

func TestImpossibleLinesAreRefusedOnEveryLevel(t *testing.T) {
	good := func() Lines {
		return Lines{Value: make([]float32, 30), Start: []int64{0, 10, 30}, Run: []Run{{3, 10}, {12, 15}, {0, 20}}, RunStart: []int64{0, 2, 3}}
	}
	for name, spoil := range map[string]func(*Lines){
		"run beyond the vector":       func(l *Lines) { l.Run[2] = Run{21, 41} },
		"run before the vector":       func(l *Lines) { l.Run[2] = Run{-1, 19} },
		"run that ends first":         func(l *Lines) { l.Run[1] = Run{15, 12} },
		"runs of too many values":     func(l *Lines) { l.Run[2].End = 21 },
		"runs of too few values":      func(l *Lines) { l.Run[2].End = 19 },
		"a run as long as it gets":    func(l *Lines) { l.Run[2] = Run{math.MinInt32, math.MaxInt32} },
		"values that are not there":   func(l *Lines) { l.Start[2] = 31 },
		"values that end first":       func(l *Lines) { l.Start[1] = 31 },
		"values before the first":     func(l *Lines) { l.Start[0] = -1 },
		"runs that are not there":     func(l *Lines) { l.RunStart[2] = 4 },
		"runs before the first":       func(l *Lines) { l.RunStart[0] = -1 },
		"beginnings of unequal count": func(l *Lines) { l.RunStart = l.RunStart[:2] },
	} {
		t.Run(name, func(t *testing.T) {
			for _, level := range simd.Available() {
				defer simd.Set(level)()
				l := good()
				require.NoError(t, NewSum(40).Add(t.Context(), l, make([]float64, 2), 1))
				spoil(&l)
				assert.ErrorIs(t, NewSum(40).Add(t.Context(), l, []float64{1, 1}, 1), ErrLines)
				assert.ErrorIs(t, l.Multiply(t.Context(), make([]float32, 40), []float64{1, 1}, 1), ErrLines)
				assert.ErrorIs(t, l.Dot(t.Context(), make([]float64, 2), make([]float32, 40), 1), ErrLines)
			}
		})
	}
	l := good()
	assert.ErrorIs(t, NewSum(40).Add(t.Context(), l, make([]float64, 3), 1), ErrLines)
	assert.ErrorIs(t, l.Dot(t.Context(), make([]float64, 3), make([]float32, 40), 1), ErrLines)
	l.Run[0], l.Run[1] = Run{5, 12}, Run{3, 6}
	assert.ErrorIs(t, NewSum(40).Add(t.Context(), l, make([]float64, 2), 1), ErrLines, "overlapping runs")
}

func TestTransposeHasEveryEntryInItsPlace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 3))
		n := rapid.SampledFrom(places(0, bandLen+1)).Draw(t, "places")
		l := random(r, rapid.IntRange(0, 9).Draw(t, "lines"), n, rapid.SampledFrom([]int{1, 15, 40}).Draw(t, "longest"), 1+n/rapid.IntRange(1, 400).Draw(t, "gap"))
		type entry struct {
			line, place int
			value       float32
		}
		var want, got []entry
		entries(l, func(j, i int, v float32) { want = append(want, entry{j, i, v}) })
		back, err := l.Transpose(t.Context(), n, 3)
		require.NoError(t, err)
		require.Equal(t, n, back.Len())
		entries(back, func(i, j int, v float32) { got = append(got, entry{j, i, v}) })
		slices.SortStableFunc(want, func(a, b entry) int { return a.place - b.place })
		require.True(t, slices.Equal(want, got))
		for i := range back.Len() {
			for k, r := range back.run(i) {
				require.Less(t, r.First, r.End)
				require.True(t, k == 0 || back.run(i)[k-1].End < r.First, "consecutive lines make one run")
			}
		}
		again, err := back.Transpose(t.Context(), l.Len(), 1)
		require.NoError(t, err)
		require.True(t, slices.Equal(l.Value, again.Value))
		require.Equal(t, l.Start, again.Start)
	})
	bad := Lines{Value: make([]float32, 1), Start: []int64{0, 1}, Run: []Run{{5, 6}}, RunStart: []int64{0, 1}}
	_, err := bad.Transpose(t.Context(), 5, 1)
	assert.ErrorIs(t, err, ErrLines)
}
