package main

import (
	"path/filepath"
	"testing"

	"github.com/kerma-rt/kerma/dicom"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The README and the SOURCE notes of the data say what is in each set.
func TestInfoSaysWhatIsInEverySet(t *testing.T) {
	for _, c := range []struct {
		set   []string
		code  int
		facts []string
	}{
		{[]string{"tg119"}, exitDone, []string{"129 slices", "OuterTarget", "25 fractions, 9 beams", "196.82 MU", "maximum 58.4"}},
		{[]string{"tg119_vmat_ncsa"}, exitDone, []string{"606.30 MU", "259.48 MU", "91 control points", "MLCX 60"}},
		{[]string{"breast_eclipse"}, exitInput, []string{"refused: (0028,0010) Rows", "4 beams", "Tumor Bed"}},
		{[]string{"breast_eclipse", "ct_standin"}, exitDone, []string{"98 slices", "no photon plan"}},
		{[]string{"lung_synthetic"}, exitDone, []string{"100 slices", "30 fractions, 4 beams", "BEAM PHYSICAL GY"}},
		{[]string{"lung_nsclc"}, exitDone, []string{"51 slices", "GTV-1", "274.1", "43 control points"}},
		{[]string{"plans_open"}, exitDone, []string{"fraction group 3"}},
		{[]string{"plans_ncsa"}, exitInput, []string{"two devices have this type"}},
		{[]string{"proton_misc"}, exitInput, []string{"RT Ion Plan Storage", "no photon plan"}},
		{[]string{"proton_ramp_raystation"}, exitInput, []string{"RT Ion Plan Storage", "PROTON", "EFFECTIVE", "no photon plan"}},
		{[]string{"odd"}, exitInput, []string{"refused"}},
		{[]string{"odd_real"}, exitInput, []string{"gantry tilt", "Enhanced CT"}},
	} {
		t.Run(filepath.Join(c.set...), func(t *testing.T) {
			if c.set[0] == "odd" || c.set[0] == "odd_real" {
				long(t)
			}
			path := shared(t, c.set...)
			code, out, errs := call(t, "info", path)
			assert.Equal(t, c.code, code, errs)
			for _, fact := range c.facts {
				assert.Contains(t, out, fact)
			}

			code, text, _ := call(t, "info", "--json", path)
			assert.Equal(t, c.code, code)
			var infos []struct {
				Kind     string `json:"kind"`
				Problems *[]struct {
					Severity, File, Tag, Value, Message *string
				} `json:"problems"`
			}
			decode(t, []byte(text), &infos)
			require.NotEmpty(t, infos)
			refused := false
			for _, i := range infos {
				require.NotEmpty(t, i.Kind)
				require.NotNil(t, i.Problems)
				for _, p := range *i.Problems {
					for _, field := range []*string{p.Severity, p.File, p.Tag, p.Value, p.Message} {
						require.NotNil(t, field, "every problem has all its fields")
					}
					require.Contains(t, []string{"warning", "refused"}, *p.Severity)
					refused = refused || *p.Severity == "refused"
				}
			}
			assert.Equal(t, c.code == exitInput, refused, "the exit code says whether something is refused")
		})
	}
}

// A picture beside the objects of a treatment is named and takes nothing from
// them; a file that is not DICOM is passed by; a folder without any is at fault.
func TestInfoRefusesOnlyWhatADoseWouldBeAskedOf(t *testing.T) {
	code, out, errs := call(t, "info", shared(t, "odd_real", "pydicom", "image_dfl.dcm"))
	assert.Equal(t, exitDone, code, errs)
	assert.Contains(t, out, "warning")
	assert.Contains(t, out, "Secondary Capture")

	code, out, _ = call(t, "info", shared(t, "tg119", "SOURCE.md"))
	assert.Equal(t, exitInput, code)
	assert.Contains(t, out, "not a DICOM file")
	code, out, _ = call(t, "info", "--json", t.TempDir())
	assert.Equal(t, exitInput, code)
	assert.Equal(t, "[]\n", out)
}

// Each dose is held against that of the set: of a planning system (breast) or of
// pyRadPlan's pencil beam (all others; it cuts its kernel at 50 mm and makes
// fluence of 5 mm bixels). The machine svd is pyRadPlan's own. The one set that
// it misses is the IMRT plan; see the test of package dose.
func TestDoseOfEverySetIsPlausible(t *testing.T) {
	long(t)
	peer := []string{"--machine", "svd", "--calibration", "matrad"}
	for _, c := range []struct {
		name       string
		folder     []string
		structures []string
		args       []string // set/file is looked up in the shared data
		plan, ct   []string
		reference  []string
		target     string
		low, high  float64 // of the mean dose of the target, relative to the reference
	}{
		{name: "tg119", folder: []string{"tg119"}, reference: []string{"tg119", "rtdose_imrt.dcm"}, target: "OuterTarget", low: 1, high: 1.05},
		{name: "tg119, machine of the peer", folder: []string{"tg119"}, args: peer, reference: []string{"tg119", "rtdose_imrt.dcm"}, target: "OuterTarget", low: 0.89, high: 0.94},
		{name: "tg119 VMAT", folder: []string{"tg119"}, plan: []string{"tg119_vmat_ncsa", "rtplan_raystation_unique.dcm"}, args: append([]string{"--roi", "OuterTarget"}, peer...),
			reference: []string{"tg119_vmat_ncsa", "rtdose_raystation_unique.dcm"}, target: "OuterTarget", low: 0.96, high: 1.01},
		{name: "breast", folder: []string{"breast_eclipse"}, ct: []string{"breast_eclipse", "ct_standin"}, reference: []string{"breast_eclipse", "rtdose.dcm"}, target: "Tumor Bed", low: 0.97, high: 1.03},
		{name: "lung_synthetic", folder: []string{"lung_synthetic"}, reference: []string{"lung_synthetic", "rtdose_3dcrt.dcm"}, target: "Tumor", low: 1.03, high: 1.07},
		{name: "lung_synthetic, machine of the peer", folder: []string{"lung_synthetic"}, args: peer, reference: []string{"lung_synthetic", "rtdose_3dcrt.dcm"}, target: "Tumor", low: 0.99, high: 1.01},
		{name: "lung_nsclc 3dcrt", folder: []string{"lung_nsclc"}, plan: []string{"lung_nsclc", "rtplan_3dcrt.dcm"}, reference: []string{"lung_nsclc", "rtdose_3dcrt.dcm"}, target: "GTV-1", low: 0.96, high: 1.01},
		{name: "lung_nsclc 3dcrt, machine of the peer", folder: []string{"lung_nsclc"}, plan: []string{"lung_nsclc", "rtplan_3dcrt.dcm"}, args: peer, reference: []string{"lung_nsclc", "rtdose_3dcrt.dcm"}, target: "GTV-1", low: 0.94, high: 0.99},
		{name: "lung_nsclc arc, machine of the peer", folder: []string{"lung_nsclc"}, plan: []string{"lung_nsclc", "rtplan_arc.dcm"}, args: append([]string{"--roi", "GTV-1"}, peer...),
			reference: []string{"lung_nsclc", "rtdose_arc.dcm"}, target: "GTV-1", low: 0.95, high: 1.0},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			args := append([]string{"dose", shared(t, c.folder...), "--out", dir, "--grid", "5"}, c.args...)
			if c.plan != nil {
				args = append(args, "--plan", shared(t, c.plan...))
			}
			if c.ct != nil {
				args = append(args, "--ct", shared(t, c.ct...))
			}
			done(t, args...)
			got := dvhOf(t, read(t, dir, "dvh.json"))[c.target]
			want := dvhOf(t, []byte(done(t, "dvh", "--json", "-", "--structures", filepath.Join(shared(t, c.folder...), "rtstruct.dcm"), "--dose", shared(t, c.reference...))))[c.target]
			require.Positive(t, want.Mean)
			ratio := got.Mean / want.Mean
			t.Logf("%s: mean %.2f Gy, reference %.2f Gy, ratio %.4f; D95 %.2f, %.2f Gy", c.target, got.Mean, want.Mean, ratio, got.D95, want.D95)
			assert.Greater(t, ratio, c.low)
			assert.Less(t, ratio, c.high)
			_, err := dicom.ReadDose(filepath.Join(dir, "dose.dcm"))
			require.NoError(t, err)
		})
	}
}

func TestDoseOfASetThatLacksSomethingSaysWhat(t *testing.T) {
	for _, c := range []struct {
		set  string
		says []string
	}{
		{"proton_misc", []string{"no photon plan", "RT Ion Plan Storage"}},
		{"proton_ramp_raystation", []string{"no photon plan", "RT Ion Plan Storage"}},
		{"plans_open", []string{"no CT"}},
		{"tg119_vmat_ncsa", []string{"no CT"}},
		{"lung_nsclc", []string{"2 plans", "--plan", "NSCLC_ARC", "NSCLC_3DCRT3"}},
		{"breast_eclipse", []string{"Rows", "of the same series"}},
	} {
		t.Run(c.set, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "out")
			code, _, errs := call(t, "dose", shared(t, c.set), "--out", dir)
			assert.Equal(t, exitInput, code)
			for _, s := range c.says {
				assert.Contains(t, errs, s)
			}
			assert.NoDirExists(t, dir)
		})
	}
}

func TestAWedgeIsRefusedOrWarnedOf(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	args := []string{"dose", "--ct", shared(t, "odd", "ct_hfs"), "--structures", shared(t, "odd", "rs_kinds.dcm"), "--plan", shared(t, "odd", "rp_wedge_standard.dcm"), "--out", dir}
	code, _, errs := call(t, args...)
	assert.Equal(t, exitInput, code)
	assert.Contains(t, errs, "wedge")
	assert.Contains(t, errs, "not modelled")
	assert.NoDirExists(t, dir)

	out := done(t, append(args, "--without-modifiers")...)
	assert.Contains(t, out, "the dose is not that of the treatment")
	var p provenance
	decode(t, read(t, dir, "provenance.json"), &p)
	assert.Contains(t, p.Warnings, `beam 1 "B1": wedge (WedgeType STANDARD, WedgeID W30, WedgeAngle 30)`)
	d, err := dicom.ReadDose(filepath.Join(dir, "dose.dcm"))
	require.NoError(t, err)
	assert.Contains(t, d.Provenance, `warning: beam 1 "B1": wedge (WedgeType STANDARD, WedgeID W30, WedgeAngle 30)`)
	assert.Contains(t, string(read(t, dir, "report.html")), "WedgeAngle 30")
}
