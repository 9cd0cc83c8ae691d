package dose_test

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/dose"
	"github.com/kerma-rt/kerma/dose/beam"
	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/heterogeneity"
	"github.com/kerma-rt/kerma/internal/kernels/simd"
)

// lungBlock is a cube of water around the isocentre, 160 mm wide, with a block
// of lung beside the axis.
func lungBlock(t testing.TB) *heterogeneity.Tissue {
	t.Helper()
	tissue := box(t, r3.Vec{X: -80, Y: -80, Z: -80}, r3.Vec{X: 80, Y: 80, Z: 80}, 4)
	tissue.Materials = append(tissue.Materials, "lung_icru44")
	g := tissue.Density.Grid
	for i := range g.Len() {
		n := g.Size()
		p := g.Point(float64(i%n[0]), float64(i/n[0]%n[1]), float64(i/n[0]/n[1]))
		if p.X > 0 && math.Abs(p.Y) < 40 && math.Abs(p.Z) < 40 {
			tissue.Density.Data[i], tissue.Material[i] = 0.26, 1
		}
	}
	return tissue
}

func coneRequest(t testing.TB, tissue *heterogeneity.Tissue, plan *beam.Plan) dose.Request {
	t.Helper()
	spectrum, err := machine.NamedSpectrum("mohan1985_6mv")
	require.NoError(t, err)
	m, err := machine.New("ideal", spectrum, machine.Options{EnergyMV: 6})
	require.NoError(t, err)
	g := grid(t, r3.Vec{X: -78, Y: -78, Z: -78}, [3]float64{3, 3, 3}, [3]int{53, 53, 53})
	return dose.Request{Tissue: tissue, Plan: plan, Machines: machine.Set{m}, Grid: g}
}

// apart is the root mean square and the largest difference of two doses where
// the first is above a tenth of its maximum, relative to the maximum.
func apart(t testing.TB, want, got *geometry.Volume) (rms, worst float64) {
	t.Helper()
	require.Equal(t, len(want.Data), len(got.Data))
	var most, n float64
	for _, d := range want.Data {
		most = max(most, float64(d))
	}
	for i, d := range want.Data {
		if float64(d) < most/10 {
			continue
		}
		off := (float64(got.Data[i]) - float64(d)) / most
		rms += off * off
		worst = max(worst, math.Abs(off))
		n++
	}
	return math.Sqrt(rms / n), worst
}

func TestCollapsedConeSameBitsForAnyNumberOfThreads(t *testing.T) {
	r := coneRequest(t, lungBlock(t), open(25, 100))
	r.Threads = 1
	want := compute(t, dose.CollapsedCone{Directions: 48}, r)
	for _, n := range []int{3} {
		r.Threads = n
		assert.Equal(t, want.Dose.Data, compute(t, dose.CollapsedCone{Directions: 48}, r).Dose.Data)
	}
}

func TestCollapsedConeIsTheSameOnEveryLevel(t *testing.T) {
	if testing.Short() {
		t.Skip("compares doses at length; shorter tests run the same code")
	}
	r := coneRequest(t, lungBlock(t), open(25, 100))
	restore := simd.Set(simd.Generic)
	want := compute(t, dose.CollapsedCone{Directions: 48}, r)
	restore()
	var most float64
	for _, d := range want.Dose.Data {
		most = max(most, float64(d))
	}
	for _, level := range simd.Available() {
		restore := simd.Set(level)
		got := compute(t, dose.CollapsedCone{Directions: 48}, r)
		restore()
		var worst float64
		for i, d := range want.Dose.Data {
			worst = max(worst, math.Abs(float64(got.Dose.Data[i]-d))/most)
			require.Equal(t, d == 0, got.Dose.Data[i] == 0)
		}
		t.Logf("%v: within %.1e of the maximum", level, worst)
		assert.Less(t, worst, 1e-5)
	}
}

func TestCollapsedConeTurnsWithTheGantry(t *testing.T) {
	if testing.Short() {
		t.Skip("compares doses at length; shorter tests run the same code")
	}
	// A beam from below meets the same cube of water as one from above.
	tissue := box(t, r3.Vec{X: -80, Y: -80, Z: -80}, r3.Vec{X: 80, Y: 80, Z: 80}, 4)
	want := compute(t, dose.CollapsedCone{}, coneRequest(t, tissue, open(25, 100)))
	n := want.Dose.Grid.Size()
	for _, gantry := range []float64{90, 180} {
		plan := open(25, 100)
		for i := range plan.Beams[0].Points {
			plan.Beams[0].Points[i].GantryDeg = gantry
		}
		got := compute(t, dose.CollapsedCone{}, coneRequest(t, tissue, plan))
		turned := geometry.NewVolume(want.Dose.Grid)
		for k := range n[2] {
			for j := range n[1] {
				for i := range n[0] {
					x, y := i, j // place in got of what is at (i, j) in want
					for range int(gantry / 90) {
						x, y = n[0]-1-y, x
					}
					turned.Data[turned.Grid.Offset(i, j, k)] = got.Dose.At(x, y, k)
				}
			}
		}
		rms, worst := apart(t, want.Dose, turned)
		t.Logf("gantry %g°: rms %.2f %%, largest %.2f %% of the maximum", gantry, 100*rms, 100*worst)
		assert.Less(t, rms, 0.003)
	}
}

func TestCollapsedConeInARegionIsThatOfTheWhole(t *testing.T) {
	if testing.Short() {
		t.Skip("compares doses at length; shorter tests run the same code")
	}
	r := coneRequest(t, lungBlock(t), open(25, 100))
	whole := compute(t, dose.CollapsedCone{}, r)
	r.Grid = grid(t, r3.Vec{X: -30, Y: -21, Z: -12}, [3]float64{3, 3, 3}, [3]int{20, 14, 9})
	part := compute(t, dose.CollapsedCone{}, r)
	want := geometry.NewVolume(r.Grid)
	for k := range 9 {
		for j := range 14 {
			for i := range 20 {
				want.Data[r.Grid.Offset(i, j, k)] = whole.Dose.At(i+16, j+19, k+22)
			}
		}
	}
	rms, worst := apart(t, want, part.Dose)
	t.Logf("rms %.3f %%, largest %.2f %% of the maximum", 100*rms, 100*worst)
	assert.Less(t, rms, 0.003)
}

func TestCollapsedConeOnOtherGridsIsTheSameDose(t *testing.T) {
	if testing.Short() {
		t.Skip("compares doses at length; shorter tests run the same code")
	}
	r := coneRequest(t, lungBlock(t), open(25, 100))
	sin, cos := math.Sincos(math.Pi / 6)
	// The dose on 2 mm; others are read at the same places, and differ by what a
	// voxel averages over and by the blocks from which bent paths start, which
	// share their rays. What of it is which has not been taken apart.
	r.Grid = grid(t, r3.Vec{X: -39, Y: -59, Z: -39}, [3]float64{2, 2, 2}, [3]int{60, 50, 60})
	reference := compute(t, dose.CollapsedCone{}, r)
	for name, g := range map[string]struct {
		spacing [3]float64
		axes    [3]r3.Vec
		limit   float64
	}{
		"fine":       {[3]float64{0.5, 2, 2}, geometry.IdentityAxes, 0.008},
		"coarse":     {[3]float64{5, 5, 5}, geometry.IdentityAxes, 0.015},
		"turned":     {[3]float64{2, 2, 2}, [3]r3.Vec{{X: cos, Y: sin}, {X: -sin, Y: cos}, {Z: 1}}, 0.011},
		"other axes": {[3]float64{2, 2, 2}, [3]r3.Vec{{Y: 1}, {Z: 1}, {X: 1}}, 0.006},
	} {
		var err error
		r.Grid, err = geometry.NewGrid(r3.Vec{X: -3, Y: -20, Z: 4}, g.spacing, [3]int{8, 6, 5}, g.axes)
		require.NoError(t, err)
		got := compute(t, dose.CollapsedCone{}, r)
		want := geometry.NewVolume(got.Dose.Grid)
		for i := range want.Data {
			n := want.Grid.Size()
			v, ok := reference.Dose.Interpolate(want.Grid.Point(float64(i%n[0]), float64(i/n[0]%n[1]), float64(i/n[0]/n[1])))
			require.True(t, ok)
			want.Data[i] = float32(v)
		}
		rms, worst := apart(t, want, got.Dose)
		t.Logf("%s: rms %.2f %%, largest %.2f %% of the maximum", name, 100*rms, 100*worst)
		assert.Less(t, rms, g.limit, name)
	}
}

func TestSectorsOfAnArcAreHarmless(t *testing.T) {
	if testing.Short() {
		t.Skip("compares doses at length; shorter tests run the same code")
	}
	plan := open(20, 100)
	points := plan.Beams[0].Points
	points[0].GantryDeg, points[1].GantryDeg, points[0].GantryTurn = 350, 10, beam.Rising
	r := coneRequest(t, lungBlock(t), plan)
	each := compute(t, dose.CollapsedCone{SectorDeg: 0.001, Directions: 48}, r)
	for _, deg := range []float64{6, 10} { // 10 is the default
		got := compute(t, dose.CollapsedCone{SectorDeg: deg, Directions: 48}, r)
		rms, worst := apart(t, each.Dose, got.Dose)
		t.Logf("sectors of %g°: rms %.2f %%, largest %.2f %% of the maximum", deg, 100*rms, 100*worst)
		// Two sets of 48 cones instead of ten; over longer arcs it averages out.
		assert.Less(t, rms, 0.005)
	}
}

func TestCollapsedConeDoseToWater(t *testing.T) {
	if testing.Short() {
		t.Skip("compares doses at length; shorter tests run the same code")
	}
	tissue := box(t, r3.Vec{X: -80, Y: -80, Z: -80}, r3.Vec{X: 80, Y: 80, Z: 80}, 4)
	tissue.Materials = []string{"bone_cortical_icru44"}
	r := coneRequest(t, tissue, open(25, 100))
	medium := compute(t, dose.CollapsedCone{Directions: 48}, r)
	water := compute(t, dose.CollapsedCone{Directions: 48, DoseToWater: true}, r)
	n := medium.Dose.Grid.Size()
	ratio := water.Dose.At(n[0]/2, n[1]/2, n[2]/2) / medium.Dose.At(n[0]/2, n[1]/2, n[2]/2)
	assert.InDelta(t, 1.12, ratio, 0.02) // Siebers et al 2000: 1.116 for cortical bone
	assert.NotEqual(t, medium.Provenance.Heterogeneity, water.Provenance.Heterogeneity)
}

func TestCollapsedConeEndsSoonAfterItIsCancelled(t *testing.T) {
	r := coneRequest(t, lungBlock(t), open(25, 100))
	ctx, cancel := context.WithCancel(context.Background())
	var stopped time.Time
	r.Progress = func(done float64) {
		if done > 0 && stopped.IsZero() {
			stopped = time.Now()
			cancel()
		}
	}
	_, err := dose.CollapsedCone{Directions: 2000}.Compute(ctx, r)
	require.ErrorIs(t, err, context.Canceled)
	t.Logf("ended %v after", time.Since(stopped))
}

func TestCollapsedConeRefuses(t *testing.T) {
	good := coneRequest(t, lungBlock(t), open(25, 100))
	for name, change := range map[string]func(*dose.Request){
		"no spectrum":    func(r *dose.Request) { m := *r.Machines[0]; m.Beam = nil; r.Machines = machine.Set{&m} },
		"no density":     func(r *dose.Request) { r.Tissue.Density = nil },
		"wrong density":  func(r *dose.Request) { r.Tissue.Density.Data[5] = float32(math.NaN()) },
		"too dense":      func(r *dose.Request) { r.Tissue.Density.Data[5] = 30 },
		"no material":    func(r *dose.Request) { r.Tissue.Material = nil },
		"wrong material": func(r *dose.Request) { r.Tissue.Material[9] = 200 },
	} {
		r, tissue := good, *good.Tissue
		tissue.Density = geometry.NewVolume(tissue.Density.Grid)
		copy(tissue.Density.Data, good.Tissue.Density.Data)
		tissue.Material = append([]uint8(nil), tissue.Material...)
		r.Tissue = &tissue
		change(&r)
		_, err := dose.CollapsedCone{}.Compute(context.Background(), r)
		require.ErrorIs(t, err, dose.ErrRequest, name)
	}
	r, tissue := good, *good.Tissue
	tissue.Materials = []string{"water_liquid", "unobtainium"}
	r.Tissue = &tissue
	var material *machine.MaterialError
	_, err := dose.CollapsedCone{}.Compute(context.Background(), r)
	require.ErrorAs(t, err, &material)
	for _, e := range []dose.CollapsedCone{{Directions: 5}, {Directions: 1e6}, {SectorDeg: -1}, {SectorDeg: math.NaN()}, {SectorDeg: 90}} {
		_, err := e.Compute(context.Background(), good)
		require.ErrorIs(t, err, dose.ErrRequest)
	}
}
