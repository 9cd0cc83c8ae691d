package report

import (
	_ "embed"
	"html/template"
	"strconv"
	"strings"
	"time"

	"github.com/kerma-rt/kerma/internal/page"
)

var (
	//go:embed page.html
	pageHTML string
	//go:embed report.css
	style string
	//go:embed report.js
	script string

	document = template.Must(template.New("report").Parse(pageHTML))
	shell    = page.New(style, script)
)

// content is what page.html sees: everything formatted.
type content struct {
	Title     string
	Statement string
	Licence   string
	page.Shell
	Identity   []Field
	Check      *Check
	Warnings   []string
	View       *viewContent
	Chart      *chart
	Figures    []figures
	Beams      []beamRow
	TotalMU    string
	Provenance []Field
	Data       data
}

// data is what the script sees.
type data struct {
	Planes [][]frame `json:"planes"`
	Chart  *chart    `json:"chart"`
}

func compose(p Page) (*content, error) {
	if err := checkCurves(p.Curves); err != nil {
		return nil, err
	}
	c := &content{
		Title:      p.Title,
		Statement:  NotForClinicalUse,
		Shell:      shell,
		Licence:    page.Licence,
		Identity:   stated(p.Identity),
		Check:      p.Check,
		Warnings:   p.Warnings,
		Provenance: provenance(p.Provenance),
	}
	if c.Title == "" {
		c.Title = "Dose calculation"
	}
	if p.View != nil {
		v, frames, err := viewOf(*p.View)
		if err != nil {
			return nil, err
		}
		c.View, c.Data.Planes = v, frames
	}
	c.Chart, c.Figures = chartOf(p.Curves)
	c.Data.Chart = c.Chart
	c.Beams, c.TotalMU = beamRows(p.Beams)
	return c, nil
}

func stated(fields []Field) []Field {
	out := make([]Field, 0, len(fields))
	for _, f := range fields {
		if strings.TrimSpace(f.Value) == "" {
			f.Value = page.Absent
		}
		out = append(out, f)
	}
	return out
}

func provenance(p Provenance) []Field {
	grid, seconds, made := "", "", ""
	if p.Grid.Len() > 0 {
		grid = p.Grid.String()
	}
	if p.Elapsed > 0 {
		seconds = strconv.FormatFloat(p.Elapsed.Seconds(), 'f', 2, 64) + " s"
	}
	if !p.Made.IsZero() {
		made = p.Made.Format(time.RFC3339)
	}
	out := []Field{
		{"Engine", p.Engine},
		{"Kerma version", p.Version},
		{"Heterogeneity correction", p.Heterogeneity},
	}
	for _, m := range p.Machines {
		out = append(out, Field{"Machine and hash", m})
	}
	if len(p.Machines) == 0 {
		out = append(out, Field{"Machine and hash", ""})
	}
	out = append(out,
		Field{"Dose grid", grid},
		Field{"CT calibration", p.Calibration},
		Field{"CT series UID", p.CTSeriesUID},
		Field{"Calculation time", seconds},
		Field{"Report made", made},
	)
	return stated(append(out, p.More...))
}

func number(v float64, decimals int) string { return page.Number(v, decimals) }

type beamRow struct {
	Number, Name, Gantry, Collimator, Couch, Energy, MU, SSD, Machine string
}

func beamRows(beams []Beam) (rows []beamRow, total string) {
	sum := 0.0
	for _, b := range beams {
		gantry := number(b.GantryDeg, 1)
		if b.GantryStopDeg != b.GantryDeg {
			gantry += " → " + number(b.GantryStopDeg, 1)
		}
		energy := strconv.FormatFloat(b.EnergyMV, 'f', -1, 64) + " MV"
		if !(b.EnergyMV > 0) {
			energy = page.Absent
		} else if b.FluenceMode != "" {
			energy += " " + b.FluenceMode
		}
		rows = append(rows, beamRow{
			strconv.Itoa(b.Number), b.Name, gantry, number(b.CollimatorDeg, 1), number(b.CouchDeg, 1),
			energy, number(b.MonitorUnits, 1), number(b.SourceSkin/10, 1), b.Machine,
		})
		sum += b.MonitorUnits
	}
	return rows, number(sum, 1)
}
