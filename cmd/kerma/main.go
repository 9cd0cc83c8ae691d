// Command kerma computes radiotherapy dose from DICOM and proves it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/kerma-rt/kerma/internal/calculation"
	"github.com/kerma-rt/kerma/internal/kernels/simd"
	"github.com/kerma-rt/kerma/internal/version"
	"github.com/spf13/cobra"
)

// Exit codes that other programs rely on.
const (
	exitDone        = 0
	exitInput       = 1 // the input is at fault
	exitUsage       = 2
	exitCheck       = 3 // a check failed: benchmark, gamma below the asked pass rate
	exitInterrupted = 130
)

const notice = calculation.Notice

// usageError marks what is wrong with the call rather than with the input.
type usageError struct{ error }

// checkError marks a calculation that went well and a check that did not.
type checkError struct{ error }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, out, errs io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errs)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitDone
	}
	var usage usageError
	var check checkError
	switch {
	case ctx.Err() != nil:
		fmt.Fprintln(errs, "kerma: interrupted")
		return exitInterrupted
	case errors.As(err, &check):
		fmt.Fprintln(errs, "kerma:", err)
		return exitCheck
	case errors.As(err, &usage), errors.Is(err, calculation.ErrOption):
		fmt.Fprintln(errs, "kerma:", err)
		fmt.Fprintf(errs, "Run '%s --help' for usage.\n", cmd.CommandPath())
		return exitUsage
	default:
		fmt.Fprintln(errs, "kerma:", err)
		return exitInput
	}
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "kerma",
		Short:         "Radiotherapy dose from DICOM, proven against Monte Carlo",
		Long:          "Kerma reads CT, structures and plan, computes dose, and judges it.\n" + notice,
		Version:       version.Version,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.ArbitraryArgs,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if err := simd.Err(); err != nil {
				return usageError{err}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("no command %q", args[0])}
			}
			return cmd.Help()
		},
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(newDemo(), newCheck(), newInfo(), newDose(), newInfluence(), newDVH(), newGamma(), newPhantom(), newMachine(), newBenchmark(), newView())
	return root
}

// arguments makes cobra's argument checks count as usage errors.
func arguments(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return usageError{err}
		}
		return nil
	}
}
