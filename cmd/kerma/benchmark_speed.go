package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/kerma-rt/kerma/benchmarks/speed"
	"github.com/spf13/cobra"
)

// speedOptions is how a measurement of speed is asked for.
type speedOptions struct {
	speed.Options
	out      string
	json     string
	markdown string
	export   string
}

func newBenchmarkSpeed() *cobra.Command {
	var o speedOptions
	cmd := &cobra.Command{
		Use:   "speed",
		Short: "Time whole jobs and hot loops, and hold them against what this machine can do",
		Long: `Time whole jobs and hot loops on cases made in code, on one thread and on more, and hold the loops against what
this machine can do at most, measured in the same run. Medians of at least --repeat runs with warm memory; wall, user and
system time apart; peak memory of a first run.

Nothing else should run meanwhile. All jobs take some minutes and a few GB of memory; --jobs chooses.
` + notice,
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	f := cmd.Flags()
	f.StringSliceVar(&o.Jobs, "jobs", nil, "only these, separated by commas: "+strings.Join(speed.Names(), ", ")+", "+speed.Limits+", "+speed.Kernels+", "+speed.Growth+", or groups such as gamma (default: all)")
	f.IntVar(&o.Threads, "threads", 0, "most goroutines (default: one per CPU)")
	f.IntVar(&o.Repetitions, "repeat", 5, "timings of each job at least")
	f.StringVar(&o.Patient, "patient", "", "folder of the whole TG-119 phantom, CT and structures as DICOM (default: its slices that come with Kerma)")
	f.StringVar(&o.Judged, "judge", "", "folder with structures and a dose as DICOM, for dvh (default: the phantom in a dose made in code)")
	f.StringVar(&o.out, "out", "", "folder for report.html")
	f.StringVar(&o.json, "json", "", "write the results as JSON to this file (- for standard output)")
	f.StringVar(&o.markdown, "markdown", "", "write the tables as Markdown into this file, the drawings to a folder beside it; text around the tables stays")
	f.StringVar(&o.export, "export", "", "time nothing: write the inputs of the jobs, and what Kerma makes of them, to this new folder for other programs")
	return cmd
}

func (o *speedOptions) run(cmd *cobra.Command) error {
	if o.Threads < 0 || o.Repetitions < 1 {
		return usageError{fmt.Errorf("--threads %d, --repeat %d: expected 0 or more, and 1 or more", o.Threads, o.Repetitions)}
	}
	if err := o.Check(); err != nil {
		return usageError{err}
	}
	if o.export != "" {
		return speed.Export(cmd.Context(), o.Options, o.export)
	}
	place := speedSection.in(o.markdown)
	if o.markdown != "" { // before the work, not after it
		if _, _, err := place.around(); err != nil {
			return err
		}
	}
	if o.out != "" {
		if err := writable(o.out); err != nil {
			return err
		}
	}
	bar := newProgress("benchmark speed", cmd.ErrOrStderr())
	o.Progress = bar.set
	report, err := speed.Run(cmd.Context(), o.Options)
	bar.stop(err == nil)
	if err != nil {
		return err
	}
	return o.write(cmd.OutOrStdout(), report, place)
}

func (o *speedOptions) write(to io.Writer, report *speed.Report, place section) error {
	if o.out != "" {
		if err := writeFile(filepath.Join(o.out, "report.html"), report.WriteHTML); err != nil {
			return err
		}
	}
	if o.markdown != "" {
		plots := strings.TrimSuffix(o.markdown, filepath.Ext(o.markdown)) + "-plots"
		if err := os.MkdirAll(plots, 0o755); err != nil {
			return err
		}
		for _, d := range report.Drawings() {
			write := func(w io.Writer) error { _, err := w.Write(d.SVG); return err }
			if err := writeFile(filepath.Join(plots, d.File), write); err != nil {
				return err
			}
		}
		if err := place.write(func(w io.Writer) error { return report.WriteMarkdown(w, filepath.Base(plots)) }); err != nil {
			return err
		}
	}
	if o.json != "" && o.json != "-" {
		if err := writeFile(o.json, func(w io.Writer) error { return encode(w, report) }); err != nil {
			return err
		}
	}
	if o.json == "-" {
		return encode(to, report)
	}
	return report.WriteTable(to)
}
