package heterogeneity_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/heterogeneity"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/spatial/r3"
)

func grid(t testing.TB, spacing float64, size ...int) geometry.Grid {
	var n [3]int
	copy(n[:], size)
	origin := r3.Vec{X: -spacing * float64(n[0]-1) / 2, Y: -spacing * float64(n[1]-1) / 2, Z: -spacing * float64(n[2]-1) / 2}
	g, err := geometry.NewGrid(origin, [3]float64{spacing, spacing, spacing}, n, geometry.IdentityAxes)
	require.NoError(t, err)
	return g
}

func uniform(g geometry.Grid, value float32) *geometry.Volume {
	v := geometry.NewVolume(g)
	for i := range v.Data {
		v.Data[i] = value
	}
	return v
}

// box is a mask of the voxels low ≤ index < high with one fraction.
func box(g geometry.Grid, low, high [3]int, fraction float32) *geometry.Mask {
	m := &geometry.Mask{Grid: g, Box: geometry.Box{Low: low, High: high}}
	m.Fraction = make([]float32, (high[0]-low[0])*(high[1]-low[1])*(high[2]-low[2]))
	for i := range m.Fraction {
		m.Fraction[i] = fraction
	}
	return m
}

func apply(t *testing.T, ct *geometry.Volume, o heterogeneity.Options) *heterogeneity.Tissue {
	tissue, err := heterogeneity.DefaultCalibration.ApplyWith(ct, o)
	require.NoError(t, err)
	return tissue
}

func TestApplyPutsTheCurveOnEachVoxel(t *testing.T) {
	g := grid(t, 2, 40, 30, 20)
	ct := geometry.NewVolume(g)
	r := rand.New(rand.NewPCG(1, 1))
	for i := range ct.Data {
		ct.Data[i] = float32(r.Float64()*4095 - 1024)
		if i%2 == 0 { // scanners give whole numbers
			ct.Data[i] = float32(math.Round(float64(ct.Data[i])))
		}
	}
	for _, c := range heterogeneity.Calibrations() {
		var first *heterogeneity.Tissue
		for _, threads := range []int{1, 2, 5} {
			tissue, err := c.ApplyWith(ct, heterogeneity.Options{Threads: threads})
			require.NoError(t, err)
			if first == nil {
				first = tissue
			}
			require.Equal(t, first, tissue, "%d goroutines", threads)
		}
		for i, hu := range ct.Data {
			density, electronDensity, material := c.At(float64(hu))
			require.Equal(t, float32(density), first.Density.Data[i])
			require.Equal(t, float32(electronDensity), first.ElectronDensity.Data[i])
			require.Equal(t, material, int(first.Material[i]))
		}
		require.Equal(t, c.Name(), first.Calibration)
	}
}

func TestApplyCountsWhatTheCurveDoesNotReach(t *testing.T) {
	g := grid(t, 1, 10, 10, 10)
	ct := geometry.NewVolume(g)
	ct.Data[5], ct.Data[500], ct.Data[999] = 8000, 9000, -2000
	tissue := apply(t, ct, heterogeneity.Options{})
	require.Equal(t, []string{
		`CT: 1 voxels (0.1 %) are below -1024 HU, where calibration "generic" ends, and are taken as if there`,
		`CT: 2 voxels (0.2 %) are above 3071 HU, where calibration "generic" ends, and are taken as if there`,
	}, tissue.Warnings)
	require.Equal(t, tissue.Density.Data[5], tissue.Density.Data[500])
	require.InDelta(t, 2.835, tissue.Density.Data[5], 0.001)
	require.Empty(t, apply(t, geometry.NewVolume(g), heterogeneity.Options{}).Warnings)
	// What the body mask turns to air does not count.
	ct.Data[5], ct.Data[500] = 0, 0
	require.Empty(t, apply(t, ct, heterogeneity.Options{Body: box(g, [3]int{0, 0, 0}, [3]int{9, 10, 10}, 1)}).Warnings)
}

func TestApplyMakesAirOutsideTheBody(t *testing.T) {
	g := grid(t, 1, 10, 10, 10)
	ct := uniform(g, 41) // muscle all over
	o := heterogeneity.Options{
		Body: box(g, [3]int{2, 0, 0}, [3]int{8, 10, 10}, 1),
		Keep: []*geometry.Mask{box(g, [3]int{0, 0, 0}, [3]int{1, 10, 10}, 1)},
	}
	tissue := apply(t, ct, o)
	require.Same(t, o.Body, tissue.Body)
	for i, want := range []float64{1.05, 0.0012, 1.05, 1.05, 1.05, 1.05, 1.05, 1.05, 0.0012, 0.0012} {
		require.InDelta(t, want, tissue.Density.At(i, 5, 5), 1e-5, "voxel %d", i)
		material := tissue.Materials[tissue.Material[g.Offset(i, 5, 5)]]
		require.Equal(t, map[bool]string{true: "muscle_skeletal_icru44", false: "air_dry"}[want > 1], material)
	}
	o.Body = box(g, [3]int{2, 0, 0}, [3]int{8, 10, 10}, 0.4)
	require.InDelta(t, 0.0012, apply(t, ct, o).Density.At(5, 5, 5), 1e-5, "less than half inside")
}

func TestOverridesReplaceTheCT(t *testing.T) {
	g := grid(t, 1, 10, 10, 10)
	all := box(g, [3]int{}, [3]int{10, 10, 10}, 1)
	for _, c := range []struct {
		name                     string
		override                 heterogeneity.Override
		density, electronDensity float64
		material                 string
	}{
		{"water by electrons", heterogeneity.Override{RelativeElectronDensity: 1}, 1, 1, "water_liquid"},
		{"water by mass", heterogeneity.Override{MassDensity: 1}, 1, 1, "water_liquid"},
		{"both given", heterogeneity.Override{MassDensity: 1.06, RelativeElectronDensity: 1.2}, 1.06, 1.2, "muscle_skeletal_icru44"},
		{"bone by mass", heterogeneity.Override{MassDensity: 1.92}, 1.92, 1.780638, "bone_cortical_icru44"},
		{"lung by electrons", heterogeneity.Override{RelativeElectronDensity: 0.25784536}, 0.26, 0.257845, "lung_icru44"},
		{"denser than the curve", heterogeneity.Override{MassDensity: 4}, 4, 4 * 0.51479 / 0.55508, "bone_cortical_icru44"},
		{"named material", heterogeneity.Override{MassDensity: 4.54, Material: "titanium"}, 4.54, 4.54 * 0.45961 / 0.55508, "titanium"},
		{"named material by electrons", heterogeneity.Override{RelativeElectronDensity: 1.15632, Material: "pmma"}, 1.19, 1.15632, "pmma"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.override.Mask = all
			tissue := apply(t, uniform(g, 300), heterogeneity.Options{Overrides: []heterogeneity.Override{c.override}})
			require.InDelta(t, c.density, tissue.Density.Data[7], 2e-5)
			require.InDelta(t, c.electronDensity, tissue.ElectronDensity.Data[7], 2e-5)
			require.Equal(t, c.material, tissue.Materials[tissue.Material[7]])
		})
	}
	// Partly inside: mixed by volume. The later override wins.
	tissue := apply(t, uniform(g, 0), heterogeneity.Options{Overrides: []heterogeneity.Override{
		{Mask: box(g, [3]int{}, [3]int{10, 10, 10}, 0.25), MassDensity: 3},
		{Mask: box(g, [3]int{}, [3]int{5, 10, 10}, 1), MassDensity: 0.5},
	}})
	require.InDelta(t, 0.5, tissue.Density.At(4, 0, 0), 1e-6)
	require.InDelta(t, 0.75+0.25*3, tissue.Density.At(5, 0, 0), 1e-6)
	// Overrides reach outside the body: bolus, couch.
	tissue = apply(t, uniform(g, 0), heterogeneity.Options{
		Body:      box(g, [3]int{}, [3]int{5, 10, 10}, 1),
		Overrides: []heterogeneity.Override{{Mask: box(g, [3]int{5, 0, 0}, [3]int{6, 10, 10}, 1), MassDensity: 1}},
	})
	require.Equal(t, float32(1), tissue.Density.At(5, 0, 0))
}

// Schneider's curve falls at 101 HU: the lowest CT number with a density is
// taken, and the densities agree with the curve there.
func TestOverrideOnAFallingCurve(t *testing.T) {
	g := grid(t, 1, 2, 2, 2)
	for _, density := range []float64{0.5, 1.05, 1.1, 1.12, 1.3, 2.5, 4.54} {
		tissue, err := heterogeneity.SchneiderCalibration.ApplyWith(uniform(g, 0), heterogeneity.Options{
			Overrides: []heterogeneity.Override{{Mask: box(g, [3]int{}, [3]int{2, 2, 2}, 1), MassDensity: density}},
		})
		require.NoError(t, err)
		require.InDelta(t, density, tissue.Density.Data[0], 1e-6)
		m := material(t, tissue.Materials[tissue.Material[0]])
		require.InEpsilon(t, m.ElectronDensityOf(density), tissue.ElectronDensity.Data[0], 1e-6)
	}
}

func TestApplyRefusesWhatItCannotUse(t *testing.T) {
	g := grid(t, 1, 4, 4, 4)
	ct := uniform(g, 0)
	all := box(g, [3]int{}, [3]int{4, 4, 4}, 1)
	bad := uniform(g, 0)
	bad.Data[1+4*(2+4*3)] = float32(math.NaN())
	_, err := heterogeneity.DefaultCalibration.ApplyWith(bad, heterogeneity.Options{})
	require.ErrorIs(t, err, heterogeneity.ErrCT)
	require.ErrorContains(t, err, "(1, 2, 3)")
	_, err = heterogeneity.DefaultCalibration.ApplyWith(nil, heterogeneity.Options{})
	require.ErrorIs(t, err, heterogeneity.ErrCT)
	long, short, wide := *all, *all, *all
	long.Fraction = make([]float32, 65)
	short.Box.High[0] = 3
	wide.Box.High[0] = 5
	half := box(g, [3]int{}, [3]int{4, 4, 4}, 1.5)
	for name, m := range map[string]*geometry.Mask{
		"other grid": box(grid(t, 2, 4, 4, 4), [3]int{}, [3]int{4, 4, 4}, 1),
		"too long":   &long, "too short": &short, "too wide": &wide, "beyond 1": half,
	} {
		_, err = heterogeneity.DefaultCalibration.ApplyWith(ct, heterogeneity.Options{Body: m})
		require.ErrorIs(t, err, heterogeneity.ErrCT, name)
		_, err = heterogeneity.DefaultCalibration.ApplyWith(ct, heterogeneity.Options{Overrides: []heterogeneity.Override{{Mask: m, MassDensity: 1}}})
		require.ErrorIs(t, err, heterogeneity.ErrCT, name)
	}
	for name, o := range map[string]heterogeneity.Override{
		"no mask":          {MassDensity: 1},
		"no density":       {Mask: all},
		"negative":         {Mask: all, MassDensity: -1},
		"NaN":              {Mask: all, RelativeElectronDensity: math.NaN()},
		"infinite":         {Mask: all, MassDensity: math.Inf(1)},
		"unknown material": {Mask: all, MassDensity: 1, Material: "cheese"},
	} {
		_, err = heterogeneity.DefaultCalibration.ApplyWith(ct, heterogeneity.Options{Overrides: []heterogeneity.Override{o}})
		require.ErrorIs(t, err, heterogeneity.ErrCT, name)
	}
}
