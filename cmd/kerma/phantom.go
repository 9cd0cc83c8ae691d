package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/kerma-rt/kerma/benchmarks/phantom"
)

func newPhantom() *cobra.Command {
	var out string
	entries := phantom.Entries()
	long := "Make a reference phantom: CT, RTSTRUCT and RTPLAN in DIR.\nPhantoms:"
	for _, e := range entries {
		long += fmt.Sprintf("\n  %-18s %s\n  %-18s (%s)", e.Name, e.Title, "", e.Source)
	}
	cmd := &cobra.Command{
		Use:   "phantom NAME --out DIR",
		Short: "A reference phantom as CT, RTSTRUCT and RTPLAN",
		Long:  long + "\n" + notice,
		Args:  arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				return usageError{fmt.Errorf("--out is missing: where shall the phantom go?")}
			}
			e, err := phantom.Named(args[0])
			if errors.Is(err, phantom.ErrName) {
				return usageError{err}
			}
			if err != nil {
				return err
			}
			p, err := e.Make()
			if err != nil {
				return err
			}
			if err := writable(out); err != nil {
				return err
			}
			if err := p.Write(out); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %v, %d structures, %d plans, written to %s\n", e.Title, p.CT.Grid, len(p.Structures.Structures), len(p.Plans), out)
			return nil
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "folder for the phantom")
	return cmd
}
