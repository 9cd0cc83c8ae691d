package calculation

import (
	"fmt"
	"path/filepath"

	"github.com/kerma-rt/kerma/dicom"
)

// WriteDose writes the RTDOSE, and first, as plan.dcm beside it, the plan when
// it is in no DICOM file: importers want both.
func (c *Calculation) WriteDose(path string) error {
	ct := c.Patient.CT
	plan := dicom.PlanReference(c.Plan)
	if plan.UID == "" {
		var err error
		if plan, err = dicom.WritePlan(filepath.Join(filepath.Dir(path), "plan.dcm"), c.Plan, ct.Identity); err != nil {
			return err
		}
		c.Plan.UID, c.Plan.ClassUID = plan.UID, plan.ClassUID
	}
	group, err := c.Plan.Group(c.Request.FractionGroup)
	if err != nil {
		return err
	}
	d := dicom.Dose{
		Identity: ct.Identity, Volume: c.Result.Dose, Unit: dicom.Gray, Type: dicom.Physical,
		FrameOfReferenceUID: ct.FrameOfReferenceUID,
		Plans:               []dicom.Reference{plan},
		Heterogeneity:       []string{"IMAGE"},
		Comment:             "Not for clinical use without independent commissioning", // of at most 64 characters
		Engine:              c.Result.Provenance.Engine,
		Version:             c.Result.Provenance.Version,
		Provenance:          c.lines(),
	}
	switch {
	case group.Fractions == 0:
		d.Summation, d.FractionGroup = dicom.FractionSession, group.Number
	case len(c.Plan.Groups) > 1:
		d.Summation, d.FractionGroup = dicom.FractionSum, group.Number
	default:
		d.Summation = dicom.PlanSum
	}
	if c.Result.Provenance.Heterogeneity == "none" {
		d.Heterogeneity = []string{"WATER"}
	}
	return dicom.WriteDose(path, d)
}

// lines is how the dose came about.
func (c *Calculation) lines() []string {
	p := c.Result.Provenance
	lines := []string{
		"Kerma " + p.Version + ", engine " + p.Engine + ", heterogeneity " + p.Heterogeneity,
		"CT series " + c.Patient.CT.SeriesUID + ", calibration " + p.Calibration,
		"dose grid " + p.Grid.String(),
		fmt.Sprintf("%d fractions", c.Result.Fractions),
	}
	for _, m := range p.Machines {
		lines = append(lines, "machine "+m)
	}
	for _, w := range c.Warnings() {
		lines = append(lines, "warning: "+w)
	}
	return lines
}
