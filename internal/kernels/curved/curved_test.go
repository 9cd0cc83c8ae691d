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

// whole is a point twice, so that all rays are followed.
func whole(p Point) []Point {
	var ps []Point
	for turn := range Turns {
		q := p
		q.Turn, q.Energy = turn, nil
		for _, e := range p.Energy {
			q.Energy = append(q.Energy, e/Turns)
		}
		ps = append(ps, q)
	}
	return ps
}

// plane is points that release along z, all over the plane k.
func plane(n [3]int, k, margin int) []Point {
	var ps []Point
	for j := margin; j < n[1]-margin; j++ {
		for i := margin; i < n[0]-margin; i++ {
			ps = append(ps, whole(Point{At: [3]float64{float64(i), float64(j), float64(k)}, Ray: [3]float64{0, 0, 1}, Energy: []float64{0.4, 0.6}})...)
		}
	}
	return ps
}

// add is what points deposit along straight and along bent paths, where they differ.
func add(t testing.TB, f *Fan, ps []Point, threads int) (straight, bent []float64, totals [2]float64) {
	t.Helper()
	n := f.field.Size
	sums := make([]Sum, n[0]*n[1]*n[2])
	parts := make([][2]float64, len(ps))
	require.NoError(t, parallel.For(context.Background(), len(ps), threads, func(i int) error {
		parts[i][0], parts[i][1] = f.Add(sums, ps[i:i+1])
		return nil
	}))
	for _, p := range parts {
		totals[0] += p[0]
		totals[1] += p[1]
	}
	for _, s := range sums {
		straight = append(straight, float64(s.Straight)*f.quantum)
		bent = append(bent, float64(s.Bent)*f.quantum)
	}
	return straight, bent, totals
}

func TestNothingBendsInAUniformMedium(t *testing.T) {
	n := [3]int{30, 30, 40}
	for _, rho := range []float32{0.26, 1, 1.85} {
		f := fan(block(n, func(i, j, k int) float32 { return rho }))
		p := Point{At: [3]float64{14.5, 14.5, 5}, Ray: [3]float64{0.1, 0, math.Sqrt(0.99)}, Energy: []float64{0.4, 0.6}}
		_, _, totals := add(t, f, whole(p), 1)
		assert.Zero(t, totals, "density %g", rho)
	}
}

func TestForwardEnergyOfAKernelIsInItsRings(t *testing.T) {
	// The kernel has 1 − (1/2)⁴ of its energy before 90°.
	f := fan(block([3]int{3, 3, 3}, func(i, j, k int) float32 { return 1 }))
	const steps = 3000
	var sum float64
	for i := range f.rings {
		r := &f.rings[i]
		for k := range steps {
			mass := (float64(k) + 0.5) / steps * r.table.reach
			sum += r.table.straight(r.table.root(mass), []float64{0.4, 0.6}) * r.table.reach / steps
			assert.InDelta(t, r.table.straight(r.table.root(mass), []float64{0.4, 0.6}), r.table.bent(r.table.root(mass), 1, []float64{0.4, 0.6}), 1e-9)
		}
	}
	assert.InEpsilon(t, 1-1.0/16, sum, 0.002)
}

func TestEvenSurroundingsNeedNotBeFollowed(t *testing.T) {
	n := [3]int{41, 41, 30}
	f := fan(block(n, func(i, j, k int) float32 {
		if k > 10 && i > 17 {
			return 0.3
		}
		return 1
	}))
	p := Point{At: [3]float64{20, 20, 5}, Ray: [3]float64{0, 0, 1}, Energy: []float64{0.4, 0.6}}
	straight, bent, totals := add(t, f, whole(p), 1)
	require.NotZero(t, totals[0])
	p.Even = 1.1 // voxels 6 … 10 and the half of 5
	straight2, bent2, _ := add(t, f, whole(p), 1)
	assert.Equal(t, straight, straight2)
	assert.Equal(t, bent, bent2)
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
		s, c, totals := add(t, f, whole(Point{At: [3]float64{60, 60, 3}, Ray: [3]float64{0, 0, 1}, Energy: []float64{0.4, 0.6}}), 1)
		var worst float64
		for k := range n[2] {
			var planes [2]float64
			for at := n[0] * n[1] * k; at < n[0]*n[1]*(k+1); at++ {
				planes[0] += s[at]
				planes[1] += c[at]
			}
			worst = max(worst, math.Abs(planes[1]-planes[0]))
		}
		// Of the energy released, which is 1.
		t.Logf("%s: %.2g in one plane, %.2g in all, of %.2g where paths differ", name, worst, totals[1]-totals[0], totals[0])
		require.Greater(t, totals[0], 0.01, name)
		assert.Less(t, worst, 0.0021, name) // 1.5 % of the first plane behind lung
		assert.InDelta(t, totals[0], totals[1], 0.003, name)
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
		_, c, _ := add(t, f, whole(p), 1)
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
	_, all, _ := add(t, fan(block(n, density)), plane(n, 4, 8), 1)
	part := block(n, density)
	part.Low, part.High = [3]int{5, 6, 7}, [3]int{15, 14, 20}
	f := fan(part)
	sums := make([]Sum, 10*8*13)
	f.Add(sums, plane(n, 4, 8))
	for i, s := range sums {
		at := 5 + i%10 + n[0]*(6+i/10%8+n[1]*(7+i/80))
		require.InDelta(t, all[at], float64(s.Bent)*f.quantum, 1e-15)
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
	w := fan(f).newWay()
	w.fan.step, w.fan.longest = 0.01, 300
	w.start, w.along = [3]float64{1.5, 1.5, 0}, [3]float64{0, 0, 4}
	w.voxel, w.density, w.m0, w.m2 = make([]int32, 300), make([]float64, 300), make([]float64, 300), make([]float64, 300)
	require.Equal(t, 300, w.walk(10))
	// The middle of the last step is 0.005 cm before the end.
	const l = 1.995
	assert.InDelta(t, 1+0.25*l, w.m0[299], 1e-6)
	assert.InDelta(t, 0.25*l*l*l/3+(math.Pow(l+1, 3)-l*l*l)/3, w.m2[299], 1e-6)
}
