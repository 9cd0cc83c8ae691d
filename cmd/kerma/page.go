package main

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/kerma-rt/kerma/dose/dvh"
	"github.com/kerma-rt/kerma/internal/calculation"
	"github.com/kerma-rt/kerma/internal/report"
)

// page is the report of a calculation.
func page(c *calculation.Calculation) report.Page {
	p := c.Result.Provenance
	made := report.Page{
		Title:    "Dose of " + c.Plan.Label,
		Identity: identity(c),
		Warnings: c.Warnings(),
		View: &report.View{
			CT: c.Patient.CT.Volume, Dose: c.Result.Dose,
			At: c.Plan.Beams[0].Points[0].Isocentre, AtName: "isocentre",
		},
		Provenance: report.Provenance{
			Engine: p.Engine, Version: p.Version, Heterogeneity: p.Heterogeneity, Machines: p.Machines, Grid: p.Grid,
			Calibration: p.Calibration, CTSeriesUID: c.Patient.CT.SeriesUID, Elapsed: p.Elapsed, Made: time.Now(),
			More: []report.Field{{Label: "Plan UID", Value: c.Plan.UID}},
		},
	}
	if c.Patient.Structures != nil {
		made.View.Structures = c.Patient.Structures.Structures
	}
	if c.Plan.Prescription > 0 {
		made.View.Reference, made.View.ReferenceName = c.Plan.Prescription, "prescription"
	}
	for i := range c.Histograms {
		if h := &c.Histograms[i]; !h.Empty() {
			made.Curves = append(made.Curves, curve(c, h))
		}
	}
	for _, r := range c.Result.Beams {
		b := c.Plan.Beam(r.Number)
		first, last := b.Points[0], b.Points[len(b.Points)-1]
		made.Beams = append(made.Beams, report.Beam{
			Number: b.Number, Name: b.Name, GantryDeg: first.GantryDeg, GantryStopDeg: last.GantryDeg,
			CollimatorDeg: first.CollimatorDeg, CouchDeg: first.CouchDeg, EnergyMV: b.EnergyMV, FluenceMode: string(b.FluenceMode),
			MonitorUnits: r.MU, SourceSkin: r.SSD, Machine: r.Machine,
		})
	}
	return made
}

func identity(c *calculation.Calculation) []report.Field {
	id := c.Patient.CT.Identity
	fields := []report.Field{
		{Label: "Patient", Value: strings.TrimSpace(strings.ReplaceAll(id.PatientName, "^", " "))},
		{Label: "Patient ID", Value: id.PatientID},
		{Label: "Plan", Value: c.Plan.Label},
		{Label: "Fractions", Value: fmt.Sprint(c.Result.Fractions)},
		{Label: "Maximum dose", Value: fmt.Sprintf("%.2f Gy", c.Maximum())},
	}
	if c.Plan.Prescription > 0 {
		fields = append(fields, report.Field{Label: "Prescription", Value: fmt.Sprintf("%g Gy", c.Plan.Prescription)})
	}
	return fields
}

func curve(c *calculation.Calculation, h *dvh.Histogram) report.Curve {
	line := report.Curve{
		Name: h.Structure, VolumeCm3: h.Volume,
		Min: h.Min(), Mean: h.Mean(), Max: h.Max(),
		D98: h.DoseAt(98), D95: h.DoseAt(95), D50: h.DoseAt(50), D2: h.DoseAt(2), V20: h.PercentAt(20),
	}
	for _, s := range c.Patient.Structures.Structures {
		if s.Number == h.Number {
			line.Color = s.Color
		}
	}
	for _, p := range h.Cumulative(300) {
		line.Points = append(line.Points, [2]float64{p.Dose, math.Min(100, 100*p.Volume/h.Inside())})
	}
	return line
}
