package dicom

import (
	"fmt"
	"slices"

	"github.com/kerma-rt/kerma/dose/beam"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/suyashkumar/dicom/pkg/tag"
)

// Patient is what one folder holds of one treatment: everything here is in the
// frame of the CT and linked by UID.
type Patient struct {
	Identity
	CT         *CT                    // nil when the folder has none
	Structures *geometry.StructureSet // nil when the folder has none
	Plans      []*beam.Plan           // of Structures, sorted by UID
	Doses      []*Dose                // of Plans, sorted by UID
	Warnings   []Problem              // of all of these and of how they fit together
}

// Choice names the objects of a folder to take where it holds several. An empty
// UID leaves it to the links between the objects.
type Choice struct {
	SeriesUID       string // of the CT
	StructureSetUID string
	PlanUID         string // of the one plan to read; empty: all that belong together
	Plan            PlanOptions
}

// ReadFolder reads the one patient in a folder. It is Scan and Patient with
// nothing chosen.
func ReadFolder(dir string) (*Patient, error) {
	folder, err := Scan(dir)
	if err != nil {
		return nil, err
	}
	return folder.Patient(Choice{})
}

// Structures reads the structure set with this SOP instance UID; an empty UID
// stands for the only one.
func (f *Folder) Structures(uid string) (*Structures, error) {
	o, err := f.choose(KindStructures, "structure set", uid)
	if err != nil {
		return nil, err
	}
	return ReadStructures(o.Files[0])
}

// Plan reads the photon plan with this SOP instance UID; an empty UID stands for
// the only one.
func (f *Folder) Plan(uid string, options PlanOptions) (*Plan, error) {
	o, err := f.choose(KindPlan, "photon plan", uid)
	if err != nil {
		return nil, err
	}
	return ReadPlan(o.Files[0], options)
}

// Dose reads the dose with this SOP instance UID; an empty UID stands for the
// only one.
func (f *Folder) Dose(uid string) (*Dose, error) {
	o, err := f.choose(KindDose, "dose", uid)
	if err != nil {
		return nil, err
	}
	return ReadDose(o.Files[0])
}

// Patient reads the objects of a folder that belong together: from the plans to
// their structure set, from there to the CT series it was drawn on, and back to
// the doses of the plans. Where the links leave a choice it fails with
// *AmbiguousError, and with *Error where two linked objects are in different
// frames of reference (C.7.4.1).
func (f *Folder) Patient(choice Choice) (*Patient, error) {
	l := linker{folder: f, choice: choice, patient: &Patient{}}
	for _, step := range []func() error{l.plans, l.structures, l.ct, l.doses} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	l.leftOut()
	p := l.patient
	if p.CT == nil && p.Structures == nil && len(p.Plans) == 0 && len(p.Doses) == 0 {
		return nil, f.missing("CT, structures, plan or dose", "")
	}
	return p, nil
}

// linker follows the UIDs from object to object.
type linker struct {
	folder  *Folder
	choice  Choice
	patient *Patient
	set     *Structures
	taken   []string // UIDs of the objects that were read
}

// took notes an object that was read, and whose it says it is.
func (l *linker) took(o *Object, id Identity, warnings []Problem) {
	p := l.patient
	p.Warnings = append(p.Warnings, warnings...)
	if len(l.taken) == 0 {
		p.Identity = id
	} else if id.PatientID != p.PatientID {
		l.warn(o.Files[0], tag.PatientID, id.PatientID, "differs from %q in an object linked with this one: the UIDs are gone by", p.PatientID)
	}
	l.taken = append(l.taken, o.UID)
}

func (l *linker) warn(file string, t tag.Tag, value any, format string, args ...any) {
	l.patient.Warnings = append(l.patient.Warnings, Problem{Severity: Warning, File: file, Tag: tagName(t), Value: valueText(value), Message: fmt.Sprintf(format, args...)})
}

// plans reads the plan that was chosen, or all, which must then be of one
// structure set.
func (l *linker) plans() error {
	found := l.folder.Of(KindPlan)
	if l.choice.PlanUID != "" {
		one, err := l.folder.choose(KindPlan, "photon plan", l.choice.PlanUID)
		if err != nil {
			return err
		}
		found = []Object{*one}
	}
	if l.choice.StructureSetUID != "" {
		found = slices.DeleteFunc(found, func(o Object) bool { return o.StructureSetUID != l.choice.StructureSetUID })
	}
	for i := range found {
		if i > 0 && (found[i].UID == found[i-1].UID || found[i].StructureSetUID != found[0].StructureSetUID) {
			return &AmbiguousError{Wanted: "photon plans that do not belong together", Choices: found}
		}
	}
	for i := range found {
		plan, err := ReadPlan(found[i].Files[0], l.choice.Plan)
		if err != nil {
			return err
		}
		l.patient.Plans = append(l.patient.Plans, plan.Plan)
		l.took(&found[i], plan.Identity, plan.Warnings)
	}
	return nil
}

// structures reads the structure set that was chosen, or that of the plans, or
// the only one.
func (l *linker) structures() error {
	uid := l.choice.StructureSetUID
	all := l.folder.Of(KindStructures)
	if len(l.patient.Plans) > 0 && uid == "" {
		uid = l.patient.Plans[0].StructureSetUID
		here := func(o Object) bool { return o.UID == uid }
		if uid != "" && !slices.ContainsFunc(all, here) {
			l.warn("", tag.ReferencedStructureSetSequence, uid, "the structure set that the plan was made on is not here")
			uid = ""
		}
	}
	if len(all) == 0 && uid == "" {
		return nil
	}
	o, err := l.folder.choose(KindStructures, "structure set", uid)
	if err != nil {
		return err
	}
	set, err := ReadStructures(o.Files[0])
	if err != nil {
		return err
	}
	l.set = set
	l.patient.Structures = set.StructureSet
	l.took(o, set.Identity, set.Warnings)
	for _, p := range l.patient.Plans {
		if err := l.sameFrame(o.Files[0], set.FrameOfReferenceUID, "plan "+p.UID, p.FrameOfReferenceUID); err != nil {
			return err
		}
	}
	return nil
}

// sameFrame refuses two objects in different frames. A frame that is not known
// cannot be compared, which its reader has warned of.
func (l *linker) sameFrame(file, frame, other, otherFrame string) error {
	if frame == "" || otherFrame == "" || frame == otherFrame {
		return nil
	}
	return &Error{File: file, Tag: tagName(tag.FrameOfReferenceUID), Value: frame, Message: fmt.Sprintf("differs from %s of the %s: without a registration they cannot be put together", otherFrame, other)}
}

// ct reads the CT series that was chosen, or that the structure set was drawn
// on, or the only one in its frame.
func (l *linker) ct() error {
	uid := l.choice.SeriesUID
	all := l.folder.Of(KindCT)
	if uid == "" {
		if len(all) == 0 {
			return nil
		}
		for _, fits := range []func(Object) bool{l.drawnOn, l.inFrame} {
			some := slices.DeleteFunc(slices.Clone(all), func(o Object) bool { return !fits(o) })
			if len(some) == 1 {
				uid = some[0].UID
				break
			}
			if len(some) > 1 {
				return &AmbiguousError{Wanted: "CT series", Choices: some}
			}
		}
	}
	o, err := l.folder.choose(KindCT, "CT series", uid)
	if err != nil {
		return err
	}
	ct, err := l.folder.CT(o.UID)
	if err != nil {
		return err
	}
	if l.set != nil {
		if err := l.sameFrame(o.Files[0], ct.FrameOfReferenceUID, "structure set "+l.set.UID, l.set.FrameOfReferenceUID); err != nil {
			return err
		}
	}
	l.patient.CT = ct
	l.took(o, ct.Identity, ct.Warnings)
	l.patient.Identity = ct.Identity
	for _, p := range l.patient.Plans {
		if err := l.sameFrame(o.Files[0], ct.FrameOfReferenceUID, "plan "+p.UID, p.FrameOfReferenceUID); err != nil {
			return err
		}
		l.lie(p, ct)
	}
	return nil
}

// drawnOn reports whether the structure set names this series.
func (l *linker) drawnOn(o Object) bool {
	for _, set := range l.folder.Of(KindStructures) {
		if l.set != nil && set.UID == l.set.UID {
			return slices.Contains(set.SeriesUIDs, o.UID)
		}
	}
	return false
}

// inFrame reports whether a series is in the frame of the structures, or of the
// plans where there are none.
func (l *linker) inFrame(o Object) bool {
	frame := ""
	if l.set != nil {
		frame = l.set.FrameOfReferenceUID
	} else if len(l.patient.Plans) > 0 {
		frame = l.patient.Plans[0].FrameOfReferenceUID
	}
	for _, s := range o.slices {
		if s.frame != "" && s.frame == frame {
			return true
		}
	}
	return false
}

// lie settles how the patient lies for treatment: as the plan says (C.8.8.12),
// and where it does not, as in the CT.
func (l *linker) lie(p *beam.Plan, ct *CT) {
	for i := range p.Beams {
		b := &p.Beams[i]
		switch {
		case ct.Position == "" || b.Position == ct.Position:
		case b.Position == "":
			b.Position = ct.Position
			l.warn("", tag.PatientPosition, ct.Position, "plan %q, beam %d %q: the patient is taken to lie as in the CT", p.Label, b.Number, b.Name)
		default:
			l.warn("", tag.PatientPosition, b.Position, "plan %q, beam %d %q: the patient lies otherwise than in the CT (%s): the plan is gone by", p.Label, b.Number, b.Name, ct.Position)
		}
	}
}

// doses reads the doses of the plans; where there is no plan, all that are in
// the frame of the CT or the structures.
func (l *linker) doses() error {
	p := l.patient
	frame, whose := "", ""
	switch {
	case p.CT != nil:
		frame, whose = p.CT.FrameOfReferenceUID, "CT series "+p.CT.SeriesUID
	case l.set != nil:
		frame, whose = l.set.FrameOfReferenceUID, "structure set "+l.set.UID
	case len(p.Plans) > 0:
		frame, whose = p.Plans[0].FrameOfReferenceUID, "plan "+p.Plans[0].UID
	}
	for _, o := range l.folder.Of(KindDose) {
		if len(p.Plans) > 0 && !slices.ContainsFunc(p.Plans, func(one *beam.Plan) bool { return slices.Contains(o.PlanUIDs, one.UID) }) {
			continue
		}
		if len(p.Plans) == 0 && o.Frame != frame && frame != "" {
			continue
		}
		dose, err := ReadDose(o.Files[0])
		if err != nil {
			return err
		}
		if err := l.sameFrame(o.Files[0], dose.FrameOfReferenceUID, whose, frame); err != nil {
			return err
		}
		p.Doses = append(p.Doses, dose)
		l.took(&o, dose.Identity, dose.Warnings)
	}
	return nil
}

// leftOut warns of everything in the folder that is not part of the patient.
func (l *linker) leftOut() {
	for _, o := range l.folder.Objects {
		if slices.Contains(l.taken, o.UID) {
			continue
		}
		why := "does not belong to the objects that were read"
		if o.Kind == KindOther {
			why = className(o.Class) + " is not read by this library"
		}
		l.warn(o.Files[0], tag.SOPInstanceUID, o.UID, "left out: %s", why)
	}
	if l.patient.CT != nil {
		return // whose reader lists them
	}
	for _, p := range l.folder.Problems {
		if p.Severity == Refused {
			p.Severity, p.Message = Warning, "left out, it cannot be read: "+p.Message
			l.patient.Warnings = append(l.patient.Warnings, p)
		}
	}
}
