package raytrace_test

import (
	"math"
	"testing"

	"github.com/kerma-rt/kerma/internal/kernels/raytrace"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

type segment struct {
	offset int
	t0, t1 float64
}

func segments(from, to [3]float64, size [3]int) []segment {
	var list []segment
	raytrace.Trace(from, to, size, func(offset int, t0, t1 float64) { list = append(list, segment{offset, t0, t1}) })
	return list
}

func length(from, to [3]float64) float64 {
	return math.Sqrt((to[0]-from[0])*(to[0]-from[0]) + (to[1]-from[1])*(to[1]-from[1]) + (to[2]-from[2])*(to[2]-from[2]))
}

// anyEnd draws coordinates that like faces, edges and corners, the inside and
// the outside alike.
func anyEnd(t *rapid.T, size [3]int, name string) [3]float64 {
	var p [3]float64
	for a := range 3 {
		n := float64(size[a])
		p[a] = rapid.OneOf(
			rapid.Float64Range(-2*n, 3*n),
			rapid.Map(rapid.IntRange(-2, size[a]+2), func(i int) float64 { return float64(i) }),
			rapid.Map(rapid.IntRange(-2, size[a]+2), func(i int) float64 { return math.Nextafter(float64(i), 1e9) }),
			rapid.Map(rapid.IntRange(-2, size[a]+2), func(i int) float64 { return math.Nextafter(float64(i), -1e9) }),
			rapid.Map(rapid.IntRange(0, size[a]), func(i int) float64 { return float64(i) + 0.5 }),
		).Draw(t, name)
	}
	return p
}

func anyRay(t *rapid.T) (from, to [3]float64, size [3]int) {
	for a := range 3 {
		size[a] = rapid.IntRange(1, 9).Draw(t, "size")
	}
	from, to = anyEnd(t, size, "from"), anyEnd(t, size, "to")
	for a := range 3 {
		switch rapid.IntRange(0, 5).Draw(t, "turn") {
		case 0: // along the axis planes
			to[a] = from[a]
		case 1: // almost so
			to[a] = from[a] + rapid.SampledFrom([]float64{5e-324, -1e-300, 1e-17, -1e-15, 1e-12, 1e-9}).Draw(t, "tiny")
		}
	}
	return from, to, size
}

// chord is the length of the line inside the half-open box, found by bisection-free
// interval arithmetic in its own words: the largest entry to the smallest exit.
func chord(from, to [3]float64, size [3]int) float64 {
	low, high := 0.0, 1.0
	for a := range 3 {
		d := to[a] - from[a]
		n := float64(size[a])
		if d == 0 {
			if from[a] < 0 || from[a] >= n {
				return 0
			}
			continue
		}
		t0, t1 := -from[a]/d, (n-from[a])/d
		low, high = math.Max(low, math.Min(t0, t1)), math.Min(high, math.Max(t0, t1))
	}
	return math.Max(0, high-low) * length(from, to)
}

func TestSegmentsJoinAndFillTheChord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from, to, size := anyRay(t)
		list := segments(from, to, size)
		sum := 0.0
		for i, s := range list {
			require.Less(t, s.t0, s.t1)
			if i > 0 {
				require.Equal(t, list[i-1].t1, s.t0, "segments %d and %d", i-1, i)
			}
			sum += s.t1 - s.t0
		}
		require.InDelta(t, chord(from, to, size), sum*length(from, to), 1e-9)
	})
}

func TestMidpointOfEachSegmentLiesInItsVoxel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from, to, size := anyRay(t)
		for _, s := range segments(from, to, size) {
			rest := s.offset
			for a := range 3 {
				i := rest % size[a]
				rest /= size[a]
				x := from[a] + (s.t0+s.t1)/2*(to[a]-from[a])
				// Coordinates are at most 30 voxels: 1e-13 is their rounding.
				require.True(t, x > float64(i)-1e-13 && x < float64(i+1)+1e-13, "axis %d: %v is not in voxel %d", a, x, i)
			}
			require.Zero(t, rest)
		}
	})
}

func TestVoxelsComeOnceAndInOrderOfTheLine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from, to, size := anyRay(t)
		seen := map[int]bool{}
		for _, s := range segments(from, to, size) {
			require.False(t, seen[s.offset], "voxel %d twice", s.offset)
			seen[s.offset] = true
		}
	})
}

func TestReversedLineGivesTheSameSum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from, to, size := anyRay(t)
		values := make([]float32, size[0]*size[1]*size[2])
		for i := range values {
			values[i] = float32(i*7919%101) / 100
		}
		l := length(from, to)
		// A line within rounding of a face may fall to either side of it when
		// the parameter runs the other way; the property is of the others.
		for a := range 3 {
			if d := math.Abs(to[a] - from[a]); d > 0 && d < 1e-8 {
				t.Skip("line within rounding of a plane")
			}
		}
		require.InDelta(t, raytrace.Sum(values, from, to, size)*l, raytrace.Sum(values, to, from, size)*l, 1e-9)
	})
}

func TestUniformGridGivesTheChord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from, to, size := anyRay(t)
		values := make([]float32, size[0]*size[1]*size[2])
		for i := range values {
			values[i] = 2
		}
		require.InDelta(t, 2*chord(from, to, size), raytrace.Sum(values, from, to, size)*length(from, to), 2e-9)
	})
}

func TestKnownLines(t *testing.T) {
	size := [3]int{3, 4, 5}
	for _, c := range []struct {
		name     string
		from, to [3]float64
		want     []segment
	}{
		{"along x through the grid", [3]float64{-1, 1.5, 2.5}, [3]float64{5, 1.5, 2.5},
			[]segment{{0 + 3*1 + 12*2, 1. / 6, 2. / 6}, {1 + 3 + 24, 2. / 6, 3. / 6}, {2 + 3 + 24, 3. / 6, 4. / 6}}},
		{"starts inside, backwards along z", [3]float64{0.5, 0.5, 1.5}, [3]float64{0.5, 0.5, -0.5}, []segment{{12, 0, 0.25}, {0, 0.25, 0.75}}},
		{"stays in one voxel", [3]float64{1.2, 1.2, 1.2}, [3]float64{1.8, 1.7, 1.6}, []segment{{1 + 3 + 12, 0, 1}}},
		{"in the lower outer face", [3]float64{0, 0.5, 0.5}, [3]float64{0, 1.5, 0.5}, []segment{{0, 0, 0.5}, {3, 0.5, 1}}},
		{"in the upper outer face", [3]float64{3, 0.5, 0.5}, [3]float64{3, 1.5, 0.5}, nil},
		{"in an inner face: the upper side", [3]float64{1, 0.5, 0.5}, [3]float64{1, 1.5, 0.5}, []segment{{1, 0, 0.5}, {4, 0.5, 1}}},
		{"through corners", [3]float64{0, 0, 0}, [3]float64{4, 4, 4}, []segment{{0, 0, 0.25}, {16, 0.25, 0.5}, {32, 0.5, 0.75}}},
		{"misses", [3]float64{-1, -1, 0}, [3]float64{-1, 9, 3}, nil},
		{"ends before the grid", [3]float64{-9, 1, 1}, [3]float64{-1, 1, 1}, nil},
		{"touches a corner only", [3]float64{-1, 1, 0.5}, [3]float64{1, -1, 0.5}, nil},
		{"no length", [3]float64{1, 1, 1}, [3]float64{1, 1, 1}, []segment{{16, 0, 1}}},
		{"not a number", [3]float64{math.NaN(), 1, 1}, [3]float64{1, 1, 1}, nil},
		{"infinite", [3]float64{0, 1, 1}, [3]float64{math.Inf(1), 1, 1}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := segments(c.from, c.to, size)
			require.Len(t, got, len(c.want))
			for i, s := range got {
				require.Equal(t, c.want[i].offset, s.offset)
				require.InDelta(t, c.want[i].t0, s.t0, 1e-15)
				require.InDelta(t, c.want[i].t1, s.t1, 1e-15)
			}
		})
	}
}

func BenchmarkSum(b *testing.B) {
	size := [3]int{167, 167, 108}
	values := make([]float32, size[0]*size[1]*size[2])
	for i := range values {
		values[i] = 1
	}
	from, voxels, i := [3]float64{83, -290, 54}, 0, 0
	for b.Loop() {
		to := [3]float64{float64(i * 7 % 167), 80 + float64(i*11%87), float64(i * 13 % 108)}
		raytrace.Trace(from, to, size, func(int, float64, float64) { voxels++ })
		raytrace.Sum(values, from, to, size)
		i++
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(2*voxels), "ns/voxel")
}
