package benchmarks

import (
	"fmt"
	"html"
	"io"
	"math"
	"strings"
)

// WriteSVG draws the depth dose of a case, Monte Carlo and all methods, and its
// ratio to Monte Carlo where there is one. It fails with ErrCase for a case that
// is not in the report.
func (r *Report) WriteSVG(w io.Writer, name string) error {
	methods := r.methods()
	for _, c := range r.cases {
		if c.Name != name {
			continue
		}
		var styles []plotMethod
		results := make([]*Result, len(methods))
		for m, method := range methods {
			styles = append(styles, colours(len(methods)-1-m, method))
			results[m] = r.result(name, method)
			if results[m] != nil && results[m].Error != "" {
				results[m] = nil
			}
		}
		_, err := io.WriteString(w, drawing(name, c.plots(results), styles))
		return err
	}
	return fmt.Errorf("%w: no case %q in this report", ErrCase, name)
}

// Sizes of a drawing, px.
const (
	panelWidth, panelHeight = 400, 250
	panelLeft, panelTop     = 50, 44
	panelGap                = 70
	legendWidth, legendLine = 230, 16
)

func drawing(name string, c plotCase, styles []plotMethod) string {
	perLine := (2*panelWidth + panelGap) / legendWidth
	lines := (len(styles) + 1 + perLine - 1) / perLine
	width, height := panelLeft+2*panelWidth+panelGap+20, panelTop+panelHeight+44+lines*legendLine
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" font-family="system-ui, sans-serif" font-size="11" fill="#18212b">`+"\n", width, height, width, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#fff"/><text x="%d" y="18" font-size="13" font-weight="600">%s</text>`+"\n", width, height, panelLeft, html.EscapeString(name))
	for n, p := range c.Plots {
		if p.Layers { // depth dose and ratio: what the document shows
			panel(&b, p, c.Layers, styles, panelLeft+float64(n*(panelWidth+panelGap)))
		}
	}
	entry := func(n int, color string, dash []int, text string) {
		x, y := panelLeft+n%perLine*legendWidth, panelTop+panelHeight+46+n/perLine*legendLine
		fmt.Fprintf(&b, `<path d="M%d %dh22" stroke="%s" stroke-width="2"%s/><text x="%d" y="%d">%s</text>`+"\n", x, y-4, color, dashed(dash), x+28, y, html.EscapeString(text))
	}
	entry(0, "#18212b", nil, "Monte Carlo ± 2 σ")
	for n, s := range styles {
		entry(n+1, s.Light, s.Dash, s.Name)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

func dashed(dash []int) string {
	if dash == nil {
		return ""
	}
	return ` stroke-dasharray="` + strings.Trim(fmt.Sprint(dash), "[]") + `"`
}

// panel draws one diagram whose left edge is at x0.
func panel(b *strings.Builder, p plot, layers [][3]Figure, styles []plotMethod, x0 float64) {
	first, last := float64(layers[0][0]), float64(layers[len(layers)-1][1])
	low, high := 0.0, 0.0
	if p.Ratio {
		low, high = 96, 104
	}
	for _, curve := range append([][]Figure{p.MC}, p.Curves...) {
		for _, v := range curve {
			if v := float64(v); v-v == 0 {
				low, high = min(low, v), max(high, v)
			}
		}
	}
	if p.Ratio {
		low, high = max(low, 70), min(high, 140)
	}
	step := tick(high - low)
	high = math.Ceil(high/step) * step
	low = math.Floor(low/step) * step
	x := func(v float64) float64 { return x0 + (v-first)/(last-first)*panelWidth }
	y := func(v float64) float64 { return panelTop + panelHeight*(high-min(max(v, low), high))/(high-low) }
	for _, l := range layers {
		fill := ""
		switch {
		case l[2] <= 0.9:
			fill = "#edf2f8"
		case l[2] >= 1.1:
			fill = "#e5e5e5"
		default:
			continue
		}
		fmt.Fprintf(b, `<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s"/>`+"\n", x(float64(l[0])), panelTop, x(float64(l[1]))-x(float64(l[0])), panelHeight, fill)
	}
	for v := low; v <= high+step/2; v += step {
		fmt.Fprintf(b, `<path d="M%.1f %.1fh%d" stroke="#e3e8ed"/><text x="%.1f" y="%.1f" text-anchor="end" fill="#53606e">%g</text>`+"\n", x0, y(v), panelWidth, x0-6, y(v)+4, math.Round(v*10)/10)
	}
	for v := math.Ceil(first/50) * 50; v <= last; v += max(50, tick(last-first)) {
		fmt.Fprintf(b, `<text x="%.1f" y="%d" text-anchor="middle" fill="#53606e">%g</text>`+"\n", x(v), panelTop+panelHeight+15, v)
	}
	fmt.Fprintf(b, `<text x="%.1f" y="%d" text-anchor="middle" fill="#53606e">%s</text><text x="%.1f" y="%d" fill="#53606e">%s</text>`+"\n",
		x0+panelWidth/2, panelTop+panelHeight+30, p.X, x0, panelTop-5, html.EscapeString(p.Title+", "+p.Y))
	fmt.Fprintf(b, `<polygon fill="#18212b" fill-opacity=".16" points="%s %s"/>`+"\n", points(p.At, p.Low, x, y, false), points(p.At, p.High, x, y, true))
	fmt.Fprintf(b, `<polyline fill="none" stroke="#18212b" stroke-width="1.5" points="%s"/>`+"\n", points(p.At, p.MC, x, y, false))
	for n, curve := range p.Curves {
		if curve != nil {
			fmt.Fprintf(b, `<polyline fill="none" stroke="%s" stroke-width="1.5"%s points="%s"/>`+"\n", styles[n].Light, dashed(styles[n].Dash), points(p.At, curve, x, y, false))
		}
	}
}

// points lists the places of a curve, last to first if backwards.
func points(at, values []Figure, x, y func(float64) float64, backwards bool) string {
	var out []string
	for i := range values {
		if backwards {
			i = len(values) - 1 - i
		}
		if v := float64(values[i]); v-v == 0 {
			out = append(out, fmt.Sprintf("%.1f,%.1f", x(float64(at[i])), y(v)))
		}
	}
	return strings.Join(out, " ")
}

// tick is a round step that divides a range into four to ten parts.
func tick(extent float64) float64 {
	p := math.Pow(10, math.Floor(math.Log10(extent)))
	switch n := extent / p; {
	case n < 2:
		return p / 5
	case n < 5:
		return p / 2
	}
	return p
}
