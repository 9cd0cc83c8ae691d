package benchmarks_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/benchmarks"
	"github.com/kerma-rt/kerma/dose"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/heterogeneity"
)

// strange is a case like none of the embedded ones: another spectrum and SSD, a
// narrow field, an oblique axis, lung beside water, a bone off the axis, air in
// front, coarse voxels.
const strange = `{
 "format": "case/1", "name": "strange",
 "grid": {"size": [32, 24, 30], "spacing_mm": [4, 5, 5], "first_voxel_centre_mm": [-62, -57.5, 2.5]},
 "phantom": {"voxels": {"density_file": "density.npy", "material_file": "material.npy", "materials": ["air", "water", "lung", "bone_cortical_icru44"]}, "outside": "vacuum"},
 "beam": {"particle": "photon", "spectrum": "alirogers2012_varian_6mv", "direction": [0.17364817766693, 0, 0.98480775301221], "ssd_mm": 850, "field_at_surface_mm": [40, 60], "source": "point"},
 "reference": {"code": "none, by hand", "symmetrised": "none"}
}`

// build writes a case folder and returns it.
func build(t *testing.T, name, text string, arrays map[string][]float32) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.MkdirAll(dir, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "case.json"), []byte(text), 0o644))
	var shape struct {
		Grid struct {
			Size [3]int `json:"size"`
		} `json:"grid"`
	}
	require.NoError(t, json.Unmarshal([]byte(text), &shape))
	g, err := geometry.NewGrid(r3.Vec{}, [3]float64{1, 1, 1}, shape.Grid.Size, geometry.IdentityAxes)
	require.NoError(t, err)
	for file, values := range arrays {
		v, err := geometry.VolumeOf(g, values)
		require.NoError(t, err)
		writeNPY(t, filepath.Join(dir, file+".gz"), v, false, 23)
	}
	return dir
}

// strangeArrays are the density and material of the strange case.
func strangeArrays() map[string][]float32 {
	density, material := []float32{}, []float32{}
	for k := range 30 {
		for j := range 24 {
			for i := range 32 {
				d, m := float32(1), float32(1)
				switch {
				case k < 2:
					d, m = 0.0012, 0
				case i >= 18 && k >= 8 && k < 22:
					d, m = 0.26, 2
				case i < 14 && j > 10 && k >= 8 && k < 12:
					d, m = 1.5, 3
				}
				density, material = append(density, d), append(material, m)
			}
		}
	}
	return map[string][]float32{"density.npy": density, "material.npy": material}
}

func constant(v float32) []float32 {
	out := make([]float32, 32*24*30)
	for i := range out {
		out[i] = v
	}
	return out
}

func pencil(t *testing.T) []benchmarks.Method {
	t.Helper()
	m, err := benchmarks.MethodsNamed("pencil-beam", "")
	require.NoError(t, err)
	require.Len(t, m, 1)
	return m
}

func TestUnseenCaseIsComputedAlongItsObliqueAxis(t *testing.T) {
	dir := build(t, "strange", strange, strangeArrays())
	cases, skipped, err := benchmarks.ReadCases(dir)
	require.NoError(t, err)
	require.Empty(t, skipped)
	require.Nil(t, cases[0].Dose)
	methods, err := benchmarks.MethodsNamed("", "")
	require.NoError(t, err)
	seen := 0
	report, err := benchmarks.Run(t.Context(), cases, methods, benchmarks.Options{Computed: func(r *benchmarks.Result, v *geometry.Volume) error {
		seen++
		n := v.Grid.Size()
		require.Equal(t, [3]int{32, 24, 30}, n)
		// Where each row crosses half of its middle, against straight lines from
		// the source: x is even in the field, so the middle of the edges is the axis.
		for _, k := range []int{4, 25} {
			z := v.Grid.Point(0, 0, float64(k)).Y
			row := v.Data[v.Grid.Offset(0, 11, k):][:n[0]]
			want := z * math.Tan(10*math.Pi/180)
			left, right := half(row, want)
			edge := 20 * (850 + z) / 850
			assert.InDelta(t, want-edge, left, 2.5, "%s %s at %g mm", r.Engine, r.Heterogeneity, z)
			assert.InDelta(t, want+edge, right, 2.5, "%s %s at %g mm", r.Engine, r.Heterogeneity, z)
		}
		return nil
	}})
	require.NoError(t, err)
	require.Zero(t, report.Failed(), "%+v", report.Results[0].Error)
	require.Equal(t, len(methods), seen)
	for _, r := range report.Results {
		assert.Empty(t, r.Gamma)
		assert.True(t, math.IsNaN(float64(r.AxisMax)))
		assert.NotEmpty(t, r.Correction.Points)
	}
	checkPage(t, report)
}

// half is where a row along x falls to half its value at the place at, to
// either side, mm.
func half(row []float32, at float64) (left, right float64) {
	x := func(i int) float64 { return -62 + 4*float64(i) }
	middle := int(math.Round((at + 62) / 4))
	level := row[middle] / 2
	find := func(step int) float64 {
		for i := middle; i+step >= 0 && i+step < len(row); i += step {
			if row[i+step] < level {
				return x(i) + float64(step)*4*float64((row[i]-level)/(row[i]-row[i+step]))
			}
		}
		return math.NaN()
	}
	return find(-1), find(1)
}

// reference gives a case the dose of an engine as its reference.
func reference(t *testing.T, c *benchmarks.Case, e dose.Engine) {
	t.Helper()
	r, err := c.Request()
	require.NoError(t, err)
	got, err := e.Compute(t.Context(), r)
	require.NoError(t, err)
	c.Dose, c.Sigma = got.Dose, geometry.NewVolume(got.Dose.Grid)
	for i := range c.Sigma.Data {
		c.Sigma.Data[i] = 0.005
	}
}

func TestTheReferenceItselfPasses(t *testing.T) {
	c, err := benchmarks.ReadCase(build(t, "strange", strange, strangeArrays()))
	require.NoError(t, err)
	reference(t, c, dose.PencilBeam{})
	report, err := benchmarks.Run(t.Context(), []*benchmarks.Case{c}, pencil(t), benchmarks.Options{})
	require.NoError(t, err)
	r := report.Results[0]
	require.Empty(t, r.Error)
	for _, g := range r.Gamma {
		assert.Equal(t, 100.0, g.PassRate)
		assert.Positive(t, g.Points)
	}
	assert.Zero(t, r.AxisEverywhere)
	assert.Zero(t, r.Noise.Beyond)
	assert.InDelta(t, 0.5, float64(r.Noise.Median), 1e-3)
	assert.Empty(t, report.Below(100))
	for _, p := range r.Profiles {
		assert.Zero(t, p.PenumbraError, "%+v", p.Along)
	}
	var most float32
	for i, d := range c.Dose.Data {
		if c.Tissue.Density.Data[i] > 0.1 {
			most = max(most, d)
		}
	}
	assert.InEpsilon(t, float64(most), float64(r.Maximum), 1e-6)
}

func TestWrongDosesAreShownForWhatTheyAre(t *testing.T) {
	c, err := benchmarks.Named("lung_6mv_3x3")
	require.NoError(t, err)
	compare := func(v *geometry.Volume) *benchmarks.Result {
		r, err := benchmarks.Compare(t.Context(), c, v, 0)
		require.NoError(t, err)
		t.Logf("2/2 %.2f %%, 1/1 %.2f %%, axis %+.2f %%, mean %+.2f %%, regions %v", r.Gamma[2].PassRate, r.Gamma[3].PassRate, r.Axis.Max, r.Noise.Mean, r.Regions)
		return r
	}
	failed := func(r *benchmarks.Result) map[string]int {
		out := map[string]int{}
		for _, x := range r.Regions {
			out[x.Name] = x.Failed
		}
		return out
	}
	right := compare(c.Dose)
	assert.Equal(t, 100.0, right.Gamma[3].PassRate)
	assert.Zero(t, right.AxisEverywhere)

	scaled := geometry.NewVolume(c.Dose.Grid)
	for i, d := range c.Dose.Data {
		scaled.Data[i] = 1.03 * d
	}
	high := compare(scaled)
	for _, p := range high.Axis.Points {
		assert.InDelta(t, 3, float64(p.Error), 1e-3, "%g mm", p.Depth)
	}
	// The fall of dose with depth forgives much of 3 % within 2 mm, little within 1.
	assert.Less(t, high.Gamma[2].PassRate, 99.0, "3 % too high everywhere")
	assert.Less(t, high.Gamma[3].PassRate, 80.0)
	assert.Equal(t, 100.0, high.Gamma[0].PassRate)
	assert.InDelta(t, 1.03, float64(high.Worst[0].Ratio), 1e-3)
	assert.Positive(t, high.Worst[0].Difference)
	assert.Positive(t, failed(high)["field"])

	// The dose 3 mm further along x: what was at x − 3 mm.
	g := c.Dose.Grid
	from, err := geometry.NewGrid(r3.Sub(g.Origin(), r3.Vec{X: 3}), g.Spacing(), g.Size(), g.Axes())
	require.NoError(t, err)
	moved := geometry.Resample(c.Dose, from, 0)
	shifted := compare(&geometry.Volume{Grid: g, Data: moved.Data})
	assert.Less(t, shifted.Gamma[2].PassRate, 95.0, "3 mm aside")
	assert.Greater(t, failed(shifted)["penumbra"], 10*failed(shifted)["field"], "at the edges of the field")
	for _, p := range shifted.Profiles {
		want := 0.0
		if p.Along == "x" {
			want = 3
		}
		assert.InDelta(t, want, float64(p.Shift), 0.4, "%s at %g mm", p.Along, p.Depth)
	}

	_, err = benchmarks.Compare(t.Context(), c, geometry.NewVolume(from), 0)
	require.ErrorIs(t, err, benchmarks.ErrCase, "another grid")
}

func TestWaterIsComputedWithinTwoPercent(t *testing.T) {
	c, err := benchmarks.Named("water_6mv_5x5")
	require.NoError(t, err)
	report, err := benchmarks.Run(t.Context(), []*benchmarks.Case{c}, pencil(t), benchmarks.Options{})
	require.NoError(t, err)
	r := report.Results[0]
	require.Empty(t, r.Error)
	assert.Greater(t, r.Gamma[2].PassRate, 99.0)
	assert.Less(t, float64(r.AxisMax), 2.0)
	assert.Empty(t, r.Correction.Points, "water is what factors are relative to")
	assert.Less(t, float64(r.Noise.Median), 1.2, "the README of the cases says 1.07")
	assert.Greater(t, float64(r.Noise.Median), 0.9)

	var table bytes.Buffer
	require.NoError(t, report.WriteTable(&table))
	assert.Contains(t, table.String(), "water_6mv_5x5  pencil-beam  equivalent-path-length")
	var markdown bytes.Buffer
	require.NoError(t, report.WriteMarkdown(&markdown, "plots"))
	for _, block := range regexp.MustCompile(`(?m)(^\|.*\n)+`).FindAllString(markdown.String(), -1) {
		lines := strings.Split(strings.TrimSpace(block), "\n")
		for _, line := range lines {
			assert.Equal(t, strings.Count(lines[0], "|"), strings.Count(line, "|"), "%s", line)
		}
	}
	assert.Contains(t, markdown.String(), "![water_6mv_5x5](plots/water_6mv_5x5.svg)")
	var svg bytes.Buffer
	require.NoError(t, report.WriteSVG(&svg, "water_6mv_5x5"))
	assert.Equal(t, 2*2, strings.Count(svg.String(), "<polyline"), "Monte Carlo and the engine, dose and ratio")
	require.NoError(t, xml.Unmarshal(svg.Bytes(), new(struct{})))
	require.ErrorIs(t, report.WriteSVG(&svg, "none"), benchmarks.ErrCase)
	checkPage(t, report)
}

func TestCorrectionFactorsAreRelativeToTheCaseInWater(t *testing.T) {
	if testing.Short() {
		t.Skip("compares doses at length; shorter tests run the same code")
	}
	water, err := benchmarks.Named("water_6mv_5x5")
	require.NoError(t, err)
	tumour, err := benchmarks.Named("tumour_6mv_5x5")
	require.NoError(t, err)
	report, err := benchmarks.Run(t.Context(), []*benchmarks.Case{tumour, water}, pencil(t), benchmarks.Options{})
	require.NoError(t, err)
	c, w := report.Results[0], report.Results[1]
	require.Equal(t, "tumour_6mv_5x5", c.Case)
	require.Equal(t, "water_6mv_5x5", c.Correction.Water)
	for k, p := range c.Correction.Points {
		assert.InEpsilon(t, float64(c.Axis.Points[k].Dose/w.Axis.Points[k].Dose), float64(p.Factor), 1e-6)
		assert.InEpsilon(t, float64(c.Axis.Points[k].Reference/w.Axis.Points[k].Reference), float64(p.Reference), 1e-6)
	}
	alone, err := benchmarks.Run(t.Context(), []*benchmarks.Case{tumour}, pencil(t), benchmarks.Options{})
	require.NoError(t, err)
	got := alone.Results[0].Correction
	require.Empty(t, got.Water)
	for k, p := range got.Points {
		assert.InEpsilon(t, float64(c.Correction.Points[k].Factor), float64(p.Factor), 1e-6, "the engine's own water")
	}
}

func TestProgressRisesToOne(t *testing.T) {
	c, err := benchmarks.ReadCase(build(t, "strange", strange, strangeArrays()))
	require.NoError(t, err)
	methods, err := benchmarks.MethodsNamed("pencil-beam", benchmarks.All)
	require.NoError(t, err)
	last := 0.0
	_, err = benchmarks.Run(t.Context(), []*benchmarks.Case{c}, methods, benchmarks.Options{Progress: func(done float64) {
		assert.GreaterOrEqual(t, done, last)
		last = done
	}})
	require.NoError(t, err)
	assert.Equal(t, 1.0, last)
}

func TestMethodsAreNamed(t *testing.T) {
	all, err := benchmarks.MethodsNamed("", "")
	require.NoError(t, err)
	assert.Len(t, all, len(heterogeneity.Corrections())+len(dose.Engines())-1)
	one, err := benchmarks.MethodsNamed("pencil-beam", "batho")
	require.NoError(t, err)
	require.Len(t, one, 1)
	assert.Equal(t, "batho", one[0].Heterogeneity)
	for _, wrong := range [][2]string{{"acuros", ""}, {"pencil-beam", "bahto"}, {"", "bahto"}, {"collapsed-cone", "batho"}} {
		_, err := benchmarks.MethodsNamed(wrong[0], wrong[1])
		require.ErrorIs(t, err, benchmarks.ErrMethod, "%v", wrong)
	}
}

func TestJSONHasTheShapeThatProgramsRelyOn(t *testing.T) {
	c, err := benchmarks.ReadCase(build(t, "strange", strange, strangeArrays()))
	require.NoError(t, err)
	compute := func() map[string]any {
		report, err := benchmarks.Run(t.Context(), []*benchmarks.Case{c}, pencil(t), benchmarks.Options{})
		require.NoError(t, err)
		data, err := json.Marshal(report)
		require.NoError(t, err)
		var out struct {
			Results []map[string]any `json:"results"`
		}
		require.NoError(t, json.Unmarshal(data, &out))
		require.Len(t, out.Results, 1)
		return out.Results[0]
	}
	r := compute()
	assert.Nil(t, r["central_axis_max_local_error_percent"], "nothing to compare with")
	assert.Equal(t, []any{}, r["gamma"])

	reference(t, c, dose.PencilBeam{})
	r = compute()
	assert.Equal(t, "strange", r["case"])
	assert.Equal(t, "pencil-beam", r["engine"])
	assert.Equal(t, "equivalent-path-length", r["heterogeneity"])
	assert.Positive(t, r["seconds"])
	assert.Equal(t, 0.0, r["central_axis_max_local_error_percent"])
	var criteria []string
	for _, g := range r["gamma"].([]any) {
		g := g.(map[string]any)
		criteria = append(criteria, fmt.Sprintf("%v/%v %v", g["dose_percent"], g["distance_mm"], g["pass_rate"]))
		assert.Positive(t, g["points"])
	}
	assert.Equal(t, []string{"3/3 100", "3/2 100", "2/2 100", "1/1 100"}, criteria)
}

func TestHostileCasesAreRefusedByName(t *testing.T) {
	with := func(from, to string) string {
		require.Contains(t, strange, from)
		return strings.Replace(strange, from, to, 1)
	}
	good := strangeArrays()
	swapped := func(name string, values []float32) map[string][]float32 {
		out := map[string][]float32{}
		for n, v := range good {
			out[n] = v
		}
		out[name] = values
		return out
	}
	for _, c := range []struct {
		text   string
		arrays map[string][]float32
		want   string
	}{
		{with(`"lung"`, `"unobtainium"`), good, "unobtainium"},
		{with(`alirogers2012_varian_6mv`, `../../etc/passwd`), good, "spectrum"},
		{with(`"name": "strange"`, `"name": "../../escape"`), good, "name"},
		{with(`"point"`, `"parallel"`), good, "parallel"},
		{with(`0.17364817766693`, `3`), good, "direction"},
		{with(`0.98480775301221`, `-1`), good, "direction"},
		{with(`"photon"`, `"electron"`), good, "electron"},
		{with(`[40, 60]`, `[40, 1e9]`), good, "field"},
		{with(`[32, 24, 30]`, `[33, 24, 30]`), nil, "array of shape"},
		{with(`[32, 24, 30]`, `[-32, -24, 30]`), nil, "size"},
		{with(`"density_file": "density.npy"`, `"density_file": "../density.npy"`), good, "density.npy"},
		{with(`"vacuum"`, `"water"`), good, "vacuum"},
		{strange, swapped("density.npy", constant(float32(math.NaN()))), "NaN"},
		{strange, swapped("density.npy", constant(-1)), "-1"},
		{strange, swapped("density.npy", constant(1e6)), "density"},
		{strange, swapped("material.npy", constant(4)), "material"},
		{strange, swapped("material.npy", constant(1.5)), "material"},
		{strange, swapped("dose.npy", constant(1)), "sigma.npy"},
		{strange, map[string][]float32{}, "density.npy"},
	} {
		var dir string
		if c.arrays == nil { // arrays for another grid than the file's
			dir = build(t, "strange", strange, good)
			require.NoError(t, os.WriteFile(filepath.Join(dir, "case.json"), []byte(c.text), 0o644))
		} else {
			dir = build(t, "strange", c.text, c.arrays)
		}
		_, err := benchmarks.ReadCase(dir)
		require.ErrorIs(t, err, benchmarks.ErrCase, c.want)
		assert.Contains(t, err.Error(), c.want)
	}
}

func TestHostileArraysAreRefused(t *testing.T) {
	npy := func(header string, data string) []byte {
		h := header + "\n"
		return append([]byte{0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, byte(len(h)), byte(len(h) >> 8)}, h+data...)
	}
	for name, content := range map[string][]byte{
		"empty":         {},
		"magic":         []byte("\x93NUMPX\x01\x00v\x00"),
		"truncated":     npy(`{'descr': '<f4', 'fortran_order': False, 'shape': (30, 24, 32), }`, "abcd"),
		"huge":          npy(`{'descr': '<f8', 'fortran_order': False, 'shape': (4000000000, 4000000000, 4000000000), }`, ""),
		"fortran":       npy(`{'descr': '<f4', 'fortran_order': True, 'shape': (30, 24, 32), }`, strings.Repeat("\x00", 4*32*24*30)),
		"objects":       npy(`{'descr': '|O', 'fortran_order': False, 'shape': (30, 24, 32), }`, ""),
		"negative":      npy(`{'descr': '<f4', 'fortran_order': False, 'shape': (-30, 24, 32), }`, ""),
		"no header end": {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, 255, 255, '{'},
	} {
		dir := build(t, "strange", strange, strangeArrays())
		require.NoError(t, os.WriteFile(filepath.Join(dir, "density.npy"), content, 0o644))
		_, err := benchmarks.ReadCase(dir)
		require.ErrorIs(t, err, benchmarks.ErrCase, name)
		require.Contains(t, err.Error(), "density.npy", name)
	}
}

func TestAnUnreadableCaseIsSkippedAndSaid(t *testing.T) {
	dir := build(t, "strange", strange, strangeArrays())
	parent := filepath.Dir(dir)
	bad := filepath.Join(parent, "bad")
	require.NoError(t, os.MkdirAll(bad, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(bad, "case.json"), []byte(`{"format": "case/9", "name": "bad"}`), 0o644))
	cases, skipped, err := benchmarks.ReadCases(parent)
	require.NoError(t, err)
	require.Len(t, cases, 1)
	require.Len(t, skipped, 1)
	assert.Equal(t, "bad", skipped[0].Case)
	assert.Contains(t, skipped[0].Error, "case/9")
	_, _, err = benchmarks.ReadCases(t.TempDir())
	require.ErrorIs(t, err, benchmarks.ErrCase)
}

func TestWhatTheFormatDoesNotKnowIsSaid(t *testing.T) {
	text := strings.Replace(strange, `"particle"`, `"wedge_deg": 30, "particle"`, 1)
	c, err := benchmarks.ReadCase(build(t, "strange", text, strangeArrays()))
	require.NoError(t, err)
	require.Len(t, c.Warnings, 1)
	assert.Contains(t, c.Warnings[0], "beam.wedge_deg")
}

// checkPage renders the report: it loads nothing and runs only its own script.
func checkPage(t *testing.T, report *benchmarks.Report) {
	t.Helper()
	const hostile = `<script>alert(1)</script>`
	report.Skipped = append(report.Skipped, benchmarks.Skipped{Case: hostile, Error: hostile})
	var b bytes.Buffer
	require.NoError(t, report.WriteHTML(&b))
	page := b.String()
	assert.Equal(t, 1, strings.Count(page, "<script>"))
	assert.NotContains(t, page, hostile)
	assert.Contains(t, page, "default-src &#39;none&#39;")
	for _, source := range regexp.MustCompile(`(?:src|href)="([^"]{0,30})`).FindAllStringSubmatch(page, -1) {
		assert.Regexp(t, `^(#|data:image/png;base64,)`, source[1])
	}
	data := regexp.MustCompile(`(?s)<script type="application/json" id="data">(.*?)</script>`).FindStringSubmatch(page)
	require.Len(t, data, 2)
	require.True(t, json.Valid([]byte(data[1])))
}
