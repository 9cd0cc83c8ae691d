package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kerma-rt/kerma/dicom"
	"github.com/kerma-rt/kerma/internal/demo"
)

// planned is a patient whose plan has a dose of Kerma's own.
func planned(t *testing.T) (dir string, d *dicom.Dose) {
	t.Helper()
	dir, out := filepath.Join(t.TempDir(), "patient"), t.TempDir()
	require.NoError(t, demo.Extract("lung", dir))
	done(t, "dose", dir, "--out", out, "--grid", "8")
	d, err := dicom.ReadDose(filepath.Join(out, "dose.dcm"))
	require.NoError(t, err)
	return dir, d
}

func TestCheckConfirmsItsOwnDoseAndNoOther(t *testing.T) {
	dir, own := planned(t)
	values := slices.Clone(own.Volume.Data)
	for name, c := range map[string]struct {
		change  func(*dicom.Dose)
		code    int
		verdict string
	}{
		"as computed": {func(*dicom.Dose) {}, exitDone, "pass"},
		"four percent higher": {func(d *dicom.Dose) {
			for i := range d.Volume.Data {
				d.Volume.Data[i] *= 1.04
			}
		}, exitDone, "look"},
		"seven percent higher": {func(d *dicom.Dose) {
			for i := range d.Volume.Data {
				d.Volume.Data[i] *= 1.07
			}
		}, exitCheck, "fail"},
		"mirrored": {func(d *dicom.Dose) {
			size := d.Volume.Grid.Size()
			for at := 0; at < len(d.Volume.Data); at += size[0] {
				row := d.Volume.Data[at:][:size[0]]
				for i := range size[0] / 2 {
					row[i], row[size[0]-1-i] = row[size[0]-1-i], row[i]
				}
			}
		}, exitCheck, "fail"},
	} {
		t.Run(name, func(t *testing.T) {
			out := t.TempDir()
			limits := filepath.Join(out, "limits.json")
			require.NoError(t, os.WriteFile(limits, []byte(`{"gamma": {"dose_percent": 5, "pass_rate_percent": {"tolerance": 95, "action": 80}}}`), 0o644))
			copy(own.Volume.Data, values)
			c.change(own)
			require.NoError(t, dicom.WriteDose(filepath.Join(dir, "dose.dcm"), *own))
			code, printed, errs := call(t, "check", dir, "--engine", "pencil-beam", "--limits", limits, "--out", out)
			require.Equal(t, c.code, code, printed+errs)
			var report struct {
				Verdict string
				Rows    []struct{ Group, Verdict string }
			}
			text, err := os.ReadFile(filepath.Join(out, "check.json"))
			require.NoError(t, err)
			require.NoError(t, json.Unmarshal(text, &report))
			assert.Equal(t, c.verdict, report.Verdict, printed)
			groups := map[string]bool{}
			for _, r := range report.Rows {
				groups[r.Group] = true
			}
			for _, g := range []string{"gamma", "organ", "point", "monitor units"} {
				assert.True(t, groups[g], g)
			}
			pdf, err := os.ReadFile(filepath.Join(out, "check.pdf"))
			require.NoError(t, err)
			assert.Equal(t, "%PDF", string(pdf[:4]))
			assert.FileExists(t, filepath.Join(out, "check.html"))
		})
	}
}

func TestCheckNeedsADoseAndSensibleLimits(t *testing.T) {
	dir, out := filepath.Join(t.TempDir(), "patient"), t.TempDir()
	require.NoError(t, demo.Extract("lung", dir))
	limits := filepath.Join(out, "limits.json")
	require.NoError(t, os.WriteFile(limits, []byte(`{"point_percent": {"tolerance": 3, "action": 1}}`), 0o644))
	code, _, errs := call(t, "check", dir, "--limits", limits, "--out", out)
	assert.Equal(t, exitInput, code)
	assert.Contains(t, errs, "point_percent")
	code, _, errs = call(t, "check", dir, "--out", dir)
	assert.Equal(t, exitUsage, code)
	assert.Contains(t, errs, "overwrite")
	code, _, errs = call(t, "check", dir)
	assert.Equal(t, exitUsage, code)
	assert.Contains(t, errs, "--out")
	code, _, errs = call(t, "check", dir, "--out", out)
	assert.Equal(t, exitInput, code)
	assert.Contains(t, errs, "RTDOSE")
	assert.NoFileExists(t, filepath.Join(out, "check.json"))
}
