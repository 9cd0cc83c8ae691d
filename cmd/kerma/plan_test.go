package main

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/kerma-rt/kerma/dicom"
	"github.com/kerma-rt/kerma/dose/beam"
	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// open10 is an open field of 100 mm from above on the embedded phantom, as JSON.
const open10 = `{
  "label": "open", "uid": "1.2.3",
  "fraction_groups": [{"number": 1, "fractions": 1, "beams": [{"beam": 1, "meterset": 200}]}],
  "beams": [{
    "number": 1, "name": "AP", "machine": "generic", "energy_mv": 6, "sad_mm": 1000,
    "devices": [{"kind": "JAWX"}, {"kind": "JAWY"}],
    "points": [
      {"weight": 0, "gantry_deg": 0, "collimator_deg": 0, "couch_deg": 0, "isocentre_mm": [0, -15, -2.5], "positions_mm": [[-50, 50], [-50, 50]]},
      {"weight": 1}
    ]
  }]
}`

func TestAPlanInJSONGetsAFileThatTheDoseNames(t *testing.T) {
	long(t)
	patient := demoPatient(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "open.json")
	require.NoError(t, os.WriteFile(file, []byte(open10), 0o644))
	out := filepath.Join(dir, "out")
	done(t, "dose", patient, "--plan", file, "--out", out, "--heterogeneity", "none", "--npy")
	assert.ElementsMatch(t, []string{"plan.dcm", "dose.dcm", "dose.npy", "dose.json", "dvh.json", "report.html", "provenance.json"}, files(t, out))

	plan, err := dicom.ReadPlan(filepath.Join(out, "plan.dcm"), dicom.PlanOptions{})
	require.NoError(t, err)
	d, err := dicom.ReadDose(filepath.Join(out, "dose.dcm"))
	require.NoError(t, err)
	structures, err := dicom.ReadStructures(filepath.Join(patient, "rtstruct.dcm"))
	require.NoError(t, err)
	require.Len(t, d.Plans, 1)
	assert.Equal(t, plan.UID, d.Plans[0].UID)
	assert.NotEqual(t, "1.2.3", plan.UID, "a UID that others may know stays theirs")
	assert.Equal(t, structures.UID, plan.StructureSetUID)
	assert.Equal(t, structures.FrameOfReferenceUID, plan.FrameOfReferenceUID)
	assert.Equal(t, d.FrameOfReferenceUID, plan.FrameOfReferenceUID)
	assert.Equal(t, d.StudyUID, plan.Identity.StudyUID)
	assert.Equal(t, 200.0, plan.Groups[0].Beams[0].Meterset)
	assert.Equal(t, []float64{-50, 50}, plan.Beams[0].Points[0].Positions[0])

	var p provenance
	decode(t, read(t, out, "provenance.json"), &p)
	assert.Equal(t, plan.UID, p.PlanUID)

	// In water by its depth, without heterogeneity, the dose in the isocentre is
	// that on the axis of the tank: the surface is at 937.5 mm (SOURCE.md of the
	// demo's phantom: BODY's top at y = −77.5 mm).
	m, err := machine.Generic("generic_6mv")
	require.NoError(t, err)
	want := 200 * m.Calibration.FluencePerMU * m.OnAxis(100, 937.5, 62.5)
	index := d.Volume.Grid.Index(plan.Beams[0].Points[0].Isocentre)
	got := d.Volume.At(int(math.Round(index.X)), int(math.Round(index.Y)), int(math.Round(index.Z)))
	assert.InEpsilon(t, want, got, 0.02, "dose in the isocentre")

	// The pair can be read again as a plan of this patient.
	again := filepath.Join(dir, "again")
	done(t, "dose", patient, "--plan", filepath.Join(out, "plan.dcm"), "--out", again, "--heterogeneity", "none", "--npy")
	assert.Equal(t, read(t, out, "dose.npy"), read(t, again, "dose.npy"))
	assert.NoFileExists(t, filepath.Join(again, "plan.dcm"))
}

func TestAPlanOfAnotherFrameOrPositionIsRefused(t *testing.T) {
	patient := demoPatient(t)
	for _, spoil := range []func(*beam.Plan){
		func(p *beam.Plan) { p.FrameOfReferenceUID = "1.2.3.4" },
		func(p *beam.Plan) { p.Beams[0].Position = "FFP" },
	} {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "open.json"), []byte(open10), 0o644))
		plan, err := readPlanJSON(filepath.Join(dir, "open.json"))
		require.NoError(t, err)
		spoil(plan)
		f, err := os.Create(filepath.Join(dir, "spoilt.json"))
		require.NoError(t, err)
		require.NoError(t, plan.WriteJSON(f))
		require.NoError(t, f.Close())
		code, _, errs := call(t, "dose", patient, "--plan", f.Name(), "--out", filepath.Join(dir, "out"))
		assert.Equal(t, exitInput, code)
		assert.Regexp(t, "frames? of reference|lying", errs)
		assert.NoDirExists(t, filepath.Join(dir, "out"))
	}
}

func TestTheGridCoversTheStructureThatIsAskedFor(t *testing.T) {
	long(t)
	dir := t.TempDir()
	text := done(t, "demo", "--out", dir, "--roi", "Core", "--grid", "4", "--json")
	var p provenance
	decode(t, []byte(text), &p)
	d, err := dicom.ReadDose(filepath.Join(dir, "dose.dcm"))
	require.NoError(t, err)
	assert.Equal(t, p.Grid.Size, d.Volume.Grid.Size())
	for a, n := range p.Grid.Size {
		assert.Less(t, n, 30, "axis %d", a)
	}
	// Figures of what is cut by the grid say so.
	found := dvhOf(t, read(t, dir, "dvh.json"))
	assert.InDelta(t, 29.25, found["Core"].Volume, 0.5)
	assert.Condition(t, func() bool {
		for _, w := range p.Warnings {
			if len(w) > 20 && w[:20] == `structure "OuterTarg` {
				return true
			}
		}
		return false
	}, "%q", p.Warnings)
}
