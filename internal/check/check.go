// Package check recomputes a plan as it left a planning system and holds the two
// doses against each other.
package check

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/dicom"
	"github.com/kerma-rt/kerma/dose/beam"
	"github.com/kerma-rt/kerma/dose/dvh"
	"github.com/kerma-rt/kerma/dose/gamma"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/internal/calculation"
)

// ErrNothing is wrapped by the error that there is no dose to compare with.
var ErrNothing = errors.New("check: no dose of the planning system")

// Verdict is what a figure says of the plan.
type Verdict string

// The verdicts, best first.
const (
	Pass Verdict = "pass"
	Look Verdict = "look" // beyond the tolerance, within the action level
	Fail Verdict = "fail"
)

// Row is one figure of both doses.
type Row struct {
	Group   string   `json:"group"` // gamma, target, organ, point, monitor units, model
	Name    string   `json:"name"`
	Unit    string   `json:"unit"`
	Planned *float64 `json:"planned"` // nil where a row has no such figure
	Kerma   *float64 `json:"kerma"`
	// Difference is what is judged: Kerma less planned in DifferenceUnit; for
	// gamma the pass rate.
	Difference     *float64 `json:"difference"`
	DifferenceUnit string   `json:"difference_unit"`
	Limit          Band     `json:"limit"`
	Verdict        Verdict  `json:"verdict"`
	Why            string   `json:"why,omitempty"`
}

// Report is the whole of a check.
type Report struct {
	Verdict     Verdict  `json:"verdict"`
	Summary     string   `json:"summary"` // one sentence
	Rows        []Row    `json:"rows"`
	NotModelled []string `json:"not_modelled"`
	Limits      Limits   `json:"limits"`

	Calculation *calculation.Calculation `json:"-"`
	Planned     *geometry.Volume         `json:"-"` // Gy
	PlannedDVH  []dvh.Histogram          `json:"-"`
	Gamma       *gamma.Result            `json:"-"`
}

// Run recomputes the plan on the planning system's own dose grid, so that no
// interpolation comes between, and compares; o.Spacing and o.ROI are not looked
// at. It fails with ErrNothing and with what computing fails with.
func Run(ctx context.Context, patient *dicom.Patient, plan *beam.Plan, o calculation.Options, l Limits, progress func(float64)) (*Report, error) {
	whole, beams := doses(patient, plan)
	if whole == nil {
		return nil, fmt.Errorf("%w: none of %d RTDOSE objects is the sum of plan %q in Gy", ErrNothing, len(patient.Doses), plan.Label)
	}
	planned := whole.Volume
	o.Spacing, o.ROI = 10, "" // of a grid that the next lines replace
	c, err := calculation.New(patient, plan, o)
	if err != nil {
		return nil, err
	}
	c.Request.Grid = planned.Grid
	c.Request.Progress = progress
	if err := c.Compute(ctx); err != nil {
		return nil, err
	}
	r := &Report{Limits: l, Calculation: c, Planned: planned, PlannedDVH: dvh.Compute(planned, patient.Structures)}
	if err := r.gamma(ctx, "plan", planned, c.Result.Dose, true); err != nil {
		return nil, err
	}
	if err := r.beams(ctx, beams); err != nil {
		return nil, err
	}
	r.structures(patient.Structures)
	r.points(patient.Structures)
	r.model(patient)
	r.judge()
	return r, nil
}

// doses are the planning system's: of the whole plan and of single beams.
func doses(patient *dicom.Patient, plan *beam.Plan) (whole *dicom.Dose, beams map[int]*dicom.Dose) {
	beams = map[int]*dicom.Dose{}
	for _, d := range patient.Doses {
		mine := slices.ContainsFunc(d.Plans, func(r dicom.Reference) bool { return r.UID == plan.UID })
		if !mine || d.Unit != dicom.Gray || d.Type == dicom.Difference {
			continue
		}
		switch {
		case d.Summation == dicom.PlanSum, d.Summation == dicom.FractionSum && len(plan.Groups) == 1:
			whole = d
		case d.Summation == dicom.BeamSum && len(d.Beams) == 1:
			beams[d.Beams[0]] = d
		}
	}
	return whole, beams
}

// gamma adds a comparison; the first is kept for the page.
func (r *Report) gamma(ctx context.Context, name string, planned, ours *geometry.Volume, keep bool) error {
	g := r.Limits.Gamma
	found, err := gamma.Compute(ctx, planned, ours, gamma.Criteria{DosePercent: g.DosePercent, Distance: g.Distance, CutoffPercent: g.CutoffPercent})
	if err != nil {
		return fmt.Errorf("gamma of %s: %w", name, err)
	}
	if keep {
		r.Gamma = found
	}
	row := Row{
		Group: "gamma", Name: fmt.Sprintf("%s, %g %%/%g mm above %g %%, %d points", name, g.DosePercent, g.Distance, g.CutoffPercent, found.Points),
		Unit: "%", Kerma: &found.PassRate, Difference: &found.PassRate, DifferenceUnit: "%", Limit: g.PassRate, Verdict: Fail,
	}
	switch {
	case found.PassRate >= g.PassRate.Tolerance:
		row.Verdict = Pass
	case found.PassRate >= g.PassRate.Action:
		row.Verdict = Look
	}
	if row.Verdict != Pass {
		row.Why = fmt.Sprintf("mean γ %.2f, highest %.2f", found.Mean, found.Max)
	}
	r.Rows = append(r.Rows, row)
	return nil
}

// beams compares what single beams give where the planning system says.
func (r *Report) beams(ctx context.Context, planned map[int]*dicom.Dose) error {
	c := r.Calculation
	for _, b := range c.Plan.Beams {
		theirs := planned[b.Number]
		if theirs == nil {
			continue
		}
		alone := *c.Plan
		alone.Groups = nil
		for _, g := range c.Plan.Groups {
			g.Beams = slices.DeleteFunc(slices.Clone(g.Beams), func(m beam.BeamMeterset) bool { return m.BeamNumber != b.Number })
			if len(g.Beams) > 0 {
				alone.Groups = append(alone.Groups, g)
			}
		}
		request := c.Request
		request.Plan, request.Grid, request.Progress = &alone, theirs.Volume.Grid, nil
		ours, err := c.Engine.Compute(ctx, request)
		if err != nil {
			return fmt.Errorf("%v alone: %w", &b, err)
		}
		if err := r.gamma(ctx, fmt.Sprintf("beam %d %q", b.Number, b.Name), theirs.Volume, ours.Dose, false); err != nil {
			return err
		}
	}
	return nil
}

// difference adds a row judged by how far two figures are apart, in percent of a
// reference.
func (r *Report) difference(group, name, unit string, planned, ours, of float64, ofName string, limit Band) {
	if math.IsNaN(planned) || math.IsNaN(ours) || !(of > 0) {
		return
	}
	d := 100 * (ours - planned) / of
	row := Row{Group: group, Name: name, Unit: unit, Planned: &planned, Kerma: &ours, Difference: &d, DifferenceUnit: "% of " + ofName, Limit: limit, Verdict: Fail}
	switch {
	case math.Abs(d) <= limit.Tolerance:
		row.Verdict = Pass
	case math.Abs(d) <= limit.Action:
		row.Verdict = Look
	}
	r.Rows = append(r.Rows, row)
}

// target tells whether a structure is one: by what the file says it is, and by
// its name where the file does not say.
func target(s geometry.Structure) bool {
	switch strings.ToUpper(string(s.Role)) {
	case "PTV", "CTV", "GTV":
		return true
	case "":
		name := strings.ToLower(s.Name)
		return slices.ContainsFunc([]string{"ptv", "ctv", "gtv", "target", "tumor", "tumour"}, func(t string) bool { return strings.Contains(name, t) })
	}
	return false
}

// structures compares the histograms.
func (r *Report) structures(set *geometry.StructureSet) {
	if set == nil {
		return
	}
	whole, wholeName := r.reference()
	for i, s := range set.Structures {
		ours, theirs := &r.Calculation.Histograms[i], &r.PlannedDVH[i]
		if ours.Err != nil || theirs.Err != nil || ours.Empty() || theirs.Empty() {
			continue
		}
		if target(s) {
			l := r.Limits
			r.difference("target", s.Name+" mean", "Gy", theirs.Mean(), ours.Mean(), theirs.Mean(), "planned", l.TargetMean)
			r.difference("target", s.Name+" D95", "Gy", theirs.DoseAt(95), ours.DoseAt(95), theirs.DoseAt(95), "planned", l.TargetD95)
			r.difference("target", s.Name+" D2", "Gy", theirs.DoseAt(2), ours.DoseAt(2), theirs.DoseAt(2), "planned", l.TargetD2)
			continue
		}
		if s.Role != geometry.Organ && s.Role != "AVOIDANCE" && s.Role != "" {
			continue
		}
		r.difference("organ", s.Name+" mean", "Gy", theirs.Mean(), ours.Mean(), whole, wholeName, r.Limits.OrganMean)
		small := 0.03 // cm³, what stands for the maximum
		if ours.Inside() > small && theirs.Inside() > small {
			r.difference("organ", s.Name+" D0.03cc", "Gy", theirs.DoseAtVolume(small), ours.DoseAtVolume(small), whole, wholeName, r.Limits.OrganMax)
		}
	}
}

// reference is the dose that organs are judged by.
func (r *Report) reference() (gy float64, name string) {
	if p := r.Calculation.Plan.Prescription; p > 0 {
		return p, "prescription"
	}
	return float64(slices.Max(r.Planned.Data)), "highest dose"
}

// points compares the doses at the isocentre and in the middle of each target,
// and what they say of the monitor units.
func (r *Report) points(set *geometry.StructureSet) {
	plan := r.Calculation.Plan
	at := func(name string, p r3.Vec) (planned, ours float64, inside bool) {
		planned, in := r.Planned.Interpolate(p)
		ours, in2 := r.Calculation.Result.Dose.Interpolate(p)
		if !in || !in2 {
			return 0, 0, false
		}
		// Where the dose is low or steep a point says nothing.
		if planned < float64(slices.Max(r.Planned.Data))/2 {
			return 0, 0, false
		}
		r.difference("point", name, "Gy", planned, ours, planned, "planned", r.Limits.Point)
		return planned, ours, true
	}
	iso := plan.Beams[0].Points[0].Isocentre
	planned, ours, ok := at(fmt.Sprintf("isocentre (%.1f, %.1f, %.1f) mm", iso.X, iso.Y, iso.Z), iso)
	if !ok && set != nil {
		for i, s := range set.Structures {
			if h, t := &r.Calculation.Histograms[i], &r.PlannedDVH[i]; target(s) && h.Err == nil && !h.Empty() && !t.Empty() {
				planned, ours, ok = t.Mean(), h.Mean(), true
				break
			}
		}
	}
	if !ok {
		return
	}
	var mu float64
	for _, b := range r.Calculation.Result.Beams {
		mu += b.MU
	}
	needed := mu * planned / ours
	r.difference("monitor units", "a fraction, for the planned point dose", "MU", mu, needed, mu, "planned", r.Limits.Monitor)
}

// model lists what this calculation leaves out.
func (r *Report) model(patient *dicom.Patient) {
	plan := r.Calculation.Plan
	r.NotModelled = append(r.NotModelled, plan.Unmodelled...)
	if len(plan.Unmodelled) > 0 {
		row := Row{Group: "model", Name: fmt.Sprintf("%d parts of the plan are not modelled", len(plan.Unmodelled)), Verdict: Look, Why: strings.Join(plan.Unmodelled, "; ")}
		if r.Limits.UnmodelledFails {
			row.Verdict = Fail
		}
		r.Rows = append(r.Rows, row)
	}
	r.NotModelled = append(r.NotModelled, r.Calculation.Warnings()...)
}

// judge is the worst of all rows.
func (r *Report) judge() {
	r.Verdict = Pass
	var failed, looked []string
	for _, row := range r.Rows {
		switch row.Verdict {
		case Fail:
			failed = append(failed, row.Name)
		case Look:
			looked = append(looked, row.Name)
		}
	}
	switch {
	case len(failed) > 0:
		r.Verdict = Fail
		r.Summary = fmt.Sprintf("%d of %d checks fail: %s", len(failed), len(r.Rows), strings.Join(failed, "; "))
	case len(looked) > 0:
		r.Verdict = Look
		r.Summary = fmt.Sprintf("%d of %d checks are beyond their tolerance: %s", len(looked), len(r.Rows), strings.Join(looked, "; "))
	default:
		r.Summary = fmt.Sprintf("all %d checks are within tolerance", len(r.Rows))
	}
}
