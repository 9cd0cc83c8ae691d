package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/kerma-rt/kerma/dicom"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/spatial/r3"
)

type gammaFigures struct {
	PassRate      float64  `json:"pass_rate"`
	Points        int      `json:"points"`
	Mean          float64  `json:"mean"`
	Max           float64  `json:"max"`
	DosePercent   float64  `json:"dose_percent"`
	Distance      float64  `json:"distance_mm"`
	Cutoff        float64  `json:"cutoff_percent"`
	Local         bool     `json:"local"`
	Normalisation float64  `json:"normalisation_gy"`
	Warnings      []string `json:"warnings"`
}

// The pass rates that the README of the pairs gives, of a certified minimum.
func TestGammaOfThePublishedPairs(t *testing.T) {
	for _, pair := range []string{"imrt_2d", "steep_3d"} {
		t.Run(pair, func(t *testing.T) {
			folder := shared(t, "..", "gamma", "pairs", pair)
			var want []struct {
				Criterion string `json:"criterion"`
				Exact     struct {
					Evaluated int     `json:"evaluated"`
					Pass      float64 `json:"pass_le1_percent"`
					Mean      float64 `json:"mean"`
				} `json:"exact"`
			}
			decode(t, read(t, folder, "results.json"), &want)
			flags := map[string][]string{
				"global_3pct_3mm": {"--distance", "3"},
				"local_3pct_3mm":  {"--distance", "3", "--local"},
				"global_1pct_1mm": {"--dose", "1", "--distance", "1"},
			}
			tried := 0
			for _, w := range want {
				args, ok := flags[w.Criterion]
				if !ok {
					continue
				}
				tried++
				file := filepath.Join(t.TempDir(), "g.json")
				done(t, append([]string{"gamma", filepath.Join(folder, "reference.npy"), filepath.Join(folder, "evaluation.npy"), "--json", file}, args...)...)
				var g gammaFigures
				decode(t, read(t, file), &g)
				assert.InDelta(t, w.Exact.Pass, g.PassRate, 0.02, w.Criterion)
				assert.Equal(t, w.Exact.Evaluated, g.Points, w.Criterion)
				assert.InDelta(t, w.Exact.Mean, g.Mean, 1e-4, w.Criterion)
			}
			assert.GreaterOrEqual(t, tried, 2)
		})
	}
}

// slab is a dose that rises along x from voxel to voxel.
func slab(t testing.TB, scale float64) *geometry.Volume {
	t.Helper()
	g, err := geometry.NewGrid(r3.Vec{X: -20, Y: 10, Z: 5}, [3]float64{2, 2, 3}, [3]int{20, 6, 5}, geometry.IdentityAxes)
	require.NoError(t, err)
	v := geometry.NewVolume(g)
	for i := range v.Data {
		v.Data[i] = float32(scale * (1 + float64(i%20)/20))
	}
	return v
}

func writeSlab(t testing.TB, name string, scale float64, change func(*dicom.Dose)) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if filepath.Ext(name) == ".npy" {
		require.NoError(t, writeNPY(path, slab(t, scale)))
		return path
	}
	d := dicom.Dose{
		Identity: dicom.Identity{PatientID: "1", StudyUID: "1.2.3"}, Volume: slab(t, scale), Unit: dicom.Gray, Type: dicom.Physical,
		Summation: dicom.PlanSum, FrameOfReferenceUID: "1.2.3.4", Plans: []dicom.Reference{{ClassUID: "1.2.840.10008.5.1.4.1.1.481.5", UID: "1.2.5"}},
	}
	if change != nil {
		change(&d)
	}
	require.NoError(t, dicom.WriteDose(path, d))
	return path
}

func TestGammaBelowTheAskedPassRateExitsWith3(t *testing.T) {
	a, b := writeSlab(t, "a.dcm", 1, nil), writeSlab(t, "b.dcm", 1.2, nil)
	code, out, errs := call(t, "gamma", a, b, "--pass-rate", "99", "--distance", "0.1")
	assert.Equal(t, exitCheck, code)
	assert.Contains(t, out, "% pass")
	assert.Contains(t, errs, "less than 99 %")
	assert.Contains(t, done(t, "gamma", a, a, "--pass-rate", "100"), "100.00 % pass: 600 of 600 points, mean 0.000")
	// A fifth of the dose is a uniform 4 criteria of 5 % local.
	var g gammaFigures
	decode(t, []byte(done(t, "gamma", a, b, "--local", "--dose", "5", "--distance", "0.001", "--max-gamma", "10", "--cutoff", "0", "--normalisation", "3", "--json", "-")), &g)
	assert.InDelta(t, 4, g.Mean, 0.01)
	assert.Equal(t, gammaFigures{Points: 600, Mean: g.Mean, Max: g.Max, DosePercent: 5, Distance: 0.001, Local: true, Normalisation: 3, Warnings: []string{}}, g)
}

func TestGammaReadsOneDoseFromEveryFormat(t *testing.T) {
	a, b := writeSlab(t, "a.dcm", 1, nil), writeSlab(t, "b.npy", 1, nil)
	out := done(t, "gamma", a, b, "--dose", "0.01", "--distance", "0.01")
	assert.Contains(t, out, "600 of 600")
	assert.Contains(t, out, "frame of reference is taken for granted")
	volumes := filepath.Join("..", "..", "internal", "volumefile", "testdata")
	for _, name := range []string{"oblique.nrrd", "oblique_sform.nii", "oblique.nii.gz"} {
		assert.Contains(t, done(t, "gamma", filepath.Join(volumes, "oblique.npy"), filepath.Join(volumes, name), "--pass-rate", "100"), "100.00 % pass")
	}
}

func TestGammaOfWhatCannotBeComparedIsRefused(t *testing.T) {
	a := writeSlab(t, "a.dcm", 1, nil)
	npy := writeSlab(t, "a.npy", 1, nil)
	require.NoError(t, os.WriteFile(npy[:len(npy)-4]+".json", []byte(`{"origin_mm": [-20, 10, 5], "spacing_mm": [2, 2, 3], "unit": "Gy/MU"}`), 0o644))
	for says, b := range map[string]string{
		"frames of reference": writeSlab(t, "b.dcm", 1, func(d *dicom.Dose) { d.FrameOfReferenceUID = "1.2.3.5" }),
		"EFFECTIVE":           writeSlab(t, "b.dcm", 1, func(d *dicom.Dose) { d.Type = dicom.Effective }),
		"RELATIVE":            writeSlab(t, "b.dcm", 1, func(d *dicom.Dose) { d.Unit = dicom.Relative }),
		"Gy/MU":               npy,
	} {
		code, _, errs := call(t, "gamma", a, b)
		assert.Equal(t, exitInput, code)
		assert.Contains(t, errs, says)
	}
	out := done(t, "gamma", a, writeSlab(t, "b.dcm", 1, func(d *dicom.Dose) { d.Summation, d.FractionGroup = dicom.FractionSum, 1 }))
	assert.Contains(t, out, "add up different things")
}

func TestAnInterruptedGammaSaysSo(t *testing.T) {
	a := writeSlab(t, "a.npy", 1, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	code, out, errs := callWith(ctx, "gamma", a, a)
	assert.Equal(t, exitInterrupted, code)
	assert.Empty(t, out)
	assert.Contains(t, errs, "interrupted")
}
