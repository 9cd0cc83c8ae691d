package calculation

import (
	"errors"
	"fmt"
	"os"

	"github.com/kerma-rt/kerma/dose"
	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/heterogeneity"
)

// SVD is the name of machine.GenericSVD.
const SVD = "svd"

// Engine is the engine of a name, with the correction of a name; empty names
// stand for the defaults.
func Engine(name, correction string) (dose.Engine, error) {
	if name == "" {
		name = dose.Engines()[0].Name()
	}
	for _, e := range dose.Engines() {
		if e.Name() != name {
			continue
		}
		if correction == "" {
			return e, nil
		}
		pencil, ok := e.(dose.PencilBeam)
		if !ok {
			return nil, fmt.Errorf("%w: a heterogeneity correction goes with the pencil beam: %s corrects by its own physics", ErrOption, name)
		}
		c, err := heterogeneity.CorrectionNamed(correction)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrOption, err)
		}
		pencil.Heterogeneity = c
		return pencil, nil
	}
	return nil, fmt.Errorf("%w: no engine %q", ErrOption, name)
}

// Calibration is an embedded calibration, or that of a file.
func Calibration(name string) (*heterogeneity.Calibration, error) {
	if name == "" {
		return heterogeneity.DefaultCalibration, nil
	}
	c, err := heterogeneity.CalibrationNamed(name)
	if err == nil {
		return c, nil
	}
	f, openErr := os.Open(name)
	if openErr != nil {
		return nil, fmt.Errorf("%w: %w, and no file of that name", ErrOption, err)
	}
	defer f.Close()
	if c, err = heterogeneity.ReadCalibration(f); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return c, nil
}

// Machines is the set that a name stands for: generic is the embedded machine
// of each beam's energy.
func Machines(name string) (machine.Set, error) {
	if name == "" || name == "generic" {
		return machine.GenericSet()
	}
	m, err := Machine(name)
	if err != nil {
		return nil, err
	}
	return machine.Set{m}, nil
}

// Machine is an embedded machine, or that of a file.
func Machine(name string) (*machine.Machine, error) {
	if name == SVD {
		return machine.GenericSVD()
	}
	m, err := machine.Generic(name)
	if err == nil {
		return m, nil
	}
	if _, statErr := os.Stat(name); errors.Is(statErr, os.ErrNotExist) {
		return nil, fmt.Errorf("%w: %w, and no file of that name", ErrOption, err)
	}
	return machine.Read(name)
}
