package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/kerma-rt/kerma/dicom"
	"github.com/spf13/cobra"
)

func newInfo() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "info PATH...",
		Short: "What is in these files: patient geometry, structures, beams, dose; problems found",
		Args:  arguments(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			found, err := dicom.Inspect(args...)
			if err != nil {
				return err
			}
			if asJSON {
				if err := encode(cmd.OutOrStdout(), append([]dicom.Info{}, found...)); err != nil {
					return err
				}
			} else {
				printInfo(cmd.OutOrStdout(), found)
			}
			refused, unreadable := 0, 0
			for _, i := range found {
				if i.Refused() {
					refused++
				}
				if i.Kind == dicom.KindUnreadable {
					unreadable++
				}
			}
			if refused > 0 {
				return fmt.Errorf("%d of %d refused", refused, len(found))
			}
			if len(found) == unreadable {
				return fmt.Errorf("no DICOM in %s", strings.Join(args, ", "))
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON: one object per series or file found")
	return cmd
}

func printInfo(w io.Writer, found []dicom.Info) {
	photon := false
	for _, i := range found {
		photon = photon || i.Kind == dicom.KindPlan && !i.Refused()
		printObject(w, i)
	}
	if !photon {
		fmt.Fprintln(w, "no photon plan that can be computed")
	}
}

func printObject(w io.Writer, i dicom.Info) {
	name := i.Label
	if name == "" {
		name = i.UID
	}
	files := i.File
	if i.Files > 1 {
		files = fmt.Sprintf("%s and %d more", i.File, i.Files-1)
	}
	fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("%s  %s", i.Kind, name), " ")+"  ("+files+")")
	if i.PatientName != "" || i.PatientID != "" {
		fmt.Fprintf(w, "  patient %s %s\n", i.PatientName, i.PatientID)
	}
	if c := i.CT; c != nil {
		fmt.Fprintf(w, "  %s, %d slices: %d×%d×%d voxels of %.4g×%.4g×%.4g mm, %g … %g HU\n",
			orUnknown(string(c.Position)), c.Slices, c.Size[0], c.Size[1], c.Size[2], c.Spacing[0], c.Spacing[1], c.Spacing[2], c.MinHU, c.MaxHU)
	}
	for _, s := range i.Structures {
		fmt.Fprintf(w, "  %3d  %-24s %-10s %4d contours\n", s.Number, s.Name, s.Role, s.Contours)
	}
	if p := i.Plan; p != nil {
		for _, g := range p.Groups {
			fmt.Fprintf(w, "  fraction group %d: %d fractions, %d beams\n", g.Number, g.Fractions, g.Beams)
		}
		for _, b := range p.Beams {
			var mu []string
			for _, m := range b.Metersets {
				mu = append(mu, fmt.Sprintf("%.2f", m))
			}
			if mu == nil {
				mu = []string{"no meterset"}
			}
			fmt.Fprintf(w, "  %3d  %-16s %-8s %-10s %s  %g MV  %s %s  %d control points  [%s]\n",
				b.Number, b.Name, b.Radiation, b.Delivery, b.Machine, b.EnergyMV, strings.Join(mu, ", "), b.Unit, b.ControlPoints, strings.Join(b.Devices, ", "))
		}
	}
	if d := i.Dose; d != nil {
		fmt.Fprintf(w, "  %s %s %s, %d×%d×%d voxels, maximum %.4g\n", d.Summation, d.Type, d.Units, d.Size[0], d.Size[1], d.Size[2], d.Max)
	}
	for _, p := range i.Problems {
		where := strings.TrimSpace(strings.Join([]string{p.Tag, p.Value}, " "))
		if where != "" {
			where += ": "
		}
		fmt.Fprintf(w, "  %s: %s%s\n", p.Severity, where, p.Message)
	}
}

func orUnknown(s string) string {
	if s == "" {
		return "position unknown"
	}
	return s
}
