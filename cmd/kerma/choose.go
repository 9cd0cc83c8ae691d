package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/kerma-rt/kerma/dose"
	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/heterogeneity"
)

// choose turns names on the command line into engine, tissue, machines and grid.
func (o *doseOptions) choose(c *calculation) error {
	var err error
	if c.engine, err = engineNamed(o.engine, o.heterogeneity); err != nil {
		return err
	}
	if _, err := c.plan.Group(o.group); err != nil {
		return fmt.Errorf("%w; --fraction-group chooses", err)
	}
	calibration, err := calibrationNamed(o.calibration)
	if err != nil {
		return err
	}
	machines, err := machinesNamed(o.machine)
	if err != nil {
		return err
	}
	tissue, err := calibration.Apply(c.patient.CT.Volume, c.patient.Structures)
	if err != nil {
		return err
	}
	grid, err := doseGrid(c.patient.CT.Volume.Grid, c.patient.Structures, o.roi, o.grid)
	if err != nil {
		return err
	}
	c.request = dose.Request{
		Tissue: tissue, Plan: c.plan, Machines: machines, Grid: grid,
		FractionGroup: o.group, Threads: o.threads,
	}
	return nil
}

func engineNamed(name, correction string) (dose.Engine, error) {
	for _, e := range dose.Engines() {
		if e.Name() != name {
			continue
		}
		if correction == "" {
			return e, nil
		}
		pencil, ok := e.(dose.PencilBeam)
		if !ok {
			return nil, usageError{fmt.Errorf("--heterogeneity goes with the pencil beam: %s corrects by its own physics", name)}
		}
		c, err := heterogeneity.CorrectionNamed(correction)
		if err != nil {
			return nil, usageError{err}
		}
		pencil.Heterogeneity = c
		return pencil, nil
	}
	return nil, usageError{fmt.Errorf("no engine %q", name)}
}

func calibrationNamed(name string) (*heterogeneity.Calibration, error) {
	c, err := heterogeneity.CalibrationNamed(name)
	if err == nil {
		return c, nil
	}
	f, openErr := os.Open(name)
	if openErr != nil {
		return nil, usageError{fmt.Errorf("%w, and no file of that name", err)}
	}
	defer f.Close()
	if c, err = heterogeneity.ReadCalibration(f); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return c, nil
}

func machinesNamed(name string) (machine.Set, error) {
	if name == "generic" {
		return machine.GenericSet()
	}
	m, err := machineNamed(name)
	if err != nil {
		return nil, err
	}
	return machine.Set{m}, nil
}

// svdName is what machine.GenericSVD is called on the command line.
const svdName = "svd"

// machineNamed is an embedded machine, or that of a file.
func machineNamed(name string) (*machine.Machine, error) {
	if name == svdName {
		return machine.GenericSVD()
	}
	m, err := machine.Generic(name)
	if err == nil {
		return m, nil
	}
	if _, statErr := os.Stat(name); errors.Is(statErr, os.ErrNotExist) {
		return nil, usageError{fmt.Errorf("%w, and no file of that name", err)}
	}
	return machine.Read(name)
}

// doseGrid covers the structure that was asked for, else the body, else the CT.
func doseGrid(ct geometry.Grid, set *geometry.StructureSet, roi string, spacing float64) (geometry.Grid, error) {
	if roi != "" {
		if set == nil {
			return geometry.Grid{}, fmt.Errorf("no structures, so none named %q", roi)
		}
		s, err := set.Named(roi)
		if err != nil {
			return geometry.Grid{}, err
		}
		return ct.Around(s, spacing, spacing)
	}
	if set != nil {
		if body, err := set.External(); err == nil {
			return ct.Around(body, spacing, 0)
		}
	}
	return ct.WithSpacing([3]float64{spacing, spacing, spacing})
}
