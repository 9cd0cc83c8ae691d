package curved

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kerma-rt/kerma/internal/kernels/parallel"
)

// kernel falls with radius to its reach and with angle as cos⁶(θ/2).
func kernel(reach, share float64) Kernel {
	k := Kernel{Reach: reach, Share: share, Inside: make([]float32, (Radii+1)*(Angles+1))}
	for i := range Radii {
		x := float64(i) / Radii
		for j := range Angles + 1 {
			w := float64(j) / Angles
			cos2 := (1 - w) * (1 - w) / (w*w + (1-w)*(1-w)) // cos²(θ/2)
			k.Inside[i*(Angles+1)+j] = float32(2 * (1 - x*x) / reach * (1 - math.Pow(cos2, 4)))
		}
	}
	return k
}

func block(n [3]int, density func(i, j, k int) float32) *Field {
	f := &Field{Size: n, Spacing: [3]float64{0.25, 0.25, 0.25}, High: n}
	for k := range n[2] {
		for j := range n[1] {
			for i := range n[0] {
				f.Density = append(f.Density, density(i, j, k))
			}
		}
	}
	return f
}

func fan(f *Field) *Fan {
	return NewFan(f, []Kernel{kernel(1.5, 0.7), kernel(3, 0.8)}, [3]float64{0, 0, 1}, [2][3]float64{{1, 0, 0}, {0, 1, 0}}, 1e-12)
}

// plane is points that release along z, all over the plane k.
func plane(n [3]int, k, margin int) []Point {
	var ps []Point
	for j := margin; j < n[1]-margin; j++ {
		for i := margin; i < n[0]-margin; i++ {
			ps = append(ps, Point{At: [3]float64{float64(i), float64(j), float64(k)}, Ray: [3]float64{0, 0, 1}, Energy: []float64{0.4, 0.6}})
		}
	}
	return ps
}

// add is what points deposit, along straight and along curved paths.
func add(t testing.TB, f *Fan, ps []Point, threads int) (straight, curved []float64, totals [2]float64) {
	t.Helper()
	n := f.field.Size
	sums := make([]Sum, n[0]*n[1]*n[2])
	parts := make([][2]float64, len(ps))
	require.NoError(t, parallel.For(context.Background(), len(ps), threads, func(i int) error {
		parts[i][0], parts[i][1] = f.Add(sums, &ps[i])
		return nil
	}))
	for _, p := range parts {
		totals[0] += p[0]
		totals[1] += p[1]
	}
	for _, s := range sums {
		straight = append(straight, float64(s.Straight)*f.quantum)
		curved = append(curved, float64(s.Curved)*f.quantum)
	}
	return straight, curved, totals
}

func TestUniformMediumHasNoCurvature(t *testing.T) {
	n := [3]int{30, 30, 40}
	for _, rho := range []float32{0.26, 1, 1.85} {
		f := fan(block(n, func(i, j, k int) float32 { return rho }))
		s, c, _ := add(t, f, []Point{{At: [3]float64{14.5, 14.5, 5}, Ray: [3]float64{0.1, 0, math.Sqrt(0.99)}, Energy: []float64{0.4, 0.6}}}, 1)
		var most, worst float64
		for i := range s {
			most, worst = max(most, s[i]), max(worst, math.Abs(c[i]-s[i]))
		}
		require.Greater(t, most, 0.001)
		assert.Less(t, worst, 1e-6*most, "density %g", rho)
	}
}

func TestForwardEnergyOfAKernelIsDeposited(t *testing.T) {
	// The kernel has 1 − (1/2)⁴ of its energy before 90°.
	n := [3]int{41, 41, 41}
	f := fan(block(n, func(i, j, k int) float32 { return 1 }))
	_, _, totals := add(t, f, []Point{{At: [3]float64{20, 20, 5}, Ray: [3]float64{0, 0, 1}, Energy: []float64{0.4, 0.6}}}, 1)
	want := 1 - 1.0/16
	assert.InEpsilon(t, want, totals[0], 0.005)
	assert.InEpsilon(t, want, totals[1], 0.005)
}

// In layers across the rays only mass per area matters to a wide field: what one
// point deposits in a plane is what all points beside it deposit in a voxel.
func TestLayersUnderAWideFieldAreAsWithStraightLines(t *testing.T) {
	n := [3]int{121, 121, 30}
	for name, density := range map[string]func(i, j, k int) float32{
		"into lung":   func(_, _, k int) float32 { return float32(map[bool]float64{true: 1, false: 0.4}[k < 8]) },
		"out of lung": func(_, _, k int) float32 { return float32(map[bool]float64{true: 0.4, false: 1}[k < 8]) },
	} {
		f := fan(block(n, density))
		s, c, totals := add(t, f, []Point{{At: [3]float64{60, 60, 3}, Ray: [3]float64{0, 0, 1}, Energy: []float64{0.4, 0.6}}}, 1)
		var most, worst float64
		for k := range n[2] {
			var straight, curved float64
			for at := n[0] * n[1] * k; at < n[0]*n[1]*(k+1); at++ {
				straight += s[at]
				curved += c[at]
			}
			most, worst = max(most, straight), max(worst, math.Abs(curved-straight))
		}
		t.Logf("%s: %.2f %% of the largest plane, energy %.3f %%", name, 100*worst/most, 100*(totals[1]/totals[0]-1))
		assert.Less(t, worst, 0.015*most, name)
		assert.InEpsilon(t, totals[0], totals[1], 0.01, name)
	}
}

func TestElectronsFromWaterSpreadInLungAndGatherBehind(t *testing.T) {
	n := [3]int{61, 61, 30}
	axis := func(density func(i, j, k int) float32, k int) (straight, curved float64) {
		f := fan(block(n, density))
		s, c, _ := add(t, f, plane(n, 3, 26), 2) // 2.5 cm wide
		at := 30 + 61*(30+61*k)
		return s[at], c[at]
	}
	s, c := axis(func(i, j, k int) float32 { return float32(map[bool]float64{true: 1, false: 0.25}[k < 6]) }, 12)
	assert.Less(t, c, 0.99*s, "in lung")
	s, c = axis(func(i, j, k int) float32 { return float32(map[bool]float64{true: 0.25, false: 1}[k < 12]) }, 13)
	assert.Greater(t, c, 1.01*s, "beyond lung")
}

func TestAMirroredMediumGetsTheMirroredEnergy(t *testing.T) {
	n := [3]int{24, 24, 30}
	lump := func(i, j, k int) float32 {
		if i < 9 && j > 6 && k > 8 {
			return 0.3
		}
		return 1
	}
	run := func(mirror bool) []float64 {
		f := fan(block(n, func(i, j, k int) float32 {
			if mirror {
				i = n[0] - 1 - i
			}
			return lump(i, j, k)
		}))
		p := Point{At: [3]float64{8.25, 11.5, 4}, Ray: [3]float64{0.06, 0, math.Sqrt(1 - 0.0036)}, Energy: []float64{0.4, 0.6}}
		if mirror {
			p.At[0], p.Ray[0] = float64(n[0]-1)-p.At[0], -p.Ray[0]
		}
		_, c, _ := add(t, f, []Point{p}, 1)
		return c
	}
	one, other := run(false), run(true)
	var most, off float64
	for k := range n[2] {
		for j := range n[1] {
			for i := range n[0] {
				a, b := one[i+n[0]*(j+n[1]*k)], other[n[0]-1-i+n[0]*(j+n[1]*k)]
				most = max(most, a)
				off += math.Abs(a - b)
			}
		}
	}
	// A node on the wall of a voxel may be counted to either side.
	assert.Less(t, off, 0.01*most)
}

func TestSameSumsForAnyNumberOfThreads(t *testing.T) {
	n := [3]int{20, 20, 24}
	f := fan(block(n, func(i, j, k int) float32 { return 0.3 + 0.1*float32((i*7+j*5+k*3)%9) }))
	_, want, _ := add(t, f, plane(n, 4, 7), 1)
	for _, threads := range []int{2, 5} {
		_, got, _ := add(t, f, plane(n, 4, 7), threads)
		assert.Equal(t, want, got)
	}
}

func TestOnlyVoxelsWantedAreCounted(t *testing.T) {
	n := [3]int{20, 20, 24}
	density := func(i, j, k int) float32 { return 0.3 + 0.1*float32((i*7+j*5+k*3)%9) }
	_, whole, _ := add(t, fan(block(n, density)), plane(n, 4, 8), 1)
	part := block(n, density)
	part.Low, part.High = [3]int{5, 6, 7}, [3]int{15, 14, 20}
	f := fan(part)
	sums := make([]Sum, 10*8*13)
	for _, p := range plane(n, 4, 8) {
		f.Add(sums, &p)
	}
	for i, s := range sums {
		at := 5 + i%10 + n[0]*(6+i/10%8+n[1]*(7+i/80))
		require.InDelta(t, whole[at], float64(s.Curved)*f.quantum, 1e-15)
	}
}

func TestMomentsAreThoseOfLayers(t *testing.T) {
	// 1 cm of 1 g/cm³, then 2 cm of 0.25: with l from the end,
	// ∫ρ dl = 1.5, ∫ρ l² dl = 0.25·8/3 + (27−8)/3.
	f := block([3]int{3, 3, 12}, func(i, j, k int) float32 {
		if k < 4 {
			return 1
		}
		return 0.25
	})
	w := way{field: f, start: [3]float64{1.5, 1.5, 0}, along: [3]float64{0, 0, 4}, step: 0.01}
	for w.length < 2.995-1e-9 {
		require.True(t, w.advance())
	}
	w.grow(0.005) // to the end of the last step
	assert.InDelta(t, 1.5, w.m0, 1e-6)
	assert.InDelta(t, 0.25*8/3+19.0/3, w.m2, 1e-4)
}
