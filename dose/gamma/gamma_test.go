package gamma

import (
	"context"
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/spatial/r3"
	"pgregory.net/rapid"

	"github.com/kerma-rt/kerma/geometry"
)

func newGrid(t require.TestingT, origin r3.Vec, spacing [3]float64, size [3]int, axes [3]r3.Vec) geometry.Grid {
	g, err := geometry.NewGrid(origin, spacing, size, axes)
	require.NoError(t, err)
	return g
}

func filled(g geometry.Grid, dose func(r3.Vec) float64) *geometry.Volume {
	v := geometry.NewVolume(g)
	size := g.Size()
	for i := range v.Data {
		v.Data[i] = float32(dose(g.Point(float64(i%size[0]), float64(i/size[0]%size[1]), float64(i/size[0]/size[1]))))
	}
	return v
}

var threePercent = Criteria{DosePercent: 3, Distance: 3, CutoffPercent: 10}

func same(t *testing.T, want, got []float32, tolerance float64, what string) {
	t.Helper()
	require.Len(t, got, len(want))
	for i := range want {
		if math.IsNaN(float64(want[i])) != math.IsNaN(float64(got[i])) || math.Abs(float64(want[i]-got[i])) > tolerance {
			require.Failf(t, what, "voxel %d: γ %g, want %g", i, got[i], want[i])
		}
	}
}

func TestGoroutinesDoNotChangeABit(t *testing.T) {
	reference, evaluated := crossingPair(t, [3]int{40, 36, 20})
	for _, c := range []Criteria{threePercent, {DosePercent: 2, Distance: 2, Local: true}, {DosePercent: 1, Distance: 1, Subset: 500, Seed: 7}} {
		c.Threads = 1
		want, err := Compute(t.Context(), reference, evaluated, c)
		require.NoError(t, err)
		for _, threads := range []int{2, 5} {
			c.Threads = threads
			got, err := Compute(t.Context(), reference, evaluated, c)
			require.NoError(t, err)
			same(t, want.Gamma.Data, got.Gamma.Data, 0, "goroutines")
			got.Gamma, got.Threads = want.Gamma, want.Threads
			assert.Equal(t, want, got)
		}
	}
}

// Rows of points that lie at another place in their cells each must not be
// searched for by what another goroutine saw first.
func TestGoroutinesDoNotChangeABitOnDifferingGrids(t *testing.T) {
	_, evaluated := crossingPair(t, [3]int{40, 36, 20})
	for _, spacing := range [][3]float64{{2.5, 2.5, 2.5}, {2.5, 2.1, 3}, {2, 2.5, 2.5}} {
		reference := filled(newGrid(t, r3.Vec{X: -40.1, Y: -30.2, Z: -20.3}, spacing, [3]int{30, 25, 12}, geometry.IdentityAxes), crossing)
		c := Criteria{DosePercent: 2, Distance: 2, Threads: 1}
		want, err := Compute(t.Context(), reference, evaluated, c)
		require.NoError(t, err)
		for _, threads := range []int{2, 7} {
			c.Threads = threads
			got, err := Compute(t.Context(), reference, evaluated, c)
			require.NoError(t, err)
			same(t, want.Gamma.Data, got.Gamma.Data, 0, "goroutines")
		}
	}
}

func TestEveryVoxelIsCountedOnce(t *testing.T) {
	reference, evaluated := crossingPair(t, [3]int{40, 36, 20})
	reference.Data[5] = notANumber
	for i := range evaluated.Data[:40*36*6] {
		evaluated.Data[i] = notANumber
	}
	for _, c := range []Criteria{threePercent, {DosePercent: 3, Distance: 3, CutoffPercent: 10, Subset: 3000}, {DosePercent: 3, Distance: 3, Local: true}} {
		r, err := Compute(t.Context(), reference, evaluated, c)
		require.NoError(t, err)
		assert.Equal(t, reference.Grid.Len(), r.Points+r.BelowCutoff+r.NoReference+r.NoCriterion+r.NotDrawn+r.NoData)
		assert.Equal(t, 1, r.NoReference)
		assert.Positive(t, r.NoData)
		finite, passed, sum, most := 0, 0, 0.0, 0.0
		for _, g := range r.Gamma.Data {
			if g != g {
				continue
			}
			finite++
			if g <= 1 {
				passed++
			}
			sum, most = sum+float64(g), math.Max(most, float64(g))
		}
		assert.Equal(t, finite, r.Points)
		assert.Equal(t, passed, r.Passed)
		assert.InDelta(t, 100*float64(passed)/float64(finite), r.PassRate, 1e-12)
		assert.InDelta(t, sum/float64(finite), r.Mean, 1e-6)
		assert.InDelta(t, most, r.Max, 1e-6)
	}
}

// turned is the same dose described along other index axes.
func turned(t *testing.T, v *geometry.Volume, axis [3]int, flip [3]bool) *geometry.Volume {
	t.Helper()
	g := v.Grid
	var spacing [3]float64
	var size, first [3]int
	var axes [3]r3.Vec
	for a, from := range axis {
		spacing[a], size[a], axes[a] = g.Spacing()[from], g.Size()[from], g.Axis(from)
		if flip[a] {
			first[from] = g.Size()[from] - 1
			axes[a] = r3.Scale(-1, axes[a])
		}
	}
	w := geometry.NewVolume(newGrid(t, g.Point(float64(first[0]), float64(first[1]), float64(first[2])), spacing, size, axes))
	for i := range w.Data {
		at := [3]int{i % size[0], i / size[0] % size[1], i / size[0] / size[1]}
		p := w.Grid.Point(float64(at[0]), float64(at[1]), float64(at[2]))
		q := g.Index(p)
		w.Data[i] = v.At(int(math.Round(q.X)), int(math.Round(q.Y)), int(math.Round(q.Z)))
	}
	return w
}

func TestAxesMayBeSwappedFlippedAndPadded(t *testing.T) {
	p := readPair(t, "testdata/pairs/edges_3d")
	want, err := Compute(t.Context(), p.reference, p.evaluation, threePercent)
	require.NoError(t, err)
	for _, c := range []struct {
		axis [3]int
		flip [3]bool
	}{
		{[3]int{1, 2, 0}, [3]bool{}},
		{[3]int{2, 0, 1}, [3]bool{}},
		{[3]int{0, 1, 2}, [3]bool{true, true, false}},
		{[3]int{1, 0, 2}, [3]bool{false, false, true}},
	} {
		got, err := Compute(t.Context(), p.reference, turned(t, p.evaluation, c.axis, c.flip), threePercent)
		require.NoError(t, err)
		same(t, want.Gamma.Data, got.Gamma.Data, 2e-6, "axes of the evaluated dose")
		got, err = Compute(t.Context(), turned(t, p.reference, c.axis, c.flip), p.evaluation, threePercent)
		require.NoError(t, err)
		assert.Equal(t, want.Passed, got.Passed)
		assert.InDelta(t, want.Mean, got.Mean, 1e-6)
	}

	g := p.evaluation.Grid
	size := g.Size()
	padded := geometry.NewVolume(newGrid(t, g.Point(-2, -1, -3), g.Spacing(), [3]int{size[0] + 5, size[1] + 2, size[2] + 4}, g.Axes()))
	for i := range padded.Data {
		padded.Data[i] = notANumber
	}
	for k := range size[2] {
		for j := range size[1] {
			for i := range size[0] {
				padded.Data[padded.Grid.Offset(i+2, j+1, k+3)] = p.evaluation.At(i, j, k)
			}
		}
	}
	got, err := Compute(t.Context(), p.reference, padded, threePercent)
	require.NoError(t, err)
	same(t, want.Gamma.Data, got.Gamma.Data, 2e-6, "padding")
}

// A linear dose is the same on any grid, so an oblique evaluated grid must
// give the closed form γ = |Δ0| / sqrt(ΔD² + |∇D|² Δd²).
func TestGridsMayBeOblique(t *testing.T) {
	sin, cos := math.Sincos(0.4)
	axes := [3]r3.Vec{{X: cos, Y: sin}, {X: -sin * cos, Y: cos * cos, Z: sin}, {X: sin * sin, Y: -sin * cos, Z: cos}}
	slope := r3.Vec{X: 0.5, Y: -0.25, Z: 0.125}
	dose := func(p r3.Vec) float64 { return 50 + r3.Dot(slope, p) }
	reference := filled(newGrid(t, r3.Vec{X: -8, Y: -9, Z: -10}, [3]float64{2, 3, 2.5}, [3]int{8, 7, 9}, geometry.IdentityAxes), dose)
	evaluated := filled(newGrid(t, r3.Vec{X: -20, Y: -35, Z: -33}, [3]float64{1.7, 2.1, 2.3}, [3]int{40, 35, 32}, axes), func(p r3.Vec) float64 { return 1.5 + dose(p) })
	for _, p := range []r3.Vec{reference.Grid.Point(-2, -2, -2), reference.Grid.Point(9, 8, 10)} {
		q := evaluated.Grid.Index(p)
		require.True(t, q.X > 0 && q.Y > 0 && q.Z > 0 && q.X < 39 && q.Y < 34 && q.Z < 31, "the test's grid covers the reference: %v", q)
	}
	r, err := Compute(t.Context(), reference, evaluated, Criteria{DosePercent: 2, Distance: 3, Normalisation: 50})
	require.NoError(t, err)
	want := 1.5 / math.Sqrt(1+9*r3.Norm2(slope))
	for i, g := range r.Gamma.Data {
		require.InDelta(t, want, g, 2e-5, "voxel %d", i)
	}
}

func TestGammaIsBelowEverySample(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := rapid.Float64Range(0.5, 2)
		size := [3]int{rapid.IntRange(1, 4).Draw(t, "nx"), rapid.IntRange(1, 4).Draw(t, "ny"), rapid.IntRange(1, 4).Draw(t, "nz")}
		spacing := [3]float64{draw.Draw(t, "hx"), draw.Draw(t, "hy"), draw.Draw(t, "hz")}
		evaluated := geometry.NewVolume(newGrid(t, r3.Vec{}, spacing, size, geometry.IdentityAxes))
		for i := range evaluated.Data {
			evaluated.Data[i] = rapid.Float32Range(0, 2).Draw(t, "dose")
			if rapid.IntRange(0, 30).Draw(t, "hole") == 0 {
				evaluated.Data[i] = notANumber
			}
		}
		at := r3.Vec{X: rapid.Float64Range(-1, 5).Draw(t, "x"), Y: rapid.Float64Range(-1, 5).Draw(t, "y"), Z: rapid.Float64Range(-1, 5).Draw(t, "z")}
		for a, c := range []*float64{&at.X, &at.Y, &at.Z} {
			if size[a] == 1 {
				*c = 0
			}
		}
		reference := geometry.NewVolume(newGrid(t, at, [3]float64{1, 1, 1}, [3]int{1, 1, 1}, geometry.IdentityAxes))
		reference.Data[0] = rapid.Float32Range(0.1, 2).Draw(t, "reference")
		c := Criteria{
			DosePercent:   rapid.Float64Range(1, 30).Draw(t, "percent"),
			Distance:      draw.Draw(t, "distance"),
			Normalisation: 1,
			MaxGamma:      rapid.Float64Range(1, 4).Draw(t, "maximum"),
		}
		least, slack := lattice(evaluated, at, float64(reference.Data[0]), c)
		r, err := Compute(context.Background(), reference, evaluated, c)
		if err != nil {
			require.ErrorIs(t, err, ErrNoPoints)
			require.Greater(t, least, c.MaxGamma*(1-1e-9))
			return
		}
		got := r.Mean
		if r.Unproven > 0 {
			t.Logf("not proven: γ %g, lattice %g", got, least)
			return
		}
		require.LessOrEqual(t, got, math.Min(least, c.MaxGamma)*(1+1e-7)+1e-7)
		require.GreaterOrEqual(t, got, math.Min(least-slack, c.MaxGamma)-1e-7)
	})
}

// lattice is the least γ on a lattice of 12 parts a cell, and how far above
// the true minimum it can lie: γ changes by no more than (1/Δd + slope/ΔD) a
// millimetre.
func lattice(v *geometry.Volume, at r3.Vec, dose float64, c Criteria) (least, slack float64) {
	const parts = 12
	size, spacing := v.Grid.Size(), v.Grid.Spacing()
	least = math.Inf(1)
	var n [3]int
	for a := range 3 {
		n[a] = (size[a]-1)*parts + 1
	}
	criterion := c.DosePercent / 100 * c.Normalisation
	for k := range n[2] {
		for j := range n[1] {
			for i := range n[0] {
				x, y, z := float64(i)/parts, float64(j)/parts, float64(k)/parts
				// A node on a face belongs to the cells on both sides.
				for side := range 8 {
					e, ok := interpolate(v, x-1e-7*float64(side&1), y-1e-7*float64(side>>1&1), z-1e-7*float64(side>>2))
					if ok {
						t := (e - dose) / criterion
						least = math.Min(least, math.Sqrt(r3.Norm2(r3.Sub(v.Grid.Point(x, y, z), at))/(c.Distance*c.Distance)+t*t))
					}
				}
			}
		}
	}
	for a := range 3 {
		if size[a] > 1 {
			slack += spacing[a] / (2 * parts) * (1/c.Distance + 2/spacing[a]/criterion)
		}
	}
	return least, slack
}

func TestStoppingOncePassedKeepsThePassRate(t *testing.T) {
	reference, evaluated := crossingPair(t, [3]int{40, 36, 20})
	c := Criteria{DosePercent: 1, Distance: 1, CutoffPercent: 10}
	full, err := Compute(t.Context(), reference, evaluated, c)
	require.NoError(t, err)
	c.StopOncePassed = true
	short, err := Compute(t.Context(), reference, evaluated, c)
	require.NoError(t, err)
	assert.Equal(t, full.Passed, short.Passed)
	assert.Equal(t, full.Points, short.Points)
	assert.Greater(t, short.Mean, full.Mean)
	for i, g := range full.Gamma.Data {
		if g > 1 {
			assert.Equal(t, g, short.Gamma.Data[i])
		}
	}
}

func TestFaultyInputIsATypedError(t *testing.T) {
	g := newGrid(t, r3.Vec{}, [3]float64{2, 2, 2}, [3]int{4, 4, 4}, geometry.IdentityAxes)
	one := filled(g, func(r3.Vec) float64 { return 1 })
	zero := geometry.NewVolume(g)
	infinite := filled(g, func(r3.Vec) float64 { return math.Inf(1) })
	nan := filled(g, func(r3.Vec) float64 { return math.NaN() })
	slice := filled(newGrid(t, r3.Vec{}, [3]float64{2, 2, 2}, [3]int{4, 4, 1}, geometry.IdentityAxes), func(r3.Vec) float64 { return 1 })
	apart := filled(newGrid(t, r3.Vec{Z: 1}, [3]float64{2, 2, 2}, [3]int{4, 4, 1}, geometry.IdentityAxes), func(r3.Vec) float64 { return 1 })
	far := filled(newGrid(t, r3.Vec{X: 100}, [3]float64{2, 2, 2}, [3]int{4, 4, 4}, geometry.IdentityAxes), func(r3.Vec) float64 { return 1 })
	for name, c := range map[string]struct {
		reference, evaluated *geometry.Volume
		criteria             Criteria
		want                 error
	}{
		"nil":                {nil, one, threePercent, ErrDose},
		"empty":              {one, &geometry.Volume{}, threePercent, ErrDose},
		"short":              {one, &geometry.Volume{Grid: g, Data: make([]float32, 3)}, threePercent, ErrDose},
		"zero reference":     {zero, one, threePercent, ErrDose},
		"reference of NaN":   {nan, one, threePercent, ErrDose},
		"evaluated of NaN":   {one, nan, threePercent, ErrNoPoints},
		"infinite reference": {infinite, one, threePercent, ErrDose},
		"infinite evaluated": {one, infinite, threePercent, ErrDose},
		"parallel planes":    {slice, apart, threePercent, ErrDose},
		"no data in reach":   {one, far, threePercent, ErrNoPoints},
		"all below cutoff":   {one, one, Criteria{DosePercent: 3, Distance: 3, CutoffPercent: 10, Normalisation: 20}, ErrNoPoints},
		"no criteria":        {one, one, Criteria{}, ErrCriteria},
		"NaN dose":           {one, one, Criteria{DosePercent: math.NaN(), Distance: 3}, ErrCriteria},
		"NaN distance":       {one, one, Criteria{DosePercent: 3, Distance: math.NaN()}, ErrCriteria},
		"infinite distance":  {one, one, Criteria{DosePercent: 3, Distance: math.Inf(1)}, ErrCriteria},
		"negative cutoff":    {one, one, Criteria{DosePercent: 3, Distance: 3, CutoffPercent: -1}, ErrCriteria},
		"NaN maximum":        {one, one, Criteria{DosePercent: 3, Distance: 3, MaxGamma: math.NaN()}, ErrCriteria},
		"negative normal":    {one, one, Criteria{DosePercent: 3, Distance: 3, Normalisation: -2}, ErrCriteria},
		"negative samples":   {one, one, Criteria{DosePercent: 3, Distance: 3, Samples: -2}, ErrCriteria},
		"too many samples":   {one, one, Criteria{DosePercent: 3, Distance: 3, Samples: 1000}, ErrCriteria},
		"equal doses":        {one, one, Criteria{DosePercent: 3, Distance: 3}, nil},
	} {
		r, err := Compute(t.Context(), c.reference, c.evaluated, c.criteria)
		if c.want == nil {
			require.NoError(t, err, name)
			assert.Equal(t, 100.0, r.PassRate, name)
			continue
		}
		assert.ErrorIs(t, err, c.want, name)
		assert.Nil(t, r, name)
	}
}

func TestCancelledSearchReturnsTheContextsError(t *testing.T) {
	reference, evaluated := crossingPair(t, [3]int{40, 36, 20})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Compute(ctx, reference, evaluated, threePercent)
	require.ErrorIs(t, err, context.Canceled)
}

func TestResultIsTheDocumentedJSON(t *testing.T) {
	reference, evaluated := crossingPair(t, [3]int{40, 36, 20})
	r, err := Compute(t.Context(), reference, evaluated, threePercent)
	require.NoError(t, err)
	data, err := json.Marshal(r)
	require.NoError(t, err)
	var got map[string]any
	require.NoError(t, json.Unmarshal(data, &got))
	for name, want := range map[string]any{
		"pass_rate": r.PassRate, "points": float64(r.Points), "mean": r.Mean, "max": r.Max,
		"dose_percent": 3.0, "distance_mm": 3.0, "cutoff_percent": 10.0, "local": false,
		"normalisation_gy": r.Normalisation,
	} {
		assert.Equal(t, want, got[name], name)
	}
	assert.InDelta(t, maximum(reference.Data), r.Normalisation, 0)
}
