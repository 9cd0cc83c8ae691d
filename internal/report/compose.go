package report

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"
	"time"
)

//go:embed page.html report.css report.js uplot
var files embed.FS

var (
	page   = template.Must(template.ParseFS(files, "page.html"))
	script = text("uplot/uPlot.iife.min.js") + "\n" + text("report.js")
	style  = text("uplot/uPlot.min.css") + "\n" + text("report.css")
	policy = contentPolicy()
)

func text(name string) string {
	b, err := files.ReadFile(name)
	if err != nil {
		panic(err) // embedded at build time
	}
	return string(b)
}

// contentPolicy lets the page run its own script, by its hash, and nothing
// else, and load nothing at all.
func contentPolicy() string {
	sum := sha256.Sum256([]byte(script))
	return "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-" +
		base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'"
}

// content is what page.html sees: everything formatted.
type content struct {
	Title      string
	Statement  string
	Policy     string
	Licence    string
	Style      template.CSS
	Script     template.JS
	Identity   []Field
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
		Policy:     policy,
		Licence:    text("uplot/LICENSE"),
		Style:      template.CSS(style),
		Script:     template.JS(script),
		Identity:   stated(p.Identity),
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

// absent stands for what is not known.
const absent = "–"

func stated(fields []Field) []Field {
	out := make([]Field, 0, len(fields))
	for _, f := range fields {
		if strings.TrimSpace(f.Value) == "" {
			f.Value = absent
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

// number is v with that many decimals and a true minus sign; a dash for NaN
// and infinities.
func number(v float64, decimals int) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return absent
	}
	s := strconv.FormatFloat(v, 'f', decimals, 64)
	if strings.Trim(s, "-0.") == "" {
		s = strings.TrimPrefix(s, "-")
	}
	return strings.Replace(s, "-", "−", 1)
}

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
			energy = absent
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

func hex(r, g, b uint8) string { return fmt.Sprintf("#%02x%02x%02x", r, g, b) }
