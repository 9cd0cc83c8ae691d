package machine

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOneMonitorUnitGivesTheReferenceDose(t *testing.T) {
	set, err := GenericSet()
	require.NoError(t, err)
	require.Len(t, set, 4)
	for _, m := range set {
		depth, dose := m.Reference()
		assert.InEpsilon(t, 0.01, m.Calibration.FluencePerMU*dose, 1e-12, m.Name)
		assert.InEpsilon(t, dose, m.OnAxis(100, 1000, depth), 1e-12, m.Name)
		for d := 0.0; d < 300; d += 0.7 {
			assert.LessOrEqual(t, m.OnAxis(100, 1000, d), dose, "%s is deeper at %g mm than at %g", m.Name, d, depth)
		}
		assert.NotEmpty(t, m.Notes)
	}
}

// Sanity, not proof: open-field figures beside measured ones of other linacs
// (Chang et al 2012, Med Phys 39:6981, TrueBeam; TPR from PDD 20/10 by TRS-398).
// No electrons reach the tank here, so the maximum lies deeper.
func TestGenericMachinesResembleLinacs(t *testing.T) {
	measured := map[string]struct{ dmax, pdd10, pdd20, tpr float64 }{
		"generic_6mv":  {13, 66.4, 38.1, 0.667},
		"generic_10mv": {22, 73.5, 46.4, 0.740},
		"generic_15mv": {27, 76.7, 49.9, 0.765},
		"generic_18mv": {math.NaN(), math.NaN(), math.NaN(), math.NaN()},
	}
	set, err := GenericSet()
	require.NoError(t, err)
	previous := 0.0
	for _, m := range set {
		dmax, dose := m.Reference()
		pdd := func(d float64) float64 { return 100 * m.OnAxis(100, 1000, d) / dose }
		tpr := m.OnAxis(100, 800, 200) / m.OnAxis(100, 900, 100)
		output := func(side float64) float64 { return m.OnAxis(side, 950, 50) / m.OnAxis(100, 950, 50) }
		was := measured[m.Name]
		t.Logf("%s: d_max %.1f mm (measured %.0f), PDD10 %.1f (%.1f), PDD20 %.1f (%.1f), TPR20,10 %.3f (%.3f), phantom scatter 30, 50, 200, 400 mm: %.3f %.3f %.3f %.3f, %.4g photons/cm²/MU",
			m.Name, dmax, was.dmax, pdd(100), was.pdd10, pdd(200), was.pdd20, tpr, was.tpr, output(30), output(50), output(200), output(400), m.Calibration.FluencePerMU)
		assert.Greater(t, tpr, previous, "%s is less penetrating than the energy below", m.Name)
		previous = tpr
		if !math.IsNaN(was.tpr) {
			assert.InDelta(t, was.tpr, tpr, 0.03, m.Name)
		}
	}
}

func TestIdealMachineCountsPhotons(t *testing.T) {
	m, err := New("ideal", named(t, "nrc_co60"), Options{})
	require.NoError(t, err)
	assert.Equal(t, 1.0, m.Calibration.FluencePerMU)
	assert.Equal(t, 1000.0, m.SAD)
	depth, dose := m.Reference()
	assert.True(t, math.IsNaN(depth) && math.IsNaN(dose))
	// Cobalt-60, SSD 800, 100 mm field at the surface: 56.4 % at 100 mm in BJR 25
	// of the maximum at 5 mm.
	assert.InDelta(t, 56.4, 100*m.OnAxis(125, 800, 100)/m.OnAxis(125, 800, 5), 1.5)
}

func TestProfileRaisesTheScatterOfTheReferenceField(t *testing.T) {
	s := named(t, "alirogers2012_varian_6mv")
	o := Options{Calibration: Calibration{GyPerMU: 0.01, SSD: 900, Depth: 100, Field: 200}}
	flat, err := New("flat", s, o)
	require.NoError(t, err)
	o.Profile = Profile{Radius: []float64{0, 200}, Relative: []float64{1, 1.2}}
	horns, err := New("horns", s, o)
	require.NoError(t, err)
	assert.Less(t, horns.Calibration.FluencePerMU, flat.Calibration.FluencePerMU*0.995)
	assert.Greater(t, horns.Calibration.FluencePerMU, flat.Calibration.FluencePerMU*0.95)
	assert.NotEqual(t, flat.Hash, horns.Hash)
}

func TestDoseFollowsTheInverseSquareOfTheSource(t *testing.T) {
	// One field at the surface of the tank, seen from two distances: nearly the
	// same dose but for the square of the distance to the point (Mayneord).
	m, err := Generic("generic_6mv")
	require.NoError(t, err)
	near, far := m.OnAxis(100/0.8, 800, 20), m.OnAxis(100/1.2, 1200, 20)
	assert.InEpsilon(t, math.Pow(1220.0/820, 2), near/far, 0.01)
}

func TestWhatDeterminesDoseDeterminesTheHash(t *testing.T) {
	s := named(t, "alirogers2012_varian_6mv")
	hash := func(name string, o Options) string {
		m, err := New(name, s, o)
		require.NoError(t, err)
		return m.Hash
	}
	plain := hash("a", Options{})
	assert.Len(t, plain, 64)
	assert.Equal(t, plain, hash("b", Options{EnergyMV: 6, Notes: []string{"note"}}), "names do not")
	seen := map[string]bool{plain: true}
	for _, o := range []Options{
		{SourceSigma: 1}, {JawTransmission: 0.01}, {LeafTransmission: 0.01},
		{Profile: Profile{Radius: []float64{0}, Relative: []float64{0.9}}},
		{Calibration: Calibration{GyPerMU: 0.01, SSD: 1000, Field: 100}},
	} {
		h := hash("a", o)
		assert.False(t, seen[h], "%+v", o)
		seen[h] = true
	}
}

func TestMachineFileKeepsTheMachine(t *testing.T) {
	m, err := Generic("generic_10mv")
	require.NoError(t, err)
	m.Profile = Profile{Radius: []float64{0, 50, 200}, Relative: []float64{1, 1.03, 1.05}}
	first, err := New(m.Name, m.Beam.Spectrum, Options{
		EnergyMV: m.EnergyMV, FluenceMode: "FFF", SourceSigma: 0.7, JawTransmission: 0.01, LeafTransmission: 0.02,
		Profile: m.Profile, Calibration: m.Calibration, Notes: []string{"one", "two"},
	})
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "machine.json")
	var b bytes.Buffer
	require.NoError(t, first.Write(&b))
	require.NoError(t, os.WriteFile(path, b.Bytes(), 0o600))
	second, err := Read(path)
	require.NoError(t, err)
	assert.Equal(t, first, second)
}

func TestMachineFilesThatCannotBeAreRefused(t *testing.T) {
	good := `{"format":"kerma-machine/1","name":"m","energy_mv":6,"sad_mm":1000,"spectrum":{"name":"alirogers2012_varian_6mv"}}`
	_, err := Decode(strings.NewReader(good))
	require.NoError(t, err)
	for name, change := range map[string][2]string{
		"format":        {"machine/1", "machine/9"},
		"name":          {`"name":"m"`, `"name":""`},
		"misspelt":      {`"sad_mm"`, `"sad"`},
		"no energy":     {`"energy_mv":6,`, ``},
		"energy":        {`"energy_mv":6`, `"energy_mv":-6`},
		"spectrum":      {`varian_6mv`, `varian_7mv`},
		"too energetic": {`{"name":"alirogers2012_varian_6mv"}`, `{"name":"hard","low_mev":[20],"high_mev":[30],"photons":[1]}`},
		"bins":          {`{"name":"alirogers2012_varian_6mv"}`, `{"name":"x","low_mev":[1],"high_mev":[2]}`},
		"distance":      {`1000`, `100`},
		"cut short":     {`}}`, ``},
		"transmission":  {`"energy_mv":6`, `"energy_mv":6,"jaw_transmission":1.5`},
		"sigma":         {`"energy_mv":6`, `"energy_mv":6,"source_sigma_mm":-1`},
		"profile":       {`"energy_mv":6`, `"energy_mv":6,"profile":{"radius_mm":[10,5],"relative":[1,1]}`},
		"profile sizes": {`"energy_mv":6`, `"energy_mv":6,"profile":{"radius_mm":[10],"relative":[1,1]}`},
		"calibration":   {`"energy_mv":6`, `"energy_mv":6,"calibration":{"gy_per_mu":0}`},
		"field":         {`"energy_mv":6`, `"energy_mv":6,"calibration":{"gy_per_mu":0.01,"ssd_mm":1000}`},
		"far tank":      {`"energy_mv":6`, `"energy_mv":6,"calibration":{"gy_per_mu":0.01,"ssd_mm":5000,"field_mm":100}`},
	} {
		require.Contains(t, good, change[0], name)
		_, err := Decode(strings.NewReader(strings.Replace(good, change[0], change[1], 1)))
		assert.Error(t, err, name)
		t.Logf("%s: %v", name, err)
	}
	_, err = Read(filepath.Join(t.TempDir(), "absent.json"))
	assert.ErrorIs(t, err, ErrFile)
	_, err = Read(t.TempDir())
	assert.ErrorIs(t, err, ErrFile)
	svd, err := GenericSVD()
	require.NoError(t, err)
	assert.ErrorIs(t, svd.Write(&bytes.Buffer{}), ErrFile)
}

func TestSetGivesTheMachineOfABeamOrSaysWhatIsMissing(t *testing.T) {
	set, err := GenericSet()
	require.NoError(t, err)
	m, err := set.For(15, "")
	require.NoError(t, err)
	assert.Equal(t, "generic_15mv", m.Name)

	var missing *NotFoundError
	_, err = set.For(6, "FFF")
	require.ErrorAs(t, err, &missing)
	assert.Equal(t, "FFF", missing.FluenceMode)
	assert.Len(t, missing.Have, 4)
	for _, mv := range []float64{0, 8, 6.5, math.NaN()} {
		_, err = set.For(mv, "")
		assert.ErrorAs(t, err, &missing, "%g MV", mv)
	}
	_, err = Set{}.For(6, "")
	assert.ErrorAs(t, err, &missing)

	var several *AmbiguousError
	_, err = append(set, set[0]).For(6, "")
	require.ErrorAs(t, err, &several)
	assert.Len(t, several.Names, 2)

	var unknown *OptionError
	_, err = Generic("generic_7mv")
	assert.ErrorAs(t, err, &unknown)
}

func TestImpossibleOptionsAreRefused(t *testing.T) {
	s := named(t, "alirogers2012_varian_6mv")
	nan, inf := math.NaN(), math.Inf(1)
	for _, o := range []Options{
		{EnergyMV: nan}, {SAD: nan}, {SAD: inf}, {SAD: -1}, {SourceSigma: nan}, {JawTransmission: nan}, {LeafTransmission: -0.1},
		{Profile: Profile{Radius: []float64{nan}, Relative: []float64{1}}}, {Profile: Profile{Radius: []float64{0}, Relative: []float64{inf}}},
		{Calibration: Calibration{GyPerMU: nan}}, {Calibration: Calibration{SSD: nan}}, {Calibration: Calibration{Field: inf}},
		{Calibration: Calibration{Depth: nan}}, {Calibration: Calibration{GyPerMU: 0.01, Field: 100}},
		{Calibration: Calibration{GyPerMU: 0.01, SSD: 1000}}, {Calibration: Calibration{GyPerMU: 1e300, SSD: 1000, Field: 100}},
	} {
		_, err := New("impossible", s, o)
		var bad *OptionError
		assert.ErrorAs(t, err, &bad, "%+v", o)
	}
	_, err := New("no spectrum", Spectrum{}, Options{})
	var bad *SpectrumError
	assert.ErrorAs(t, err, &bad)
	_, err = New("beyond the kernels", named(t, "mohan1985_24mv"), Options{})
	var beyond *EnergyRangeError
	assert.ErrorAs(t, err, &beyond)
}

// Whatever a file holds, the answer is a usable machine or an error.
func FuzzDecode(f *testing.F) {
	const head = `{"format":"kerma-machine/1","name":"m","energy_mv":6,"sad_mm":1000,"spectrum":`
	f.Add([]byte(head + `{"name":"alirogers2012_varian_6mv"}}`))
	f.Add([]byte(head + `{"name":"alirogers2012_varian_6mv"},"profile":{"radius_mm":[],"relative":[]}}`))
	f.Add([]byte(head + `{"name":"x","low_mev":[0.0001],"high_mev":[0.0002],"photons":[1]}}`))
	f.Add([]byte(head + `{"name":"x","low_mev":[1e-320],"high_mev":[1e300],"photons":[1e308]}}`))
	f.Add([]byte(`{}`))
	f.Add([]byte(`[`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := Decode(bytes.NewReader(text))
		if err != nil {
			assert.Nil(t, m)
			return
		}
		assert.Greater(t, m.Calibration.FluencePerMU, 0.0)
		assert.False(t, math.IsInf(m.Calibration.FluencePerMU, 0))
		assert.Len(t, m.Hash, 64)
	})
}
