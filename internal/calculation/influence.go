package calculation

import (
	"fmt"

	"github.com/kerma-rt/kerma/dicom"
	"github.com/kerma-rt/kerma/dose"
	"github.com/kerma-rt/kerma/dose/influence"
	"github.com/kerma-rt/kerma/geometry"
)

// BixelOptions is how an influence matrix is asked for.
type BixelOptions struct {
	Target      string    // name of the structure that the bixels cover
	GantryDeg   []float64 // of each beam
	CouchDeg    []float64 // of each beam, or of all; empty: 0
	Bixel       float64   // side of a bixel, mm
	Margin      float64   // around the target, mm
	Spacing     float64   // of the dose grid, mm
	Machine     string    // an embedded machine, svd, or a machine file
	Engine      string    // name; empty: the first of dose.Engines
	Correction  string    // of the pencil beam; empty: its default
	Calibration string    // name or a JSON file; empty: the default
}

// Bixels turns what is asked for into a request for a matrix: beams on the
// centre of gravity of the target, and the dose of the body. It fails with
// ErrOption, with geometry.ErrStructure, with dose.ErrRequest, and with the
// errors of what the options name.
func Bixels(patient *dicom.Patient, o BixelOptions) (influence.Request, error) {
	var none influence.Request
	switch {
	case patient.CT == nil:
		return none, fmt.Errorf("no CT to compute on: %w", dicom.ErrNotFound)
	case patient.Structures == nil:
		return none, fmt.Errorf("no structures, so none named %q: %w", o.Target, geometry.ErrStructure)
	case !(o.Spacing >= 0.1 && o.Spacing <= 100):
		return none, fmt.Errorf("%w: grid of %g mm: expected a spacing of 0.1 … 100 mm", ErrOption, o.Spacing)
	case len(o.GantryDeg) == 0:
		return none, fmt.Errorf("%w: no gantry angles", ErrOption)
	case len(o.CouchDeg) > 1 && len(o.CouchDeg) != len(o.GantryDeg):
		return none, fmt.Errorf("%w: %d couch angles for %d gantry angles", ErrOption, len(o.CouchDeg), len(o.GantryDeg))
	}
	engine, err := Engine(o.Engine, o.Correction)
	if err != nil {
		return none, err
	}
	beamlets, ok := engine.(dose.Beamlets)
	if !ok {
		return none, fmt.Errorf("%w: engine %q gives no dose of single bixels", ErrOption, engine.Name())
	}
	m, err := Machine(o.Machine)
	if err != nil {
		return none, err
	}
	target, err := patient.Structures.Named(o.Target)
	if err != nil {
		return none, err
	}
	ct := patient.CT.Volume.Grid
	mask, warnings, err := geometry.NewMask(ct, target)
	if err != nil {
		return none, err
	}
	calibration, err := Calibration(o.Calibration)
	if err != nil {
		return none, err
	}
	r := influence.Request{Engine: beamlets, Machine: m}
	if r.Tissue, err = calibration.Apply(patient.CT.Volume, patient.Structures); err != nil {
		return none, err
	}
	r.Tissue.Warnings = append(r.Tissue.Warnings, warnings...)
	if r.Grid, err = doseGrid(ct, patient.Structures, "", o.Spacing); err != nil {
		return none, err
	}
	for i, gantry := range o.GantryDeg {
		pose := geometry.Pose{Position: patient.CT.Position, Isocentre: influence.Isocentre(mask), SAD: m.SAD, GantryDeg: gantry}
		switch len(o.CouchDeg) {
		case 0:
		case 1:
			pose.CouchDeg = o.CouchDeg[0]
		default:
			pose.CouchDeg = o.CouchDeg[i]
		}
		bixels, err := influence.Cover(mask, o.Margin, pose, o.Bixel)
		if err != nil {
			return none, fmt.Errorf("gantry %g°, couch %g°: %w", pose.GantryDeg, pose.CouchDeg, err)
		}
		bixels.Name = fmt.Sprintf("G%g C%g", pose.GantryDeg, pose.CouchDeg)
		r.Beams = append(r.Beams, bixels)
	}
	return r, nil
}
