package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/kerma-rt/kerma/dicom"
	"github.com/kerma-rt/kerma/internal/calculation"
	"github.com/kerma-rt/kerma/internal/check"
	"github.com/kerma-rt/kerma/internal/report"
)

func newCheck() *cobra.Command {
	var o calculation.Options
	var out, limits string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check PATIENT --out DIR",
		Short: "Second check of a plan: recompute it, and judge the planning system's dose",
		Long: `Recompute a plan as it left the planning system, and judge its dose.

PATIENT is a folder that holds CT, RTSTRUCT, RTPLAN and the RTDOSE of the plan (and of its beams, where they are). DIR gets check.html and
check.pdf with the verdict first, check.json, and dose.dcm as Kerma has it. The exit code is 3 when the check fails.

--limits names a JSON file of a department's own limits; what it leaves out stays as it is:
  {"name": "ours", "gamma": {"distance_mm": 3, "pass_rate_percent": {"tolerance": 97, "action": 95}}, "target_mean_percent": {"tolerance": 2, "action": 3}}
` + notice,
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case out == "":
				return usageError{fmt.Errorf("--out is missing: where shall the check go?")}
			case sameFile(args[0], out):
				return usageError{fmt.Errorf("--out %s is the folder of the patient: results go into another, where they overwrite nothing", out)}
			case o.Threads < 0:
				return usageError{fmt.Errorf("--threads %d", o.Threads)}
			}
			l, err := readLimits(limits)
			if err != nil {
				return err
			}
			patient, err := dicom.ReadFolder(args[0])
			if err != nil {
				return err
			}
			if len(patient.Plans) != 1 {
				return fmt.Errorf("%s holds %d plans, one is to be checked", args[0], len(patient.Plans))
			}
			if err := writable(out); err != nil {
				return err
			}
			bar := newProgress("dose", cmd.ErrOrStderr())
			found, err := check.Run(cmd.Context(), patient, patient.Plans[0], o, l, bar.set)
			bar.stop(err == nil)
			if err != nil {
				return err
			}
			if err := writeCheck(found, out); err != nil {
				return err
			}
			if asJSON {
				err = encode(cmd.OutOrStdout(), found)
			} else {
				printCheck(cmd.OutOrStdout(), found, out)
			}
			if err == nil && found.Verdict == check.Fail {
				err = checkError{errors.New(found.Summary)}
			}
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&out, "out", "", "folder for the results")
	f.StringVar(&limits, "limits", "", "JSON file of limits (default: those of AAPM TG-218 and TG-219)")
	f.StringVar(&o.Engine, "engine", "collapsed-cone", "engine, as in kerma dose")
	f.StringVar(&o.Heterogeneity, "heterogeneity", "", "correction of the pencil beam, as in kerma dose")
	f.StringVar(&o.Machine, "machine", "", "machine, as in kerma dose (default: the embedded one of each beam's energy)")
	f.StringVar(&o.Calibration, "calibration", "", "CT calibration, as in kerma dose")
	f.IntVar(&o.FractionGroup, "fraction-group", 0, "number of the fraction group, where a plan has several")
	f.IntVar(&o.Threads, "threads", 0, "goroutines (default: one per CPU)")
	f.BoolVar(&asJSON, "json", false, "print the check as JSON")
	return cmd
}

func readLimits(path string) (check.Limits, error) {
	if path == "" {
		return check.DefaultLimits(), nil
	}
	f, err := os.Open(path)
	if err != nil {
		return check.Limits{}, err
	}
	defer f.Close()
	l, err := check.ReadLimits(f)
	if err != nil {
		return l, fmt.Errorf("%s: %w", path, err)
	}
	return l, nil
}

// writeCheck writes every result into dir, each file whole or not at all.
func writeCheck(r *check.Report, dir string) error {
	c := r.Calculation
	made := time.Now()
	p := page(c)
	p.Title = "Check of " + c.Plan.Label
	p.Check = r.Section()
	for i := range r.PlannedDVH {
		if h := &r.PlannedDVH[i]; h.Err == nil && !h.Empty() {
			planned := curve(c, h)
			planned.Name += " (planned)"
			p.Curves = append(p.Curves, planned)
		}
	}
	picture, err := report.Poster(p, 1600)
	if err != nil {
		return err
	}
	if err := c.WriteDose(filepath.Join(dir, "dose.dcm")); err != nil {
		return err
	}
	for name, write := range map[string]func(io.Writer) error{
		"check.json": func(w io.Writer) error { return encode(w, r) },
		"check.html": func(w io.Writer) error { return report.Write(w, p) },
		"check.pdf":  func(w io.Writer) error { return r.WritePDF(w, p.Title, p.Identity, picture, made) },
	} {
		if err := writeFile(filepath.Join(dir, name), write); err != nil {
			return fmt.Errorf("%s: %w", filepath.Join(dir, name), err)
		}
	}
	return nil
}

func printCheck(w io.Writer, r *check.Report, dir string) {
	fmt.Fprintf(w, "%s\n%s\n", r.Section().Title, r.Summary)
	for _, row := range r.Section().Rows {
		fmt.Fprintf(w, "%-5s %-14s %-62s %12s %12s %26s\n", row.Verdict, row.Group, row.Name, row.Planned, row.Kerma, row.Difference)
	}
	for _, line := range r.NotModelled {
		fmt.Fprintln(w, "note:", line)
	}
	fmt.Fprintf(w, "%s\nwritten to %s: check.html, check.pdf, check.json, dose.dcm\n", notice, dir)
}
