package calculation

import (
	"encoding/json"
	"io"
	"math"
)

// Notice stands on every output.
const Notice = "Not for clinical use without independent commissioning and validation."

// WriteProvenance writes how the dose came about as JSON.
func (c *Calculation) WriteProvenance(w io.Writer) error {
	type beamLine struct {
		Number  int      `json:"number"`
		Name    string   `json:"name"`
		MU      float64  `json:"mu_per_fraction"`
		Machine string   `json:"machine"`
		SSD     *float64 `json:"ssd_mm"` // null where the axis misses the body
	}
	p := c.Result.Provenance
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
		Notice: Notice, Kerma: p.Version, Engine: p.Engine, Heterogeneity: p.Heterogeneity, Machines: p.Machines,
		Calibration: p.Calibration, CTSeriesUID: c.Patient.CT.SeriesUID, PlanUID: c.Plan.UID, PlanLabel: c.Plan.Label,
		Fractions: c.Result.Fractions,
		Grid: map[string]any{
			"size": n, "spacing_mm": s, "origin_mm": [3]float64{o.X, o.Y, o.Z}, "directions": axes,
		},
		MaximumGy: c.Maximum(), Seconds: p.Elapsed.Seconds(), Warnings: append([]string{}, c.Warnings()...),
	}
	for _, b := range c.Result.Beams {
		line := beamLine{Number: b.Number, Name: b.Name, MU: b.MU, Machine: b.Machine}
		if !math.IsNaN(b.SSD) {
			line.SSD = &b.SSD
		}
		out.Beams = append(out.Beams, line)
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(out)
}

// Maximum is the highest dose in Gy.
func (c *Calculation) Maximum() float64 {
	var m float32
	for _, v := range c.Result.Dose.Data {
		m = max(m, v)
	}
	return float64(m)
}
