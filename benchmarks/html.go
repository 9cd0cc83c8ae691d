package benchmarks

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"strings"

	"github.com/kerma-rt/kerma/internal/page"
)

var (
	//go:embed page/benchmark.html
	pageHTML string
	//go:embed page/benchmark.css
	pageCSS string
	//go:embed page/benchmark.js
	pageJS string

	document = template.Must(template.New("benchmark").Parse(pageHTML))
	shell    = page.New(pageCSS, pageJS)
)

// content is what benchmark.html sees.
type content struct {
	page.Shell
	Statement, Licence, Note string
	Identity                 [][2]string
	Methods                  []methodHead
	Matrix                   []matrixRow
	Columns                  []column
	Cases                    []caseContent
	Skipped                  []Skipped
	Errors                   []*Result
	Data                     plotData
}

// Title and Unit are a column's head.
func (c column) Title() string { return c.title }

// Unit is the unit of a column's figures.
func (c column) Unit() string { return c.unit }

type methodHead struct{ Engine, Heterogeneity, Light, Dark string }

type matrixRow struct {
	Case, Anchor string
	Cells        []matrixCell
}

type matrixCell struct {
	Pass, Wide, Axis string
	Low              bool // fewer than 95 % pass 2 %/2 mm
}

type caseContent struct {
	Name, Anchor, Beam string
	Number             int
	Profiles           []string
	Rows               []caseRow
	Pictures           []casePicture
	Regions            []string
	Worst              []worstRow
	Warnings           []string
}

type caseRow struct {
	Method methodHead
	Cells  []string
}

type casePicture struct {
	Method        methodHead
	Source        template.URL
	Width, Height int
	Aspect        string
	Pass          string
	Y             string
}

type worstRow struct {
	Method methodHead
	Cells  []string
}

// plotData is what benchmark.js sees.
type plotData struct {
	Methods []plotMethod `json:"methods"`
	Cases   []plotCase   `json:"cases"`
}

type plotMethod struct {
	Name  string `json:"name"`
	Light string `json:"light"`
	Dark  string `json:"dark"`
	Dash  []int  `json:"dash"`
}

type plotCase struct {
	Layers [][3]Figure `json:"layers"` // from, to mm; g/cm³
	Plots  []plot      `json:"plots"`
}

// plot is one diagram. Curves are by method, absent ones null.
type plot struct {
	Title  string     `json:"title"`
	X      string     `json:"x"`
	Y      string     `json:"y"`
	Ratio  bool       `json:"ratio"`
	Layers bool       `json:"layers"`
	At     []Figure   `json:"at"`
	Low    []Figure   `json:"low"` // band of two standard deviations
	MC     []Figure   `json:"mc"`
	High   []Figure   `json:"high"`
	Curves [][]Figure `json:"curves"`
}

const lowPass = 95 // %, marked in the summary

// WriteHTML writes the report as one page that needs nothing else.
func (r *Report) WriteHTML(w io.Writer) error {
	c := content{
		Shell: shell, Statement: page.NotForClinicalUse, Licence: page.Licence, Note: tableNote, Skipped: r.Skipped, Columns: columns[1:],
		Identity: [][2]string{{"Kerma", r.Version}, {"Go", r.Go}, {"System", r.System}, {"Threads", fmt.Sprint(r.Threads)}, {"Cases", fmt.Sprint(len(r.cases))}},
	}
	methods := r.methods()
	for n, m := range methods {
		c.Data.Methods = append(c.Data.Methods, colours(len(methods)-1-n, m))
		d := c.Data.Methods[n]
		c.Methods = append(c.Methods, methodHead{m[0], m[1], d.Light, d.Dark})
	}
	for _, x := range r.Results {
		if x.Error != "" {
			c.Errors = append(c.Errors, x)
		}
	}
	for n, of := range r.cases {
		results := make([]*Result, len(methods))
		row := matrixRow{Case: of.Name, Anchor: fmt.Sprintf("case-%d", n)}
		for m, method := range methods {
			x := r.result(of.Name, method)
			cell := matrixCell{Pass: page.Absent, Wide: page.Absent, Axis: page.Absent}
			if x != nil && x.Error == "" {
				results[m] = x
				cell.Pass, cell.Wide, cell.Axis = x.pass(strict), x.pass(0), signed(x.Axis.Max, 1)
				cell.Low = len(x.Gamma) > strict && x.Gamma[strict].PassRate < lowPass
			}
			row.Cells = append(row.Cells, cell)
		}
		c.Matrix = append(c.Matrix, row)
		section, data, err := of.content(n, c.Methods, results)
		if err != nil {
			return err
		}
		c.Cases = append(c.Cases, section)
		c.Data.Cases = append(c.Data.Cases, data)
	}
	var b bytes.Buffer
	if err := document.Execute(&b, c); err != nil {
		return fmt.Errorf("benchmarks: %w", err)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// colours counts from the last method, so that plain lines go to the better ones.
func colours(n int, m [2]string) plotMethod {
	c := page.Palette[n%len(page.Palette)]
	return plotMethod{
		Name: strings.TrimSpace(m[0] + " " + m[1]), Light: page.Legible(c, false), Dark: page.Legible(c, true),
		Dash: page.Dashes[n/len(page.Palette)%len(page.Dashes)],
	}
}

// content is the section of one case, results by method.
func (r *reference) content(n int, methods []methodHead, results []*Result) (caseContent, plotCase, error) {
	g := r.grid
	size, spacing := g.Size(), g.Spacing()
	c := caseContent{
		Name: r.Name, Anchor: fmt.Sprintf("case-%d", n), Number: n,
		Beam: fmt.Sprintf("%s, field %g × %g mm at the surface, SSD %g mm; %d×%d×%d voxels of %g×%g×%g mm; reference: %s",
			r.Spectrum.Name, r.Field[0], r.Field[1], r.SSD, size[0], size[1], size[2], spacing[0], spacing[1], spacing[2], orNone(r.Note, r.Dose != nil)),
		Warnings: r.Warnings,
	}
	if r.Source != [2]float64{} {
		c.Beam += fmt.Sprintf("; source at x %.1f, y %.1f mm", r.Source[0], r.Source[1])
	}
	for m, x := range results {
		if x == nil {
			continue
		}
		row := caseRow{Method: methods[m]}
		for _, col := range columns[3:] {
			row.Cells = append(row.Cells, col.of(x))
		}
		c.Rows = append(c.Rows, row)
		for _, v := range x.Worst {
			c.Worst = append(c.Worst, worstRow{methods[m], []string{
				plain(v.Position[0], 1), plain(v.Position[1], 1), plain(v.Position[2], 1), v.Material, plain(v.Density, 2), v.Region,
				plain(v.Ratio, 3), signed(v.Difference, 1), plain(v.Sigma, 1), plain(v.Gamma, 2),
			}})
		}
		if x.section != nil {
			p, err := x.section.picture()
			if err != nil {
				return c, plotCase{}, err
			}
			p.Method, p.Pass = methods[m], x.pass(strict)
			c.Pictures = append(c.Pictures, p)
		}
	}
	return c, r.plots(results), nil
}

func orNone(note string, has bool) string {
	switch {
	case !has:
		return "none"
	case note == "":
		return "not named"
	}
	return note
}

// plots are the diagrams of a case: depth dose, its ratio to the reference,
// profiles along x and y.
func (r *reference) plots(results []*Result) plotCase {
	var out plotCase
	for k := 0; k < len(r.z); {
		first := k
		for k < len(r.z) && math.Abs(r.axis.density[k]-r.axis.density[first]) <= 0.05*max(r.axis.density[k], r.axis.density[first]) {
			k++
		}
		half := r.grid.Spacing()[2] / 2
		out.Layers = append(out.Layers, [3]Figure{Figure(r.z[first] - half), Figure(r.z[k-1] + half), Figure(r.axis.density[first])})
	}
	scale := r.scale(results)
	depth := plot{Title: "Depth dose", X: "Depth (mm)", Y: "Dose (%)", Layers: true, Curves: make([][]Figure, len(results))}
	ratio := plot{Title: "Depth dose over Monte Carlo", X: "Depth (mm)", Y: "Ratio (%)", Layers: true, Ratio: true, Curves: make([][]Figure, len(results))}
	for k, z := range r.z {
		ref, sigma := nan, nan
		if r.axis.reference != nil {
			ref, sigma = scale*r.axis.reference[k], r.axis.sigma[k]
		}
		depth.add(z, ref, 2*sigma*ref)
		ratio.add(z, 100+0*ref, 200*sigma)
	}
	for m, x := range results {
		if x == nil {
			continue
		}
		for k, p := range x.Axis.Points {
			d := scale * float64(p.Dose)
			depth.Curves[m] = append(depth.Curves[m], rounded(d, 2))
			ratio.Curves[m] = append(ratio.Curves[m], rounded(100*d/float64(depth.MC[k]), 2))
		}
	}
	out.Plots = append(out.Plots, depth)
	if r.Dose != nil {
		out.Plots = append(out.Plots, ratio)
	}
	for n := range 2 * len(r.profiles) {
		var p plot
		for m, x := range results {
			if x == nil {
				continue
			}
			q := &x.Profiles[n]
			if q.Along == "y" && r.Folded == 8 {
				continue // the mirror image of that along x
			}
			if p.Curves == nil {
				p = plot{Title: fmt.Sprintf("Profile along %s at %.4g mm", q.Along, q.Depth), X: q.Along + " (mm)", Y: "Dose (%)", Curves: make([][]Figure, len(results))}
				for i, s := range q.Position {
					ref := scale * float64(q.Reference[i])
					p.add(float64(s), ref, 2*ref*float64(q.Sigma[i])/100)
				}
			}
			for _, d := range q.Dose {
				p.Curves[m] = append(p.Curves[m], rounded(scale*float64(d), 2))
			}
		}
		if p.Curves != nil {
			out.Plots = append(out.Plots, p)
		}
	}
	return out
}

// scale turns Gy cm² into percent of the maximum of the reference, without one
// of the largest dose on the axis.
func (r *reference) scale(results []*Result) float64 {
	if r.max > 0 {
		return 100 / r.max
	}
	most := 0.0
	for _, x := range results {
		if x == nil {
			continue
		}
		for _, p := range x.Axis.Points {
			if d := float64(p.Dose); d > most {
				most = d
			}
		}
	}
	if most == 0 {
		return 1
	}
	return 100 / most
}

func (p *plot) add(at, mc, band float64) {
	p.At = append(p.At, Figure(at))
	p.Low, p.MC, p.High = append(p.Low, rounded(mc-band, 2)), append(p.MC, rounded(mc, 2)), append(p.High, rounded(mc+band, 2))
}

func rounded(v float64, decimals int) Figure {
	s := math.Pow10(decimals)
	return Figure(math.Round(v*s) / s)
}

// Colours of a failed voxel, apart for the colour-blind too.
var (
	lowColor  = color.RGBA{86, 180, 233, 255}
	highColor = color.RGBA{240, 120, 20, 255}
)

// picture draws density in grey, darker where nothing is compared, and failed
// voxels in colour; a voxel is a pixel.
func (s *section) picture() (casePicture, error) {
	nx, nz := len(s.x), len(s.z)
	m := image.NewPaletted(image.Rect(0, 0, nx, nz), make(color.Palette, 256))
	for n := range 256 {
		m.Palette[n] = color.Gray{uint8(n)}
	}
	m.Palette[254], m.Palette[255] = lowColor, highColor
	for i, v := range s.verdict {
		g := 20 + 100*math.Sqrt(float64(s.density[i]))
		if v == notCompared {
			g *= 0.55
		}
		switch v {
		case tooLow:
			m.Pix[i] = 254
		case tooHigh:
			m.Pix[i] = 255
		default:
			m.Pix[i] = uint8(min(g, 253))
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		return casePicture{}, fmt.Errorf("benchmarks: %w", err)
	}
	extent := func(c []float64) float64 {
		if len(c) < 2 {
			return 1
		}
		return float64(len(c)) * (c[1] - c[0])
	}
	return casePicture{
		Source: template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes())),
		Width:  nx, Height: nz, Aspect: fmt.Sprintf("%.4f", extent(s.x)/extent(s.z)), Y: plain(Figure(s.y), 1),
	}, nil
}
