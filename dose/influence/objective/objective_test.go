package objective

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/spatial/r3"
	"pgregory.net/rapid"

	"github.com/kerma-rt/kerma/geometry"
)

// row is a grid of n voxels in a row.
func row(t require.TestingT, n int) geometry.Grid {
	g, err := geometry.NewGrid(r3.Vec{}, [3]float64{10, 10, 10}, [3]int{n, 1, 1}, geometry.IdentityAxes)
	require.NoError(t, err)
	return g
}

// whole is all voxels of a grid.
func whole(t require.TestingT, g geometry.Grid) *Region {
	voxels := make([]int, g.Len())
	for i := range voxels {
		voxels[i] = i
	}
	r, err := NewRegion(g, voxels)
	require.NoError(t, err)
	return r
}

// parts is a region of voxels 0, 1, … of which these parts lie inside.
func parts(g geometry.Grid, part []float64) *Region {
	r := &Region{grid: g}
	for i, p := range part {
		if p > 0 {
			r.add(int32(i), p)
		}
	}
	return r
}

func volume(g geometry.Grid, data ...float64) *geometry.Volume {
	v := geometry.NewVolume(g)
	for i, x := range data {
		v.Data[i] = float32(x)
	}
	return v
}

func evaluate(t require.TestingT, o Objective, dose *geometry.Volume) (float64, []float32) {
	gradient := geometry.NewVolume(dose.Grid)
	value, err := o.Evaluate(dose, gradient)
	require.NoError(t, err)
	alone, err := o.Evaluate(dose, nil)
	require.NoError(t, err)
	require.Equal(t, value, alone, "without a gradient")
	return value, gradient.Data
}

// Reference: pyRadPlan 0.5.0, see testdata/SOURCE.md.
func TestObjectivesOfThePeer(t *testing.T) {
	text, err := os.ReadFile("testdata/pyradplan.json")
	require.NoError(t, err)
	var file struct {
		Dose       []float64 `json:"dose_gy"`
		Objectives []struct {
			Name       string
			Parameters map[string]any
			Value      float64
			Gradient   []float64
		}
	}
	require.NoError(t, json.Unmarshal(text, &file))
	g := row(t, len(file.Dose))
	r := whole(t, g)
	for _, c := range file.Objectives {
		p := func(name string) float64 { return c.Parameters[name].(float64) }
		var o Objective
		switch c.Name {
		case "SquaredDeviation":
			o = SquaredDeviation{r, Uniform(p("d_ref")), 3}
		case "SquaredOverdosing":
			o = SquaredOverdosing{r, Uniform(p("d_max")), 3}
		case "SquaredUnderdosing":
			o = SquaredUnderdosing{r, Uniform(p("d_min")), 3}
		case "MeanDose":
			o = MeanDose{r, p("d_ref"), c.Parameters["f_diff"] == "quadratic", 3}
		case "EUD":
			o = EUD{r, p("eud_ref"), 1 / p("k"), 3}
		case "MaxDVH":
			o = MaxDVH{r, p("d"), p("v_max"), 3}
		case "MinDVH":
			o = MinDVH{r, p("d"), p("v_min"), 3}
		}
		value, gradient := evaluate(t, o, volume(g, file.Dose...))
		assert.InEpsilon(t, 3*c.Value, value, 1e-6, c.Name)
		for i, want := range c.Gradient {
			assert.InDelta(t, 3*want, float64(gradient[i]), 1e-6*math.Abs(want)+1e-6, "%s, voxel %d of %v Gy", c.Name, i, file.Dose[i])
		}
	}
}

// all are one objective of each kind for a region, with parameters drawn.
func all(t *rapid.T, g geometry.Grid, r *Region, penalty float64) map[string]Objective {
	gy := func(name string) float64 { return rapid.Float64Range(0, 80).Draw(t, name) }
	percent := rapid.Float64Range(0, 100).Draw(t, "volume %")
	painted := geometry.NewVolume(g)
	for i := range painted.Data {
		painted.Data[i] = float32(rapid.Float64Range(0.1, 80).Draw(t, "prescription"))
	}
	dose, reference := Uniform(gy("d_ref")), gy("reference")
	exponent := rapid.SampledFrom([]float64{-20, -1, 0.5, 1, 2, 3.5, 12, 100}).Draw(t, "a")
	return map[string]Objective{
		"deviation":         SquaredDeviation{r, dose, penalty},
		"over":              SquaredOverdosing{r, dose, penalty},
		"under":             SquaredUnderdosing{r, dose, penalty},
		"painted deviation": SquaredDeviation{r, Voxelwise(painted), penalty},
		"painted over":      SquaredOverdosing{r, Voxelwise(painted), penalty},
		"painted under":     SquaredUnderdosing{r, Voxelwise(painted), penalty},
		"max DVH":           MaxDVH{r, reference, percent, penalty},
		"min DVH":           MinDVH{r, reference, percent, penalty},
		"EUD":               EUD{r, reference, exponent, penalty},
		"mean":              MeanDose{r, 0, false, penalty},
		"mean squared":      MeanDose{r, reference, true, penalty},
	}
}

func TestGradientIsTheDifferenceQuotient(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 12).Draw(t, "voxels")
		g := row(t, n)
		part := rapid.SliceOfN(rapid.Float64Range(0.05, 1), n, n).Draw(t, "parts")
		r := parts(g, part)
		// Doses a thousandth of a gray apart, so that small changes do not change
		// their order.
		levels := rapid.SliceOfNDistinct(rapid.IntRange(1000, 80_000), n, n, rapid.ID[int]).Draw(t, "mGy")
		dose := geometry.NewVolume(g)
		for i, l := range levels {
			dose.Data[i] = float32(l) / 1000
		}
		penalty := rapid.Float64Range(0, 1000).Draw(t, "penalty")
		for name, o := range all(t, g, r, penalty) {
			_, gradient := evaluate(t, o, dose)
			for i := range dose.Data {
				at := dose.Data[i]
				const h = 1.0 / 4096 // Gy; a sum with a dose is exact to 2⁻¹⁸
				dose.Data[i] = at + h
				up, _ := evaluate(t, o, dose)
				upper := dose.Data[i]
				dose.Data[i] = at - h
				down, _ := evaluate(t, o, dose)
				quotient := (up - down) / float64(upper-dose.Data[i])
				dose.Data[i] = at
				// At a kink of the derivative the quotient is off by half its step, 2 penalty · v/V · h.
				tolerance := 1e-3*math.Abs(quotient) + penalty*h + 1e-9
				require.InDelta(t, quotient, float64(gradient[i]), tolerance, "%s, voxel %d", name, i)
			}
		}
	})
}

// Voxels with parts inside count as if each were split into that many equal whole ones.
func TestPartsCountAsVolume(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(t, "voxels")
		g := row(t, n)
		count := rapid.SliceOfN(rapid.IntRange(1, 8), n, n).Draw(t, "eighths")
		doses := rapid.SliceOfN(rapid.Float64Range(0.1, 80), n, n).Draw(t, "Gy")
		var part, split []float64
		for i, c := range count {
			part = append(part, float64(c)/8)
			for range c {
				split = append(split, doses[i])
			}
		}
		fine := row(t, len(split))
		reference := rapid.Float64Range(0, 80).Draw(t, "d_ref")
		percent := rapid.Float64Range(0, 100).Draw(t, "volume %")
		for name, make := range map[string]func(r *Region) Objective{
			"deviation": func(r *Region) Objective { return SquaredDeviation{r, Uniform(reference), 1} },
			"max DVH":   func(r *Region) Objective { return MaxDVH{r, reference, percent, 1} },
			"min DVH":   func(r *Region) Objective { return MinDVH{r, reference, percent, 1} },
			"EUD":       func(r *Region) Objective { return EUD{r, 0, 3.5, 1} },
			"mean":      func(r *Region) Objective { return MeanDose{Region: r, Penalty: 1} },
		} {
			coarse, _ := evaluate(t, make(parts(g, part)), volume(g, doses...))
			whole, _ := evaluate(t, make(whole(t, fine)), volume(fine, split...))
			require.InDelta(t, whole, coarse, 1e-6*whole+1e-6, name)
		}
	})
}

// The definition, with the doses sorted: the integral of the squared excess over
// the volume between V_max and V.
func TestDVHObjectivesOfSortedDoses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 40).Draw(t, "voxels")
		g := row(t, n)
		part := rapid.SliceOfN(rapid.Float64Range(0.05, 1), n, n).Draw(t, "parts")
		doses := rapid.SliceOfN(rapid.Float32Range(0, 80), n, n).Draw(t, "Gy")
		for i := range doses {
			if rapid.Bool().Draw(t, "rounded") { // some equal
				doses[i] = float32(math.Round(float64(doses[i]) / 10 * 10))
			}
		}
		r := parts(g, part)
		reference := rapid.Float64Range(0, 80).Draw(t, "d_ref")
		percent := rapid.SampledFrom([]float64{0, 5, 33, 50, 95, 100}).Draw(t, "volume %")
		order := make([]int, n)
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(a, b int) int { return int(math.Copysign(1, float64(doses[b]-doses[a]))) })
		filled, limit := 0.0, percent/100*r.volume
		over, under := 0.0, 0.0
		for _, i := range order {
			beyond := min(max(filled+part[i]-limit, 0), part[i])
			filled += part[i]
			diff := float64(doses[i]) - reference
			over += beyond * max(diff, 0) * max(diff, 0)
			under += (part[i] - beyond) * min(diff, 0) * min(diff, 0)
		}
		dose := &geometry.Volume{Grid: g, Data: doses}
		got, _ := evaluate(t, MaxDVH{r, reference, percent, 1}, dose)
		require.InDelta(t, over/r.volume, got, 1e-9*over+1e-9, "at most")
		got, _ = evaluate(t, MinDVH{r, reference, percent, 1}, dose)
		require.InDelta(t, under/r.volume, got, 1e-9*under+1e-9, "at least")
	})
}

func TestDVHObjectivesOfAllOrNothingAreTheSquaredOnes(t *testing.T) {
	g := row(t, 5)
	r := whole(t, g)
	dose := volume(g, 10, 40, 30, 0, 25)
	over, _ := evaluate(t, SquaredOverdosing{r, Uniform(20), 1}, dose)
	under, _ := evaluate(t, SquaredUnderdosing{r, Uniform(20), 1}, dose)
	for _, c := range []struct {
		name string
		o    Objective
		want float64
	}{
		{"none above", MaxDVH{r, 20, 0, 1}, over},
		{"all may be above", MaxDVH{r, 20, 100, 1}, 0},
		{"all above", MinDVH{r, 20, 100, 1}, under},
		{"none need be above", MinDVH{r, 20, 0, 1}, 0},
	} {
		got, _ := evaluate(t, c.o, dose)
		assert.InDelta(t, c.want, got, 1e-12, c.name)
	}
}

func TestEUDInItsLimits(t *testing.T) {
	g := row(t, 4)
	r := whole(t, g)
	dose := volume(g, 10, 20, 30, 60)
	for _, c := range []struct {
		a, want, within float64
		what            string
	}{
		{1, 30, 1e-9, "mean"},
		{2, math.Sqrt((100 + 400 + 900 + 3600) / 4.0), 1e-6, "root mean square"},
		{-1, 4 / (1/10.0 + 1/20.0 + 1/30.0 + 1/60.0), 1e-6, "harmonic mean"},
		{0.01, math.Pow(10*20*30*60, 0.25), 0.1, "geometric mean, nearly"},
		{1000, 60, 0.1, "maximum, nearly"},
		{-1000, 10, 0.02, "minimum, nearly"},
	} {
		value, _ := evaluate(t, EUD{r, 0, c.a, 1}, dose)
		assert.InDelta(t, c.want, math.Sqrt(value), c.within, "a = %v: %s", c.a, c.what)
	}
	value, gradient := evaluate(t, EUD{r, 50, -20, 1}, volume(g, 0, 0, 0, 0))
	assert.InDelta(t, 2500, value, 0.01, "no dose at all")
	for _, x := range gradient {
		assert.InDelta(t, -25, x, 0.01, "pull of one of four equal voxels")
	}
}

func TestUniformIsThePaintingOfOneColour(t *testing.T) {
	g := row(t, 6)
	r := parts(g, []float64{1, 0.5, 0, 1, 0.25, 1})
	dose := volume(g, 3, 70, 20, 50, 41, 60)
	same := volume(g, 50, 50, math.NaN(), 50, 50, 50) // outside the region it does not matter
	for _, make := range []func(p Prescription) Objective{
		func(p Prescription) Objective { return SquaredDeviation{r, p, 2} },
		func(p Prescription) Objective { return SquaredOverdosing{r, p, 2} },
		func(p Prescription) Objective { return SquaredUnderdosing{r, p, 2} },
	} {
		want, wantGradient := evaluate(t, make(Uniform(50)), dose)
		got, gradient := evaluate(t, make(Voxelwise(same)), dose)
		assert.Equal(t, want, got)
		assert.Equal(t, wantGradient, gradient)
	}
}

// many is a region of several blocks, with doses and a prescription.
func many(t testing.TB) (r *Region, dose, painted *geometry.Volume) {
	g := row(t, 2*block+17)
	random := rand.New(rand.NewPCG(1, 2))
	part := make([]float64, g.Len())
	dose, painted = geometry.NewVolume(g), geometry.NewVolume(g)
	for i := range part {
		part[i] = random.Float64()
		dose.Data[i], painted.Data[i] = 70*random.Float32(), 70*random.Float32()+1
	}
	return parts(g, part), dose, painted
}

func TestSameBitsForAnyNumberOfGoroutines(t *testing.T) {
	r, dose, painted := many(t)
	for _, o := range []Objective{
		SquaredDeviation{r, Voxelwise(painted), 1}, MaxDVH{r, 30, 20, 1}, MinDVH{r, 50, 95, 1}, EUD{r, 0, 3.5, 1}, MeanDose{r, 0, false, 1},
	} {
		value, gradient := evaluate(t, o, dose)
		for _, threads := range []int{1, 3} {
			before := runtime.GOMAXPROCS(threads)
			v, g := evaluate(t, o, dose)
			runtime.GOMAXPROCS(before)
			require.Equal(t, value, v, "%T, %d goroutines", o, threads)
			require.Equal(t, gradient, g, "%T, %d goroutines", o, threads)
		}
	}
}

func TestMemoryDoesNotGrowWithTheRegion(t *testing.T) {
	if testing.Short() {
		t.Skip("counts what the race detector allocates too")
	}
	r, dose, painted := many(t)
	gradient := geometry.NewVolume(dose.Grid)
	for _, o := range []Objective{
		SquaredDeviation{r, Voxelwise(painted), 1}, MaxDVH{r, 30, 20, 1}, MinDVH{r, 50, 95, 1}, EUD{r, 0, 2, 1}, MeanDose{r, 0, false, 1},
	} {
		const runs = 10
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range runs {
			_, err := o.Evaluate(dose, gradient)
			require.NoError(t, err)
		}
		runtime.ReadMemStats(&after)
		assert.Less(t, (after.TotalAlloc-before.TotalAlloc)/runs, uint64(8192), "%T of %d voxels: bytes each time", o, r.Len())
	}
}

func TestObjectivesWithoutAValueAreRefused(t *testing.T) {
	g := row(t, 4)
	r := whole(t, g)
	fine := volume(g, 1, 2, 3, 4)
	nan := volume(g, 1, 2, math.NaN(), 4)
	other := geometry.NewVolume(row(t, 5))
	short := &geometry.Volume{Grid: g, Data: make([]float32, 3)}
	for _, c := range []struct {
		name           string
		o              Objective
		dose, gradient *geometry.Volume
	}{
		{"no region", SquaredDeviation{Penalty: 1}, fine, nil},
		{"empty region", MeanDose{Region: &Region{}}, fine, nil},
		{"negative penalty", SquaredOverdosing{r, Uniform(1), -1}, fine, nil},
		{"penalty that is no number", EUD{r, 1, 1, math.NaN()}, fine, nil},
		{"infinite penalty", MeanDose{r, 0, false, math.Inf(1)}, fine, nil},
		{"no dose", MeanDose{Region: r}, nil, nil},
		{"gradient but no dose", MeanDose{Region: r}, nil, fine},
		{"dose on another grid", MeanDose{Region: r}, other, nil},
		{"gradient on another grid", MeanDose{Region: r}, fine, other},
		{"dose too short", MaxDVH{r, 1, 1, 1}, short, nil},
		{"gradient too short", MaxDVH{r, 1, 1, 1}, fine, short},
		{"prescription on another grid", SquaredUnderdosing{r, Voxelwise(other), 1}, fine, nil},
		{"prescription too short", SquaredUnderdosing{r, Voxelwise(short), 1}, fine, nil},
		{"prescription with a hole", SquaredDeviation{r, Voxelwise(nan), 1}, fine, nil},
		{"prescription with a hole, one-sided", SquaredUnderdosing{r, Voxelwise(nan), 1}, fine, nil},
		{"prescription that does not reach the region", SquaredUnderdosing{r, Voxelwise(volume(g, 50, 50, 50, 0)), 1}, fine, nil},
		{"negative prescription of a voxel", SquaredOverdosing{r, Voxelwise(volume(g, 50, 50, 50, -1)), 1}, fine, nil},
		{"negative prescription", SquaredDeviation{r, Uniform(-1), 1}, fine, nil},
		{"negative level", MaxDVH{r, -1, 50, 1}, fine, nil},
		{"volume above all", MinDVH{r, 1, 101, 1}, fine, nil},
		{"volume that is no number", MaxDVH{r, 1, math.NaN(), 1}, fine, nil},
		{"exponent of 0", EUD{r, 1, 0, 1}, fine, nil},
		{"exponent beyond sense", EUD{r, 1, 1e9, 1}, fine, nil},
		{"exponent that is no number", EUD{r, 1, math.NaN(), 1}, fine, nil},
		{"reference that is no number", MeanDose{r, math.NaN(), false, 1}, fine, nil},
		{"deviation of a dose that is no number", SquaredDeviation{r, Uniform(1), 1}, nan, nil},
		{"overdose of a dose that is no number", SquaredOverdosing{r, Uniform(1), 1}, nan, nil},
		{"max DVH of a dose that is no number", MaxDVH{r, 1, 30, 1}, nan, nil},
		{"min DVH of a dose that is no number", MinDVH{r, 1, 70, 1}, nan, nil},
		{"EUD of a dose that is no number", EUD{r, 1, 2, 1}, nan, nil},
		{"mean of a dose that is no number", MeanDose{r, 0, false, 1}, nan, nil},
	} {
		_, err := c.o.Evaluate(c.dose, c.gradient)
		assert.ErrorIs(t, err, ErrObjective, c.name)
	}
	for _, voxels := range [][]int{{-1}, {4}, {1, 2, 1}} {
		_, err := NewRegion(g, voxels)
		assert.ErrorIs(t, err, ErrObjective, "region of %v", voxels)
	}
}
