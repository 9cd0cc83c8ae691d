package dicom

import (
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What the notes beside the public plans say of them: fraction groups, beams,
// monitor units a fraction of the first two beams, devices of the first beam,
// control points and degrees of arc of the first beam. A plan that is not read
// has the words of its refusal instead.
var publicPlans = []struct {
	file    string
	beams   []int // of each fraction group
	mu      []float64
	devices string
	points  int
	arc     float64
	refused string
}{
	{file: "tg119/rtplan_imrt.dcm", beams: []int{9}, mu: []float64{196.823643, 163.3762}, devices: "ASYMX 1, ASYMY 1, MLCX 60", points: 30},
	{file: "tg119_vmat_ncsa/rtplan_raystation_unique.dcm", beams: []int{2}, mu: []float64{606.3041, 259.4818}, devices: "ASYMX 1, ASYMY 1, MLCX 60", points: 91, arc: 358},
	{file: "breast_eclipse/rtplan.dcm", beams: []int{4}, mu: []float64{97, 87}, devices: "ASYMX 1, ASYMY 1, MLCX 60", points: 92},
	{file: "lung_synthetic/rtplan_3dcrt.dcm", beams: []int{4}, mu: []float64{63.886783, 63.774702}, devices: "ASYMX 1, ASYMY 1, MLCX 60", points: 2},
	{file: "lung_nsclc/rtplan_3dcrt.dcm", beams: []int{3}, mu: []float64{86.350953, 89.755331}, devices: "ASYMX 1, ASYMY 1, MLCX 60", points: 2},
	{file: "lung_nsclc/rtplan_arc.dcm", beams: []int{1}, mu: []float64{274.125387}, devices: "ASYMX 1, ASYMY 1, MLCX 60", points: 43, arc: 210},
	{file: "plans_open/pinnacle_elekta_stepshoot_3_fraction_groups.dcm", beams: []int{9, 9, 8}, mu: []float64{90.199996948242, 82.400001525879}, devices: "ASYMX 1, ASYMY 1, MLCX 40", points: 18},
	{file: "plans_open/conehead_3dcrt.dcm", beams: []int{1}, mu: []float64{1276.007202}, devices: "ASYMX 1, ASYMY 1, MLCX 60", points: 2},
	{file: "plans_open/pymedphys_06mv_plan.dcm", beams: []int{10}, mu: []float64{1000, 1000}, devices: "ASYMY 1, MLCX 80", points: 2},
	{file: "plans_open/pymedphys_vmat.dcm", beams: []int{2}, mu: []float64{157.238693, 158.782211}, devices: "ASYMY 1, MLCX 80", points: 32, arc: 60},
	{file: "plans_open/pymedphys_fff_nopreamble.dcm", beams: []int{1}, mu: []float64{301.937836}, devices: "ASYMY 1, MLCX 80", points: 2},
	{file: "plans_open/pymedphys_rectangle_24x20_nopreamble.dcm", beams: []int{1}, mu: []float64{301.937836}, devices: "ASYMY 1, MLCX 80", points: 2},
	{file: "plans_ncsa/tg119_cshape_eclipse_truebeam_vmat.dcm", beams: []int{2}, mu: []float64{343.960857196143, 258.088250795803}, devices: "ASYMX 1, ASYMY 1, MLCX 60", points: 180, arc: 358},
	{file: "plans_ncsa/tg119_hn_eclipse_truebeam_slidingwindow.dcm", beams: []int{9}, mu: []float64{210, 206}, devices: "ASYMX 1, ASYMY 1, MLCX 60", points: 126},
	{file: "plans_ncsa/tg119_prostate_eclipse_unique_vmat.dcm", beams: []int{2}, mu: []float64{353.668465223408, 249.505607475033}, devices: "ASYMX 1, ASYMY 1, MLCX 60", points: 180, arc: 358},
	{file: "plans_ncsa/tg119_cshape_raystation_unique_vmat.dcm", beams: []int{2}, mu: []float64{606.3041, 259.4818}, devices: "ASYMX 1, ASYMY 1, MLCX 60", points: 91, arc: 358},
	{file: "plans_ncsa/tg119_cshape_ethos_vmat_private_sop_class.dcm", beams: []int{2}, mu: []float64{159.054041574579, 441.01296862295}, devices: "X 1, Y 1, MLCX1 28, MLCX2 29", points: 180, arc: 358},
	{file: "plans_ncsa/monaco_versahd_vmat_noncoplanar.dcm", beams: []int{5}, mu: []float64{581.279236, 761.72406}, devices: "ASYMY 1, MLCX 80", points: 30, arc: 120},
	{file: "plans_ncsa/pinnacle_versahd_vmat.dcm", beams: []int{2}, mu: []float64{254.6, 272.4}, devices: "ASYMX 1, ASYMY 1, MLCX 80", points: 90, arc: 356},
	{file: "plans_ncsa/elements_elekta_arcs.dcm", beams: []int{4}, mu: []float64{776, 1389}, devices: "ASYMX 1, ASYMY 1, MLCX 80", points: 31, arc: 120},
	{file: "plans_ncsa/mridian_a3i_private_sop_class.dcm", beams: []int{24}, mu: []float64{201.892532348633, 316.097900390625}, devices: "MLCX2 34, MLCX1 35", points: 4},
	{file: "plans_ncsa/mridian_stepshoot_two_mlcx.dcm", refused: `beam 1 "Beam 1_1": two devices have this type`},
	{file: "odd_real/pydicom/rtplan.dcm", beams: []int{1}, mu: []float64{116.0036697}, devices: "X 1, Y 1", points: 2},
	{file: "odd_real/pydicom/rtplan_truncated.dcm", refused: "BeamSequence: says it is 976 bytes long where 711 are left"},
	{file: "proton_misc/eclipse_mono160_ionplan.dcm", refused: "RT Ion Plan Storage"},
	{file: "proton_misc/eclipse_qa_4fields_ionplan.dcm", refused: "RT Ion Plan Storage"},
	{file: "proton_misc/eclipse_sobp_ionplan_explicitvr.dcm", refused: "RT Ion Plan Storage"},
	{file: "proton_misc/raystation_sobp_rangeshifter_ionplan.dcm", refused: "RT Ion Plan Storage"},
	{file: "proton_ramp_raystation/rtionplan.dcm", refused: "RT Ion Plan Storage"},
	{file: "odd_real/opentps_nonconformant/rtionplan.dcm", refused: "RT Ion Plan Storage"},
}

func TestPublicPlansAreReadAsTheirNotesSay(t *testing.T) {
	for _, c := range publicPlans {
		t.Run(strings.TrimSuffix(filepath.Base(c.file), ".dcm"), func(t *testing.T) {
			p, err := ReadPlan(sharedData(t, c.file), PlanOptions{})
			if c.refused != "" {
				var e *Error
				require.ErrorAs(t, err, &e)
				assert.ErrorContains(t, err, c.refused)
				return
			}
			require.NoError(t, err)
			require.Len(t, p.Groups, len(c.beams))
			var mu []float64
			for i, g := range p.Groups {
				assert.Len(t, g.Beams, c.beams[i], "fraction group %d", g.Number)
				for _, m := range g.Beams {
					mu = append(mu, m.Meterset)
					segments, err := p.Beam(m.BeamNumber).Segments(m.Meterset, 2)
					require.NoError(t, err)
					sum := 0.0
					for _, s := range segments {
						sum += s.MU
					}
					assert.InEpsilon(t, m.Meterset, sum, 1e-12, "beam %d: monitor units of all segments", m.BeamNumber)
				}
			}
			assert.InDeltaSlice(t, c.mu, mu[:len(c.mu)], 1e-9)
			b := &p.Beams[0]
			var devices []string
			for _, d := range b.Devices {
				devices = append(devices, d.Name+" "+valueText(d.Pairs()))
			}
			assert.Equal(t, c.devices, strings.Join(devices, ", "))
			assert.Len(t, b.Points, c.points)
			arc, err := b.Arc()
			require.NoError(t, err)
			assert.InDelta(t, c.arc, arc, 1e-6)
		})
	}
}

func TestPlansKeepWhatMattersLater(t *testing.T) {
	p, err := ReadPlan(sharedData(t, "plans_ncsa/tg119_cshape_ethos_vmat_private_sop_class.dcm"), PlanOptions{})
	require.NoError(t, err)
	assert.Equal(t, []string{`beam 17 "kVCBCT": SETUP, no treatment`}, p.Omitted)
	assert.Equal(t, "FFF", string(p.Beams[0].FluenceMode))
	assert.True(t, warned(p.Warnings, "SOPClassUID", "private"))

	p, err = ReadPlan(sharedData(t, "plans_ncsa/monaco_versahd_vmat_noncoplanar.dcm"), PlanOptions{})
	require.NoError(t, err)
	assert.Equal(t, 45.0, p.Beams[0].Points[0].CouchDeg)
	assert.Equal(t, 917.5, p.Beams[0].SSD)
	turns := map[string]bool{}
	for _, q := range p.Beams[0].Points {
		turns[q.GantryTurn.String()] = true
	}
	assert.True(t, turns["rising"] && turns["falling"], "out and back in one beam: %v", turns)

	p, err = ReadPlan(sharedData(t, "plans_open/pymedphys_fff_nopreamble.dcm"), PlanOptions{})
	require.NoError(t, err)
	assert.Equal(t, "FFF", string(p.Beams[0].FluenceMode))

	p, err = ReadPlan(sharedData(t, "tg119/rtplan_imrt.dcm"), PlanOptions{})
	require.NoError(t, err)
	assert.Len(t, p.Warnings, 1, "%v", p.Warnings)
	assert.True(t, warned(p.Warnings, "ApprovalStatus", "not approved"))
	assert.Equal(t, 50.0, p.Prescription)

	p, err = ReadPlan(sharedData(t, "breast_eclipse/rtplan.dcm"), PlanOptions{})
	require.NoError(t, err)
	assert.Equal(t, 14.0, p.Prescription, "the highest of 14 and 11.3 Gy")
}

func TestWrittenPlanIsThePlan(t *testing.T) {
	for _, name := range []string{"rp_open_jaws_mlc.dcm", "rp_arc_cw.dcm", "rp_mlcy.dcm", "rp_hfp.dcm", "rp_two_fraction_groups.dcm", "rp_no_meterset.dcm", "rp_table_pitch_roll.dcm"} {
		t.Run(name, func(t *testing.T) {
			p, err := ReadPlan(filepath.Join(oddDir(t), name), PlanOptions{})
			require.NoError(t, err)
			p.Plan.UID, p.Prescription = "", 51.5 // as one from JSON
			path := filepath.Join(t.TempDir(), "plan.dcm")
			ref, err := WritePlan(path, p.Plan, p.Identity)
			require.NoError(t, err)
			back, err := ReadPlan(path, PlanOptions{})
			require.NoError(t, err)
			assert.Equal(t, ref, PlanReference(back.Plan))
			assert.Equal(t, p.Identity, back.Identity)
			assert.NoError(t, samePlan(back.Plan, p.Plan))
			back.Beams[0].Points[1].Positions[0] = []float64{-31, 30}
			assert.Error(t, samePlan(back.Plan, p.Plan), "the comparison sees a jaw moved by 1 mm")

			validator := tool(t, "dciodvfy")
			out, err := exec.Command(validator, path).CombinedOutput()
			require.NoError(t, err, "%s", out)
			for line := range strings.SplitSeq(string(out), "\n") {
				assert.False(t, strings.HasPrefix(line, "Error"), "%s", line)
			}
		})
	}
}

func TestPlanThatWasReadInPartIsNotWritten(t *testing.T) {
	p, err := ReadPlan(filepath.Join(oddDir(t), "rp_wedge_standard.dcm"), PlanOptions{WithoutModifiers: true})
	require.NoError(t, err)
	_, err = WritePlan(filepath.Join(t.TempDir(), "plan.dcm"), p.Plan, p.Identity)
	var e *Error
	assert.True(t, errors.As(err, &e))
	assert.ErrorContains(t, err, "read without all of its parts")
}
