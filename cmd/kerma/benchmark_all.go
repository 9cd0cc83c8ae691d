package main

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kerma-rt/kerma/benchmarks/verdict"
)

// verdictOptions is how verdicts are asked for.
type verdictOptions struct {
	verdict.Options
	tolerances, own     string
	out, json, markdown string
}

// newBenchmarkVerdicts is `kerma benchmark all`, and the same of some groups
// under another name.
func newBenchmarkVerdicts(name, short string, groups []string) *cobra.Command {
	var o verdictOptions
	var sets []string
	for _, s := range verdict.Sets() {
		sets = append(sets, s.Name+" ("+s.Source+")")
	}
	cmd := &cobra.Command{
		Use:   name,
		Short: short,
		Long: short + `.

Each row of the table says what was checked, against what, the figure, its tolerance and the verdict. The exit code is 3 when a row
fails. DIR gets verdicts.html (a plot in each row), verdicts.json and verdicts.xml (JUnit).

--own names a JSON file of rows of one's own: a plan and what was measured or what another system found.
  {"rows": [{"name": "chamber in the chest", "source": "our phantom, 2026", "patient": "chest/", "machine": "ours.json",
             "points": "chamber.csv", "percent": 3},
            {"name": "the planning system", "patient": "chest/", "dose": "chest-tps.dcm", "dose_percent": 3, "distance_mm": 2}]}
points is a CSV of x, y, z (mm, patient frame) and dose (Gy); names of files are relative to the JSON file.
` + notice,
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if len(o.Groups) == 0 {
				o.Groups = groups
			}
			return o.run(cmd)
		},
	}
	f := cmd.Flags()
	if groups == nil {
		f.StringSliceVar(&o.Groups, "only", nil, "groups of checks: "+strings.Join(verdict.Groups(), ", ")+" (default: all)")
	}
	f.StringVar(&o.tolerances, "tolerances", verdict.Sets()[0].Name, "tolerances of dose: "+strings.Join(sets, "; "))
	f.StringVar(&o.own, "own", "", "JSON file of rows of one's own")
	f.StringVar(&o.out, "out", "", "folder for the results")
	f.StringVar(&o.json, "json", "", "write the verdicts as JSON to this file (- for standard output)")
	f.StringVar(&o.markdown, "markdown", "", "write the table as Markdown into this file; text around it stays")
	f.IntVar(&o.Threads, "threads", 0, "goroutines (default: one per CPU)")
	return cmd
}

func (o *verdictOptions) run(cmd *cobra.Command) error {
	var err error
	if o.Tolerances, err = verdict.SetNamed(o.tolerances); err != nil {
		return usageError{err}
	}
	for _, g := range o.Groups {
		if !slices.Contains(verdict.Groups(), g) {
			return usageError{fmt.Errorf("--only %s: there are %s", g, strings.Join(verdict.Groups(), ", "))}
		}
	}
	if o.Threads < 0 {
		return usageError{fmt.Errorf("--threads %d", o.Threads)}
	}
	if o.own != "" {
		if o.Own, err = verdict.ReadOwn(o.own); err != nil {
			return err
		}
	}
	if o.markdown != "" { // before the work, not after it
		if _, _, err := verdictSection.in(o.markdown).around(); err != nil {
			return err
		}
	}
	if o.out != "" {
		if err := writable(o.out); err != nil {
			return err
		}
	}
	bar := newProgress("benchmark", cmd.ErrOrStderr())
	o.Progress = bar.set
	report, err := verdict.Run(cmd.Context(), o.Options)
	bar.stop(err == nil)
	if err != nil {
		return err
	}
	asJSON := func(w io.Writer) error { return encode(w, report) }
	if o.out != "" {
		for name, write := range map[string]func(io.Writer) error{"verdicts.html": report.WriteHTML, "verdicts.json": asJSON, "verdicts.xml": report.WriteJUnit} {
			if err := writeFile(filepath.Join(o.out, name), write); err != nil {
				return err
			}
		}
	}
	if o.markdown != "" {
		if err := verdictSection.in(o.markdown).write(report.WriteMarkdown); err != nil {
			return err
		}
	}
	switch o.json {
	case "":
		err = report.WriteTable(cmd.OutOrStdout())
	case "-":
		err = asJSON(cmd.OutOrStdout())
	default:
		if err = writeFile(o.json, asJSON); err == nil {
			err = report.WriteTable(cmd.OutOrStdout())
		}
	}
	if err == nil && report.Failed() > 0 {
		err = checkError{fmt.Errorf("%d of %d checks fail", report.Failed(), len(report.Rows))}
	}
	return err
}
