package dicom

import (
	"errors"

	"github.com/kerma-rt/kerma/geometry"
	"github.com/suyashkumar/dicom/pkg/tag"
)

// KindUnreadable is the kind of a file that holds nothing this library can open.
const KindUnreadable Kind = "unreadable"

// Info is what `kerma info` says of one object: its facts as the file gives
// them, also where no reader would accept it, and what is wrong with it.
type Info struct {
	Kind                Kind            `json:"kind"`
	UID                 string          `json:"uid"` // series instance UID of images, SOP instance UID of the others
	Class               string          `json:"sop_class"`
	Modality            string          `json:"modality"`
	Label               string          `json:"label"`
	File                string          `json:"file"` // the first, by name
	Files               int             `json:"files"`
	PatientName         string          `json:"patient_name"`
	PatientID           string          `json:"patient_id"`
	StudyUID            string          `json:"study_uid"`
	FrameOfReferenceUID string          `json:"frame_of_reference_uid"`
	StructureSetUID     string          `json:"structure_set_uid,omitempty"` // that a plan refers to
	PlanUIDs            []string        `json:"plan_uids,omitempty"`         // that a dose refers to
	SeriesUIDs          []string        `json:"series_uids,omitempty"`       // that a structure set refers to
	CT                  *CTInfo         `json:"ct,omitempty"`
	Structures          []StructureInfo `json:"structures,omitempty"`
	Plan                *PlanInfo       `json:"plan,omitempty"`
	Dose                *DoseInfo       `json:"dose,omitempty"`
	Problems            []Problem       `json:"problems"`
}

// Refused reports whether one of the problems kept the object from loading.
func (i Info) Refused() bool {
	for _, p := range i.Problems {
		if p.Severity == Refused {
			return true
		}
	}
	return false
}

// CTInfo is the geometry of a CT series.
type CTInfo struct {
	Position geometry.PatientPosition `json:"patient_position"`
	Size     [3]int                   `json:"size"` // voxels along x, y, z of the grid
	Spacing  [3]float64               `json:"spacing_mm"`
	Origin   [3]float64               `json:"origin_mm"`  // centre of the first voxel, LPS
	Axes     [3][3]float64            `json:"directions"` // unit vectors of the grid's axes, LPS
	Slices   int                      `json:"slices"`
	MinHU    float32                  `json:"min_hu"`
	MaxHU    float32                  `json:"max_hu"`
}

// StructureInfo is one region of interest of a structure set.
type StructureInfo struct {
	Number   int    `json:"number"`
	Name     string `json:"name"`
	Role     string `json:"role"` // RT ROI interpreted type
	Contours int    `json:"contours"`
}

// PlanInfo is what a plan says of its beams.
type PlanInfo struct {
	Approval string      `json:"approval"`
	Groups   []GroupInfo `json:"fraction_groups"`
	Beams    []BeamInfo  `json:"beams"`
}

// GroupInfo is one fraction group of a plan.
type GroupInfo struct {
	Number    int `json:"number"`
	Fractions int `json:"fractions"` // 0 when the plan does not say
	Beams     int `json:"beams"`
}

// BeamInfo is one beam of a plan.
type BeamInfo struct {
	Number        int       `json:"number"`
	Name          string    `json:"name"`
	Radiation     string    `json:"radiation"` // PHOTON, ELECTRON, PROTON …
	Delivery      string    `json:"delivery"`  // TREATMENT, SETUP …
	Machine       string    `json:"machine"`
	EnergyMV      float64   `json:"energy"`        // nominal, MV for photons, MeV for others, of the first control point
	Metersets     []float64 `json:"meterset"`      // a fraction, one for each group that gives the beam
	Unit          string    `json:"meterset_unit"` // MU or MINUTE
	Devices       []string  `json:"devices"`       // such as "ASYMX", "MLCX 60"
	ControlPoints int       `json:"control_points"`
}

// DoseInfo is what a dose says of itself.
type DoseInfo struct {
	Units     string     `json:"units"`      // GY or RELATIVE
	Type      string     `json:"type"`       // PHYSICAL, EFFECTIVE or ERROR
	Summation string     `json:"summation"`  // PLAN, BEAM, FRACTION …
	Size      [3]int     `json:"size"`       // columns, rows, frames
	Spacing   [2]float64 `json:"spacing_mm"` // between columns, between rows
	Max       float64    `json:"max"`        // in Units; 0 when the dose was refused
}

// Inspect says what is in files and folders, an Info for each series or object,
// in the order of Scan, then one for each file that cannot be read. It fails
// only when a path cannot be read at all.
func Inspect(paths ...string) ([]Info, error) {
	folder, err := Scan(paths...)
	if err != nil {
		return nil, err
	}
	var out []Info
	for i := range folder.Objects {
		out = append(out, inspect(&folder.Objects[i]))
	}
	for _, p := range folder.Problems {
		out = append(out, Info{Kind: KindUnreadable, File: p.File, Files: 1, Problems: []Problem{p}})
	}
	return out, nil
}

func inspect(o *Object) Info {
	info := Info{
		Kind: o.Kind, UID: o.UID, Class: o.Class, Modality: o.Modality, Label: o.Label,
		File: o.Files[0], Files: len(o.Files),
		PatientName: o.PatientName, PatientID: o.PatientID, StudyUID: o.StudyUID, FrameOfReferenceUID: o.Frame,
		StructureSetUID: o.StructureSetUID, PlanUIDs: o.PlanUIDs, SeriesUIDs: o.SeriesUIDs,
		Problems: []Problem{},
	}
	if o.Kind == KindCT {
		info.inspectCT(o)
		return info
	}
	switch {
	case o.err == nil:
	case o.Kind == KindOther && !treats(o.Class):
		p := refused(o.err)
		p.Severity = Warning
		info.Problems = append(info.Problems, p)
	default:
		info.refuse(o.err)
	}
	file, err := open(o.Files[0])
	if err != nil {
		info.refuse(err)
		return info
	}
	info.read(o, file)
	return info
}

// treats reports whether a dose would be asked of an object of this class, which
// is not read: it is then refused. An MR, a PET, a picture or a registration
// beside the objects of a treatment takes nothing from them.
func treats(class string) bool {
	switch class {
	case "1.2.840.10008.5.1.4.1.1.481.8", // RT Ion Plan
		"1.2.840.10008.5.1.4.1.1.2.1", // Enhanced CT
		"1.2.840.10008.5.1.4.1.1.2.2": // Legacy Converted Enhanced CT
		return true
	}
	return false
}

// read gathers the facts of a file that is not an image, and has its reader
// judge it.
func (i *Info) read(o *Object, file *object) {
	var facts, judged error
	var warnings []Problem
	switch o.Kind {
	case KindStructures:
		facts = i.inspectStructures(file)
		var s *Structures
		if s, judged = readStructures(file); judged == nil {
			warnings = s.Warnings
		}
	case KindDose:
		facts = i.inspectDose(file)
		var d *Dose
		if d, judged = readDose(file); judged == nil {
			warnings = d.Warnings
			for _, v := range d.Volume.Data {
				i.Dose.Max = max(i.Dose.Max, float64(v))
			}
		}
	case KindPlan:
		facts = i.inspectPlan(file)
		var p *Plan
		if p, judged = readPlan(file, PlanOptions{}); judged == nil {
			warnings = p.Warnings
		}
	default: // an ion plan, say, which has no reader here
		if file.has(tag.IonBeamSequence) || file.has(tag.FractionGroupSequence) {
			facts = i.inspectPlan(file)
		}
	}
	i.Problems = append(i.Problems, warnings...)
	if judged != nil {
		i.refuse(judged)
	} else if facts != nil {
		i.refuse(facts)
	}
}

// refuse adds err to the problems, once.
func (i *Info) refuse(err error) {
	p := refused(err)
	for _, q := range i.Problems {
		if q == p {
			return
		}
	}
	i.Problems = append(i.Problems, p)
}

func (i *Info) inspectCT(o *Object) {
	folder := Folder{Objects: []Object{*o}}
	ct, err := folder.CT("")
	if err != nil {
		i.refuse(err)
		return
	}
	i.Problems = append(i.Problems, ct.Warnings...)
	g := ct.Volume.Grid
	c := &CTInfo{Position: ct.Position, Size: g.Size(), Spacing: g.Spacing(), Slices: len(ct.SliceUIDs)}
	c.Origin = [3]float64{g.Origin().X, g.Origin().Y, g.Origin().Z}
	for a, v := range g.Axes() {
		c.Axes[a] = [3]float64{v.X, v.Y, v.Z}
	}
	c.MinHU, c.MaxHU = ct.Volume.Data[0], ct.Volume.Data[0]
	for _, v := range ct.Volume.Data {
		c.MinHU, c.MaxHU = min(c.MinHU, v), max(c.MaxHU, v)
	}
	i.CT = c
}

// facts collects the errors of many small readings, so that one bad value does
// not hide the others.
type facts struct{ errs []error }

func (f *facts) integer(it item, t tag.Tag) int {
	v, _, err := it.integer(t)
	f.errs = append(f.errs, err)
	return v
}

func (f *facts) number(it item, t tag.Tag) float64 {
	v, _, err := it.number(t)
	f.errs = append(f.errs, err)
	return v
}

func (f *facts) items(it item, t tag.Tag) []item {
	v, err := it.items(t)
	f.errs = append(f.errs, err)
	return v
}

// err is the first error.
func (f *facts) err() error {
	for _, err := range f.errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (i *Info) inspectStructures(o *object) error {
	var f facts
	contours, roles := map[int]int{}, map[int]string{}
	for _, c := range f.items(o.item, tag.ROIContourSequence) {
		contours[f.integer(c, tag.ReferencedROINumber)] += len(f.items(c, tag.ContourSequence))
	}
	for _, r := range f.items(o.item, tag.RTROIObservationsSequence) {
		roles[f.integer(r, tag.ReferencedROINumber)] = r.text(tag.RTROIInterpretedType)
	}
	for _, s := range f.items(o.item, tag.StructureSetROISequence) {
		n := f.integer(s, tag.ROINumber)
		i.Structures = append(i.Structures, StructureInfo{Number: n, Name: s.text(tag.ROIName), Role: roles[n], Contours: contours[n]})
	}
	return f.err()
}

func (i *Info) inspectPlan(o *object) error {
	var f facts
	p := &PlanInfo{Approval: o.text(tag.ApprovalStatus)}
	i.Plan = p
	metersets := map[int][]float64{}
	for _, g := range f.items(o.item, tag.FractionGroupSequence) {
		beams := f.items(g, tag.ReferencedBeamSequence)
		p.Groups = append(p.Groups, GroupInfo{Number: f.integer(g, tag.FractionGroupNumber), Fractions: f.integer(g, tag.NumberOfFractionsPlanned), Beams: len(beams)})
		for _, b := range beams {
			if b.has(tag.BeamMeterset) {
				n := f.integer(b, tag.ReferencedBeamNumber)
				metersets[n] = append(metersets[n], f.number(b, tag.BeamMeterset))
			}
		}
	}
	beams, points, devices := tag.BeamSequence, tag.ControlPointSequence, tag.BeamLimitingDeviceSequence
	if o.has(tag.IonBeamSequence) {
		beams, points, devices = tag.IonBeamSequence, tag.IonControlPointSequence, tag.IonBeamLimitingDeviceSequence
	}
	for _, b := range f.items(o.item, beams) {
		n := f.integer(b, tag.BeamNumber)
		cps := f.items(b, points)
		info := BeamInfo{
			Number: n, Name: b.text(tag.BeamName), Radiation: b.text(tag.RadiationType), Delivery: b.text(tag.TreatmentDeliveryType),
			Machine: b.text(tag.TreatmentMachineName), Unit: b.text(tag.PrimaryDosimeterUnit), Metersets: metersets[n], ControlPoints: len(cps),
		}
		if len(cps) > 0 {
			info.EnergyMV = f.number(cps[0], tag.NominalBeamEnergy)
		}
		for _, d := range f.items(b, devices) {
			name := d.text(tag.RTBeamLimitingDeviceType)
			if pairs := f.integer(d, tag.NumberOfLeafJawPairs); pairs > 1 {
				name += " " + valueText(pairs)
			}
			info.Devices = append(info.Devices, name)
		}
		p.Beams = append(p.Beams, info)
	}
	return f.err()
}

func (i *Info) inspectDose(o *object) error {
	var f facts
	d := &DoseInfo{
		Units: o.text(tag.DoseUnits), Type: o.text(tag.DoseType), Summation: o.text(tag.DoseSummationType),
		Size: [3]int{f.integer(o.item, tag.Columns), f.integer(o.item, tag.Rows), max(1, f.integer(o.item, tag.NumberOfFrames))},
	}
	i.Dose = d
	spacing, err := o.numbers(tag.PixelSpacing)
	if len(spacing) == 2 {
		d.Spacing = [2]float64{spacing[1], spacing[0]}
	}
	return errors.Join(f.err(), err)
}
