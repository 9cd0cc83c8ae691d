package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/geometry"
)

const smallCase = `{
 "format": "case/1", "name": "small",
 "grid": {"size": [12, 10, 16], "spacing_mm": [8, 8, 10], "first_voxel_centre_mm": [-44, -36, 5]},
 "phantom": {"background": {"material": "water", "density_g_cm3": 1}, "regions": [{"material": "lung", "density_g_cm3": 0.3, "box_mm": [[-48, 48], [-40, 40], [50, 100]]}], "outside": "vacuum"},
 "beam": {"particle": "photon", "spectrum": "mohan1985_6mv", "direction": [0, 0, 1], "ssd_mm": 900, "field_at_surface_mm": [48, 40]}
}`

// smallCases is a folder with one case, whose reference is value everywhere
// unless that is 0.
func smallCases(t *testing.T, value float32) string {
	t.Helper()
	dir := t.TempDir()
	one := filepath.Join(dir, "small")
	require.NoError(t, os.MkdirAll(one, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(one, "case.json"), []byte(smallCase), 0o644))
	if value == 0 {
		return dir
	}
	g, err := geometry.NewGrid(r3.Vec{}, [3]float64{8, 8, 10}, [3]int{12, 10, 16}, geometry.IdentityAxes)
	require.NoError(t, err)
	for name, v := range map[string]float32{"dose.npy": value, "sigma.npy": 0.01} {
		out := geometry.NewVolume(g)
		for i := range out.Data {
			out.Data[i] = v
		}
		require.NoError(t, writeNPY(filepath.Join(one, name), out))
	}
	return dir
}

func benchmark(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(t.Context(), append([]string{"benchmark"}, args...), &o, &e)
	return code, o.String(), e.String()
}

func TestBenchmarkWritesWhatOtherProgramsReadWithoutAReference(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	list := filepath.Join(t.TempDir(), "list.json")
	code, table, errs := benchmark(t, "mc", "--cases", smallCases(t, 0), "--engine", "pencil-beam", "--heterogeneity", "all", "--out", out, "--json", list, "--min-pass", "99")
	require.Zero(t, code, errs)
	assert.Contains(t, table, "pencil-beam  batho")
	data, err := os.ReadFile(list)
	require.NoError(t, err)
	var got struct {
		Results []struct {
			Case, Engine, Heterogeneity string
			Seconds                     float64
		}
	}
	require.NoError(t, json.Unmarshal(data, &got))
	require.Greater(t, len(got.Results), 4)
	for _, r := range got.Results {
		dose, err := os.ReadFile(filepath.Join(out, r.Case, r.Engine, r.Heterogeneity, "dose.npy"))
		require.NoError(t, err)
		assert.Contains(t, string(dose[:128]), "(16,10,12,)", "z, y, x as the case has it")
		assert.Contains(t, string(dose[:128]), "<f4")
	}
	page, err := os.ReadFile(filepath.Join(out, "report.html"))
	require.NoError(t, err)
	assert.Contains(t, string(page), "small")
}

func TestBenchmarkTablesLeaveTheTextAroundThem(t *testing.T) {
	document := filepath.Join(t.TempDir(), "validation.md")
	args := []string{"mc", "--cases", smallCases(t, 1e-12), "--engine", "pencil-beam", "--markdown", document}
	code, _, errs := benchmark(t, args...)
	require.Zero(t, code, errs)
	fresh, err := os.ReadFile(document)
	require.NoError(t, err)
	assert.Contains(t, string(fresh), "| small |")
	assert.FileExists(t, filepath.Join(filepath.Dir(document), "validation-plots", "small.svg"))

	require.NoError(t, os.WriteFile(document, []byte("before\n"+monteCarloSection.begin+"\nold\n"+monteCarloSection.end+"\nafter\n"), 0o644))
	code, _, errs = benchmark(t, args...)
	require.Zero(t, code, errs)
	filled, err := os.ReadFile(document)
	require.NoError(t, err)
	assert.Regexp(t, "(?s)^before\n.*\\| small \\|.*\nafter\n$", string(filled))
	assert.NotContains(t, string(filled), "old\n")

	require.NoError(t, os.WriteFile(document, []byte("by hand\n"), 0o644))
	code, _, errs = benchmark(t, args...)
	assert.Equal(t, exitInput, code)
	assert.Contains(t, errs, monteCarloSection.begin)
	kept, err := os.ReadFile(document)
	require.NoError(t, err)
	assert.Equal(t, "by hand\n", string(kept))
}

func TestBenchmarkExitCodesTellWhatIsWrong(t *testing.T) {
	cases := smallCases(t, 1e-12)
	code, _, errs := benchmark(t, "mc", "--cases", cases, "--engine", "pencil-beam")
	assert.Zero(t, code, "a poor result is a result: %s", errs)
	code, _, errs = benchmark(t, "mc", "--cases", cases, "--engine", "pencil-beam", "--min-pass", "95")
	assert.Equal(t, exitCheck, code)
	assert.Contains(t, errs, "small pencil-beam equivalent-path-length")

	for _, args := range [][]string{
		{"mc", "--engine", "acuros"}, {"mc", "--heterogeneity", "bahto"}, {"mc", "--min-pass", "101"}, {"mc", "--threads", "-1"}, {"mc", "extra"}, {}, {"light"},
	} {
		code, _, errs := benchmark(t, args...)
		assert.Equal(t, exitUsage, code, "%v: %s", args, errs)
	}

	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	assert.Equal(t, exitInterrupted, run(cancelled, []string{"benchmark", "mc", "--cases", cases}, io.Discard, io.Discard))

	code, _, errs = benchmark(t, "mc", "--cases", t.TempDir())
	assert.Equal(t, exitInput, code)
	assert.Contains(t, errs, "case.json")

	require.NoError(t, os.MkdirAll(filepath.Join(cases, "bad"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(cases, "bad", "case.json"), []byte("{"), 0o644))
	code, table, errs := benchmark(t, "mc", "--cases", cases, "--engine", "pencil-beam")
	assert.Equal(t, exitInput, code)
	assert.Contains(t, table, "skipped bad", "the others are computed all the same")
	assert.Contains(t, table, "small  pencil-beam")
	assert.Contains(t, errs, "1 of 2")
}
