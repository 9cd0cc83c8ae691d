package main

import (
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/kerma-rt/kerma/dose/dvh"
	"github.com/kerma-rt/kerma/internal/report"
)

func (c *calculation) writeReport(w io.Writer) error { return report.Write(w, c.page()) }

// page is the report of a calculation.
func (c *calculation) page() report.Page {
	p := c.result.Provenance
	page := report.Page{
		Title:    "Dose of " + c.plan.Label,
		Identity: c.identity(),
		Warnings: c.warnings(),
		View: &report.View{
			CT: c.patient.CT.Volume, Dose: c.result.Dose,
			At: c.plan.Beams[0].Points[0].Isocentre, AtName: "isocentre",
		},
		Provenance: report.Provenance{
			Engine: p.Engine, Version: p.Version, Heterogeneity: p.Heterogeneity, Machines: p.Machines, Grid: p.Grid,
			Calibration: p.Calibration, CTSeriesUID: c.patient.CT.SeriesUID, Elapsed: p.Elapsed, Made: time.Now(),
			More: []report.Field{{Label: "Plan UID", Value: c.plan.UID}},
		},
	}
	if c.patient.Structures != nil {
		page.View.Structures = c.patient.Structures.Structures
	}
	if c.plan.Prescription > 0 {
		page.View.Reference, page.View.ReferenceName = c.plan.Prescription, "prescription"
	}
	for i := range c.histograms {
		if h := &c.histograms[i]; !h.Empty() {
			page.Curves = append(page.Curves, c.curve(h))
		}
	}
	for _, r := range c.result.Beams {
		b := c.plan.Beam(r.Number)
		first, last := b.Points[0], b.Points[len(b.Points)-1]
		page.Beams = append(page.Beams, report.Beam{
			Number: b.Number, Name: b.Name, GantryDeg: first.GantryDeg, GantryStopDeg: last.GantryDeg,
			CollimatorDeg: first.CollimatorDeg, CouchDeg: first.CouchDeg, EnergyMV: b.EnergyMV, FluenceMode: string(b.FluenceMode),
			MonitorUnits: r.MU, SourceSkin: r.SSD, Machine: r.Machine,
		})
	}
	return page
}

func (c *calculation) identity() []report.Field {
	id := c.patient.CT.Identity
	fields := []report.Field{
		{Label: "Patient", Value: strings.TrimSpace(strings.ReplaceAll(id.PatientName, "^", " "))},
		{Label: "Patient ID", Value: id.PatientID},
		{Label: "Plan", Value: c.plan.Label},
		{Label: "Fractions", Value: fmt.Sprint(c.result.Fractions)},
		{Label: "Maximum dose", Value: fmt.Sprintf("%.2f Gy", maximum(c.result.Dose.Data))},
	}
	if c.plan.Prescription > 0 {
		fields = append(fields, report.Field{Label: "Prescription", Value: fmt.Sprintf("%g Gy", c.plan.Prescription)})
	}
	return fields
}

func (c *calculation) curve(h *dvh.Histogram) report.Curve {
	curve := report.Curve{
		Name: h.Structure, VolumeCm3: h.Volume,
		Min: h.Min(), Mean: h.Mean(), Max: h.Max(),
		D98: h.DoseAt(98), D95: h.DoseAt(95), D50: h.DoseAt(50), D2: h.DoseAt(2), V20: h.PercentAt(20),
	}
	for _, s := range c.patient.Structures.Structures {
		if s.Number == h.Number {
			curve.Color = s.Color
		}
	}
	for _, p := range h.Cumulative(300) {
		curve.Points = append(curve.Points, [2]float64{p.Dose, math.Min(100, 100*p.Volume/h.Inside())})
	}
	return curve
}
