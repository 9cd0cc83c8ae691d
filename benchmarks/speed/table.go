package speed

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/kerma-rt/kerma/internal/kernels/limits"
	"github.com/kerma-rt/kerma/internal/page"
)

// table is rows of text under heads; the first column is a name, the others are
// figures unless text says otherwise.
type table struct {
	Title, Note string
	Head        []string
	Rows        [][]string
	Text        map[int]bool
}

// first is the timing of a job on one thread; nil if there is none.
func (r *Report) first(job string) *Timing {
	for _, t := range r.Jobs {
		if t.Job == job && t.Threads == 1 {
			return t
		}
	}
	return nil
}

// faster is how many times faster a job is than on one thread.
func (r *Report) faster(t *Timing) string {
	if one := r.first(t.Job); one != nil && t.Threads > 1 {
		return fmt.Sprintf("%.2f", float64(one.Wall/t.Wall))
	}
	return ""
}

func megabytes(b float64) string {
	if b-b != 0 {
		return page.Absent
	}
	return fmt.Sprintf("%.0f MB", b/1e6)
}

func (r *Report) tables() []table {
	var out []table
	if len(r.Limits) > 0 {
		out = append(out, r.limitTable())
	}
	if len(r.Jobs) > 0 {
		t := table{
			Title: "Whole jobs",
			Note: "Medians. CPU time is user and system time of all threads, system time mostly memory touched for the first time. " +
				"Peak memory is all that is resident, inputs included, in a first run after unused memory was given back.",
			Head: []string{"job", "what", "threads", "wall", "user", "system", "peak memory", "before it", "wall per unit", "unit", "times faster"},
			Text: map[int]bool{1: true, 9: true},
		}
		for _, j := range r.Jobs {
			t.Rows = append(t.Rows, []string{
				j.Job, j.What, fmt.Sprint(j.Threads), seconds(float64(j.Wall)), seconds(float64(j.User)), seconds(float64(j.System)),
				megabytes(float64(j.Peak)), megabytes(float64(j.Before)), each(float64(j.Wall) / j.Units), j.Unit, r.faster(j),
			})
		}
		out = append(out, t)
	}
	if len(r.Kernels) > 0 {
		t := table{
			Title: "Kernels",
			Note:  "One thread, by its CPU time, the fastest of several. The limit is what the machine would take for what the kernel cannot do without.",
			Head:  []string{"kernel", "SIMD", "per unit", "unit", "limit", "set by", "reached"},
			Text:  map[int]bool{1: true, 3: true, 5: true},
		}
		for _, k := range r.Kernels {
			t.Rows = append(t.Rows, []string{k.Kernel, k.SIMD, fmt.Sprintf("%.3g ns", k.NS), k.Unit, fmt.Sprintf("%.3g ns", k.LimitNS), k.Limit, fmt.Sprintf("%.0f %%", 100*k.Fraction)})
		}
		out = append(out, t)
	}
	for _, c := range r.Curves {
		t := table{Title: "Growth: " + c.Job + ", by " + c.By, Head: []string{c.By, "wall", "CPU", "peak memory"}}
		for _, p := range c.Points {
			t.Rows = append(t.Rows, []string{count(p.Size), seconds(float64(p.Wall)), seconds(float64(p.CPU)), megabytes(float64(p.Peak))})
		}
		out = append(out, t)
	}
	return out
}

// each writes the time of one unit.
func each(s float64) string {
	switch {
	case s >= 1e-3:
		return seconds(s)
	case s >= 1e-6:
		return fmt.Sprintf("%.3g µs", s*1e6)
	}
	return fmt.Sprintf("%.3g ns", s*1e9)
}

func (r *Report) limitTable() table {
	t := table{
		Title: "What the machine can do",
		Note:  "Measured in the same run, each by a loop that does nothing else. Read, fill, copy and triad go through memory and count what the program moves; gathers are from a table of 16 KiB.",
		Head:  []string{"threads", "SIMD", "FMA float32", "L1 read", "L2 read", "read", "fill", "copy", "triad", "gather", "gather of pairs"},
		Text:  map[int]bool{1: true},
	}
	gb := func(v float64) string { return fmt.Sprintf("%.1f GB/s", v/1e9) }
	for _, l := range r.Limits {
		t.Rows = append(t.Rows, []string{
			fmt.Sprint(l.Threads), l.Level, fmt.Sprintf("%.0f GFLOP/s", l.FMA/1e9), gb(l.L1), gb(l.L2), gb(l.Read), gb(l.Fill), gb(l.Copy), gb(l.Triad), perThread(l, l.Gather), perThread(l, l.GatherPairs),
		})
	}
	return t
}

// perThread is what one of so many a second takes each thread.
func perThread(l limits.Limits, rate float64) string { return each(float64(l.Threads) / rate) }

// identity is where the figures were measured.
func (r *Report) identity() [][2]string {
	return [][2]string{{"Kerma", r.Version}, {"Go", r.Go}, {"System", r.System}, {"CPU", r.CPU}, {"SIMD", r.SIMD}, {"Threads", fmt.Sprint(r.Threads)}}
}

// WriteTable writes the results as text.
func (r *Report) WriteTable(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, i := range r.identity() {
		fmt.Fprintf(t, "%s\t%s\n", i[0], i[1])
	}
	for _, of := range r.tables() {
		fmt.Fprintf(t, "\n%s\n%s\n", of.Title, strings.Join(of.Head, "\t"))
		for _, row := range of.Rows {
			fmt.Fprintln(t, strings.Join(row, "\t"))
		}
	}
	return t.Flush()
}

// WriteMarkdown writes the results as a section of the documentation. Where
// plots is not empty it is the folder, seen from the document, that holds the
// files of Drawings; they are shown.
func (r *Report) WriteMarkdown(w io.Writer, plots string) error {
	var b strings.Builder
	b.WriteString("## Measured\n\nMade by `kerma benchmark speed`.\n\n| | |\n|---|---|\n")
	for _, i := range r.identity() {
		fmt.Fprintf(&b, "| %s | %s |\n", i[0], inCell.Replace(i[1]))
	}
	for _, t := range r.tables() {
		if strings.HasPrefix(t.Title, "Growth") && plots != "" {
			continue // drawn below
		}
		fmt.Fprintf(&b, "\n### %s\n\n", t.Title)
		if t.Note != "" {
			b.WriteString(t.Note + "\n\n")
		}
		b.WriteString("| " + strings.Join(t.Head, " | ") + " |\n|")
		for i := range t.Head {
			if i == 0 || t.Text[i] {
				b.WriteString("---|")
			} else {
				b.WriteString("---:|")
			}
		}
		b.WriteString("\n")
		for _, row := range t.Rows {
			b.WriteString("|")
			for _, cell := range row {
				b.WriteString(" " + inCell.Replace(cell) + " |")
			}
			b.WriteString("\n")
		}
	}
	if plots != "" {
		b.WriteString("\n### How it grows\n\nOn all threads.\n\n")
		for _, d := range r.Drawings() {
			fmt.Fprintf(&b, "![%s](%s/%s)\n\n", d.Title, plots, d.File)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// inCell keeps a text inside its cell.
var inCell = strings.NewReplacer("|", "\\|", "<", "&lt;")

// Drawing is one diagram as SVG.
type Drawing struct {
	File, Title string
	SVG         []byte
}

// Drawings are the diagrams of the report.
func (r *Report) Drawings() []Drawing {
	var out []Drawing
	var faster []bar
	for _, t := range r.Jobs {
		if one := r.first(t.Job); one != nil && t.Threads == r.Threads && t.Threads > 1 {
			faster = append(faster, bar{t.Job, float64(one.Wall / t.Wall)})
		}
	}
	if len(faster) > 0 {
		title := fmt.Sprintf("%d threads against one", r.Threads)
		out = append(out, Drawing{"threads.svg", title, []byte(barChart(title, "times faster", faster, float64(r.Threads), "as many times as there are threads"))})
	}
	var reached []bar
	for _, k := range r.Kernels {
		if k.SIMD == r.SIMD {
			reached = append(reached, bar{k.Kernel, 100 * k.Fraction})
		}
	}
	if len(reached) > 0 {
		title := "Kernels: what they reach of the machine's limit"
		out = append(out, Drawing{"kernels.svg", title, []byte(barChart(title, "% of the limit", reached, 60, "60 %"))})
	}
	for n, c := range r.Curves {
		out = append(out, Drawing{fmt.Sprintf("growth-%d.svg", n+1), c.Job + ", by " + c.By, []byte(c.plot())})
	}
	return out
}
