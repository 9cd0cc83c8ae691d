package main

import (
	"fmt"
	"strings"

	"github.com/kerma-rt/kerma/dicom"
	"github.com/kerma-rt/kerma/dose"
	"github.com/kerma-rt/kerma/dose/beam"
	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/heterogeneity"
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

PATIENT is a folder that holds CT, RTSTRUCT and RTPLAN; --ct, --structures and --plan name them one by one, or choose where a
folder holds several. DIR gets dose.dcm, dvh.json, report.html and provenance.json.
` + notice,
		Args: arguments(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.out == "" {
				return usageError{fmt.Errorf("--out is missing: where shall the dose go?")}
			}
			if len(args) == 0 && o.ct == "" {
				return usageError{fmt.Errorf("name a patient folder, or --ct")}
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
	f.BoolVar(&o.withoutModifiers, "without-modifiers", false, "go on without wedges, blocks, bolus …: not the dose of the treatment; written into the result")
	f.BoolVar(&o.npy, "npy", false, "write dose.npy and dose.json as well")
	f.BoolVar(&o.json, "json", false, "print the result as JSON")
}

// read gathers the one patient from the folder and the files named.
func (o *doseOptions) read(args []string) (*dicom.Patient, error) {
	paths := args
	choice := dicom.Choice{Plan: dicom.PlanOptions{WithoutModifiers: o.withoutModifiers}}
	if o.ct != "" {
		paths = append(paths, o.ct)
	}
	if o.structures != "" {
		s, err := dicom.ReadStructures(o.structures)
		if err != nil {
			return nil, err
		}
		choice.StructureSetUID = s.UID
		paths = append(paths, o.structures)
	}
	var own *beam.Plan
	switch {
	case strings.HasSuffix(strings.ToLower(o.plan), ".json"):
		var err error
		if own, err = readPlanJSON(o.plan); err != nil {
			return nil, err
		}
	case o.plan != "":
		p, err := dicom.ReadPlan(o.plan, choice.Plan)
		if err != nil {
			return nil, err
		}
		choice.PlanUID = p.UID
		if o.structures != "" && p.StructureSetUID != choice.StructureSetUID {
			return nil, fmt.Errorf("%s was not made on the structures of %s: it names the set %s", o.plan, o.structures, p.StructureSetUID)
		}
		paths = append(paths, o.plan)
	}
	folder, err := dicom.Scan(paths...)
	if err != nil {
		return nil, err
	}
	patient, err := folder.Patient(choice)
	if err != nil {
		return nil, err
	}
	if own != nil {
		for i := range own.Beams {
			if b := &own.Beams[i]; b.Position == "" && patient.CT != nil {
				b.Position = patient.CT.Position
			}
		}
		patient.Plans = []*beam.Plan{own}
	}
	switch {
	case patient.CT == nil:
		return nil, fmt.Errorf("no CT in %s", strings.Join(paths, ", "))
	case len(patient.Plans) == 0:
		return nil, fmt.Errorf("no photon plan in %s", strings.Join(paths, ", "))
	case len(patient.Plans) > 1:
		var labels []string
		for _, p := range patient.Plans {
			labels = append(labels, fmt.Sprintf("%q %s", p.Label, p.UID))
		}
		return nil, fmt.Errorf("%d plans: choose one with --plan FILE: %s", len(labels), strings.Join(labels, "; "))
	}
	return patient, nil
}

// run computes, prints and writes.
func (o *doseOptions) run(cmd *cobra.Command, patient *dicom.Patient) error {
	c := calculation{patient: patient, plan: patient.Plans[0]}
	if err := o.choose(&c); err != nil {
		return err
	}
	bar := newProgress("dose", cmd.ErrOrStderr())
	c.request.Progress = bar.set
	err := c.compute(cmd.Context())
	bar.stop(err == nil)
	if err != nil {
		return err
	}
	if err := c.write(o.out, o.npy); err != nil {
		return err
	}
	if o.json {
		return c.printJSON(cmd.OutOrStdout())
	}
	c.print(cmd.OutOrStdout(), o.out)
	return nil
}
