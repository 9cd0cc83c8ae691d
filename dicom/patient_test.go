package dicom

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kerma-rt/kerma/geometry"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// oddFolder is a new folder with copies of some of the edge cases.
func oddFolder(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		from := filepath.Join(oddDir(t), name)
		info, err := os.Stat(from)
		require.NoError(t, err)
		if info.IsDir() {
			require.NoError(t, os.CopyFS(filepath.Join(dir, name), os.DirFS(from)))
			continue
		}
		data, err := os.ReadFile(from)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o644))
	}
	return dir
}

func TestFolderIsLinkedByUID(t *testing.T) {
	p, err := ReadFolder(oddFolder(t, "ct_hfs", "rs_holes_xor.dcm", "rp_open_jaws_mlc.dcm"))
	require.NoError(t, err)
	require.NotNil(t, p.CT)
	require.NotNil(t, p.Structures)
	require.Len(t, p.Plans, 1)
	assert.Equal(t, p.Structures.UID, p.Plans[0].StructureSetUID)
	assert.Equal(t, p.CT.FrameOfReferenceUID, p.Structures.FrameOfReferenceUID)
	assert.Equal(t, p.CT.PatientID, p.PatientID)
	assertOnlyUnapproved(t, p)
}

// assertOnlyUnapproved checks that nothing is wrong but that the plan, made for
// tests, is not approved.
func assertOnlyUnapproved(t *testing.T, p *Patient) {
	t.Helper()
	require.Len(t, p.Warnings, 1, "%v", p.Warnings)
	assert.Equal(t, "UNAPPROVED", p.Warnings[0].Value)
}

func TestStructuresInAnotherFrameAreNotCombinedWithTheCT(t *testing.T) {
	dir := oddFolder(t, "ct_hfs", "rs_other_frame.dcm")
	_, err := ReadFolder(dir)
	var e *Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, "(0020,0052) FrameOfReferenceUID", e.Tag)
	assert.Contains(t, e.Message, "registration")
}

func TestSeveralStructureSetsMustBeChosenFrom(t *testing.T) {
	dir := oddFolder(t, "ct_hfs", "rs_holes_xor.dcm", "rs_keyhole.dcm")
	_, err := ReadFolder(dir)
	var ambiguous *AmbiguousError
	require.ErrorAs(t, err, &ambiguous)
	require.Len(t, ambiguous.Choices, 2)
	folder, err := Scan(dir)
	require.NoError(t, err)
	p, err := folder.Patient(Choice{StructureSetUID: ambiguous.Choices[1].UID})
	require.NoError(t, err)
	assert.Equal(t, ambiguous.Choices[1].UID, p.Structures.UID)
	assert.NotNil(t, p.CT)
	require.Len(t, p.Warnings, 1, "%v", p.Warnings)
	assert.Contains(t, p.Warnings[0].Message, "left out")
}

func TestPlanChoosesItsStructureSetAmongSeveral(t *testing.T) {
	p, err := ReadFolder(oddFolder(t, "ct_hfs", "rs_holes_xor.dcm", "rs_keyhole.dcm", "rp_open_jaws_mlc.dcm"))
	require.NoError(t, err)
	assert.Equal(t, p.Plans[0].StructureSetUID, p.Structures.UID)
}

func TestPlansOfOneStructureSetAreAllRead(t *testing.T) {
	p, err := ReadFolder(oddFolder(t, "ct_hfs", "rs_holes_xor.dcm", "rp_open_jaws_mlc.dcm", "rp_arc_cw.dcm"))
	require.NoError(t, err)
	require.Len(t, p.Plans, 2)
	assert.Less(t, p.Plans[0].UID, p.Plans[1].UID)
	folder, err := Scan(oddFolder(t, "ct_hfs", "rs_holes_xor.dcm", "rp_open_jaws_mlc.dcm", "rp_leaf_overlap.dcm"))
	require.NoError(t, err)
	for _, o := range folder.Of(KindPlan) {
		if filepath.Base(o.Files[0]) != "rp_open_jaws_mlc.dcm" {
			continue
		}
		one, err := folder.Patient(Choice{PlanUID: o.UID})
		require.NoError(t, err, "the plan that was not chosen is not read")
		require.Len(t, one.Plans, 1)
		assertProblem(t, one.Warnings, "left out")
	}
}

func TestPlanSaysHowThePatientLies(t *testing.T) {
	p, err := ReadFolder(oddFolder(t, "ct_hfs", "rs_holes_xor.dcm", "rp_hfp.dcm"))
	require.NoError(t, err)
	assert.Equal(t, geometry.HFP, p.Plans[0].Beams[0].Position)
	assertProblem(t, p.Warnings, "lies otherwise than in the CT")
}

func TestRefusedPlanIsNotLeftOutSilently(t *testing.T) {
	_, err := ReadFolder(oddFolder(t, "ct_hfs", "rs_holes_xor.dcm", "rp_leaf_overlap.dcm"))
	var e *Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, "rp_leaf_overlap.dcm", filepath.Base(e.File))
}

func TestLinkedFilesAreReadAndLinkedFoldersAreNot(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Symlink(dir, filepath.Join(dir, "circle")))
	for _, name := range []string{"ct_000.dcm", "ct_001.dcm"} {
		require.NoError(t, os.Symlink(filepath.Join(oddDir(t), "ct_hfs", name), filepath.Join(dir, name)))
	}
	ct, err := ReadCT(dir)
	require.NoError(t, err)
	assert.Len(t, ct.SliceUIDs, 2)
}

func TestEmptyFolderSaysWhatItHolds(t *testing.T) {
	_, err := ReadFolder(t.TempDir())
	require.ErrorIs(t, err, ErrNotFound)
	_, err = ReadFolder(filepath.Join(t.TempDir(), "absent"))
	var e *Error
	require.ErrorAs(t, err, &e)
}

func TestPublicFoldersAreLinked(t *testing.T) {
	for name, want := range map[string]struct {
		structures, plans, doses int
	}{
		"tg119":                  {3, 1, 1},
		"lung_nsclc":             {4, 2, 2},
		"lung_synthetic":         {32, 1, 5},
		"proton_ramp_raystation": {5, 0, 3},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := ReadFolder(sharedData(t, name))
			require.NoError(t, err)
			require.NotNil(t, p.CT)
			require.NotNil(t, p.Structures)
			assert.Len(t, p.Structures.Structures, want.structures)
			assert.Len(t, p.Plans, want.plans)
			assert.Len(t, p.Doses, want.doses)
			if name == "tg119" {
				assertOnlyUnapproved(t, p)
			}
			if name == "proton_ramp_raystation" {
				assertProblem(t, p.Warnings, "RT Ion Plan Storage")
			}
		})
	}
}

// The one real slice and the stand-in series of this set share a series UID, but
// not a shape.
func TestTwoScansUnderOneSeriesUIDAreNotMixed(t *testing.T) {
	dir := sharedData(t, "breast_eclipse")
	_, err := ReadFolder(dir)
	var e *Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, "(0028,0010) Rows", e.Tag)
	folder, err := Scan(filepath.Join(dir, "ct_standin"), filepath.Join(dir, "rtstruct.dcm"), filepath.Join(dir, "rtplan.dcm"), filepath.Join(dir, "rtdose.dcm"))
	require.NoError(t, err)
	p, err := folder.Patient(Choice{})
	require.NoError(t, err)
	assert.Len(t, p.Structures.Structures, 10)
	assert.Len(t, p.Plans, 1)
	assert.Len(t, p.Doses, 1)
}

func assertProblem(t *testing.T, problems []Problem, message string) {
	t.Helper()
	for _, p := range problems {
		if strings.Contains(p.Message, message) {
			return
		}
	}
	t.Errorf("no problem about %q among %v", message, problems)
}

func TestInspectDescribesEveryObjectAndNeverFailsForOneFile(t *testing.T) {
	infos, err := Inspect(oddDir(t))
	require.NoError(t, err)
	byFile := map[string]Info{}
	for _, i := range infos {
		byFile[filepath.Base(i.File)] = i
		assert.NotNil(t, i.Problems, i.File)
	}
	plan := byFile["rp_open_jaws_mlc.dcm"]
	require.NotNil(t, plan.Plan)
	require.Len(t, plan.Plan.Beams, 1)
	beam := plan.Plan.Beams[0]
	assert.Equal(t, []float64{100}, beam.Metersets)
	assert.Equal(t, 5, plan.Plan.Groups[0].Fractions)
	assert.Contains(t, beam.Devices, "MLCX 60")
	assert.Equal(t, "PHOTON", beam.Radiation)
	assert.False(t, plan.Refused())

	structures := byFile["rs_kinds.dcm"]
	assert.Len(t, structures.Structures, 7)
	assertProblem(t, plan.Problems, "not approved")

	dose := byFile["rd_plain.dcm"]
	require.NotNil(t, dose.Dose)
	assert.Equal(t, "GY", dose.Dose.Units)
	assert.Greater(t, dose.Dose.Max, 12.0)

	assert.True(t, byFile["truncated_pixels.dcm"].Refused())
	assert.False(t, byFile["not_dicom.dcm"].Refused())
	assert.True(t, byFile["rp_brachy_hdr.dcm"].Refused())

	text, err := json.Marshal(infos)
	require.NoError(t, err)
	assert.Contains(t, string(text), `"severity":"refused"`)
}

func TestInspectNamesWhatIsNoPhotonPlan(t *testing.T) {
	infos, err := Inspect(sharedData(t, "proton_ramp_raystation", "rtionplan.dcm"))
	require.NoError(t, err)
	require.Len(t, infos, 1)
	assert.Equal(t, KindOther, infos[0].Kind)
	require.NotNil(t, infos[0].Plan)
	assert.Len(t, infos[0].Plan.Beams, 2)
	assert.Equal(t, "PROTON", infos[0].Plan.Beams[0].Radiation)
	assert.Equal(t, 44, infos[0].Plan.Beams[0].ControlPoints)
	assertProblem(t, infos[0].Problems, "RT Ion Plan Storage")
	assert.True(t, infos[0].Refused())
}
