package main

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kerma-rt/kerma/dicom"
	"github.com/kerma-rt/kerma/internal/shareddata"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// call runs the command as main does.
func call(t testing.TB, args ...string) (code int, out, errs string) {
	t.Helper()
	return callWith(t.Context(), args...)
}

func callWith(ctx context.Context, args ...string) (code int, out, errs string) {
	var o, e bytes.Buffer
	code = run(ctx, args, &o, &e)
	return code, o.String(), e.String()
}

// done runs the command, which must succeed, and returns what it prints.
func done(t testing.TB, args ...string) string {
	t.Helper()
	code, out, errs := call(t, args...)
	require.Zero(t, code, "kerma %s\n%s", strings.Join(args, " "), errs)
	return out
}

// shared is a path in the DICOM sets beside the repository.
func shared(t testing.TB, elem ...string) string {
	t.Helper()
	return shareddata.Path(t, append([]string{"dicom"}, elem...)...)
}

func long(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("computes a dose")
	}
}

// figures is a structure of dvh.json.
type figures struct {
	Name   string       `json:"name"`
	Volume float64      `json:"volume_cm3"`
	Min    float64      `json:"min_gy"`
	Mean   float64      `json:"mean_gy"`
	Max    float64      `json:"max_gy"`
	D98    float64      `json:"d98_gy"`
	D95    float64      `json:"d95_gy"`
	D50    float64      `json:"d50_gy"`
	D2     float64      `json:"d2_gy"`
	V20    float64      `json:"v20_percent"`
	Curve  [][2]float64 `json:"curve"`
}

func decode(t testing.TB, text []byte, into any) {
	t.Helper()
	require.NoError(t, json.Unmarshal(text, into), "%.300s", text)
}

func read(t testing.TB, elem ...string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(elem...))
	require.NoError(t, err)
	return content
}

func dvhOf(t testing.TB, text []byte) map[string]figures {
	t.Helper()
	var report struct {
		Structures []figures `json:"structures"`
	}
	decode(t, text, &report)
	found := map[string]figures{}
	for _, s := range report.Structures {
		found[s.Name] = s
	}
	return found
}

// provenance is provenance.json, as far as tests read it.
type provenance struct {
	Notice   string   `json:"notice"`
	Engine   string   `json:"engine"`
	Machines []string `json:"machines"`
	PlanUID  string   `json:"plan_uid"`
	Grid     struct {
		Size [3]int `json:"size"`
	} `json:"grid"`
	Fractions int      `json:"fractions"`
	Maximum   float64  `json:"maximum_gy"`
	Warnings  []string `json:"warnings"`
}

// files is everything below dir, and fails for what is left over of writing.
func files(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		require.False(t, strings.HasPrefix(e.Name(), "."), "left over: %s", e.Name())
		names = append(names, e.Name())
	}
	return names
}

// The prescriptions come from the plans, which pyRadPlan and TOPAS users made:
// see SOURCE.md of package demo.
func TestDemoDoesTheWholeJob(t *testing.T) {
	long(t)
	for _, c := range []struct {
		name, target string
		d50          float64 // Gy
		tolerance    float64 // relative
		fractions    int
	}{
		{"tg119", "OuterTarget", 50, 0.03, 25},
		// Planned with a pencil kernel whose output falls faster with field size:
		// at a depth of 100 mm a 40 mm field has 0.866 of the dose of a 100 mm
		// field, with the kernel of this machine 0.901.
		{"lung", "Tumor", 60, 0.08, 30},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			out := done(t, "demo", "--case", c.name, "--out", dir)
			assert.Contains(t, out, c.target)
			assert.Contains(t, out, notice)
			assert.ElementsMatch(t, []string{"dose.dcm", "dvh.json", "report.html", "provenance.json", "patient"}, files(t, dir))

			patient, err := dicom.ReadFolder(filepath.Join(dir, "patient", c.name))
			require.NoError(t, err)
			d, err := dicom.ReadDose(filepath.Join(dir, "dose.dcm"))
			require.NoError(t, err)
			assert.Empty(t, d.Warnings)
			assert.Equal(t, dicom.PlanSum, d.Summation)
			assert.Equal(t, dicom.Gray, d.Unit)
			require.Len(t, d.Plans, 1)
			assert.Equal(t, patient.Plans[0].UID, d.Plans[0].UID)
			assert.Equal(t, patient.CT.FrameOfReferenceUID, d.FrameOfReferenceUID)
			assert.Equal(t, patient.PatientID, d.PatientID)

			text := read(t, dir, "dvh.json")
			target := dvhOf(t, text)[c.target]
			assert.InEpsilon(t, c.d50, target.D50, c.tolerance, "D50 of %s", c.target)
			ordered := []float64{target.Min, target.D98, target.D95, target.D50, target.D2, target.Max}
			assert.IsNonDecreasing(t, ordered)
			assert.InDelta(t, 100, target.V20, 0.01)
			require.Greater(t, len(target.Curve), 100)
			assert.Equal(t, 100.0, math.Round(target.Curve[0][1]))
			for i := 1; i < len(target.Curve); i++ {
				require.Less(t, target.Curve[i-1][0], target.Curve[i][0])
				require.GreaterOrEqual(t, target.Curve[i-1][1], target.Curve[i][1])
			}
			// What is written is what `kerma dvh` makes of the written dose.
			again := dvhOf(t, []byte(done(t, "dvh", "--json", "-", "--dose", filepath.Join(dir, "dose.dcm"),
				"--structures", filepath.Join(dir, "patient", c.name, "rtstruct.dcm"))))
			assert.InDelta(t, target.D95, again[c.target].D95, 1e-3)
			assert.InDelta(t, target.Volume, again[c.target].Volume, 1e-6)

			var p provenance
			decode(t, read(t, dir, "provenance.json"), &p)
			assert.Equal(t, notice, p.Notice)
			assert.Equal(t, "pencil-beam", p.Engine)
			assert.Equal(t, c.fractions, p.Fractions)
			assert.Equal(t, patient.Plans[0].UID, p.PlanUID)
			assert.Equal(t, d.Volume.Grid.Size(), p.Grid.Size)
			assert.InEpsilon(t, slices.Max(d.Volume.Data), p.Maximum, 1e-6)
			require.Len(t, p.Machines, 1)
			assert.Regexp(t, `^generic_6mv [0-9a-f]{64}$`, p.Machines[0])
			seen := map[string]bool{}
			for _, w := range p.Warnings {
				assert.False(t, seen[w], "twice: %s", w)
				seen[w] = true
			}

			page := string(read(t, dir, "report.html"))
			assert.Contains(t, page, c.target)
			assert.Contains(t, page, notice)
			for _, outside := range []string{`src="http`, `href="http`, `src="/`, "@import", `url(http`, "<link"} {
				assert.NotContains(t, page, outside)
			}
		})
	}
}

func TestDoseIsTheSameBitsForAnyThreads(t *testing.T) {
	long(t)
	one, four := t.TempDir(), t.TempDir()
	done(t, "demo", "--out", one, "--threads", "1", "--grid", "5", "--npy")
	done(t, "demo", "--out", four, "--threads", "4", "--grid", "5", "--npy")
	assert.True(t, bytes.Equal(read(t, one, "dose.npy"), read(t, four, "dose.npy")))
	assert.ElementsMatch(t, []string{"dose.dcm", "dose.json", "dose.npy", "dvh.json", "report.html", "provenance.json", "patient"}, files(t, one))

	// The array and the RTDOSE are one dose, and two of it are alike.
	text := done(t, "gamma", filepath.Join(one, "dose.npy"), filepath.Join(four, "dose.dcm"), "--dose", "0.1", "--distance", "0.1", "--json", "-", "--pass-rate", "100")
	var g struct {
		PassRate float64 `json:"pass_rate"`
		Points   int     `json:"points"`
	}
	decode(t, []byte(text), &g)
	assert.Equal(t, 100.0, g.PassRate)
	assert.Greater(t, g.Points, 1000)
}
