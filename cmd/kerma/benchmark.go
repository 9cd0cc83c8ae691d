package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/kerma-rt/kerma/benchmarks"
	"github.com/kerma-rt/kerma/dose"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/heterogeneity"
	"github.com/spf13/cobra"
)

func newBenchmark() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "benchmark",
		Short: "Hold the engines against references that nobody here made, and against the clock",
		Args:  cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("no benchmark %q, there are all, mc, phantoms and speed", args[0])}
			}
			return usageError{errors.New("which benchmark? There are all, mc, phantoms and speed")}
		},
	}
	cmd.AddCommand(
		newBenchmarkVerdicts("all", "Everything that Kerma can be held against, one verdict a row", nil), newBenchmarkMC(),
		newBenchmarkVerdicts("phantoms", "Reference phantoms and the TG-119 goals, one verdict a row", []string{"phantoms", "tg119", "dvh"}), newBenchmarkSpeed())
	return cmd
}

// monteCarloOptions is how a comparison with Monte Carlo is asked for.
type monteCarloOptions struct {
	cases         string
	engine        string
	heterogeneity string
	out           string
	json          string
	markdown      string
	threads       int
	minPass       float64
}

func newBenchmarkMC() *cobra.Command {
	var o monteCarloOptions
	var engines, corrections []string
	for _, e := range dose.Engines() {
		engines = append(engines, e.Name())
	}
	for _, c := range heterogeneity.Corrections() {
		corrections = append(corrections, c.Name())
	}
	cmd := &cobra.Command{
		Use:   "mc",
		Short: "Compute Monte Carlo cases with the engines and say how far they are off",
		Long: `Compute cases whose dose is known from Monte Carlo, and compare: absolute doses, never renormalised.

Without --cases the embedded cases are computed. A folder of cases holds a folder for each with case.json, dose.npy and
sigma.npy (and density.npy, material.npy of a voxel phantom) in format case/1; a case without dose.npy is computed and not
compared. DIR gets report.html and, for each case, <case>/<engine>/<heterogeneity>/dose.npy in the case's own order and unit.
` + notice,
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	f := cmd.Flags()
	f.StringVar(&o.cases, "cases", "", "folder of cases (default: the embedded ones)")
	f.StringVar(&o.engine, "engine", benchmarks.All, "engine: all, "+strings.Join(engines, ", "))
	f.StringVar(&o.heterogeneity, "heterogeneity", "", "correction of the pencil beam: all, "+strings.Join(corrections, ", ")+" (default: all with --engine all, else the engine's own)")
	f.StringVar(&o.out, "out", "", "folder for the report and the doses")
	f.StringVar(&o.json, "json", "", "write the results as JSON to this file (- for standard output)")
	f.StringVar(&o.markdown, "markdown", "", "write the tables as Markdown into this file, its plots to a folder beside it; text around the tables stays")
	f.IntVar(&o.threads, "threads", 0, "goroutines (default: one per CPU)")
	f.Float64Var(&o.minPass, "min-pass", 0, "exit with code 3 when fewer % of the points of any result pass 2 %/2 mm")
	return cmd
}

func (o *monteCarloOptions) run(cmd *cobra.Command) error {
	if o.threads < 0 || !(o.minPass >= 0 && o.minPass <= 100) {
		return usageError{fmt.Errorf("--threads %d, --min-pass %g: expected 0 or more, and 0 … 100 %%", o.threads, o.minPass)}
	}
	methods, err := benchmarks.MethodsNamed(o.engine, o.heterogeneity)
	if err != nil {
		return usageError{err}
	}
	var cases []*benchmarks.Case
	var skipped []benchmarks.Skipped
	if o.cases == "" {
		cases, err = benchmarks.Cases()
	} else {
		cases, skipped, err = benchmarks.ReadCases(o.cases)
	}
	if err != nil {
		return err
	}
	if o.markdown != "" { // before the work, not after it
		if _, _, err := monteCarloSection.in(o.markdown).around(); err != nil {
			return err
		}
	}
	options := benchmarks.Options{Threads: o.threads}
	if o.out != "" {
		if err := os.MkdirAll(o.out, 0o755); err != nil {
			return err
		}
		options.Computed = o.writeDose
	}
	bar := newProgress("benchmark mc", cmd.ErrOrStderr())
	options.Progress = bar.set
	report, err := benchmarks.Run(cmd.Context(), cases, methods, options)
	bar.stop(err == nil)
	if err != nil {
		return err
	}
	report.Skipped = append(report.Skipped, skipped...)
	if err := o.write(cmd.OutOrStdout(), report); err != nil {
		return err
	}
	if n := report.Failed(); n > 0 {
		return fmt.Errorf("%d of %d were not computed", n, len(report.Results)+len(report.Skipped))
	}
	if below := report.Below(o.minPass); len(below) > 0 {
		var list []string
		for _, r := range below {
			list = append(list, fmt.Sprintf("%s %s %s", r.Case, r.Engine, r.Heterogeneity))
		}
		return checkError{fmt.Errorf("below %g %% at 2 %%/2 mm: %s", o.minPass, strings.Join(list, "; "))}
	}
	return nil
}

// writeDose puts a dose where other programs look for it.
func (o *monteCarloOptions) writeDose(r *benchmarks.Result, dose *geometry.Volume) error {
	dir := filepath.Join(o.out, r.Case, r.Engine, r.Heterogeneity)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return writeNPY(filepath.Join(dir, "dose.npy"), dose)
}

// writeMarkdown writes the tables into the document, and its plots into a
// folder of its name.
func (o *monteCarloOptions) writeMarkdown(report *benchmarks.Report) error {
	plots := strings.TrimSuffix(o.markdown, filepath.Ext(o.markdown)) + "-plots"
	if err := os.MkdirAll(plots, 0o755); err != nil {
		return err
	}
	for _, name := range report.Cases() {
		write := func(w io.Writer) error { return report.WriteSVG(w, name) }
		if err := writeFile(filepath.Join(plots, name+".svg"), write); err != nil {
			return err
		}
	}
	return monteCarloSection.in(o.markdown).write(func(w io.Writer) error {
		return report.WriteMarkdown(w, filepath.Base(plots))
	})
}

func (o *monteCarloOptions) write(to io.Writer, report *benchmarks.Report) error {
	if o.out != "" {
		if err := writeFile(filepath.Join(o.out, "report.html"), report.WriteHTML); err != nil {
			return err
		}
	}
	if o.markdown != "" {
		if err := o.writeMarkdown(report); err != nil {
			return err
		}
	}
	if o.json != "" && o.json != "-" {
		if err := writeFile(o.json, func(w io.Writer) error { return json.NewEncoder(w).Encode(report) }); err != nil {
			return err
		}
	}
	if o.json == "-" {
		return json.NewEncoder(to).Encode(report) // curves by the thousand: no line for each number
	}
	return report.WriteTable(to)
}
