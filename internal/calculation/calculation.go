// Package calculation is one plan on one patient from the names that a person
// gives (engine, machine, correction, structure) to a dose and what is written
// of it. The command and the bindings share it.
package calculation

import (
	"context"
	"errors"
	"fmt"

	"github.com/kerma-rt/kerma/dicom"
	"github.com/kerma-rt/kerma/dose"
	"github.com/kerma-rt/kerma/dose/beam"
	"github.com/kerma-rt/kerma/dose/dvh"
	"github.com/kerma-rt/kerma/geometry"
)

// ErrOption is wrapped by errors about a name or a number that was asked for
// and is none.
var ErrOption = errors.New("no such option")

// Options is how a dose is asked for. The zero value of every field but
// Spacing stands for the default.
type Options struct {
	Engine        string  // name; empty: the first of dose.Engines
	Heterogeneity string  // correction of the pencil beam; empty: its default
	Machine       string  // generic, an embedded machine, svd, or a machine file; empty: generic
	Calibration   string  // name or a JSON file; empty: the default
	Spacing       float64 // of the dose grid, mm
	ROI           string  // structure to compute around; empty: the body
	FractionGroup int     // number; 0 where the plan has only one
	Threads       int     // goroutines; 0: one per CPU
}

// Calculation is one plan on one patient, and its dose once it is computed.
type Calculation struct {
	Patient *dicom.Patient
	Plan    *beam.Plan
	Engine  dose.Engine
	Request dose.Request

	Result     *dose.Result
	Histograms []dvh.Histogram
}

// New turns what is asked for into an engine and its request. It fails with
// ErrOption, and with the errors of what the options name: a file that is no
// machine, a structure that is not in the set, a fraction group that the plan
// lacks.
func New(patient *dicom.Patient, plan *beam.Plan, o Options) (*Calculation, error) {
	switch {
	case patient.CT == nil:
		return nil, fmt.Errorf("no CT to compute on: %w", dicom.ErrNotFound)
	case !(o.Spacing >= 0.1 && o.Spacing <= 100):
		return nil, fmt.Errorf("%w: grid of %g mm: expected a spacing of 0.1 … 100 mm", ErrOption, o.Spacing)
	case o.Threads < 0:
		return nil, fmt.Errorf("%w: %d threads", ErrOption, o.Threads)
	case o.FractionGroup < 0:
		return nil, fmt.Errorf("%w: fraction group %d", ErrOption, o.FractionGroup)
	}
	engine, err := Engine(o.Engine, o.Heterogeneity)
	if err != nil {
		return nil, err
	}
	if _, err := plan.Group(o.FractionGroup); err != nil {
		return nil, err
	}
	calibration, err := Calibration(o.Calibration)
	if err != nil {
		return nil, err
	}
	machines, err := Machines(o.Machine)
	if err != nil {
		return nil, err
	}
	tissue, err := calibration.Apply(patient.CT.Volume, patient.Structures)
	if err != nil {
		return nil, err
	}
	grid, err := doseGrid(patient.CT.Volume.Grid, patient.Structures, o.ROI, o.Spacing)
	if err != nil {
		return nil, err
	}
	return &Calculation{Patient: patient, Plan: plan, Engine: engine, Request: dose.Request{
		Tissue: tissue, Plan: plan, Machines: machines, Grid: grid,
		FractionGroup: o.FractionGroup, Threads: o.Threads,
	}}, nil
}

// Compute sets Result and Histograms.
func (c *Calculation) Compute(ctx context.Context) error {
	result, err := c.Engine.Compute(ctx, c.Request)
	if err != nil {
		return err
	}
	c.Result, c.Histograms = result, dvh.Compute(result.Dose, c.Patient.Structures)
	return nil
}

// doseGrid covers the structure that was asked for, else the body, else the CT.
func doseGrid(ct geometry.Grid, set *geometry.StructureSet, roi string, spacing float64) (geometry.Grid, error) {
	if roi != "" {
		if set == nil {
			return geometry.Grid{}, fmt.Errorf("no structures, so none named %q: %w", roi, geometry.ErrStructure)
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
