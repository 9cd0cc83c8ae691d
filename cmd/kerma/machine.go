package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"

	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/internal/calculation"
	"github.com/spf13/cobra"
)

func newMachine() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "machine",
		Short: "What the machines are: energy, reference condition, depth dose",
		Args: arguments(func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("no command %q of machine", args[0])
			}
			return nil
		}),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newMachineList(), newMachineShow())
	return cmd
}

func newMachineList() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "The embedded machines",
		Args:  arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			all := []machineFacts{}
			for _, name := range append(machine.GenericNames(), calculation.SVD) {
				m, err := calculation.Machine(name)
				if err != nil {
					return err
				}
				all = append(all, factsOf(name, m))
			}
			w := cmd.OutOrStdout()
			if asJSON {
				return encode(w, all)
			}
			fmt.Fprintf(w, "%-14s %-8s %8s %9s %9s  %s\n", "machine", "energy", "d_max mm", "PDD10 %", "TPR20,10", "one monitor unit")
			for _, f := range all {
				fmt.Fprintf(w, "%-14s %-8s %8s %9s %9s  %s\n", f.Name, f.energy(), figure(float64(f.DepthOfMaximum), 1), figure(float64(f.PDD10), 1), figure(float64(f.TPR2010), 3), f.Reference)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func newMachineShow() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show NAME",
		Short: "One machine: an embedded one by its name, or a machine file",
		Args:  arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := calculation.Machine(args[0])
			if err != nil {
				return err
			}
			f := factsOf(args[0], m)
			if asJSON {
				return encode(cmd.OutOrStdout(), f)
			}
			f.print(cmd.OutOrStdout())
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// quantity is a figure that may not exist: not a number, null in JSON.
type quantity float64

func (q quantity) MarshalJSON() ([]byte, error) {
	if v := float64(q); !math.IsNaN(v) && !math.IsInf(v, 0) {
		return json.Marshal(v)
	}
	return []byte("null"), nil
}

// machineFacts is a machine as people compare them. Depth doses are on the axis
// of a 100 mm square field in water.
type machineFacts struct {
	Name             string             `json:"name"` // that the command knows it by
	Machine          string             `json:"machine"`
	EnergyMV         float64            `json:"energy_mv"`
	FluenceMode      string             `json:"fluence_mode"`
	SAD              float64            `json:"sad_mm"`
	SourceSigma      float64            `json:"source_sigma_mm"`
	JawTransmission  float64            `json:"jaw_transmission"`
	LeafTransmission float64            `json:"leaf_transmission"`
	Reference        referenceCondition `json:"reference"`
	DepthOfMaximum   quantity           `json:"d_max_mm"`      // at an SSD of 1000 mm, field at the surface
	PDD10            quantity           `json:"pdd10_percent"` // likewise, at a depth of 100 mm
	TPR2010          quantity           `json:"tpr20_10"`      // detector in the isocentre, field there
	PencilBeam       bool               `json:"pencil_beam"`
	Spectrum         bool               `json:"spectrum"` // of use to engines that need one
	Notes            []string           `json:"notes"`
	Hash             string             `json:"hash"`
}

// referenceCondition is what a monitor unit means.
type referenceCondition struct {
	GyPerMU float64  `json:"gy_per_mu"`
	SSD     float64  `json:"ssd_mm"`
	Depth   quantity `json:"depth_mm"`
	Field   float64  `json:"field_mm"`
}

func (r referenceCondition) String() string {
	if r.GyPerMU == 0 {
		return "no dose at a reference condition"
	}
	return fmt.Sprintf("%.5g Gy at %s mm, SSD %g mm, field %g mm", r.GyPerMU, figure(float64(r.Depth), 1), r.SSD, r.Field)
}

func factsOf(name string, m *machine.Machine) machineFacts {
	const field, ssd = 100, 1000 // mm, on the surface
	side := field * m.SAD / ssd  // of the same field in the isocentre plane
	depth, _ := m.Reference()
	top := depthOfMaximum(m, side, ssd)
	return machineFacts{
		Name: name, Machine: m.Name, EnergyMV: m.EnergyMV, FluenceMode: m.FluenceMode, SAD: m.SAD, SourceSigma: m.SourceSigma,
		JawTransmission: m.JawTransmission, LeafTransmission: m.LeafTransmission,
		Reference: referenceCondition{
			GyPerMU: m.Calibration.GyPerMU, SSD: m.Calibration.SSD, Depth: quantity(depth), Field: m.Calibration.Field,
		},
		DepthOfMaximum: quantity(top),
		PDD10:          quantity(100 * m.OnAxis(side, ssd, 100) / m.OnAxis(side, ssd, top)),
		TPR2010:        quantity(m.OnAxis(field, m.SAD-200, 200) / m.OnAxis(field, m.SAD-100, 100)),
		PencilBeam:     m.Pencil != nil, Spectrum: m.Beam != nil,
		Notes: append([]string{}, m.Notes...), Hash: m.Hash,
	}
}

// depthOfMaximum is where the dose on the axis is highest, to a tenth of a
// millimetre; not a number when the machine has no answer.
func depthOfMaximum(m *machine.Machine, side, ssd float64) float64 {
	const deepest = 1000 // tenths of a millimetre
	at, most := math.NaN(), math.Inf(-1)
	for i := range deepest {
		depth := float64(i) / 10
		if d := m.OnAxis(side, ssd, depth); d > most {
			at, most = depth, d
		}
	}
	return at
}

func (f machineFacts) energy() string {
	if f.FluenceMode == "" {
		return fmt.Sprintf("%g MV", f.EnergyMV)
	}
	return fmt.Sprintf("%g MV %s", f.EnergyMV, f.FluenceMode)
}

func (f machineFacts) print(w io.Writer) {
	fmt.Fprintf(w, "%s, %s, source to axis %g mm\n", f.Machine, f.energy(), f.SAD)
	fmt.Fprintf(w, "one monitor unit: %s\n", f.Reference)
	fmt.Fprintf(w, "maximum at %s mm, PDD10 %s %% (field 100 mm at an SSD of 1000 mm), TPR20,10 %s\n", figure(float64(f.DepthOfMaximum), 1), figure(float64(f.PDD10), 1), figure(float64(f.TPR2010), 3))
	fmt.Fprintf(w, "source blur %.3g mm (one standard deviation, in the isocentre plane), transmission of jaws %g, of leaves %g\n", f.SourceSigma, f.JawTransmission, f.LeafTransmission)
	switch {
	case f.PencilBeam && f.Spectrum:
		fmt.Fprintln(w, "known by its spectrum and by a pencil kernel derived from it")
	case f.PencilBeam:
		fmt.Fprintln(w, "known by its pencil kernel alone")
	case f.Spectrum:
		fmt.Fprintln(w, "known by its spectrum")
	}
	for _, note := range f.Notes {
		fmt.Fprintln(w, "note:", note)
	}
	fmt.Fprintln(w, "hash:", f.Hash)
}
