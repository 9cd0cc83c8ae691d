package benchmarks

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// column is one column of the table of results. The unit stands under the
// title.
type column struct {
	title, unit string
	text        bool
	of          func(r *Result) string
}

var columns = []column{
	{"case", "", true, func(r *Result) string { return r.Case }},
	{"engine", "", true, func(r *Result) string { return r.Engine }},
	{"heterogeneity", "", true, func(r *Result) string { return r.Heterogeneity }},
	{"γ 3/3", "%", false, func(r *Result) string { return r.pass(0) }},
	{"γ 3/2", "%", false, func(r *Result) string { return r.pass(1) }},
	{"γ 2/2", "%", false, func(r *Result) string { return r.pass(2) }},
	{"γ 1/1", "%", false, func(r *Result) string { return r.pass(3) }},
	{"axis max", "% local", false, func(r *Result) string { return signed(r.Axis.Max, 1) }},
	{"at", "mm", false, func(r *Result) string { return plain(r.Axis.MaxDepth, 0) }},
	{"axis rms", "% local", false, func(r *Result) string { return plain(r.Axis.RMS, 2) }},
	{"anywhere", "% local", false, func(r *Result) string { return signed(r.Axis.Everywhere, 1) }},
	{"at", "mm", false, func(r *Result) string { return plain(r.Axis.Where, 0) }},
	{"CF error", "%", false, func(r *Result) string { return signed(r.Correction.Max, 1) }},
	{"in field", "% local", false, func(r *Result) string { return signed(r.largest(func(p *Profile) Figure { return p.Inside }), 1) }},
	{"penumbra", "Δmm", false, func(r *Result) string {
		return signed(r.largest(func(p *Profile) Figure { return p.PenumbraError }), 1)
	}},
	{"shift", "mm", false, func(r *Result) string { return signed(r.largest(func(p *Profile) Figure { return p.Shift }), 1) }},
	{"outside", "% axis", false, func(r *Result) string { return signed(r.largest(func(p *Profile) Figure { return p.Outside }), 1) }},
	{"mean", "% max", false, func(r *Result) string { return signed(r.Noise.Mean, 2) }},
	{"MC σ", "%", false, func(r *Result) string { return plain(r.Noise.Median, 2) }},
	{">2σ+1%", "%", false, func(r *Result) string { return plain(r.Noise.Beyond, 1) }},
	{"time", "s", false, func(r *Result) string { return plain(Figure(r.Seconds), 1) }},
}

// tableNote says what the columns mean.
const tableNote = "γ: share of the Monte Carlo voxels above 10 % of their maximum and 0.1 g/cm³ that pass the gamma criteria (% of the maximum, mm). " +
	"Axis: mean over the central half of the field against the local Monte Carlo dose, more than 1 cm from interfaces and from the entrance and exit faces, and anywhere. " +
	"CF: dose over dose in water, against the same of Monte Carlo. In field, penumbra (80–20 %), shift, outside: largest difference of the profiles, " +
	"over the inner 80 % of the field and 20 to 50 mm beyond its edge. Mean: mean difference of the voxels compared. " +
	"MC σ: median standard deviation of Monte Carlo there; >2σ+1%: share of voxels that differ by more than two of it and 1 % of the maximum. Absolute doses, nothing is renormalised."

// pass is a pass rate, rounded down: 99.96 % is not 100 %.
func (r *Result) pass(n int) string {
	if n >= len(r.Gamma) {
		return "–"
	}
	return fmt.Sprintf("%.1f", math.Floor(r.Gamma[n].PassRate*10+1e-9)/10)
}

// largest is the figure of the profiles of the greatest size.
func (r *Result) largest(of func(p *Profile) Figure) Figure {
	out := Figure(nan)
	for i := range r.Profiles {
		if f := of(&r.Profiles[i]); math.Abs(float64(f)) > math.Abs(float64(out)) || math.IsNaN(float64(out)) {
			out = f
		}
	}
	return out
}

func plain(f Figure, decimals int) string { return format("%.*f", f, decimals) }

func signed(f Figure, decimals int) string { return format("%+.*f", f, decimals) }

// format writes a number with a true minus sign, none before zero.
func format(verb string, f Figure, decimals int) string {
	v := float64(f)
	if v-v != 0 {
		return "–"
	}
	s := fmt.Sprintf(verb, decimals, v)
	if strings.Trim(s, "+-0.") == "" {
		s = strings.TrimLeft(s, "+-")
	}
	return strings.Replace(s, "-", "−", 1)
}

// WriteTable writes the results as an aligned table for a terminal, then where
// the worst voxel of each lies.
func (r *Report) WriteTable(w io.Writer) error {
	head, units := make([]string, len(columns)), make([]string, len(columns))
	for i, c := range columns {
		head[i], units[i] = c.title, c.unit
	}
	rows := [][]string{head, units}
	for _, x := range r.Results {
		row := make([]string, len(columns))
		for i, c := range columns {
			row[i] = c.of(x)
		}
		if x.Error != "" {
			row = []string{x.Case, x.Engine, x.Heterogeneity, x.Error}
		}
		rows = append(rows, row)
	}
	var b strings.Builder
	align(&b, rows, func(i int) bool { return columns[i].text })
	b.WriteString("\n")
	worst := [][]string{{"worst voxel of", "", "", "x mm", "y mm", "z mm", "density", "material", "where", "dose/MC", "% max", "σ %", "γ 2/2"}}
	for _, x := range r.Results {
		if len(x.Worst) == 0 {
			continue
		}
		v := x.Worst[0]
		worst = append(worst, []string{
			x.Case, x.Engine, x.Heterogeneity, plain(v.Position[0], 1), plain(v.Position[1], 1), plain(v.Position[2], 1),
			plain(v.Density, 2), v.Material, v.Region, plain(v.Ratio, 3), signed(v.Difference, 1), plain(v.Sigma, 1), plain(v.Gamma, 2),
		})
	}
	if len(worst) > 1 {
		align(&b, worst, func(i int) bool { return i < 3 || i == 7 || i == 8 })
		b.WriteString("\n")
	}
	for _, s := range r.Skipped {
		fmt.Fprintf(&b, "skipped %s: %s\n", s.Case, s.Error)
	}
	b.WriteString(wrap(tableNote, 120))
	_, err := io.WriteString(w, b.String())
	return err
}

// align pads cells to columns. A row shorter than the first runs on.
func align(b *strings.Builder, rows [][]string, text func(i int) bool) {
	width := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			if len(row) == len(width) || i < len(row)-1 {
				width[i] = max(width[i], utf8.RuneCountInString(cell))
			}
		}
	}
	for _, row := range rows {
		line := ""
		for i, cell := range row {
			pad := strings.Repeat(" ", max(0, width[i]-utf8.RuneCountInString(cell)))
			if i > 0 {
				line += "  "
			}
			if text(i) || len(row) < len(width) {
				line += cell + pad
			} else {
				line += pad + cell
			}
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
}

// wrap breaks a text into lines.
func wrap(text string, width int) string {
	out, length := "", 0
	for _, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		if length > 0 && length+1+n > width {
			out += "\n"
			length = 0
		}
		if length > 0 {
			out += " "
			length++
		}
		out += word
		length += n
	}
	return out + "\n"
}

// methods are the names of the methods of the results, in order: engine and
// correction.
func (r *Report) methods() [][2]string {
	var out [][2]string
	for _, x := range r.Results {
		if m := [2]string{x.Engine, x.Heterogeneity}; x.Error == "" && !slices.Contains(out, m) {
			out = append(out, m)
		}
	}
	return out
}

// result is that of a case and a method; nil if there is none.
func (r *Report) result(name string, method [2]string) *Result {
	for _, x := range r.Results {
		if x.Case == name && x.Engine == method[0] && x.Heterogeneity == method[1] {
			return x
		}
	}
	return nil
}
