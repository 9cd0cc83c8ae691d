package main

import (
	"archive/zip"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kerma-rt/kerma/dose/influence"
	"github.com/kerma-rt/kerma/internal/demo"
)

// embedded is the folder of the embedded TG-119 case.
func embedded(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "patient")
	require.NoError(t, demo.Extract("tg119", dir))
	return dir
}

func coarse(args ...string) []string {
	return append([]string{"influence", "--target", "OuterTarget", "--machine", "svd", "--gantry", "0,72,144", "--couch", "0,0,10", "--grid", "8", "--bixel", "10"}, args...)
}

func TestInfluenceOfTheEmbeddedCase(t *testing.T) {
	long(t)
	patient, dir := embedded(t), t.TempDir()
	npz := filepath.Join(dir, "m.npz")
	code, out, errs := call(t, coarse(patient, "--out", npz, "--cutoff", "40")...)
	require.Zero(t, code, errs)
	assert.Contains(t, errs, "3 beams, ")
	assert.Contains(t, errs, "MB as .npz; about ")
	assert.Contains(t, out, "written to "+npz)

	var about matrixDescription
	decode(t, read(t, dir, "m.json"), &about)
	assert.Equal(t, "pencil-beam", about.Engine)
	assert.Equal(t, 40.0, about.Cutoff)
	assert.Contains(t, about.Machines[0], "generic_6mv_svd")
	require.Len(t, about.Beams, 3)
	assert.Equal(t, [2]float64{144, 10}, [2]float64{about.Beams[2].Gantry, about.Beams[2].Couch})
	columns := 0
	for _, b := range about.Beams {
		assert.Equal(t, columns, b.FirstColumn)
		columns += len(b.Bixels)
	}
	assert.Equal(t, about.Columns, columns)
	size := about.Grid["size"].([]any)
	assert.EqualValues(t, about.Voxels, size[0].(float64)*size[1].(float64)*size[2].(float64))

	archive, err := zip.OpenReader(npz)
	require.NoError(t, err)
	defer archive.Close()
	for _, f := range archive.File {
		if f.Name == "data.npy" {
			assert.EqualValues(t, 128+4*about.Entries, f.UncompressedSize64)
		}
	}
	assert.NoDirExists(t, filepath.Join(dir, "m.blocks"), "what was needed meanwhile stays behind")

	// The same columns in a folder, with --ct and --structures apart.
	folder := filepath.Join(dir, "matrix")
	done(t, coarse("--ct", filepath.Join(patient, "ct"), "--structures", filepath.Join(patient, "rtstruct.dcm"), "--out", folder, "--cutoff", "40", "--json")...)
	store, err := influence.Open(folder)
	require.NoError(t, err)
	assert.Equal(t, about.Entries, store.Entries())
	assert.Equal(t, about.Voxels, store.Voxels())
	dose, weights := make([]float32, store.Voxels()), make([]float64, store.Columns())
	for j := range weights {
		weights[j] = 1
	}
	require.NoError(t, store.Multiply(dose, weights))
	most := float32(0)
	for _, d := range dose {
		most = max(most, d)
	}
	assert.Greater(t, most, float32(0.01), "three beams give less than 1 cGy for one monitor unit each")
	assert.Less(t, most, float32(0.1))

	// Finished blocks are not made again, and those of another request stay.
	_, _, errs = call(t, coarse(patient, "--out", folder, "--cutoff", "40")...)
	assert.Contains(t, errs, "100 % are there from before")
	code, _, errs = call(t, coarse(patient, "--out", folder, "--cutoff", "41")...)
	assert.Equal(t, exitInput, code)
	assert.Contains(t, errs, "choose another --out")
}

func TestInterruptedInfluenceSaysSo(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	npz := filepath.Join(t.TempDir(), "m.npz")
	code, _, errs := callWith(ctx, coarse(embedded(t), "--out", npz)...)
	assert.Equal(t, exitInterrupted, code, errs)
	assert.NoFileExists(t, npz)
}

func TestInfluenceRefusals(t *testing.T) {
	patient, dir := embedded(t), t.TempDir()
	out := filepath.Join(dir, "m.npz")
	base := []string{"influence", patient, "--target", "OuterTarget", "--gantry", "0", "--grid", "8", "--out", out}
	empty := filepath.Join(dir, "empty")
	require.NoError(t, os.Mkdir(empty, 0o755))
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"no out":        {[]string{"influence", patient, "--target", "Core", "--gantry", "0"}, exitUsage, "--out"},
		"no patient":    {[]string{"influence", "--target", "Core", "--gantry", "0", "--out", out}, exitUsage, "--ct"},
		"no target":     {[]string{"influence", patient, "--gantry", "0", "--out", out}, exitUsage, "--target"},
		"no gantry":     {[]string{"influence", patient, "--target", "Core", "--out", out}, exitUsage, "--gantry"},
		"two patients":  {append(base, patient), exitUsage, "accepts at most 1"},
		"gantry":        {append(base, "--gantry", "0,x"), exitUsage, "--gantry"},
		"not a number":  {append(base, "--gantry", "NaN"), exitInput, "NaN"},
		"couch angles":  {append(base, "--couch", "0,10"), exitUsage, "2 couch angles for 1 gantry"},
		"bixel":         {append(base, "--bixel", "0.5"), exitUsage, "--bixel"},
		"margin":        {append(base, "--margin", "-1"), exitUsage, "--margin"},
		"grid":          {append(base, "--grid", "NaN"), exitUsage, "grid"},
		"cutoff":        {append(base, "--cutoff", "0"), exitUsage, "--cutoff"},
		"threshold":     {append(base, "--threshold", "1"), exitUsage, "--threshold"},
		"memory":        {append(base, "--max-bytes", "-1"), exitUsage, "--max-bytes"},
		"little memory": {append(base, "--max-bytes", "1000"), exitInput, "1000 are allowed"},
		"threads":       {append(base, "--threads", "-1"), exitUsage, "--threads"},
		"machine":       {append(base, "--machine", "mosaic"), exitUsage, "mosaic"},
		"engine":        {append(base, "--engine", "mosaic"), exitUsage, "mosaic"},
		"correction":    {append(base, "--heterogeneity", "mosaic"), exitUsage, "mosaic"},
		"calibration":   {append(base, "--calibration", "mosaic"), exitUsage, "mosaic"},
		"structure":     {append(base, "--target", "Heart"), exitInput, "Heart"},
		"into patient":  {append(base, "--out", patient), exitUsage, "folder of the patient"},
		"empty folder":  {[]string{"influence", empty, "--target", "Core", "--gantry", "0", "--out", out}, exitInput, "no CT"},
		"no structures": {[]string{"influence", "--ct", filepath.Join(patient, "ct"), "--target", "Core", "--gantry", "0", "--out", out}, exitInput, "no structure"},
	} {
		t.Run(name, func(t *testing.T) {
			code, _, errs := call(t, c.args...)
			assert.Equal(t, c.code, code, errs)
			assert.Contains(t, errs, c.says)
			assert.NoFileExists(t, out)
		})
	}
}
