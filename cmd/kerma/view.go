package main

import (
	"fmt"
	"strings"

	"github.com/kerma-rt/kerma/dicom"
	"github.com/kerma-rt/kerma/internal/viewer"
	"github.com/spf13/cobra"
)

func newView() *cobra.Command {
	var port int
	var doseFile, compareFile string
	cmd := &cobra.Command{
		Use:   "view DIR",
		Short: "Look at a patient and its doses in a browser on this machine",
		Long: `Serve a page on this machine alone that shows the patient found in DIR and below it: linked planes of the CT with dose, isodoses
and structures, dose–volume histograms, the beam's-eye view of every control point, profiles, and two doses compared by
difference and gamma. The doses of the plans are found in DIR; --dose and --compare name others, as RTDOSE, NRRD, NIfTI-1 or
NumPy. Nothing is sent anywhere: the page comes with the program. It ends with Ctrl-C.`,
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if port < 0 || port > 65535 {
				return usageError{fmt.Errorf("--port %d: expected 0 … 65535", port)}
			}
			c, err := readCase(args[0], doseFile, compareFile)
			if err != nil {
				return err
			}
			v, err := viewer.New(c)
			if err != nil {
				return err
			}
			return viewer.Serve(cmd.Context(), port, v, func(url string) {
				fmt.Fprintf(cmd.OutOrStdout(), "%s\n", url)
				fmt.Fprintln(cmd.ErrOrStderr(), "open this address in a browser on this machine; Ctrl-C ends it\n"+notice)
			})
		},
	}
	cmd.Flags().IntVar(&port, "port", 0, "port on 127.0.0.1 (0: any that is free)")
	cmd.Flags().StringVar(&doseFile, "dose", "", "dose to show first")
	cmd.Flags().StringVar(&compareFile, "compare", "", "dose to compare it with")
	return cmd
}

// readCase gathers what is to be shown: the patient of the folder, the doses
// named, then those of the folder.
func readCase(dir, doseFile, compareFile string) (viewer.Case, error) {
	folder, err := dicom.Scan(dir)
	if err != nil {
		return viewer.Case{}, err
	}
	// Looking at a plan needs no model of its modifiers; what is left out is said.
	patient, err := folder.Patient(dicom.Choice{Plan: dicom.PlanOptions{WithoutModifiers: true}})
	if err != nil {
		return viewer.Case{}, fmt.Errorf("%s: %w", dir, err)
	}
	if patient.CT == nil {
		_, err := folder.CT("")
		return viewer.Case{}, fmt.Errorf("%s: %w", dir, err)
	}
	c := viewer.Case{Patient: patient}
	for _, p := range patient.Plans {
		for _, line := range p.Unmodelled {
			c.Notes = append(c.Notes, fmt.Sprintf("plan %q: %s", p.Label, line))
		}
	}
	for _, path := range []string{doseFile, compareFile} {
		if path == "" {
			continue
		}
		d, err := readDistribution(path)
		if err != nil {
			return viewer.Case{}, err
		}
		if d.unit != "" && d.unit != "Gy" {
			return viewer.Case{}, fmt.Errorf("%s is in %s, not in Gy", path, d.unit)
		}
		switch {
		case d.dicom == nil:
			c.Notes = append(c.Notes, path+": the file does not name its frame of reference: that it lies in that of the CT is taken for granted")
		case d.dicom.FrameOfReferenceUID != patient.CT.FrameOfReferenceUID:
			return viewer.Case{}, fmt.Errorf("%s is in frame of reference %q, the CT in %q: without a registration they cannot be put together", path, d.dicom.FrameOfReferenceUID, patient.CT.FrameOfReferenceUID)
		}
		c.Doses = append(c.Doses, viewer.Dose{Label: path, Volume: d.volume})
	}
	first := len(c.Doses)
	for _, d := range patient.Doses {
		if d.Unit != dicom.Gray || d.Type == dicom.Difference {
			c.Notes = append(c.Notes, fmt.Sprintf("not shown: %v is no dose in Gy", d))
			continue
		}
		switch d.Summation {
		case dicom.FractionSession, dicom.BeamSession, dicom.ControlPointSum:
			c.Notes = append(c.Notes, fmt.Sprintf("%s is of one fraction; percentages are of the prescription of the course", doseLabel(d, patient)))
		}
		c.Doses = append(c.Doses, viewer.Dose{Label: doseLabel(d, patient), Volume: d.Volume})
	}
	// With --compare alone, the dose shown first is the folder's.
	if compareFile != "" {
		if doseFile == "" {
			if len(c.Doses) == first {
				return viewer.Case{}, fmt.Errorf("%s: no dose to compare %s with; name one with --dose", dir, compareFile)
			}
			c.Doses[0], c.Doses[first] = c.Doses[first], c.Doses[0]
			c.Compared = first
		} else {
			c.Compared = 1
		}
	}
	return c, nil
}

// doseLabel is what tells the doses of a folder apart: plan, what is summed up,
// and who computed it.
func doseLabel(d *dicom.Dose, patient *dicom.Patient) string {
	var parts []string
	for _, p := range patient.Plans {
		for _, r := range d.Plans {
			if r.UID == p.UID && p.Label != "" {
				parts = append(parts, p.Label)
			}
		}
	}
	parts = append(parts, string(d.Summation))
	if len(d.Beams) > 0 {
		parts = append(parts, fmt.Sprint(d.Beams))
	}
	if d.Engine != "" {
		parts = append(parts, "("+d.Engine+")")
	}
	return strings.Join(parts, " ")
}
