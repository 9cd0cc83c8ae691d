package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/kerma-rt/kerma/dicom"
	"github.com/kerma-rt/kerma/dose/beam"
)

// read gathers the one patient from the folder, each kind of object from the
// file or folder that was named for it.
func (o *doseOptions) read(args []string) (*dicom.Patient, error) {
	base := o.ct
	if len(args) > 0 {
		base = args[0]
	}
	folder, err := dicom.Scan(base)
	if err != nil {
		return nil, err
	}
	// A dose that lies beside the plan is no part of the calculation.
	drop(folder, dicom.KindDose)
	own, err := o.replace(folder, base)
	if err != nil {
		return nil, err
	}
	options := dicom.PlanOptions{WithoutModifiers: o.withoutModifiers}
	if own == nil && len(folder.Of(dicom.KindPlan)) == 0 {
		_, err := folder.Plan("", options)
		return nil, fmt.Errorf("%s: %w", base, err)
	}
	if len(folder.Of(dicom.KindCT)) == 0 {
		_, err := folder.CT("")
		return nil, fmt.Errorf("%s: %w", base, err)
	}
	choice := dicom.Choice{Plan: options}
	if own != nil {
		choice.StructureSetUID = own.StructureSetUID
	}
	patient, err := folder.Patient(choice)
	if err != nil {
		return nil, err
	}
	if own != nil {
		return patient, adopt(own, patient)
	}
	if len(patient.Plans) == 1 {
		return patient, nil
	}
	var labels []string
	for _, p := range patient.Plans {
		labels = append(labels, fmt.Sprintf("%q %s", p.Label, p.UID))
	}
	return nil, fmt.Errorf("%d plans: choose one with --plan FILE: %s", len(labels), strings.Join(labels, "; "))
}

// replace puts what was named one by one in the place of what the folder holds
// of that kind, and reads a plan that is in no DICOM file.
func (o *doseOptions) replace(folder *dicom.Folder, base string) (own *beam.Plan, err error) {
	if o.ct != base {
		if err := take(folder, dicom.KindCT, o.ct); err != nil {
			return nil, err
		}
	}
	if err := take(folder, dicom.KindStructures, o.structures); err != nil {
		return nil, err
	}
	if strings.HasSuffix(strings.ToLower(o.plan), ".json") {
		drop(folder, dicom.KindPlan)
		return readPlanJSON(o.plan)
	}
	return nil, take(folder, dicom.KindPlan, o.plan)
}

func drop(folder *dicom.Folder, kind dicom.Kind) {
	folder.Objects = slices.DeleteFunc(folder.Objects, func(o dicom.Object) bool { return o.Kind == kind })
}

// take replaces the objects of one kind by those at path.
func take(folder *dicom.Folder, kind dicom.Kind, path string) error {
	if path == "" {
		return nil
	}
	named, err := dicom.Scan(path)
	if err != nil {
		return err
	}
	found := named.Of(kind)
	if len(found) == 0 {
		// Its readers say what there is instead.
		switch kind {
		case dicom.KindCT:
			_, err = named.CT("")
		case dicom.KindStructures:
			_, err = named.Structures("")
		default:
			_, err = named.Plan("", dicom.PlanOptions{})
		}
		return fmt.Errorf("%s: %w", path, err)
	}
	drop(folder, kind)
	folder.Objects = append(folder.Objects, found...)
	folder.Problems = append(folder.Problems, named.Problems...)
	return nil
}

// adopt makes a plan from elsewhere the plan of this patient. It gets a UID of
// its own with its file: under the one it may have come with, others could know
// another plan.
func adopt(own *beam.Plan, patient *dicom.Patient) error {
	ct := patient.CT
	if own.FrameOfReferenceUID != "" && own.FrameOfReferenceUID != ct.FrameOfReferenceUID {
		return fmt.Errorf("plan %q is in frame of reference %s, the CT in %s: without a registration they cannot be put together", own.Label, own.FrameOfReferenceUID, ct.FrameOfReferenceUID)
	}
	own.UID, own.ClassUID = "", ""
	own.FrameOfReferenceUID, own.StudyUID = ct.FrameOfReferenceUID, ct.StudyUID
	if patient.Structures != nil {
		own.StructureSetUID = patient.Structures.UID
	}
	for i := range own.Beams {
		b := &own.Beams[i]
		if b.Position == "" {
			b.Position = ct.Position
		}
		if ct.Position != "" && b.Position != ct.Position {
			return fmt.Errorf("plan %q: %v is for a patient lying %s, the CT is %s", own.Label, b, b.Position, ct.Position)
		}
	}
	patient.Plans = []*beam.Plan{own}
	return nil
}

func readPlanJSON(path string) (*beam.Plan, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	p, err := beam.ReadJSON(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}
