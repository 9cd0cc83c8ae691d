package dicom

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/kerma-rt/kerma/dose/beam"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/suyashkumar/dicom/pkg/tag"
)

// Plan is a photon RTPLAN and what to know about it.
type Plan struct {
	*beam.Plan
	Identity
	Warnings []Problem
}

// PlanOptions are what a caller may allow when a plan is read.
type PlanOptions struct {
	// WithoutModifiers reads a plan without the wedges, blocks, bolus,
	// compensators and accessories of its beams, and without its beams of other
	// radiation than photons. Each is a line in Unmodelled: the dose of such a
	// plan is not the dose of the treatment.
	WithoutModifiers bool
}

// ErrUnmodelled is wrapped by the error about a part of a plan that changes the
// dose and that this library does not model.
var ErrUnmodelled = errors.New("not modelled")

// ReadPlan reads an RTPLAN whole, or refuses it with an *Error: a modifier or a
// device that is not modelled, a control point that does not make sense, a beam
// that is not photons. An attribute that a control point leaves out keeps its
// value, each attribute and each device by itself.
func ReadPlan(path string, options PlanOptions) (*Plan, error) {
	o, err := open(path)
	if err != nil {
		return nil, err
	}
	return readPlan(o, options)
}

// planReader gathers what belongs to no single beam.
type planReader struct {
	o         *object
	options   PlanOptions
	plan      *Plan
	positions map[int]geometry.PatientPosition // by patient setup number
}

func readPlan(o *object, options PlanOptions) (*Plan, error) {
	class := o.text(tag.SOPClassUID)
	if !isPlan(o) {
		return nil, o.fail(tag.SOPClassUID, class, "expected a photon RT plan, found %s", className(class))
	}
	p := &Plan{
		Plan: &beam.Plan{
			Label:               o.text(tag.RTPlanLabel),
			UID:                 o.text(tag.SOPInstanceUID),
			ClassUID:            class,
			StudyUID:            o.text(tag.StudyInstanceUID),
			FrameOfReferenceUID: o.text(tag.FrameOfReferenceUID),
		},
		Identity: o.identity(),
	}
	r := &planReader{o: o, options: options, plan: p}
	if class != classPlan {
		r.warn(o.item, tag.SOPClassUID, class, "read as an RT plan, which it says it is, though the class is private: what the class may add is not known")
	}
	if err := r.header(); err != nil {
		return nil, err
	}
	if err := r.brachytherapy(); err != nil {
		return nil, err
	}
	if err := r.setups(); err != nil {
		return nil, err
	}
	beams, err := r.beams()
	if err != nil {
		return nil, err
	}
	if err := r.groups(beams); err != nil {
		return nil, err
	}
	if len(p.Beams) == 0 {
		return nil, o.fail(tag.BeamSequence, nil, "the plan has no beam that delivers treatment dose: %v", append(p.Omitted, p.Unmodelled...))
	}
	if err := p.Validate(); err != nil {
		return nil, &Error{File: o.path, Tag: tagName(tag.BeamSequence), Message: "the plan cannot be delivered as it stands", Err: err}
	}
	return p, nil
}

func (r *planReader) warn(it item, t tag.Tag, value any, format string, args ...any) {
	r.plan.Warnings = append(r.plan.Warnings, it.warning(t, value, format, args...))
}

func (r *planReader) header() error {
	o := r.o
	sets, err := references(o.item, tag.ReferencedStructureSetSequence)
	if err != nil {
		return err
	}
	if len(sets) > 0 {
		r.plan.StructureSetUID = sets[0]
	}
	if err := r.prescription(); err != nil {
		return err
	}
	if w := o.charset.warning(); w != "" {
		r.warn(o.item, tag.SpecificCharacterSet, nil, "%s", w)
	}
	if r.plan.FrameOfReferenceUID == "" {
		r.warn(o.item, tag.FrameOfReferenceUID, nil, "is missing: the plan cannot be checked to share the frame of the image")
	}
	switch s := o.text(tag.ApprovalStatus); s {
	case "UNAPPROVED", "REJECTED":
		r.warn(o.item, tag.ApprovalStatus, s, "the plan is not approved for treatment")
	}
	if g := o.text(tag.RTPlanGeometry); g == "TREATMENT_DEVICE" {
		r.warn(o.item, tag.RTPlanGeometry, g, "the plan was made without a patient: its isocentre has no place in an image")
	}
	return nil
}

// prescription is the highest dose that is prescribed to a target (C.8.8.10):
// where there are several, the others are boost levels below it or points.
func (r *planReader) prescription() error {
	references, err := r.o.items(tag.DoseReferenceSequence)
	if err != nil {
		return err
	}
	for _, d := range references {
		gy, _, err := d.number(tag.TargetPrescriptionDose)
		if err != nil {
			return err
		}
		if d.text(tag.DoseReferenceType) == "TARGET" {
			r.plan.Prescription = max(r.plan.Prescription, gy)
		}
	}
	return nil
}

// brachytherapy refuses sources that are put into the patient.
func (r *planReader) brachytherapy() error {
	setups, err := r.o.items(tag.ApplicationSetupSequence)
	if err != nil {
		return err
	}
	if len(setups) == 0 {
		return nil
	}
	return r.unmodelled(r.o.item, tag.ApplicationSetupSequence, len(setups), "brachytherapy (%s)", r.o.text(tag.BrachyTreatmentType))
}

// unmodelled is the error about a part of the plan that is not modelled, or a
// line in the plan where the caller said to go on.
func (r *planReader) unmodelled(it item, t tag.Tag, value any, format string, args ...any) error {
	what := fmt.Sprintf(format, args...)
	if r.options.WithoutModifiers {
		r.plan.Unmodelled = append(r.plan.Unmodelled, what)
		r.warn(it, t, value, "%s: left out, the dose is not that of the treatment", what)
		return nil
	}
	err := it.fail(t, value, "%s", what)
	var e *Error
	if errors.As(err, &e) {
		e.Err = ErrUnmodelled
	}
	return err
}

// setups are the treatment positions of the patient, C.8.8.12.
func (r *planReader) setups() error {
	items, err := r.o.items(tag.PatientSetupSequence)
	if err != nil {
		return err
	}
	r.positions = map[int]geometry.PatientPosition{}
	for _, it := range items {
		n, ok, err := it.integer(tag.PatientSetupNumber)
		if err != nil {
			return err
		}
		if !ok {
			return it.fail(tag.PatientSetupNumber, nil, "is missing")
		}
		if _, twice := r.positions[n]; twice {
			return it.fail(tag.PatientSetupNumber, n, "two patient setups have this number")
		}
		r.positions[n] = geometry.PatientPosition(it.text(tag.PatientPosition))
	}
	return nil
}

// position is how the patient lies for a beam; empty, with a warning, when the
// plan does not say.
func (r *planReader) position(it item, name string) (geometry.PatientPosition, error) {
	n, ok, err := it.integer(tag.ReferencedPatientSetupNumber)
	if err != nil {
		return "", err
	}
	position := geometry.PatientPosition("")
	if ok {
		if position, ok = r.positions[n]; !ok {
			return "", it.fail(tag.ReferencedPatientSetupNumber, n, "%s: the plan has no patient setup of this number", name)
		}
	} else if len(r.positions) == 1 {
		for _, position = range r.positions {
		}
	}
	switch position {
	case "":
		r.warn(it, tag.ReferencedPatientSetupNumber, nil, "%s: the plan does not say how the patient lies", name)
	case geometry.HFS, geometry.HFP, geometry.HFDL, geometry.HFDR, geometry.FFS, geometry.FFP, geometry.FFDL, geometry.FFDR:
	default:
		return "", it.fail(tag.PatientPosition, position, "%s: not a position on a treatment table (HFS, HFP, HFDL, HFDR, FFS, FFP, FFDL, FFDR)", name)
	}
	return position, nil
}

// groups reads the fraction groups, keeps the beams that are given in one of
// them, and lists the others as omitted.
func (r *planReader) groups(beams []readBeam) error {
	items, err := r.o.items(tag.FractionGroupSequence)
	if err != nil {
		return err
	}
	if len(items) == 0 {
		return r.o.fail(tag.FractionGroupSequence, nil, "is missing: the monitor units of the beams are not known")
	}
	given := map[int]bool{}
	for _, it := range items {
		g, err := r.group(it, beams, given)
		if err != nil {
			return err
		}
		r.plan.Groups = append(r.plan.Groups, g)
	}
	for _, b := range beams {
		switch {
		case given[b.Number]:
			r.plan.Beams = append(r.plan.Beams, b.Beam)
		case b.skipped, b.named:
		default:
			r.plan.Omitted = append(r.plan.Omitted, fmt.Sprintf("%v: given in no fraction group", &b.Beam))
		}
	}
	return nil
}

func (r *planReader) group(it item, beams []readBeam, given map[int]bool) (g beam.FractionGroup, err error) {
	var ok bool
	if g.Number, ok, err = it.integer(tag.FractionGroupNumber); err != nil {
		return g, err
	} else if !ok {
		return g, it.fail(tag.FractionGroupNumber, nil, "is missing")
	}
	if g.Fractions, ok, err = it.integer(tag.NumberOfFractionsPlanned); err != nil {
		return g, err
	} else if ok && g.Fractions <= 0 {
		return g, it.fail(tag.NumberOfFractionsPlanned, g.Fractions, "fraction group %d: expected at least one fraction", g.Number)
	} else if !ok {
		r.warn(it, tag.NumberOfFractionsPlanned, nil, "fraction group %d: the number of fractions is not known", g.Number)
	}
	named, err := it.items(tag.ReferencedBeamSequence)
	if err != nil {
		return g, err
	}
	if n, ok, err := it.integer(tag.NumberOfBeams); err != nil {
		return g, err
	} else if ok && n != len(named) {
		return g, it.fail(tag.NumberOfBeams, n, "fraction group %d names %d beams", g.Number, len(named))
	}
	for _, ref := range named {
		number, ok, err := ref.integer(tag.ReferencedBeamNumber)
		if err != nil {
			return g, err
		}
		i := slices.IndexFunc(beams, func(b readBeam) bool { return b.Number == number })
		if !ok || i < 0 {
			return g, ref.fail(tag.ReferencedBeamNumber, number, "fraction group %d: the plan has no beam of this number", g.Number)
		}
		b := &beams[i]
		if b.skipped {
			continue
		}
		meterset, ok, err := ref.number(tag.BeamMeterset)
		switch {
		case err != nil:
			return g, err
		case !ok:
			meterset = math.NaN()
			r.warn(ref, tag.BeamMeterset, nil, "%v: no meterset in fraction group %d: its absolute dose is not known", &b.Beam, g.Number)
		case meterset < 0:
			return g, ref.fail(tag.BeamMeterset, meterset, "%v: expected a meterset of zero or more", &b.Beam)
		case meterset == 0:
			r.plan.Omitted = append(r.plan.Omitted, fmt.Sprintf("%v: 0 %s in fraction group %d", &b.Beam, b.Unit, g.Number))
			b.named = true
			continue
		}
		given[number] = true
		g.Beams = append(g.Beams, beam.BeamMeterset{BeamNumber: number, Meterset: meterset})
	}
	return g, nil
}
