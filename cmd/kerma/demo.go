package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/kerma-rt/kerma/dicom"
	"github.com/kerma-rt/kerma/internal/demo"
	"github.com/spf13/cobra"
)

func newDemo() *cobra.Command {
	var o doseOptions
	var name string
	cases := demo.Cases()
	long := "The whole job on an embedded case: read DICOM, compute dose, write RTDOSE, DVH and report.\nCases:"
	for _, c := range cases {
		long += fmt.Sprintf("\n  %-6s %s", c.Name, c.Title)
	}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "The whole job on an embedded case, no arguments needed",
		Long:  long + "\n" + notice,
		Args:  arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir := filepath.Join(o.out, "patient", name)
			if err := o.check(); err != nil {
				return err
			}
			if err := demo.Extract(name, dir); errors.Is(err, demo.ErrCase) {
				return usageError{err}
			} else if err != nil {
				return err
			}
			patient, err := dicom.ReadFolder(dir)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "read %s: %d CT slices, %d structures, plan %q with %d beams\n",
				dir, len(patient.CT.SliceUIDs), len(patient.Structures.Structures), patient.Plans[0].Label, len(patient.Plans[0].Beams))
			return o.run(cmd, patient)
		},
	}
	cmd.Flags().StringVar(&o.out, "out", "kerma-demo", "folder for the results")
	cmd.Flags().StringVar(&name, "case", cases[0].Name, "embedded case")
	o.calculation(cmd)
	return cmd
}
