package dicom

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/kerma-rt/kerma/dose/beam"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/suyashkumar/dicom/pkg/tag"
	"gonum.org/v1/gonum/spatial/r3"
)

// WritePlan writes p as an RTPLAN of the study of id and returns the reference
// by which a dose names it: DICOM has no dose without a plan, so a plan that
// came from elsewhere needs a file too. It gets a new UID when it has none; the
// patient position of every beam and the frame of reference must be known. The
// file is read back and compared before it takes its name.
func WritePlan(path string, p *beam.Plan, id Identity) (Reference, error) {
	if err := p.Validate(); err != nil {
		return Reference{}, &Error{File: path, Message: "the plan cannot be written", Err: err}
	}
	switch {
	case p.ClassUID != "" && p.ClassUID != classPlan:
		return Reference{}, &Error{File: path, Tag: tagName(tag.SOPClassUID), Value: p.ClassUID, Message: "only standard RT plans are written"}
	case p.FrameOfReferenceUID == "":
		return Reference{}, &Error{File: path, Tag: tagName(tag.FrameOfReferenceUID), Message: "a plan cannot be written without the frame of reference of the image"}
	case id.StudyUID == "":
		return Reference{}, &Error{File: path, Tag: tagName(tag.StudyInstanceUID), Message: "a plan cannot be written without the study of the image"}
	case len(p.Unmodelled) > 0:
		return Reference{}, &Error{File: path, Value: p.Unmodelled[0], Message: "a plan that was read without all of its parts is not written as if it had none"}
	case len(p.Groups) == 0:
		return Reference{}, &Error{File: path, Tag: tagName(tag.FractionGroupSequence), Message: "a plan cannot be written without a fraction group"}
	}
	ref := Reference{ClassUID: classPlan, UID: p.UID}
	var err error
	if ref.UID == "" {
		if ref.UID, err = newUID(); err != nil {
			return Reference{}, err
		}
	}
	series, err := newUID()
	if err != nil {
		return Reference{}, err
	}
	set := planDataset(p, ref.UID, series, id, time.Now())
	return ref, set.write(path, func(temporary string) error {
		back, err := ReadPlan(temporary, PlanOptions{})
		if err != nil {
			return err
		}
		return samePlan(back.Plan, p)
	})
}

func planDataset(p *beam.Plan, instance, series string, id Identity, at time.Time) *dataset {
	d := &dataset{}
	d.origin(classPlan, instance, series, "RTPLAN", id, at)
	d.text(tag.FrameOfReferenceUID, p.FrameOfReferenceUID)
	d.text(tag.PositionReferenceIndicator, "")
	label := cut(p.Label, 16)
	if label == "" {
		label = "plan"
	}
	d.text(tag.RTPlanLabel, label)
	d.text(tag.RTPlanDate, at.Format("20060102"))
	d.text(tag.RTPlanTime, at.Format("150405"))
	d.text(tag.ApprovalStatus, "UNAPPROVED")
	if p.StructureSetUID == "" {
		d.text(tag.RTPlanGeometry, "TREATMENT_DEVICE")
	} else {
		d.text(tag.RTPlanGeometry, "PATIENT")
		ref := &dataset{}
		ref.text(tag.ReferencedSOPClassUID, classStructures)
		ref.text(tag.ReferencedSOPInstanceUID, p.StructureSetUID)
		d.sequence(tag.ReferencedStructureSetSequence, ref)
	}
	if p.Prescription > 0 {
		dose := &dataset{}
		dose.whole(tag.DoseReferenceNumber, 1)
		dose.text(tag.DoseReferenceStructureType, "SITE")
		dose.text(tag.DoseReferenceDescription, "target")
		dose.text(tag.DoseReferenceType, "TARGET")
		dose.decimals(tag.TargetPrescriptionDose, p.Prescription)
		d.sequence(tag.DoseReferenceSequence, dose)
	}
	var groups []*dataset
	for _, g := range p.Groups {
		groups = append(groups, groupItem(g))
	}
	d.sequence(tag.FractionGroupSequence, groups...)

	var positions []geometry.PatientPosition
	var setups, beams []*dataset
	for i := range p.Beams {
		b := &p.Beams[i]
		setup := slices.Index(positions, b.Position)
		if setup < 0 {
			setup = len(positions)
			positions = append(positions, b.Position)
			one := &dataset{}
			if b.Position == "" {
				one.err = &Error{Tag: tagName(tag.PatientPosition), Message: fmt.Sprintf("%v: a plan cannot be written without the position of the patient", b)}
			}
			one.text(tag.PatientPosition, string(b.Position))
			one.whole(tag.PatientSetupNumber, setup+1)
			setups = append(setups, one)
		}
		beams = append(beams, beamItem(b, setup+1))
	}
	d.sequence(tag.PatientSetupSequence, setups...)
	d.sequence(tag.BeamSequence, beams...)
	return d
}

func groupItem(g beam.FractionGroup) *dataset {
	d := &dataset{}
	d.whole(tag.FractionGroupNumber, g.Number)
	if g.Fractions > 0 {
		d.whole(tag.NumberOfFractionsPlanned, g.Fractions)
	} else {
		d.text(tag.NumberOfFractionsPlanned, "")
	}
	d.whole(tag.NumberOfBeams, len(g.Beams))
	d.whole(tag.NumberOfBrachyApplicationSetups, 0)
	var refs []*dataset
	for _, m := range g.Beams {
		ref := &dataset{}
		ref.whole(tag.ReferencedBeamNumber, m.BeamNumber)
		if !math.IsNaN(m.Meterset) {
			ref.decimals(tag.BeamMeterset, m.Meterset)
		}
		refs = append(refs, ref)
	}
	if len(refs) > 0 {
		d.sequence(tag.ReferencedBeamSequence, refs...)
	}
	return d
}

// deviceType is the DICOM name of a device: its own where that is one.
func deviceType(d beam.Device) string {
	if kind, ok := deviceKinds[d.Name]; ok && kind == d.Kind {
		return d.Name
	}
	return [...]string{beam.JawX: "ASYMX", beam.JawY: "ASYMY", beam.MLCX: "MLCX", beam.MLCY: "MLCY"}[d.Kind]
}

func beamItem(b *beam.Beam, setup int) *dataset {
	d := &dataset{}
	d.whole(tag.BeamNumber, b.Number)
	d.long(tag.BeamName, b.Name, 64)
	d.text(tag.BeamType, beamType(b))
	d.text(tag.RadiationType, "PHOTON")
	d.long(tag.TreatmentMachineName, b.Machine, 16)
	if b.SAD > 0 {
		d.decimals(tag.SourceAxisDistance, b.SAD)
	}
	d.text(tag.PrimaryDosimeterUnit, string(b.Unit))
	d.text(tag.TreatmentDeliveryType, "TREATMENT")
	mode := &dataset{}
	if b.FluenceMode == beam.Flattened {
		mode.text(tag.FluenceMode, "STANDARD")
	} else {
		mode.text(tag.FluenceMode, "NON_STANDARD")
		mode.long(tag.FluenceModeID, string(b.FluenceMode), 16)
	}
	d.sequence(tag.PrimaryFluenceModeSequence, mode)
	for _, t := range []tag.Tag{tag.NumberOfWedges, tag.NumberOfCompensators, tag.NumberOfBoli, tag.NumberOfBlocks} {
		d.whole(t, 0)
	}
	d.text(tag.FinalCumulativeMetersetWeight, "1")
	d.whole(tag.NumberOfControlPoints, len(b.Points))
	d.whole(tag.ReferencedPatientSetupNumber, setup)
	var devices []*dataset
	for _, device := range b.Devices {
		one := &dataset{}
		one.text(tag.RTBeamLimitingDeviceType, deviceType(device))
		one.whole(tag.NumberOfLeafJawPairs, device.Pairs())
		if len(device.Boundaries) > 0 {
			one.decimals(tag.LeafPositionBoundaries, device.Boundaries...)
		}
		devices = append(devices, one)
	}
	d.sequence(tag.BeamLimitingDeviceSequence, devices...)
	var points []*dataset
	for k := range b.Points {
		points = append(points, pointItem(b, k))
	}
	d.sequence(tag.ControlPointSequence, points...)
	return d
}

// beamType is DYNAMIC when anything but the weight changes.
func beamType(b *beam.Beam) string {
	for k := 1; k < len(b.Points); k++ {
		if !sameState(&b.Points[k-1], &b.Points[k], 0) {
			return "DYNAMIC"
		}
	}
	return "STATIC"
}

// pointItem gives everything in the first control point, later what changes.
func pointItem(b *beam.Beam, k int) *dataset {
	p := &b.Points[k]
	d := &dataset{}
	d.whole(tag.ControlPointIndex, k)
	d.decimals(tag.CumulativeMetersetWeight, p.Weight)
	if k > 0 && sameState(&b.Points[k-1], p, 0) {
		return d
	}
	turn := func(r beam.Rotation, rising, falling string) string {
		return [...]string{beam.Still: "NONE", beam.Rising: rising, beam.Falling: falling}[r]
	}
	d.decimals(tag.GantryAngle, p.GantryDeg)
	d.text(tag.GantryRotationDirection, turn(p.GantryTurn, "CW", "CC"))
	d.decimals(tag.BeamLimitingDeviceAngle, p.CollimatorDeg)
	d.text(tag.BeamLimitingDeviceRotationDirection, turn(p.CollimatorTurn, "CC", "CW"))
	d.decimals(tag.PatientSupportAngle, p.CouchDeg)
	d.text(tag.PatientSupportRotationDirection, turn(p.CouchTurn, "CC", "CW"))
	var devices []*dataset
	for i, device := range b.Devices {
		one := &dataset{}
		one.text(tag.RTBeamLimitingDeviceType, deviceType(device))
		one.decimals(tag.LeafJawPositions, p.Positions[i]...)
		devices = append(devices, one)
	}
	d.sequence(tag.BeamLimitingDevicePositionSequence, devices...)
	d.decimals(tag.IsocenterPosition, p.Isocentre.X, p.Isocentre.Y, p.Isocentre.Z)
	if k > 0 {
		return d
	}
	d.decimals(tag.NominalBeamEnergy, b.EnergyMV)
	if b.SSD > 0 {
		d.decimals(tag.SourceToSurfaceDistance, b.SSD)
	}
	d.text(tag.TableTopEccentricAngle, "0")
	d.text(tag.TableTopEccentricRotationDirection, "NONE")
	d.add(tag.TableTopPitchAngle, []float64{p.PitchDeg})
	d.text(tag.TableTopPitchRotationDirection, "NONE")
	d.add(tag.TableTopRollAngle, []float64{p.RollDeg})
	d.text(tag.TableTopRollRotationDirection, "NONE")
	for _, t := range []tag.Tag{tag.TableTopVerticalPosition, tag.TableTopLongitudinalPosition, tag.TableTopLateralPosition} {
		d.text(t, "")
	}
	return d
}

// sameState reports whether two points differ in no more than their weight, and
// numbers by no more than tolerance.
func sameState(p, q *beam.ControlPoint, tolerance float64) bool {
	near := func(a, b float64) bool { return math.Abs(a-b) <= tolerance }
	return near(p.GantryDeg, q.GantryDeg) && near(p.CollimatorDeg, q.CollimatorDeg) && near(p.CouchDeg, q.CouchDeg) &&
		near(p.PitchDeg, q.PitchDeg) && near(p.RollDeg, q.RollDeg) &&
		p.GantryTurn == q.GantryTurn && p.CollimatorTurn == q.CollimatorTurn && p.CouchTurn == q.CouchTurn &&
		r3.Norm(r3.Sub(p.Isocentre, q.Isocentre)) <= tolerance &&
		slices.EqualFunc(p.Positions, q.Positions, func(a, b []float64) bool { return slices.EqualFunc(a, b, near) })
}

// samePlan fails where two plans give different dose, but for what decimal
// strings round.
func samePlan(got, want *beam.Plan) error {
	const rounding = 1e-6
	near := func(a, b float64) bool {
		return math.Abs(a-b) <= rounding*max(1, math.Abs(b)) || math.IsNaN(a) && math.IsNaN(b)
	}
	if !near(got.Prescription, want.Prescription) {
		return fmt.Errorf("a prescription of %g Gy, expected %g", got.Prescription, want.Prescription)
	}
	if len(got.Groups) != len(want.Groups) || len(got.Beams) != len(want.Beams) {
		return fmt.Errorf("%d fraction groups of %d beams, expected %d of %d", len(got.Groups), len(got.Beams), len(want.Groups), len(want.Beams))
	}
	for i, g := range got.Groups {
		w := want.Groups[i]
		if g.Number != w.Number || g.Fractions != w.Fractions || !slices.EqualFunc(g.Beams, w.Beams, func(a, b beam.BeamMeterset) bool {
			return a.BeamNumber == b.BeamNumber && near(a.Meterset, b.Meterset)
		}) {
			return fmt.Errorf("fraction group %v, expected %v", g, w)
		}
	}
	for i := range got.Beams {
		g, w := &got.Beams[i], &want.Beams[i]
		if g.Number != w.Number || g.Machine != w.Machine || g.FluenceMode != w.FluenceMode || g.Unit != w.Unit || g.Position != w.Position ||
			!near(g.EnergyMV, w.EnergyMV) || !near(g.SAD, w.SAD) || len(g.Points) != len(w.Points) || len(g.Devices) != len(w.Devices) {
			return fmt.Errorf("%v is not the beam that was written", g)
		}
		for k := range g.Devices {
			if g.Devices[k].Kind != w.Devices[k].Kind || !slices.EqualFunc(g.Devices[k].Boundaries, w.Devices[k].Boundaries, near) {
				return fmt.Errorf("%v: device %d is not what was written", g, k)
			}
		}
		for k := range g.Points {
			if !near(g.Points[k].Weight, w.Points[k].Weight) || !sameState(&g.Points[k], &w.Points[k], 1e-5) {
				return fmt.Errorf("%v, control point %d is not what was written", g, k)
			}
		}
	}
	return nil
}
