package speed

import (
	"fmt"
	"html"
	"math"
	"strings"

	"github.com/kerma-rt/kerma/internal/page"
)

// Sizes of a drawing, px.
const (
	plotWidth, plotHeight = 400, 230
	plotLeft, plotTop     = 64, 40
	plotRight, plotBottom = 22, 62
	barHeight, barLabel   = 22, 190
)

// frame is an SVG with its own colours for light and dark, the same on a page
// and as a file. What it shows is said in words for those who do not see it.
func frame(width, height int, title, words, body string) string {
	blue, orange := page.Palette[0], page.Palette[1]
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" font-family="system-ui, sans-serif" font-size="12">
<title>%s</title><desc>%s</desc>
<style>.g{fill:#fff}.i{fill:#18212b}.s{fill:#53606e}.l{stroke:#e3e8ed}.a{stroke:%s;fill:%s}.b{stroke:%s;fill:%s}.n{fill:none}.m{stroke:#18212b}
@media screen and (prefers-color-scheme:dark){.g{fill:#171d25}.i{fill:#e4e9ef}.s{fill:#9aa8b7}.l{stroke:#2c3641}.a{stroke:%s;fill:%s}.b{stroke:%s;fill:%s}.n{fill:none}.m{stroke:#e4e9ef}}</style>
<rect class="g" width="%d" height="%d"/><text class="i" x="12" y="20" font-size="13" font-weight="600">%s</text>
%s</svg>
`, width, height, width, height, html.EscapeString(title), html.EscapeString(words),
		page.Legible(blue, false), page.Legible(blue, false), page.Legible(orange, false), page.Legible(orange, false),
		page.Legible(blue, true), page.Legible(blue, true), page.Legible(orange, true), page.Legible(orange, true),
		width, height, html.EscapeString(title), body)
}

// plot draws wall and CPU time over the size, from zero on both axes: what grows
// in proportion is a straight line.
func (c Curve) plot() string {
	var b strings.Builder
	var mostX, mostY float64
	var words []string
	for _, p := range c.Points {
		mostX = max(mostX, p.Size)
		mostY = max(mostY, finite(float64(p.Wall)), finite(float64(p.CPU)))
		words = append(words, fmt.Sprintf("%s %s: %s wall, %s CPU", count(p.Size), c.By, seconds(float64(p.Wall)), seconds(float64(p.CPU))))
	}
	stepX, stepY := step(mostX), step(mostY)
	topX, topY := math.Ceil(mostX/stepX-1e-9)*stepX, math.Ceil(mostY/stepY-1e-9)*stepY
	x := func(v float64) float64 { return plotLeft + v/topX*plotWidth }
	y := func(v float64) float64 { return plotTop + plotHeight*(1-v/topY) }
	unit, scale := "s", 1.0
	if topY < 1 {
		unit, scale = "ms", 1000
	}
	for v := 0.0; v <= topY*(1+1e-9); v += stepY {
		fmt.Fprintf(&b, `<path class="l" d="M%d %.1fh%d"/><text class="s" x="%d" y="%.1f" text-anchor="end">%.4g</text>`+"\n", plotLeft, y(v), plotWidth, plotLeft-7, y(v)+4, v*scale)
	}
	for v := 0.0; v <= topX*(1+1e-9); v += stepX {
		fmt.Fprintf(&b, `<path class="l" d="M%.1f %dv%d"/><text class="s" x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n", x(v), plotTop, plotHeight, x(v), plotTop+plotHeight+17, count(v))
	}
	fmt.Fprintf(&b, `<text class="s" x="%d" y="%d" text-anchor="middle">%s</text><text class="s" x="16" y="%d" text-anchor="middle" transform="rotate(-90 16 %d)">time (%s)</text>`+"\n",
		plotLeft+plotWidth/2, plotTop+plotHeight+34, html.EscapeString(c.By), plotTop+plotHeight/2, plotTop+plotHeight/2, unit)
	for n, of := range []struct {
		class, dash, name string
		value             func(p Point) float64
	}{
		{"a", "", "wall", func(p Point) float64 { return float64(p.Wall) }},
		{"b", ` stroke-dasharray="6 4"`, "CPU", func(p Point) float64 { return float64(p.CPU) }},
	} {
		var at []string
		for _, p := range c.Points {
			if v := of.value(p); v-v == 0 {
				at = append(at, fmt.Sprintf("%.1f,%.1f", x(p.Size), y(v)))
				fmt.Fprintf(&b, `<circle class="%s" cx="%.1f" cy="%.1f" r="3"/>`, of.class, x(p.Size), y(v))
			}
		}
		fmt.Fprintf(&b, `<polyline class="%s n" stroke-width="2"%s points="%s"/>`+"\n", of.class, of.dash, strings.Join(at, " "))
		fmt.Fprintf(&b, `<path class="%s n" stroke-width="2"%s d="M%d %dh26"/><text class="i" x="%d" y="%d">%s</text>`+"\n",
			of.class, of.dash, plotLeft+n*90, plotTop+plotHeight+50, plotLeft+n*90+32, plotTop+plotHeight+54, of.name)
	}
	return frame(plotLeft+plotWidth+plotRight, plotTop+plotHeight+plotBottom, c.Job, strings.Join(words, "; "), b.String())
}

// bar is one row of a bar chart.
type bar struct {
	name  string
	value float64
}

// barChart draws bars from zero, and a line at mark.
func barChart(title, unit string, bars []bar, mark float64, what string) string {
	var b strings.Builder
	most := mark
	var words []string
	for _, r := range bars {
		most = max(most, finite(r.value))
		words = append(words, fmt.Sprintf("%s %.3g %s", r.name, r.value, unit))
	}
	s := step(most)
	top := math.Ceil(most/s-1e-9) * s
	bottom := plotTop + barHeight*len(bars)
	x := func(v float64) float64 { return barLabel + v/top*plotWidth }
	for v := 0.0; v <= top*(1+1e-9); v += s {
		fmt.Fprintf(&b, `<path class="l" d="M%.1f %dV%d"/><text class="s" x="%.1f" y="%d" text-anchor="middle">%.4g</text>`+"\n", x(v), plotTop, bottom, x(v), bottom+17, v)
	}
	for n, r := range bars {
		y := plotTop + n*barHeight
		fmt.Fprintf(&b, `<text class="i" x="%d" y="%d" text-anchor="end">%s</text><rect class="a" x="%d" y="%d" width="%.1f" height="%d" stroke="none"/>`,
			barLabel-8, y+15, html.EscapeString(r.name), barLabel, y+4, max(0.5, x(finite(r.value))-barLabel), barHeight-8)
		fmt.Fprintf(&b, `<text class="i" x="%.1f" y="%d">%.3g</text>`+"\n", x(finite(r.value))+5, y+15, r.value)
	}
	fmt.Fprintf(&b, `<path class="m" stroke-dasharray="4 3" d="M%.1f %dV%d"/>`, x(mark), plotTop-4, bottom)
	fmt.Fprintf(&b, `<text class="s" x="%d" y="%d" text-anchor="middle">%s; dashed: %s</text>`+"\n", barLabel+plotWidth/2, bottom+34, html.EscapeString(unit), html.EscapeString(what))
	return frame(barLabel+plotWidth+56, bottom+46, title, strings.Join(words, "; "), b.String())
}

func finite(v float64) float64 {
	if v-v != 0 {
		return 0
	}
	return v
}

// step is a round number that divides a range into three to six parts.
func step(extent float64) float64 {
	if !(extent > 0) {
		return 1
	}
	p := math.Pow(10, math.Floor(math.Log10(extent)))
	switch n := extent / p; {
	case n < 1.5:
		return p / 4
	case n < 3:
		return p / 2
	case n < 6:
		return p
	}
	return 2 * p
}

// count writes a number of things shortly.
func count(v float64) string {
	switch {
	case v >= 1e9:
		return fmt.Sprintf("%.4gG", v/1e9)
	case v >= 1e6:
		return fmt.Sprintf("%.4gM", v/1e6)
	case v >= 1e4:
		return fmt.Sprintf("%.4gk", v/1e3)
	}
	return fmt.Sprintf("%.4g", v)
}

// seconds writes a time with three significant digits.
func seconds(s float64) string {
	switch {
	case s-s != 0:
		return page.Absent
	case s < 1:
		return fmt.Sprintf("%.3g ms", s*1000)
	}
	return fmt.Sprintf("%.3g s", s)
}
