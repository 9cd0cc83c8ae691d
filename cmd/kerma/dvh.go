package main

import (
	"fmt"
	"io"
	"math"
	"unicode/utf8"

	"github.com/kerma-rt/kerma/dicom"
	"github.com/kerma-rt/kerma/dose/dvh"
	"github.com/spf13/cobra"
)

func newDVH() *cobra.Command {
	var structures, doseFile, jsonFile string
	cmd := &cobra.Command{
		Use:   "dvh --structures F --dose F",
		Short: "Dose–volume histograms of an RTDOSE for an RTSTRUCT",
		Args:  arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if structures == "" || doseFile == "" {
				return usageError{fmt.Errorf("--structures and --dose are both needed")}
			}
			set, err := dicom.ReadStructures(structures)
			if err != nil {
				return err
			}
			d, err := dicom.ReadDose(doseFile)
			if err != nil {
				return err
			}
			if err := comparable(set, d); err != nil {
				return err
			}
			histograms := dvh.Compute(d.Volume, set.StructureSet)
			if jsonFile != "" {
				write := func(w io.Writer) error { return encode(w, dvh.Report{Structures: histograms}) }
				if jsonFile == "-" {
					return write(cmd.OutOrStdout())
				}
				return writeFile(jsonFile, write)
			}
			printDVH(cmd.OutOrStdout(), histograms)
			for _, p := range append(set.Warnings, d.Warnings...) {
				fmt.Fprintln(cmd.OutOrStdout(), "warning:", p.Tag, p.Value, p.Message)
			}
			for _, w := range dvh.Warnings(histograms) {
				fmt.Fprintln(cmd.OutOrStdout(), "warning:", w)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&structures, "structures", "", "RTSTRUCT file")
	cmd.Flags().StringVar(&doseFile, "dose", "", "RTDOSE file")
	cmd.Flags().StringVar(&jsonFile, "json", "", "write JSON to this file (- for standard output)")
	return cmd
}

// comparable refuses what has no dose–volume histogram in Gy.
func comparable(set *dicom.Structures, d *dicom.Dose) error {
	switch {
	case d.Unit != dicom.Gray:
		return fmt.Errorf("the dose is %s, not in Gy: it has no DVH in Gy", d.Unit)
	case d.Type == dicom.Difference:
		return fmt.Errorf("the dose is a difference of two (type %s): it has no DVH", d.Type)
	case set.FrameOfReferenceUID != "" && d.FrameOfReferenceUID != "" && set.FrameOfReferenceUID != d.FrameOfReferenceUID:
		return fmt.Errorf("structures and dose are in different frames of reference (%s, %s): without a registration they cannot be put together", set.FrameOfReferenceUID, d.FrameOfReferenceUID)
	}
	return nil
}

func printDVH(w io.Writer, histograms []dvh.Histogram) {
	if len(histograms) == 0 {
		return
	}
	width := len("structure")
	for i := range histograms {
		if h := &histograms[i]; h.Volume > 0 || h.Err != nil {
			width = max(width, utf8.RuneCountInString(h.Structure))
		}
	}
	fmt.Fprintln(w, "dose in Gy, D98 … D2: the least dose of the hottest 98 … 2 % of the volume")
	fmt.Fprintf(w, "%-*s %9s %6s %6s %6s %6s %6s %6s %6s %6s\n",
		width, "structure", "cm³", "min", "mean", "max", "D98", "D95", "D50", "D2", "V20 %")
	empty := 0
	for i := range histograms {
		h := &histograms[i]
		if h.Err != nil {
			fmt.Fprintf(w, "%-*s %v\n", width, h.Structure, h.Err)
			continue
		}
		if h.Volume == 0 {
			empty++
			continue
		}
		if h.Empty() {
			fmt.Fprintf(w, "%-*s %9.2f  no dose here\n", width, h.Structure, h.Volume)
			continue
		}
		fmt.Fprintf(w, "%-*s %9.2f", width, h.Structure, h.Volume)
		for _, v := range []float64{h.Min(), h.Mean(), h.Max(), h.DoseAt(98), h.DoseAt(95), h.DoseAt(50), h.DoseAt(2)} {
			fmt.Fprintf(w, " %6s", figure(v, 2))
		}
		fmt.Fprintf(w, " %6s\n", figure(h.PercentAt(20), 1))
	}
	if empty > 0 {
		fmt.Fprintf(w, "%d structures without a volume\n", empty)
	}
}

func figure(v float64, digits int) string {
	if math.IsNaN(v) {
		return "–"
	}
	return fmt.Sprintf("%.*f", digits, v)
}
