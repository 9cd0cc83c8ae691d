package main

import (
	"fmt"
	"strings"

	"github.com/kerma-rt/kerma/dicom"
	"github.com/kerma-rt/kerma/dose"
	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/heterogeneity"
	"github.com/kerma-rt/kerma/internal/calculation"
	"github.com/spf13/cobra"
)

// doseOptions is how a dose is asked for on the command line.
type doseOptions struct {
	ct, structures, plan string
	machine              string
	engine               string
	heterogeneity        string
	calibration          string
	grid                 float64 // mm
	roi                  string
	group                int
	threads              int
	withoutModifiers     bool
	npy                  bool
	json                 bool
	out                  string
}

func newDose() *cobra.Command {
	var o doseOptions
	cmd := &cobra.Command{
		Use:   "dose [PATIENT] --out DIR",
		Short: "Compute the dose of a plan: RTDOSE, DVH and a report",
		Long: `Compute the dose of a plan on a CT.

PATIENT is a folder that holds CT, RTSTRUCT and RTPLAN. --ct, --structures and --plan take the place of what it holds, or stand
alone. DIR gets dose.dcm, dvh.json, report.html and provenance.json, and plan.dcm for a plan that came as JSON.
` + notice,
		Args: arguments(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.out == "" {
				return usageError{fmt.Errorf("--out is missing: where shall the dose go?")}
			}
			if len(args) == 0 && o.ct == "" {
				return usageError{fmt.Errorf("name a patient folder, or --ct")}
			}
			if err := o.check(); err != nil {
				return err
			}
			for _, folder := range append(args, o.ct) {
				if sameFile(folder, o.out) {
					return usageError{fmt.Errorf("--out %s is a folder of the patient: results go into another, where they overwrite nothing", o.out)}
				}
			}
			patient, err := o.read(args)
			if err != nil {
				return err
			}
			return o.run(cmd, patient)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.ct, "ct", "", "folder of the CT series")
	f.StringVar(&o.structures, "structures", "", "RTSTRUCT file")
	f.StringVar(&o.plan, "plan", "", "RTPLAN file, or a plan in JSON (*.json)")
	f.StringVar(&o.out, "out", "", "folder for the results")
	f.BoolVar(&o.withoutModifiers, "without-modifiers", false, "go on without wedges, blocks, bolus …: not the dose of the treatment; written into the result")
	o.calculation(cmd)
	return cmd
}

// calculation adds the flags that say how to compute.
func (o *doseOptions) calculation(cmd *cobra.Command) {
	var engines, corrections, calibrations []string
	for _, e := range dose.Engines() {
		engines = append(engines, e.Name())
	}
	for _, c := range heterogeneity.Corrections() {
		corrections = append(corrections, c.Name())
	}
	for _, c := range heterogeneity.Calibrations() {
		calibrations = append(calibrations, c.Name())
	}
	f := cmd.Flags()
	f.StringVar(&o.machine, "machine", "generic", "machine: generic (the embedded one of each beam's energy), "+strings.Join(machine.GenericNames(), ", ")+", svd, or a machine file")
	f.StringVar(&o.engine, "engine", engines[0], "engine: "+strings.Join(engines, ", "))
	f.StringVar(&o.heterogeneity, "heterogeneity", "", "correction of the pencil beam: "+strings.Join(corrections, ", ")+" (default equivalent-path-length)")
	f.StringVar(&o.calibration, "calibration", heterogeneity.DefaultCalibration.Name(), "CT calibration: "+strings.Join(calibrations, ", ")+", or a JSON file")
	f.Float64Var(&o.grid, "grid", 2.5, "spacing of the dose grid, mm")
	f.StringVar(&o.roi, "roi", "", "compute only around this structure (default: the body)")
	f.IntVar(&o.group, "fraction-group", 0, "number of the fraction group, where a plan has several")
	f.IntVar(&o.threads, "threads", 0, "goroutines (default: one per CPU)")
	f.BoolVar(&o.npy, "npy", false, "write dose.npy and dose.json as well")
	f.BoolVar(&o.json, "json", false, "print the result as JSON")
}

// check refuses numbers that make no sense before anything is read.
func (o *doseOptions) check() error {
	switch {
	case !(o.grid >= 0.1 && o.grid <= 100):
		return usageError{fmt.Errorf("--grid %g: expected a spacing of 0.1 … 100 mm", o.grid)}
	case o.threads < 0:
		return usageError{fmt.Errorf("--threads %d", o.threads)}
	case o.group < 0:
		return usageError{fmt.Errorf("--fraction-group %d", o.group)}
	}
	return nil
}

// run computes, prints and writes.
func (o *doseOptions) run(cmd *cobra.Command, patient *dicom.Patient) error {
	plan := patient.Plans[0]
	if _, err := plan.Group(o.group); err != nil {
		return fmt.Errorf("%w; --fraction-group chooses", err)
	}
	c, err := calculation.New(patient, plan, calculation.Options{
		Engine: o.engine, Heterogeneity: o.heterogeneity, Machine: o.machine, Calibration: o.calibration,
		Spacing: o.grid, ROI: o.roi, FractionGroup: o.group, Threads: o.threads,
	})
	if err != nil {
		return err
	}
	if err := writable(o.out); err != nil {
		return err
	}
	bar := newProgress("dose", cmd.ErrOrStderr())
	c.Request.Progress = bar.set
	err = c.Compute(cmd.Context())
	bar.stop(err == nil)
	if err != nil {
		return err
	}
	if err := write(c, o.out, o.npy); err != nil {
		return err
	}
	if o.json {
		return c.WriteProvenance(cmd.OutOrStdout())
	}
	printResult(c, cmd.OutOrStdout(), o.out)
	return nil
}
