package verdict

import (
	"encoding/xml"
	"fmt"
	"html/template"
	"io"
	"math"
	"strings"

	_ "embed"

	"github.com/kerma-rt/kerma/internal/page"
)

// WriteTable writes the rows as an aligned table for a terminal.
func (r *Report) WriteTable(w io.Writer) error {
	for _, row := range r.Rows {
		verdict := "pass"
		if !row.Pass {
			verdict = "FAIL"
		}
		text := fmt.Sprintf("%s %s (%s)", number(row.Figure), row.Unit, row.Tolerance())
		if row.Error != "" {
			text = row.Error
		}
		if _, err := fmt.Fprintf(w, "%s  %-9s  %s: %s, against %s\n", verdict, row.Group, row.Checked, text, row.Against); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "%d of %d pass, tolerances of %s, %.0f s\n%s\n", len(r.Rows)-r.Failed(), len(r.Rows), r.Tolerances, r.Seconds, r.Notice)
	return err
}

// number is a figure with what digits matter.
func number(v float64) string {
	switch {
	case math.IsNaN(v):
		return page.Absent
	case v != 0 && math.Abs(v) < 1e-3:
		return fmt.Sprintf("%.1e", v)
	}
	return fmt.Sprintf("%.3g", v)
}

// WriteMarkdown writes the rows as a table of the documentation.
func (r *Report) WriteMarkdown(w io.Writer) error {
	if _, err := fmt.Fprintf(w, "%d of %d pass; tolerances of doses: %s; Kerma %s.\n\n| group | checked | figure | tolerance | against | source | verdict |\n| --- | --- | --- | --- | --- | --- | --- |\n",
		len(r.Rows)-r.Failed(), len(r.Rows), r.Tolerances, r.Version); err != nil {
		return err
	}
	for _, row := range r.Rows {
		verdict := "pass"
		if !row.Pass {
			verdict = "**fail**"
		}
		figure := strings.TrimSpace(number(row.Figure) + " " + row.Unit)
		if row.Error != "" {
			figure = row.Error
		}
		cells := []string{row.Group, row.Checked, figure, row.Tolerance(), row.Against, row.Source, verdict}
		for i, c := range cells {
			cells[i] = strings.ReplaceAll(c, "|", "\\|")
		}
		if _, err := fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | ")); err != nil {
			return err
		}
	}
	return nil
}

type testsuite struct {
	XMLName  xml.Name   `xml:"testsuite"`
	Name     string     `xml:"name,attr"`
	Tests    int        `xml:"tests,attr"`
	Failures int        `xml:"failures,attr"`
	Errors   int        `xml:"errors,attr"`
	Time     float64    `xml:"time,attr"`
	Cases    []testcase `xml:"testcase"`
}

type testcase struct {
	Class   string   `xml:"classname,attr"`
	Name    string   `xml:"name,attr"`
	Time    float64  `xml:"time,attr"`
	Failure *problem `xml:"failure,omitempty"`
	Error   *problem `xml:"error,omitempty"`
}

type problem struct {
	Message string `xml:"message,attr"`
}

// WriteJUnit writes the rows as JUnit XML, for programs that collect tests.
func (r *Report) WriteJUnit(w io.Writer) error {
	s := testsuite{Name: "kerma benchmark", Tests: len(r.Rows), Time: r.Seconds}
	for _, row := range r.Rows {
		c := testcase{Class: "kerma." + row.Group, Name: row.Checked, Time: row.Seconds}
		switch {
		case row.Error != "":
			c.Error = &problem{row.Error}
			s.Errors++
		case !row.Pass:
			c.Failure = &problem{fmt.Sprintf("%s %s, tolerance %s, against %s (%s)", number(row.Figure), row.Unit, row.Tolerance(), row.Against, row.Source)}
			s.Failures++
		}
		s.Cases = append(s.Cases, c)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	return e.Encode(s)
}

//go:embed page.html
var pageHTML string

const style = `
.pass { color: #1a7f4b; } .fail { color: #c02626; font-weight: 650; }
td.text { white-space: normal !important; }
td svg { width: 230px; height: 110px; display: block; }
td svg text { font-size: 9px; fill: var(--soft); }
td svg .frame { stroke: var(--line); fill: none; } td svg .reference { stroke: #d55e00; fill: none; stroke-width: 2.4; } td svg .kerma { stroke: var(--accent); fill: none; stroke-dasharray: 4 2; stroke-width: 1.6; }
td svg .mark { fill: var(--accent); } td svg .band { fill: color-mix(in srgb, #1a7f4b 22%, transparent); }
@media screen and (prefers-color-scheme: dark) { .pass { color: #58c98c; } .fail { color: #ff8a80; } }
`

var (
	document = template.Must(template.New("verdict").Parse(pageHTML))
	shell    = page.New(style, "")
)

// WriteHTML writes the rows as one page that needs nothing else, a plot in each.
func (r *Report) WriteHTML(w io.Writer) error {
	type line struct {
		Row
		Verdict, Value string
		Picture        template.HTML
	}
	c := struct {
		page.Shell
		*Report
		Passed int
		Lines  []line
	}{Shell: shell, Report: r, Passed: len(r.Rows) - r.Failed()}
	for _, row := range r.Rows {
		l := line{Row: row, Verdict: "pass", Value: strings.TrimSpace(number(row.Figure) + " " + row.Unit)}
		if !row.Pass {
			l.Verdict = "fail"
		}
		if row.Error != "" {
			l.Value = row.Error
		} else {
			l.Picture = template.HTML(row.picture()) // numbers and escaped titles only
		}
		c.Lines = append(c.Lines, l)
	}
	return document.Execute(w, c)
}

// picture is the row's plot as SVG: its two curves where it has any, else the
// figure beside its limits.
func (row Row) picture() string {
	var b strings.Builder
	const width, height = 230.0, 110.0
	fmt.Fprintf(&b, `<svg viewBox="0 0 %g %g" role="img" aria-label="%s">`, width, height, template.HTMLEscapeString(row.Checked))
	if p := row.Plot; p != nil && len(p.Reference) > 1 {
		x0, x1, y1 := p.Reference[0][0], p.Reference[0][0], 0.0
		for _, q := range append(append([][2]float64{}, p.Reference...), p.Kerma...) {
			if !math.IsNaN(q[1]) {
				x0, x1, y1 = min(x0, q[0]), max(x1, q[0]), max(y1, q[1])
			}
		}
		place := func(q [2]float64) string {
			return fmt.Sprintf("%.1f,%.1f", 22+(q[0]-x0)/(x1-x0)*(width-30), 92-q[1]/y1*84)
		}
		fmt.Fprintf(&b, `<rect class="frame" x="22" y="8" width="%g" height="84"/>`, width-30)
		for _, c := range []struct {
			class  string
			points [][2]float64
		}{{"reference", p.Reference}, {"kerma", p.Kerma}} {
			fmt.Fprintf(&b, `<polyline class="%s" points="`, c.class)
			for _, q := range c.points {
				if !math.IsNaN(q[1]) {
					b.WriteString(place(q) + " ")
				}
			}
			b.WriteString(`"/>`)
		}
		fmt.Fprintf(&b, `<text x="22" y="103">%.4g</text><text x="%g" y="103" text-anchor="end">%.4g</text><text x="%g" y="103" text-anchor="middle">%s</text><text transform="translate(8 50) rotate(-90)" text-anchor="middle">%s</text>`,
			x0, width-8, x1, width/2+8, template.HTMLEscapeString(p.X), template.HTMLEscapeString(p.Y))
	} else {
		low, high := row.Figure, row.Figure
		for _, bound := range []Bound{row.Low, row.High} {
			if bound.Set {
				low, high = min(low, bound.Value), max(high, bound.Value)
			}
		}
		room := max((high-low)*0.25, math.Abs(high)*1e-3, 1e-12)
		low, high = low-room, high+room
		at := func(v float64) float64 { return 8 + (v-low)/(high-low)*(width-16) }
		left, right := 8.0, width-8
		if row.Low.Set {
			left = at(row.Low.Value)
		}
		if row.High.Set {
			right = at(row.High.Value)
		}
		fmt.Fprintf(&b, `<rect class="band" x="%.1f" y="30" width="%.1f" height="36"/><rect class="frame" x="8" y="30" width="%g" height="36"/><circle class="mark" cx="%.1f" cy="48" r="5"/>`, left, max(right-left, 0.5), width-16, at(row.Figure))
		fmt.Fprintf(&b, `<text x="%.1f" y="24" text-anchor="middle">%s</text>`, at(row.Figure), number(row.Figure))
		if row.Low.Set {
			fmt.Fprintf(&b, `<text x="%.1f" y="80" text-anchor="middle">%g</text>`, left, row.Low.Value)
		}
		if row.High.Set {
			fmt.Fprintf(&b, `<text x="%.1f" y="80" text-anchor="middle">%g</text>`, right, row.High.Value)
		}
	}
	b.WriteString(`</svg>`)
	return b.String()
}
