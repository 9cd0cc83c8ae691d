package benchmarks

import (
	"fmt"
	"io"
	"net/url"
	"strings"
)

// WriteMarkdown writes the results as a section of the documentation. Where
// plots is not empty it is the folder, seen from the document, in which there is
// a <case>.svg of WriteSVG for each of Cases; they are shown.
func (r *Report) WriteMarkdown(w io.Writer, plots string) error {
	var b strings.Builder
	methods := r.methods()
	matrix := func(title, note string, cell func(x *Result) string) {
		fmt.Fprintf(&b, "### %s\n\n%s\n\n| case |", title, note)
		for _, m := range methods {
			fmt.Fprintf(&b, " %s<br>%s |", m[0], m[1])
		}
		b.WriteString("\n|---|" + strings.Repeat("---:|", len(methods)) + "\n")
		for _, c := range r.cases {
			fmt.Fprintf(&b, "| %s |", escape(c.Name))
			for _, m := range methods {
				text := "–"
				if x := r.result(c.Name, m); x != nil {
					text = cell(x)
				}
				fmt.Fprintf(&b, " %s |", text)
			}
			b.WriteString("\n")
		}
		b.WriteString("\n")
	}
	b.WriteString("## Every engine and correction against Monte Carlo\n\n")
	fmt.Fprintf(&b, "Made by `kerma benchmark mc`, Kerma %s, %s, %s. %s\n\n%s\n\n", r.Version, r.Go, r.System, r.Notice, tableNote)
	matrix("Gamma 2 %/2 mm", "Share of the points that pass, in %.", func(x *Result) string { return x.pass(2) })
	matrix("Gamma 3 %/3 mm", "Share of the points that pass, in %.", func(x *Result) string { return x.pass(0) })
	matrix("Central axis", "Largest local error in % more than 1 cm from interfaces, and at which depth in mm.", func(x *Result) string {
		return signed(x.Axis.Max, 1) + " at " + plain(x.Axis.MaxDepth, 0)
	})
	if plots != "" {
		b.WriteString("### Depth dose\n\nMonte Carlo in black with a band of two standard deviations; layers other than water shaded.\n\n")
		for _, name := range r.Cases() {
			fmt.Fprintf(&b, "![%s](%s)\n\n", escape(name), (&url.URL{Path: plots + "/" + name + ".svg"}).EscapedPath())
		}
	}
	b.WriteString("### All figures\n\n|")
	for _, c := range columns {
		fmt.Fprintf(&b, " %s |", strings.TrimSuffix(c.title+"<br>"+c.unit, "<br>"))
	}
	b.WriteString("\n|")
	for _, c := range columns {
		if c.text {
			b.WriteString("---|")
		} else {
			b.WriteString("---:|")
		}
	}
	b.WriteString("\n")
	for _, x := range r.Results {
		if x.Error != "" {
			fmt.Fprintf(&b, "| %s | %s | %s | %s |%s\n", escape(x.Case), x.Engine, x.Heterogeneity, escape(x.Error), strings.Repeat(" |", len(columns)-4))
			continue
		}
		b.WriteString("|")
		for _, c := range columns {
			fmt.Fprintf(&b, " %s |", escape(c.of(x)))
		}
		b.WriteString("\n")
	}
	b.WriteString("\n### Where the worst voxel lies\n\n| case | engine | heterogeneity | x, y, z mm | density g/cm³ | material | where | dose/MC | of maximum % | σ % | γ 2/2 |\n|---|---|---|---|---:|---|---|---:|---:|---:|---:|\n")
	for _, x := range r.Results {
		if len(x.Worst) == 0 {
			continue
		}
		v := x.Worst[0]
		fmt.Fprintf(&b, "| %s | %s | %s | %s, %s, %s | %s | %s | %s | %s | %s | %s | %s |\n", escape(x.Case), x.Engine, x.Heterogeneity,
			plain(v.Position[0], 1), plain(v.Position[1], 1), plain(v.Position[2], 1), plain(v.Density, 2), v.Material, v.Region,
			plain(v.Ratio, 3), signed(v.Difference, 1), plain(v.Sigma, 1), plain(v.Gamma, 2))
	}
	for _, s := range r.Skipped {
		fmt.Fprintf(&b, "\nSkipped %s: %s\n", escape(s.Case), escape(s.Error))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// escape keeps a text inside its cell.
func escape(s string) string {
	return strings.NewReplacer("|", "\\|", "\n", " ", "<", "&lt;").Replace(s)
}
