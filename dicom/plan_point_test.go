package dicom

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/kerma-rt/kerma/dose/beam"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/suyashkumar/dicom/pkg/tag"
	"gonum.org/v1/gonum/spatial/r3"
)

// set is one data set of a test plan: an attribute with the VR of the standard,
// or, with the VR SQ, the bytes of its items.
type set map[tag.Tag]attribute

func (s set) bytes() string {
	var b strings.Builder
	for _, t := range slices.SortedFunc(maps.Keys(s), func(a, b tag.Tag) int { return a.Compare(b) }) {
		if s[t].vr == "SQ" {
			b.WriteString(explicit(t, "SQ", int64(len(s[t].value)), s[t].value))
			continue
		}
		b.WriteString(explicit(t, s[t].vr, -1, s[t].value))
	}
	return b.String()
}

func itemsOf(sets ...set) attribute {
	body := ""
	for _, s := range sets {
		b := s.bytes()
		body += explicit(tag.Item, "", int64(len(b)), b)
	}
	return attribute{"SQ", body}
}

func single(v float64) string {
	return string(binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(v))))
}

// testPlan is a plan of one beam with jaws and two leaf pairs, in the parts that
// tests change.
type testPlan struct {
	plan, setup, group, given, beam set
	devices, points                 []set
}

func positionsOf(device, values string) set {
	return set{tag.RTBeamLimitingDeviceType: {"CS", device}, tag.LeafJawPositions: {"DS", values}}
}

func newTestPlan() *testPlan {
	return &testPlan{
		plan:  set{tag.SOPClassUID: {"UI", classPlan}, tag.Modality: {"CS", "RTPLAN"}, tag.FrameOfReferenceUID: {"UI", "1.2"}, tag.ApprovalStatus: {"CS", "APPROVED"}},
		setup: set{tag.PatientSetupNumber: {"IS", "4"}, tag.PatientPosition: {"CS", "FFS"}},
		group: set{tag.FractionGroupNumber: {"IS", "1"}, tag.NumberOfFractionsPlanned: {"IS", "3"}, tag.NumberOfBeams: {"IS", "1"}},
		given: set{tag.ReferencedBeamNumber: {"IS", "2"}, tag.BeamMeterset: {"DS", "80"}},
		beam: set{
			tag.BeamNumber: {"IS", "2"}, tag.BeamName: {"LO", "LAO"}, tag.TreatmentMachineName: {"SH", "M1"}, tag.RadiationType: {"CS", "PHOTON"},
			tag.PrimaryDosimeterUnit: {"CS", "MU"}, tag.SourceAxisDistance: {"DS", "1000"}, tag.TreatmentDeliveryType: {"CS", "TREATMENT"},
			tag.FinalCumulativeMetersetWeight: {"DS", "80"}, tag.ReferencedPatientSetupNumber: {"IS", "4"}, tag.NumberOfControlPoints: {"IS", "3"},
		},
		devices: []set{
			{tag.RTBeamLimitingDeviceType: {"CS", "MLCX"}, tag.NumberOfLeafJawPairs: {"IS", "2"}, tag.LeafPositionBoundaries: {"DS", `-20\0\10`}},
			{tag.RTBeamLimitingDeviceType: {"CS", "ASYMY"}, tag.NumberOfLeafJawPairs: {"IS", "1"}},
		},
		points: []set{
			{
				tag.ControlPointIndex: {"IS", "0"}, tag.CumulativeMetersetWeight: {"DS", "0"}, tag.NominalBeamEnergy: {"DS", "6"},
				tag.GantryAngle: {"DS", "178"}, tag.GantryRotationDirection: {"CS", "CC"},
				tag.BeamLimitingDeviceAngle: {"DS", "7.0867745e-10"}, tag.BeamLimitingDeviceRotationDirection: {"CS", "NONE"},
				tag.PatientSupportAngle: {"DS", "10"}, tag.PatientSupportRotationDirection: {"CS", "NONE"},
				tag.IsocenterPosition: {"DS", `1\2\3`}, tag.SourceToSurfaceDistance: {"DS", "912.5"},
				// Not in the order of the devices.
				tag.BeamLimitingDevicePositionSequence: itemsOf(positionsOf("ASYMY", `-15\9`), positionsOf("MLCX", `-5\-6\5\6`)),
			},
			{
				tag.ControlPointIndex: {"IS", "1"}, tag.CumulativeMetersetWeight: {"DS", "20"}, tag.GantryAngle: {"DS", "90"}, tag.GantryRotationDirection: {"CS", "CW"},
				tag.BeamLimitingDevicePositionSequence: itemsOf(positionsOf("MLCX", `-7\1.05\7\1`)),
			},
			{tag.ControlPointIndex: {"IS", "2"}, tag.CumulativeMetersetWeight: {"DS", "80"}, tag.GantryAngle: {"DS", "100"}},
		},
	}
}

func (p *testPlan) read(t *testing.T, options PlanOptions) (*Plan, error) {
	t.Helper()
	p.group[tag.ReferencedBeamSequence] = itemsOf(p.given)
	p.beam[tag.BeamLimitingDeviceSequence] = itemsOf(p.devices...)
	p.beam[tag.ControlPointSequence] = itemsOf(p.points...)
	p.plan[tag.FractionGroupSequence] = itemsOf(p.group)
	p.plan[tag.PatientSetupSequence] = itemsOf(p.setup)
	if _, ok := p.plan[tag.BeamSequence]; !ok {
		p.plan[tag.BeamSequence] = itemsOf(p.beam)
	}
	o, err := parse("test", withMeta(syntaxExplicit, p.plan.bytes()))
	require.NoError(t, err)
	return readPlan(o, options)
}

func TestWhatAPointLeavesOutStaysAsItWas(t *testing.T) {
	p, err := newTestPlan().read(t, PlanOptions{})
	require.NoError(t, err)
	require.Empty(t, p.Warnings)
	b := p.Beams[0]
	require.Len(t, b.Points, 3)
	assert.Equal(t, []float64{0, 0.25, 1}, []float64{b.Points[0].Weight, b.Points[1].Weight, b.Points[2].Weight})
	assert.Equal(t, [][]float64{{-5, -6, 5, 6}, {-15, 9}}, b.Points[0].Positions, "by type, not by order")
	assert.Equal(t, [][]float64{{-7, 1.025, 7, 1.025}, {-15, 9}}, b.Points[1].Positions, "the jaw stays; leaves that cross by 0.05 mm meet half way")
	assert.Equal(t, b.Points[1].Positions, b.Points[2].Positions)
	last := b.Points[2]
	assert.Equal(t, 10.0, last.CouchDeg)
	assert.Equal(t, r3.Vec{X: 1, Y: 2, Z: 3}, last.Isocentre)
	assert.Equal(t, []beam.Rotation{beam.Falling, beam.Rising, beam.Rising}, []beam.Rotation{b.Points[0].GantryTurn, b.Points[1].GantryTurn, last.GantryTurn})
	arc, err := b.Arc()
	require.NoError(t, err)
	assert.Equal(t, 98.0, arc, "178 down to 90, then up to 100")
	assert.Equal(t, "FFS", string(b.Position))
	assert.Equal(t, 912.5, b.SSD)
	segments, err := b.Segments(p.Groups[0].Beams[0].Meterset, 2)
	require.NoError(t, err)
	down := 0.0
	for _, s := range segments {
		if s.Pose.GantryDeg > 100 {
			down += s.MU
		}
	}
	assert.InDelta(t, 80*0.25*78/88, down, 1e-9, "MU of the first interval, 80 · 20/80, as far as no angle is crossed twice")
}

func TestPlansThatCannotBeReadWholeAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(p *testPlan)
		tag    string // of the error
		says   string
	}{
		"energy changes":      {func(p *testPlan) { p.points[1][tag.NominalBeamEnergy] = attribute{"DS", "10"} }, "NominalBeamEnergy", "changes from 6 MV"},
		"no energy":           {func(p *testPlan) { delete(p.points[0], tag.NominalBeamEnergy) }, "NominalBeamEnergy", "is missing"},
		"no gantry angle":     {func(p *testPlan) { delete(p.points[0], tag.GantryAngle) }, "GantryAngle", "is missing"},
		"no couch angle":      {func(p *testPlan) { delete(p.points[0], tag.PatientSupportAngle) }, "PatientSupportAngle", "is missing"},
		"no isocentre":        {func(p *testPlan) { delete(p.points[0], tag.IsocenterPosition) }, "IsocenterPosition", "is missing"},
		"isocentre of two":    {func(p *testPlan) { p.points[0][tag.IsocenterPosition] = attribute{"DS", `1\2`} }, "IsocenterPosition", "expected x, y, z"},
		"couch without a way": {func(p *testPlan) { p.points[1][tag.PatientSupportAngle] = attribute{"DS", "20"} }, "PatientSupportAngle", "gives no direction"},
		"unknown way":         {func(p *testPlan) { p.points[0][tag.GantryRotationDirection] = attribute{"CS", "CCW"} }, "GantryRotationDirection", "CW, CC or NONE"},
		"eccentric table":     {func(p *testPlan) { p.points[0][tag.TableTopEccentricAngle] = attribute{"DS", "5"} }, "TableTopEccentricAngle", "only 0"},
		"gantry pitch":        {func(p *testPlan) { p.points[1][tag.GantryPitchAngle] = attribute{"FL", single(2)} }, "GantryPitchAngle", "only 0"},
		"roll changes":        {func(p *testPlan) { p.points[1][tag.TableTopRollAngle] = attribute{"FL", single(2)} }, "TableTopRollAngle", "changes from 0°"},
		"weight missing":      {func(p *testPlan) { delete(p.points[1], tag.CumulativeMetersetWeight) }, "CumulativeMetersetWeight", "is missing"},
		"weight falls":        {func(p *testPlan) { p.points[2][tag.CumulativeMetersetWeight] = attribute{"DS", "10"} }, "CumulativeMetersetWeight", "falls from 20"},
		"weight begins late":  {func(p *testPlan) { p.points[0][tag.CumulativeMetersetWeight] = attribute{"DS", "5"} }, "CumulativeMetersetWeight", "first weight is not 0"},
		"weight ends early":   {func(p *testPlan) { p.points[2][tag.CumulativeMetersetWeight] = attribute{"DS", "79"} }, "CumulativeMetersetWeight", "not the final one, 80"},
		"no final weight":     {func(p *testPlan) { delete(p.beam, tag.FinalCumulativeMetersetWeight) }, "FinalCumulativeMetersetWeight", "positive"},
		"points missing":      {func(p *testPlan) { p.points = p.points[:2] }, "NumberOfControlPoints", "has 2 control points"},
		"points out of order": {func(p *testPlan) { p.points[1][tag.ControlPointIndex] = attribute{"IS", "2"} }, "ControlPointIndex", "order"},
		"leaf missing": {func(p *testPlan) {
			p.points[1][tag.BeamLimitingDevicePositionSequence] = itemsOf(positionsOf("MLCX", `-7\7`))
		}, "LeafJawPositions", "2 positions of MLCX, expected 4"},
		"leaf overlap": {func(p *testPlan) {
			p.points[1][tag.BeamLimitingDevicePositionSequence] = itemsOf(positionsOf("MLCX", `-7\1.2\7\1`))
		}, "LeafJawPositions", "leaf 2: left 1.2 mm > right 1 mm"},
		"leaf not a number": {func(p *testPlan) {
			p.points[1][tag.BeamLimitingDevicePositionSequence] = itemsOf(positionsOf("MLCX", `-7\NaN\7\1`))
		}, "LeafJawPositions", "not a finite"},
		"device unlisted": {func(p *testPlan) {
			p.points[1][tag.BeamLimitingDevicePositionSequence] = itemsOf(positionsOf("ASYMX", `-7\7`))
		}, "RTBeamLimitingDeviceType", "no such device"},
		"device twice": {func(p *testPlan) {
			p.points[1][tag.BeamLimitingDevicePositionSequence] = itemsOf(positionsOf("ASYMY", `-7\7`), positionsOf("ASYMY", `-7\7`))
		}, "RTBeamLimitingDeviceType", "twice"},
		"device not set": {func(p *testPlan) {
			p.points[0][tag.BeamLimitingDevicePositionSequence] = itemsOf(positionsOf("ASYMY", `-7\7`))
		}, "BeamLimitingDevicePositionSequence", "no positions of MLCX"},
		"two of one type":     {func(p *testPlan) { p.devices = append(p.devices, p.devices[0]) }, "RTBeamLimitingDeviceType", "two devices have this type"},
		"device unknown":      {func(p *testPlan) { p.devices[1][tag.RTBeamLimitingDeviceType] = attribute{"CS", "IRIS"} }, "RTBeamLimitingDeviceType", "unknown device"},
		"boundaries missing":  {func(p *testPlan) { delete(p.devices[0], tag.LeafPositionBoundaries) }, "LeafPositionBoundaries", "0 boundaries for 2"},
		"boundaries disorder": {func(p *testPlan) { p.devices[0][tag.LeafPositionBoundaries] = attribute{"DS", `-20\10\0`} }, "LeafPositionBoundaries", "ascend"},
		"sitting":             {func(p *testPlan) { p.setup[tag.PatientPosition] = attribute{"CS", "SITTING"} }, "PatientPosition", "not a position"},
		"setup unknown":       {func(p *testPlan) { p.beam[tag.ReferencedPatientSetupNumber] = attribute{"IS", "5"} }, "ReferencedPatientSetupNumber", "no patient setup"},
		"unit":                {func(p *testPlan) { p.beam[tag.PrimaryDosimeterUnit] = attribute{"CS", "COULOMB"} }, "PrimaryDosimeterUnit", "MU or MINUTE"},
		"beam unknown":        {func(p *testPlan) { p.given[tag.ReferencedBeamNumber] = attribute{"IS", "1"} }, "ReferencedBeamNumber", "no beam of this number"},
		"meterset negative":   {func(p *testPlan) { p.given[tag.BeamMeterset] = attribute{"DS", "-1"} }, "BeamMeterset", "zero or more"},
		"no monitor units":    {func(p *testPlan) { p.given[tag.BeamMeterset] = attribute{"DS", "0"} }, "BeamSequence", "no beam that delivers"},
		"beams missing":       {func(p *testPlan) { p.group[tag.NumberOfBeams] = attribute{"IS", "2"} }, "NumberOfBeams", "names 1 beams"},
		"beam number twice":   {func(p *testPlan) { p.read(t, PlanOptions{}); p.plan[tag.BeamSequence] = itemsOf(p.beam, p.beam) }, "BeamNumber", "two beams"},
		"fluence unnamed": {func(p *testPlan) {
			p.beam[tag.PrimaryFluenceModeSequence] = itemsOf(set{tag.FluenceMode: {"CS", "NON_STANDARD"}})
		}, "FluenceModeID", "is missing"},
		"helical tomotherapy": {func(p *testPlan) {
			p.points[0][tag.Tag{Group: 0x300D, Element: 0x0010}] = attribute{"LO", "TOMO_HA_01"}
		}, "(300D,0010)", "tomotherapy"},
		"delivery unknown": {func(p *testPlan) { p.beam[tag.TreatmentDeliveryType] = attribute{"CS", "VERIFICATION"} }, "TreatmentDeliveryType", "TREATMENT or SETUP"},
		"turn of no way": {func(p *testPlan) {
			p.points[1][tag.GantryAngle] = attribute{"DS", "178"}
			p.points[2][tag.GantryAngle] = attribute{"DS", "178"}
		}, "BeamSequence", "a whole turn or none"},
		"stereotactic cone": {func(p *testPlan) {
			p.beam[tag.ApplicatorSequence] = itemsOf(set{tag.ApplicatorType: {"CS", "STEREOTACTIC"}})
		}, "ApplicatorSequence", "STEREOTACTIC"},
		"wedges but no items": {func(p *testPlan) { p.beam[tag.NumberOfWedges] = attribute{"IS", "1"} }, "NumberOfWedges", "wedge"},
		"wedge but none count": {func(p *testPlan) {
			p.beam[tag.NumberOfWedges] = attribute{"IS", "0"}
			p.beam[tag.WedgeSequence] = itemsOf(set{tag.WedgeType: {"CS", "MOTORIZED"}})
		}, "WedgeSequence", "MOTORIZED"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newTestPlan()
			c.change(p)
			_, err := p.read(t, PlanOptions{})
			var e *Error
			require.ErrorAs(t, err, &e)
			assert.Contains(t, e.Tag, c.tag)
			assert.ErrorContains(t, err, c.says)
			if strings.HasPrefix(e.Tag, "BeamSequence[0]") && c.says != "not a finite" {
				assert.Contains(t, e.Message, `beam 2 "LAO"`, fmt.Sprint(e))
			}
		})
	}
}

func TestWhatAPlanDoesNotSayIsWarnedOf(t *testing.T) {
	p := newTestPlan()
	delete(p.plan, tag.FrameOfReferenceUID)
	p.plan[tag.ApprovalStatus] = attribute{"CS", "REJECTED"}
	delete(p.setup, tag.PatientPosition)
	delete(p.beam, tag.PrimaryDosimeterUnit)
	delete(p.given, tag.BeamMeterset)
	delete(p.group, tag.NumberOfFractionsPlanned)
	p.beam[tag.Tag{Group: 0x3285, Element: 0x0010}] = attribute{"LO", "Varian"}
	got, err := p.read(t, PlanOptions{})
	require.NoError(t, err)
	for _, about := range []string{"FrameOfReferenceUID", "ApprovalStatus", "ReferencedPatientSetupNumber", "PrimaryDosimeterUnit", "BeamMeterset", "NumberOfFractionsPlanned", "PrimaryFluenceModeSequence"} {
		assert.True(t, warned(got.Warnings, about, ""), about)
	}
	assert.Len(t, got.Warnings, 7)
	assert.Equal(t, beam.MonitorUnits, got.Beams[0].Unit)
	assert.Empty(t, got.Beams[0].Position)
	assert.True(t, math.IsNaN(got.Groups[0].Beams[0].Meterset))

	p = newTestPlan()
	p.beam[tag.PrimaryDosimeterUnit] = attribute{"CS", "MINUTE"}
	p.beam[tag.PrimaryFluenceModeSequence] = itemsOf(set{tag.FluenceMode: {"CS", "NON_STANDARD"}, tag.FluenceModeID: {"SH", "FFF"}})
	got, err = p.read(t, PlanOptions{})
	require.NoError(t, err)
	assert.Equal(t, beam.Minutes, got.Beams[0].Unit)
	assert.Equal(t, beam.FFF, got.Beams[0].FluenceMode)
}
