package heterogeneity_test

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/kerma-rt/kerma/heterogeneity"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func material(t *testing.T, name string) heterogeneity.Material {
	m, ok := heterogeneity.MaterialNamed(name)
	require.True(t, ok, name)
	return m
}

// 6.02214076e23 electrons a mole: water has 3.3428e23 per g.
func TestElectronsPerGramOfWater(t *testing.T) {
	require.InEpsilon(t, 3.3428e23, 6.02214076e23*material(t, "water_liquid").ZOverA, 0.0005)
}

func TestElectronDensityOfICRU44Tissues(t *testing.T) {
	require.InEpsilon(t, 1.7806, material(t, "bone_cortical_icru44").ElectronDensityOf(1.92), 0.001)
	require.InEpsilon(t, 0.2578, material(t, "lung_inflated_icru44").ElectronDensityOf(0.26), 0.001)
	require.Equal(t, 1.0, material(t, "water_liquid").ElectronDensityOf(1))
}

// Standard atomic weights (CIAAW 2021), to recompute Z/A from the elements.
var atomicWeight = map[int]float64{1: 1.008, 6: 12.011, 7: 14.007, 8: 15.999, 11: 22.98977, 12: 24.305, 13: 26.98154,
	15: 30.97376, 16: 32.06, 17: 35.45, 18: 39.95, 19: 39.0983, 20: 40.078, 22: 47.867, 26: 55.845}

func TestMaterialsAreWholeAndHaveTheirZOverA(t *testing.T) {
	require.Len(t, heterogeneity.Materials(), 15+24)
	for _, m := range heterogeneity.Materials() {
		sum, electrons := 0.0, 0.0
		for _, e := range m.Elements {
			sum += e.MassFraction
			electrons += e.MassFraction * float64(e.Z) / atomicWeight[e.Z]
		}
		require.InDelta(t, 1, sum, 0.002, m.Name)
		require.InEpsilon(t, m.ZOverA, electrons, 5e-4, m.Name)
	}
}

func TestSchneider2000Density(t *testing.T) {
	c := heterogeneity.SchneiderCalibration
	for hu, want := range map[float64]float64{0: 1.018, 500: 1.313, 1500: 1.905, -1000: 0.00121, -98.001: 0.930486, -98: 0.930486,
		14.999: 1.0314, 15: 1.03, 100.999: 1.12107, 101: 1.076792, 2000: 2.201, 2994.999: 2.6985, 2995: 4.54, 5000: 4.54} {
		density, _, _ := c.At(hu)
		require.InDelta(t, want, density, 0.001, "%v HU", hu)
	}
	// The electron density is that of the range's composition.
	for hu, relative := range map[float64]float64{-960: 0.89929, -500: 0.99171, 0: 0.99613, 150: 0.98385, 1550: 0.92741, 2500: 0.92741} {
		density, electronDensity, _ := c.At(hu)
		require.InEpsilon(t, relative, electronDensity/density, 1e-4, "%v HU", hu)
	}
}

func TestDefaultCalibrationAtWaterAndAir(t *testing.T) {
	c := heterogeneity.DefaultCalibration
	density, electronDensity, m := c.At(0)
	require.Equal(t, 1.0, density)
	require.Equal(t, 1.0, electronDensity)
	require.Equal(t, "water_liquid", c.Table().Materials[m].Material)
	for _, hu := range []float64{-1000, -1024, -3000} {
		density, electronDensity, m = c.At(hu)
		require.InDelta(t, 0.0012, density, 1e-5)
		require.InDelta(t, 0.00108, electronDensity, 1e-5)
		require.Equal(t, "air_dry", c.Table().Materials[m].Material)
	}
}

// The curve's own electron densities are those of the ICRU 44 compositions,
// and the CT numbers called stoichiometric follow from them by the formula of
// Schneider 1996: HU = 1000·(ρe·κ/κ_water − 1),
// κ = K_ph·Z̃^3.62 + K_coh·Z̄^1.86 + K_KN.
func TestDefaultCalibrationGoesThroughICRU44Tissues(t *testing.T) {
	kappa := func(m heterogeneity.Material) float64 {
		electrons, photo, coherent := 0.0, 0.0, 0.0
		for _, e := range m.Elements {
			z := float64(e.Z)
			n := e.MassFraction * z / atomicWeight[e.Z]
			electrons += n
			photo += n * math.Pow(z, 3.62)
			coherent += n * math.Pow(z, 1.86)
		}
		return 1.227e-5*photo/electrons + 5.061e-4*coherent/electrons + 0.9896
	}
	water := kappa(material(t, "water_liquid"))
	for name, point := range map[string]struct {
		hu             float64
		stoichiometric bool
	}{
		"air_dry": {-1000, true}, "lung_inflated_icru44": {-742, true}, "adipose_icru44": {-90, false},
		"water_liquid": {0, true}, "muscle_skeletal_icru44": {41, true}, "bone_cortical_icru44": {1525, false},
	} {
		m := material(t, name)
		density, electronDensity, _ := heterogeneity.DefaultCalibration.At(point.hu)
		require.InEpsilon(t, m.Density, density, 1e-6, name)
		require.InEpsilon(t, m.ElectronDensityOf(m.Density), electronDensity, 1e-5, name)
		if point.stoichiometric {
			require.InDelta(t, point.hu, 1000*(m.ElectronDensityOf(m.Density)*kappa(m)/water-1), 1.5, name)
		}
	}
	// Schneider 2000's skeletal line reaches cortical bone there.
	density, _, _ := heterogeneity.SchneiderCalibration.At(1525)
	require.InDelta(t, 1.92, density, 0.001)
}

// The points that the TG-119 reference doses of pyRadPlan were made with.
func TestMatRadCurve(t *testing.T) {
	for hu, want := range map[float64]float64{-1024: 0.001, -999: 0.001, -90: 0.95, -45: 0.99, 0: 1, 100: 1.095, 350: 1.199, 3000: 2.505, 50: 1.0475, 9999: 2.505} {
		_, electronDensity, _ := heterogeneity.MatRadCalibration.At(hu)
		require.InDelta(t, want, electronDensity, 1e-12, "%v HU", hu)
	}
	density, electronDensity, _ := heterogeneity.MatRadCalibration.At(0)
	require.Equal(t, density, electronDensity)
}

func TestCalibrationsSurviveJSON(t *testing.T) {
	for _, c := range heterogeneity.Calibrations() {
		named, err := heterogeneity.CalibrationNamed(c.Name())
		require.NoError(t, err)
		require.Same(t, c, named)
		var b bytes.Buffer
		require.NoError(t, c.Write(&b))
		again, err := heterogeneity.ReadCalibration(&b)
		require.NoError(t, err)
		require.Equal(t, c, again)
	}
	_, err := heterogeneity.CalibrationNamed("other")
	require.ErrorContains(t, err, "schneider-2000")
}

func TestCalibrationIsContinuousAndRisesUnlessStated(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hu := rapid.Float64Range(-1100, 3200)
		a, b := hu.Draw(t, "a"), hu.Draw(t, "b")
		for _, c := range heterogeneity.Calibrations() {
			if c.Table().Falling || c.Table().Points[0].Density == 0 {
				continue
			}
			low, lowElectrons, _ := c.At(min(a, b))
			high, highElectrons, _ := c.At(max(a, b))
			require.LessOrEqual(t, low, high)
			require.LessOrEqual(t, lowElectrons, highElectrons)
			require.InDelta(t, low, high, 0.0013*math.Abs(a-b)+1e-12)
		}
	})
}

func TestNewCalibrationRefusesWhatIsWrong(t *testing.T) {
	good := heterogeneity.DefaultCalibration.Table()
	_, err := heterogeneity.NewCalibration(good)
	require.NoError(t, err)
	for name, spoil := range map[string]func(*heterogeneity.Table){
		"no name":               func(t *heterogeneity.Table) { t.Name = "" },
		"one point":             func(t *heterogeneity.Table) { t.Points = t.Points[:1] },
		"no points":             func(t *heterogeneity.Table) { t.Points = nil },
		"descending HU":         func(t *heterogeneity.Table) { t.Points[3].HU = -5000 },
		"three at one HU":       func(t *heterogeneity.Table) { t.Points[3].HU, t.Points[4].HU = t.Points[2].HU, t.Points[2].HU },
		"NaN HU":                func(t *heterogeneity.Table) { t.Points[3].HU = math.NaN() },
		"infinite HU":           func(t *heterogeneity.Table) { t.Points[7].HU = math.Inf(1) },
		"negative density":      func(t *heterogeneity.Table) { t.Points[0].Density = -1 },
		"NaN density":           func(t *heterogeneity.Table) { t.Points[2].Density = math.NaN() },
		"huge density":          func(t *heterogeneity.Table) { t.Points[7].Density = 1000 },
		"missing density":       func(t *heterogeneity.Table) { t.Points[2].ElectronDensity = 0 },
		"falling density":       func(t *heterogeneity.Table) { t.Points[3].Density = 0.2 },
		"falling electrons":     func(t *heterogeneity.Table) { t.Points[3].ElectronDensity = 0.2 },
		"no material":           func(t *heterogeneity.Table) { t.Materials = nil },
		"unknown material":      func(t *heterogeneity.Table) { t.Materials[1].Material = "cheese" },
		"materials descending":  func(t *heterogeneity.Table) { t.Materials[1].FromHU = -2000 },
		"material starts late":  func(t *heterogeneity.Table) { t.Materials[0].FromHU = -1010 },
		"material from NaN":     func(t *heterogeneity.Table) { t.Materials[0].FromHU = math.NaN() },
		"too many materials":    func(t *heterogeneity.Table) { t.Materials = make([]heterogeneity.MaterialRange, 256) },
		"all points at one HU":  func(t *heterogeneity.Table) { t.Points = t.Points[:2]; t.Points[1].HU = t.Points[0].HU },
		"density appears later": func(t *heterogeneity.Table) { t.Points[0].Density = 0 },
	} {
		t.Run(name, func(t *testing.T) {
			table := heterogeneity.DefaultCalibration.Table()
			spoil(&table)
			_, err := heterogeneity.NewCalibration(table)
			require.ErrorIs(t, err, heterogeneity.ErrCalibration)
		})
	}
	table := heterogeneity.DefaultCalibration.Table()
	table.Points[3].Density, table.Falling = 0.2, true
	_, err = heterogeneity.NewCalibration(table)
	require.NoError(t, err)
	require.Equal(t, good, heterogeneity.DefaultCalibration.Table(), "a table given out must not reach the calibration")
}

func TestReadCalibrationRefusesWhatIsNotATable(t *testing.T) {
	for _, text := range []string{"", "{", "[]", `{"name": "x", "colour": 1}`, `{"name": "x"} {}`, strings.Repeat(" ", 2<<20)} {
		_, err := heterogeneity.ReadCalibration(strings.NewReader(text))
		require.ErrorIs(t, err, heterogeneity.ErrCalibration, "%.20q", text)
	}
}
