package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kerma-rt/kerma/internal/demo"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// demoPatient is the embedded phantom as a folder.
func demoPatient(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "tg119")
	require.NoError(t, demo.Extract("tg119", dir))
	return dir
}

func TestUsageErrorsExitWith2AndSayWhereToLook(t *testing.T) {
	patient, out := t.TempDir(), t.TempDir()
	for name, c := range map[string]struct {
		args []string
		says string
	}{
		"unknown command":      {[]string{"calculate"}, "calculate"},
		"unknown flag":         {[]string{"info", "--nope"}, "kerma info --help"},
		"no path":              {[]string{"info"}, "kerma info --help"},
		"dose without out":     {[]string{"dose", patient}, "--out"},
		"dose of nothing":      {[]string{"dose", "--out", patient}, "--ct"},
		"dose of two":          {[]string{"dose", patient, patient, "--out", patient}, "kerma dose --help"},
		"grid of nothing":      {[]string{"dose", patient, "--out", out, "--grid", "0"}, "--grid"},
		"grid without number":  {[]string{"dose", patient, "--out", out, "--grid", "NaN"}, "--grid"},
		"negative threads":     {[]string{"dose", patient, "--out", out, "--threads", "-1"}, "--threads"},
		"out over the patient": {[]string{"dose", patient, "--out", patient + "/."}, "overwrite"},
		"unknown case":         {[]string{"demo", "--case", "nope", "--out", patient}, "nope"},
		"unknown engine":       {[]string{"demo", "--engine", "nope", "--out", patient}, "nope"},
		"unknown correction":   {[]string{"demo", "--heterogeneity", "nope", "--out", patient}, "nope"},
		"unknown machine":      {[]string{"demo", "--machine", "nope", "--out", patient}, "generic_6mv"},
		"unknown calibration":  {[]string{"demo", "--calibration", "nope", "--out", patient}, "schneider-2000"},
		"dvh of nothing":       {[]string{"dvh"}, "--structures"},
		"gamma of one":         {[]string{"gamma", patient}, "kerma gamma --help"},
		"gamma criterion":      {[]string{"gamma", patient, patient, "--distance", "0"}, "--distance"},
		"gamma percentage":     {[]string{"gamma", patient, patient, "--pass-rate", "101"}, "--pass-rate"},
		"gamma cutoff":         {[]string{"gamma", patient, patient, "--cutoff", "-1"}, "--cutoff"},
		"gamma nowhere":        {[]string{"gamma", patient, patient, "--max-gamma", "NaN"}, "--max-gamma"},
		"gamma of no dose":     {[]string{"gamma", patient, patient, "--normalisation", "-2"}, "--normalisation"},
		"gamma samples":        {[]string{"gamma", patient, patient, "--sampled", "-2"}, "--sampled"},
		"machine nothing":      {[]string{"machine", "nope"}, "nope"},
		"machine show no one":  {[]string{"machine", "show"}, "kerma machine show --help"},
		"machine show nope":    {[]string{"machine", "show", "nope"}, "nope"},
	} {
		t.Run(name, func(t *testing.T) {
			code, printed, errs := call(t, c.args...)
			assert.Equal(t, exitUsage, code, errs)
			assert.Empty(t, printed)
			assert.Contains(t, errs, c.says)
			assert.Contains(t, errs, "--help' for usage")
		})
	}
}

func TestInputErrorsExitWith1AndNameTheFault(t *testing.T) {
	patient := demoPatient(t)
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, []byte("hello"), 0o644))
	out := filepath.Join(t.TempDir(), "out")
	plan := filepath.Join(patient, "rtplan_imrt.dcm")
	text := filepath.Join(t.TempDir(), "plan.json")
	require.NoError(t, os.WriteFile(text, []byte(`{"label": 1}`), 0o644))
	for name, c := range map[string]struct {
		args []string
		says string
	}{
		"no such folder":         {[]string{"info", out}, "no such file"},
		"no such patient":        {[]string{"dose", out, "--out", out}, "no such file"},
		"no DICOM":               {[]string{"info", file}, "no DICOM"},
		"empty folder":           {[]string{"dose", t.TempDir(), "--out", out}, "no photon plan"},
		"no plan there":          {[]string{"dose", patient, "--plan", file, "--out", out}, file},
		"no CT there":            {[]string{"dose", patient, "--ct", plan, "--out", out}, "no CT"},
		"no structures there":    {[]string{"dose", patient, "--structures", plan, "--out", out}, "no structure set"},
		"no such structure":      {[]string{"dose", patient, "--roi", "Nope", "--out", out}, "Nope"},
		"no such fraction group": {[]string{"dose", patient, "--fraction-group", "7", "--out", out}, "--fraction-group"},
		"machine of 15 MV":       {[]string{"dose", patient, "--machine", "generic_15mv", "--out", filepath.Join(t.TempDir(), "15")}, "no machine for 6 MV"},
		"no machine file":        {[]string{"dose", patient, "--machine", file, "--out", out}, file},
		"no calibration file":    {[]string{"dose", patient, "--calibration", file, "--out", out}, file},
		"no plan in JSON":        {[]string{"dose", patient, "--plan", text, "--out", out}, text},
		"out is a file":          {[]string{"dose", patient, "--out", file}, file},
		"out below a file":       {[]string{"demo", "--out", filepath.Join(file, "sub")}, "file"},
		"dvh of no dose":         {[]string{"dvh", "--structures", filepath.Join(patient, "rtstruct.dcm"), "--dose", plan}, "expected an RT dose"},
		"gamma of no dose":       {[]string{"gamma", plan, plan}, "expected an RT dose"},
		"gamma of nothing":       {[]string{"gamma", file, file}, "not a DICOM file"},
	} {
		t.Run(name, func(t *testing.T) {
			code, printed, errs := call(t, c.args...)
			assert.Equal(t, exitInput, code, errs)
			assert.NotContains(t, printed, "written")
			assert.Contains(t, errs, c.says)
			assert.NoFileExists(t, filepath.Join(out, "dose.dcm"))
		})
	}
}

// A folder where nothing can be written is found before the dose is computed.
func TestAnUnwritableFolderIsRefusedFirst(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root writes everywhere")
	}
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o555))
	code, _, errs := call(t, "dose", demoPatient(t), "--out", dir)
	assert.Equal(t, exitInput, code)
	assert.Contains(t, errs, "permission denied")
	assert.NotContains(t, errs, "dose 25")
}

// cancelOn cancels when it is written to.
type cancelOn struct{ cancel context.CancelFunc }

func (c cancelOn) Write(b []byte) (int, error) {
	c.cancel()
	return len(b), nil
}

func TestAnInterruptedDoseLeavesNothingBehind(t *testing.T) {
	patient := demoPatient(t)
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	// The first line of progress interrupts.
	code := run(ctx, []string{"dose", patient, "--out", dir}, cancelOn{cancel}, cancelOn{cancel})
	assert.Equal(t, exitInterrupted, code)
	assert.Empty(t, files(t, dir))

	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	code, _, errs := callWith(ctx, "demo", "--out", dir)
	assert.Equal(t, exitInterrupted, code)
	assert.Contains(t, errs, "interrupted")
	assert.Equal(t, []string{"patient"}, files(t, dir))
}

func TestEveryCommandExplainsItself(t *testing.T) {
	root := newRoot()
	for _, c := range root.Commands() {
		for _, one := range append(c.Commands(), c) {
			args := strings.Fields(strings.TrimPrefix(one.CommandPath(), "kerma "))
			out := done(t, append(args, "--help")...)
			assert.NotEmpty(t, one.Short)
			assert.Contains(t, out, "Usage:")
		}
	}
	assert.Contains(t, done(t), notice)
	assert.Contains(t, done(t, "--version"), "kerma version")
	assert.Contains(t, done(t, "completion", "bash"), "bash completion")
}
