package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kerma-rt/kerma/dicom"
	"github.com/kerma-rt/kerma/dose"
	"github.com/kerma-rt/kerma/dose/beam"
	"github.com/kerma-rt/kerma/dose/dvh"
)

// calculation is one plan on one patient, and its dose once it is computed.
type calculation struct {
	patient *dicom.Patient
	plan    *beam.Plan
	engine  dose.Engine
	request dose.Request

	result     *dose.Result
	histograms []dvh.Histogram
}

func (c *calculation) compute(ctx context.Context) error {
	var err error
	if c.result, err = c.engine.Compute(ctx, c.request); err != nil {
		return err
	}
	c.histograms = dvh.Compute(c.result.Dose, c.patient.Structures)
	return nil
}

// warnings is everything to be known about the result, in the order in which
// it came up, each once; what a machine says of itself is under its name.
func (c *calculation) warnings() []string {
	var all []string
	for _, p := range c.patient.Warnings {
		where := strings.TrimSpace(strings.Join([]string{filepath.Base(p.File), p.Tag, p.Value}, " "))
		if p.File == "" {
			where = strings.TrimSpace(p.Tag + " " + p.Value)
		}
		all = append(all, strings.TrimPrefix(where+": "+p.Message, ": "))
	}
	for _, w := range c.result.Warnings {
		if names := c.noted(w); names != nil {
			w = strings.Join(names, ", ") + ": " + w
		}
		all = append(all, w)
	}
	all = append(all, histogramWarnings(c.histograms)...)
	seen := map[string]bool{}
	return slices.DeleteFunc(all, func(w string) bool {
		again := seen[w]
		seen[w] = true
		return again
	})
}

// noted is the machines of this calculation that have this note.
func (c *calculation) noted(note string) []string {
	var names []string
	for _, m := range c.request.Machines {
		used := slices.ContainsFunc(c.result.Beams, func(b dose.BeamResult) bool { return b.Machine == m.Name })
		if used && slices.Contains(m.Notes, note) {
			names = append(names, m.Name)
		}
	}
	return names
}

// write puts every result into dir, each file whole or not at all.
func (c *calculation) write(dir string, npy bool) error {
	if err := c.writeDICOM(dir); err != nil {
		return err
	}
	for name, write := range map[string]func(io.Writer) error{
		"dvh.json":        c.writeDVH,
		"provenance.json": c.writeProvenance,
		"report.html":     c.writeReport,
	} {
		if err := writeFile(filepath.Join(dir, name), write); err != nil {
			return fmt.Errorf("%s: %w", filepath.Join(dir, name), err)
		}
	}
	if npy {
		return writeNPY(filepath.Join(dir, "dose.npy"), c.result.Dose)
	}
	return nil
}

// writeDICOM writes the RTDOSE, and first the plan when it is in no DICOM file:
// importers want both.
func (c *calculation) writeDICOM(dir string) error {
	ct := c.patient.CT
	plan := dicom.PlanReference(c.plan)
	if plan.UID == "" {
		var err error
		if plan, err = dicom.WritePlan(filepath.Join(dir, "plan.dcm"), c.plan, ct.Identity); err != nil {
			return err
		}
		c.plan.UID, c.plan.ClassUID = plan.UID, plan.ClassUID
	}
	group, err := c.plan.Group(c.request.FractionGroup)
	if err != nil {
		return err
	}
	d := dicom.Dose{
		Identity: ct.Identity, Volume: c.result.Dose, Unit: dicom.Gray, Type: dicom.Physical,
		FrameOfReferenceUID: ct.FrameOfReferenceUID,
		Plans:               []dicom.Reference{plan},
		Heterogeneity:       []string{"IMAGE"},
		Comment:             "Not for clinical use without independent commissioning", // of at most 64 characters
		Engine:              c.result.Provenance.Engine,
		Version:             c.result.Provenance.Version,
		Provenance:          c.provenance(),
	}
	switch {
	case group.Fractions == 0:
		d.Summation, d.FractionGroup = dicom.FractionSession, group.Number
	case len(c.plan.Groups) > 1:
		d.Summation, d.FractionGroup = dicom.FractionSum, group.Number
	default:
		d.Summation = dicom.PlanSum
	}
	if c.result.Provenance.Heterogeneity == "none" {
		d.Heterogeneity = []string{"WATER"}
	}
	return dicom.WriteDose(filepath.Join(dir, "dose.dcm"), d)
}

func (c *calculation) provenance() []string {
	p := c.result.Provenance
	lines := []string{
		"Kerma " + p.Version + ", engine " + p.Engine + ", heterogeneity " + p.Heterogeneity,
		"CT series " + c.patient.CT.SeriesUID + ", calibration " + p.Calibration,
		"dose grid " + p.Grid.String(),
		fmt.Sprintf("%d fractions", c.result.Fractions),
	}
	for _, m := range p.Machines {
		lines = append(lines, "machine "+m)
	}
	for _, w := range c.warnings() {
		lines = append(lines, "warning: "+w)
	}
	return lines
}

func (c *calculation) writeDVH(w io.Writer) error {
	return encode(w, dvh.Report{Structures: c.histograms})
}

func (c *calculation) writeProvenance(w io.Writer) error {
	type beamLine struct {
		Number  int      `json:"number"`
		Name    string   `json:"name"`
		MU      float64  `json:"mu_per_fraction"`
		Machine string   `json:"machine"`
		SSD     *float64 `json:"ssd_mm"` // null where the axis misses the body
	}
	p := c.result.Provenance
	g := p.Grid
	o, s, n := g.Origin(), g.Spacing(), g.Size()
	var axes [3][3]float64
	for a, v := range g.Axes() {
		axes[a] = [3]float64{v.X, v.Y, v.Z}
	}
	out := struct {
		Notice        string     `json:"notice"`
		Kerma         string     `json:"kerma"`
		Engine        string     `json:"engine"`
		Heterogeneity string     `json:"heterogeneity"`
		Machines      []string   `json:"machines"`
		Calibration   string     `json:"calibration"`
		CTSeriesUID   string     `json:"ct_series_uid"`
		PlanUID       string     `json:"plan_uid"`
		PlanLabel     string     `json:"plan_label"`
		Fractions     int        `json:"fractions"`
		Beams         []beamLine `json:"beams"`
		Grid          any        `json:"grid"`
		MaximumGy     float64    `json:"maximum_gy"`
		Seconds       float64    `json:"seconds"`
		Warnings      []string   `json:"warnings"`
	}{
		Notice: notice, Kerma: p.Version, Engine: p.Engine, Heterogeneity: p.Heterogeneity, Machines: p.Machines,
		Calibration: p.Calibration, CTSeriesUID: c.patient.CT.SeriesUID, PlanUID: c.plan.UID, PlanLabel: c.plan.Label,
		Fractions: c.result.Fractions,
		Grid: map[string]any{
			"size": n, "spacing_mm": s, "origin_mm": [3]float64{o.X, o.Y, o.Z}, "directions": axes,
		},
		MaximumGy: maximum(c.result.Dose.Data), Seconds: p.Elapsed.Seconds(), Warnings: append([]string{}, c.warnings()...),
	}
	for _, b := range c.result.Beams {
		line := beamLine{Number: b.Number, Name: b.Name, MU: b.MU, Machine: b.Machine}
		if !math.IsNaN(b.SSD) {
			line.SSD = &b.SSD
		}
		out.Beams = append(out.Beams, line)
	}
	return encode(w, out)
}

func (c *calculation) printJSON(w io.Writer) error { return c.writeProvenance(w) }

func (c *calculation) print(w io.Writer, dir string) {
	p := c.result.Provenance
	fmt.Fprintf(w, "%s, heterogeneity %s, %d beams, %d fractions, %.1f s\n", p.Engine, p.Heterogeneity, len(c.result.Beams), c.result.Fractions, p.Elapsed.Seconds())
	printDVH(w, c.histograms)
	for _, warning := range c.warnings() {
		fmt.Fprintln(w, "warning:", warning)
	}
	fmt.Fprintf(w, "%s\nwritten to %s: dose.dcm, dvh.json, report.html, provenance.json\n", notice, dir)
}

func encode(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

func maximum(data []float32) float64 {
	var m float32
	for _, v := range data {
		m = max(m, v)
	}
	return float64(m)
}
