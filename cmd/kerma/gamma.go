package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/kerma-rt/kerma/dicom"
	"github.com/kerma-rt/kerma/dose/gamma"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/internal/volumefile"
	"github.com/spf13/cobra"
)

func newGamma() *cobra.Command {
	var c gamma.Criteria
	var jsonFile string
	var passRate float64
	cmd := &cobra.Command{
		Use:   "gamma REF EVAL",
		Short: "Compare two doses by the gamma index",
		Long: `Compare an evaluated dose with a reference by the gamma index: for every voxel of REF above the cutoff, the nearest point of
EVAL in dose and distance, interpolated between its voxels and found exactly, not by samples.

A dose is an RTDOSE, a NumPy array (.npy) with a .json beside it that gives origin_mm and spacing_mm (x, y, z), an NRRD or a
NIfTI-1 file. Two RTDOSEs must be in one frame of reference; the other formats do not know theirs.`,
		Args: arguments(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			asked := cmd.Flags().Changed("pass-rate")
			if asked && !(passRate >= 0 && passRate <= 100) {
				return usageError{fmt.Errorf("--pass-rate %g: expected 0 … 100 %%", passRate)}
			}
			if err := checkCriteria(c); err != nil {
				return err
			}
			reference, err := readDistribution(args[0])
			if err != nil {
				return err
			}
			evaluated, err := readDistribution(args[1])
			if err != nil {
				return err
			}
			warnings, err := reference.compare(evaluated)
			if err != nil {
				return err
			}
			stop := newWaiting("gamma", cmd.ErrOrStderr())
			r, err := gamma.Compute(cmd.Context(), reference.volume, evaluated.volume, c)
			stop()
			if err != nil {
				return err
			}
			if err := writeGamma(cmd.OutOrStdout(), jsonFile, r, reference.unit, warnings); err != nil {
				return err
			}
			if asked && r.PassRate < passRate {
				return checkError{fmt.Errorf("%.2f %% of the points pass, less than %g %%", r.PassRate, passRate)}
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.Float64Var(&c.DosePercent, "dose", 3, "dose criterion, % of the normalisation (with --local: of the reference dose at the point)")
	f.Float64Var(&c.Distance, "distance", 2, "distance criterion, mm")
	f.Float64Var(&c.CutoffPercent, "cutoff", 10, "leave out points below this % of the normalisation; 0: none")
	f.BoolVar(&c.Local, "local", false, "dose criterion relative to the reference dose at each point")
	f.Float64Var(&c.Normalisation, "normalisation", 0, "dose of 100 %, Gy (default: the maximum of REF)")
	f.Float64Var(&c.MaxGamma, "max-gamma", 2, "search no further than this; larger values count as this")
	f.IntVar(&c.Samples, "sampled", 0, "sample shells so many to the distance criterion, as pymedphys does, instead of the exact minimum")
	f.IntVar(&c.Threads, "threads", 0, "goroutines (default: one per CPU)")
	f.Float64Var(&passRate, "pass-rate", 0, "exit with code 3 when fewer % of the points pass")
	f.StringVar(&jsonFile, "json", "", "write JSON to this file (- for standard output)")
	return cmd
}

// checkCriteria refuses before anything is read what flags can get wrong; a
// zero would silently mean a default to package gamma.
func checkCriteria(c gamma.Criteria) error {
	const most = 1e6
	for _, v := range []struct {
		flag  string
		value float64
	}{{"dose", c.DosePercent}, {"distance", c.Distance}, {"max-gamma", c.MaxGamma}} {
		if !(v.value > 0 && v.value < most) {
			return usageError{fmt.Errorf("--%s %g: expected a positive number", v.flag, v.value)}
		}
	}
	switch {
	case !(c.CutoffPercent >= 0 && c.CutoffPercent <= 100):
		return usageError{fmt.Errorf("--cutoff %g: expected 0 … 100 %%", c.CutoffPercent)}
	case !(c.Normalisation >= 0 && c.Normalisation < most):
		return usageError{fmt.Errorf("--normalisation %g: expected a dose in Gy", c.Normalisation)}
	case c.Samples < 0 || c.Threads < 0:
		return usageError{fmt.Errorf("--sampled and --threads cannot be negative")}
	}
	return nil
}

// distribution is a dose from any file that a gamma can be made of.
type distribution struct {
	name   string
	volume *geometry.Volume
	unit   string      // "Gy", or what the file says; empty when it does not
	dicom  *dicom.Dose // nil for other formats
}

func readDistribution(path string) (distribution, error) {
	if volumefile.Known(path) {
		f, err := volumefile.Read(path)
		if err != nil {
			return distribution{}, err
		}
		return distribution{name: path, volume: f.Volume, unit: f.Unit}, nil
	}
	d, err := dicom.ReadDose(path)
	if err != nil {
		return distribution{}, err
	}
	switch {
	case d.Unit != dicom.Gray:
		return distribution{}, fmt.Errorf("%s: the dose is %s, not in Gy", path, d.Unit)
	case d.Type == dicom.Difference:
		return distribution{}, fmt.Errorf("%s: the dose is a difference of two (type %s)", path, d.Type)
	}
	return distribution{name: path, volume: d.Volume, unit: "Gy", dicom: d}, nil
}

// compare refuses two doses that are not of one kind and place, and says what
// cannot be known about that.
func (ref distribution) compare(eval distribution) (warnings []string, err error) {
	if ref.unit != "" && eval.unit != "" && ref.unit != eval.unit {
		return nil, fmt.Errorf("%s is in %s, %s in %s", ref.name, ref.unit, eval.name, eval.unit)
	}
	a, b := ref.dicom, eval.dicom
	if a == nil || b == nil {
		return []string{"not both are RTDOSE: that they are in one frame of reference is taken for granted"}, nil
	}
	switch {
	case a.FrameOfReferenceUID == "" || b.FrameOfReferenceUID == "":
		warnings = append(warnings, "a dose does not name its frame of reference: that they are in one is taken for granted")
	case a.FrameOfReferenceUID != b.FrameOfReferenceUID:
		return nil, fmt.Errorf("the doses are in different frames of reference (%s, %s): without a registration they cannot be compared", a.FrameOfReferenceUID, b.FrameOfReferenceUID)
	}
	if a.Type != b.Type {
		return nil, fmt.Errorf("%s is %s dose, %s %s dose", ref.name, a.Type, eval.name, b.Type)
	}
	if a.Summation != b.Summation {
		warnings = append(warnings, fmt.Sprintf("the doses add up different things: %s and %s", a.Summation, b.Summation))
	}
	for _, d := range []*dicom.Dose{a, b} {
		for _, p := range d.Warnings {
			warnings = append(warnings, strings.TrimSpace(strings.Join([]string{p.File, p.Tag, p.Value, p.Message}, " ")))
		}
	}
	return warnings, nil
}

func writeGamma(out io.Writer, jsonFile string, r *gamma.Result, unit string, warnings []string) error {
	write := func(w io.Writer) error {
		return encode(w, struct {
			*gamma.Result
			Warnings []string `json:"warnings"`
		}{r, append([]string{}, warnings...)})
	}
	switch jsonFile {
	case "":
		printGamma(out, r, unit, warnings)
		return nil
	case "-":
		return write(out)
	}
	return writeFile(jsonFile, write)
}

func printGamma(w io.Writer, r *gamma.Result, unit string, warnings []string) {
	mode := "global"
	if r.Local {
		mode = "local"
	}
	if unit == "" {
		unit = "(unit not stated)"
	}
	fmt.Fprintf(w, "gamma %g %% / %g mm, %s, cutoff %g %%, 100 %% = %.4g %s, searched up to %g\n",
		r.DosePercent, r.Distance, mode, r.CutoffPercent, r.Normalisation, unit, r.MaxGamma)
	if r.Samples > 0 {
		fmt.Fprintf(w, "sampled on shells %g mm apart: points can only fail that pass\n", r.Distance/float64(r.Samples))
	}
	fmt.Fprintf(w, "%.2f %% pass: %d of %d points, mean %.3f, maximum %.3f\n", r.PassRate, r.Passed, r.Points, r.Mean, r.Max)
	for _, left := range []struct {
		count int
		why   string
	}{
		{r.BelowCutoff, "below the cutoff"},
		{r.NoReference, "without a reference dose"},
		{r.NoCriterion, "with zero reference dose, so that there is no local criterion"},
		{r.NoData, "without an evaluated dose near them"},
		{r.NotDrawn, "not drawn"},
	} {
		if left.count > 0 {
			fmt.Fprintf(w, "left out: %d points %s\n", left.count, left.why)
		}
	}
	if r.Unproven > 0 {
		fmt.Fprintf(w, "warning: the gamma of %d points is an upper bound: its minimum was not proven within the effort allowed\n", r.Unproven)
	}
	for _, warning := range warnings {
		fmt.Fprintln(w, "warning:", warning)
	}
}
