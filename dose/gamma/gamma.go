// Package gamma compares two dose distributions by the gamma index.
//
// For a reference voxel centre r with dose D_r, over all places x inside the
// evaluated grid (the box from its first to its last voxel centre),
//
//	γ(r) = min over x of sqrt( |x − r|²/Δd² + (D_e(x) − D_r)²/ΔD² )
//
// with the distance criterion Δd and the dose criterion ΔD, a percentage of
// the normalisation dose (global) or of D_r (local). D_e is interpolated
// linearly along each axis, never beyond the grid. The minimum is that of the
// continuous interpolant, proven to 1e-7 relative, not the least of a set of
// samples: samples can only lie above it, which fails points that pass.
//
// Source: D. A. Low, W. B. Harms, S. Mutic, J. A. Purdy, Med. Phys. 25 (1998)
// 656; interpolation between points: T. Ju et al., Med. Phys. 35 (2008) 879.
package gamma

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/kerma-rt/kerma/geometry"
)

// ErrCriteria is wrapped by errors about settings that make no sense.
var ErrCriteria = errors.New("gamma: invalid criteria")

// ErrDose is wrapped by errors about dose that cannot be compared: no volume,
// infinite values, a reference without dose.
var ErrDose = errors.New("gamma: invalid dose")

// ErrNoPoints is wrapped by the error that no point has a gamma, so that there
// is no pass rate.
var ErrNoPoints = errors.New("gamma: no point to compare")

// Criteria are the settings of a comparison.
type Criteria struct {
	DosePercent   float64 `json:"dose_percent"`   // ΔD, % of the normalisation (local: of the reference dose at the point)
	Distance      float64 `json:"distance_mm"`    // Δd, mm
	CutoffPercent float64 `json:"cutoff_percent"` // reference points below this % of the normalisation are left out, in local mode too
	Local         bool    `json:"local"`

	// MaxGamma bounds the search to MaxGamma·Distance; larger values are
	// stored as MaxGamma. 0 means 2.
	MaxGamma float64 `json:"max_gamma"`

	// Normalisation is the dose of 100 % in Gy; 0 means the maximum of the
	// reference.
	Normalisation float64 `json:"normalisation_gy"`

	// StopOncePassed ends the search at a point as soon as it is known to
	// pass. It leaves the pass rate as it is, but the values of passing points
	// and the mean are then only upper bounds.
	StopOncePassed bool `json:"stop_once_passed"`

	// Samples replaces the exact minimum by samples on concentric shells that
	// are Distance/Samples apart, as pymedphys takes them (its interp_fraction),
	// for comparison with it. 0 means exact.
	Samples int `json:"samples_per_distance"`

	// Subset compares only so many reference points, drawn at random with
	// Seed from those that would be compared. 0 means all.
	Subset int    `json:"subset"`
	Seed   uint64 `json:"seed"`

	Threads int `json:"-"` // goroutines; 0 means one per CPU. The result does not depend on it
}

// Result is a comparison: the gamma of every reference point and their
// summary, with the criteria as they were applied (MaxGamma and Normalisation
// filled in).
type Result struct {
	Criteria

	PassRate float64 `json:"pass_rate"` // points with γ ≤ 1, % of Points
	Points   int     `json:"points"`    // reference points with a gamma
	Passed   int     `json:"passed"`    // of these, with γ ≤ 1
	Mean     float64 `json:"mean"`
	Max      float64 `json:"max"`

	// Reference points without a gamma, each counted once.
	BelowCutoff int `json:"below_cutoff"`
	NoReference int `json:"no_reference"` // not a number in the reference
	NoCriterion int `json:"no_criterion"` // local, with zero reference dose
	NotDrawn    int `json:"not_drawn"`    // left out by Subset
	NoData      int `json:"no_data"`      // no evaluated dose within MaxGamma·Distance

	// Unproven counts points whose minimum was not proven within the effort
	// allowed; their gamma may be above the true one. It is 0 unless the dose
	// of neighbouring voxels jumps by many dose criteria in all directions.
	Unproven int `json:"unproven"`

	// Gamma is on the reference grid, NaN where there is none. Values keep
	// their side of 1 when they are rounded to float32.
	Gamma *geometry.Volume `json:"-"`
}

// Compute compares an evaluated dose (Gy), which is interpolated and searched,
// with a reference dose (Gy), whose voxel centres are the points. The two may
// have any grids, oblique to each other too. The roles are not
// interchangeable.
//
// Not a number means no dose: such a reference point is left out, and a cell
// of the evaluated grid with such a corner counts as outside the grid. An axis
// of one voxel has no extent: two volumes with one slice in the same plane
// are compared in two dimensions. It is an error when two such planes are
// parallel but apart.
//
// The result is the same for any number of goroutines. On cancellation it
// returns ctx.Err().
func Compute(ctx context.Context, reference, evaluated *geometry.Volume, c Criteria) (*Result, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if err := checkDose("reference", reference); err != nil {
		return nil, err
	}
	if err := checkDose("evaluated", evaluated); err != nil {
		return nil, err
	}
	if c.MaxGamma == 0 {
		c.MaxGamma = 2
	}
	if reach := float64(c.Samples) * c.MaxGamma; reach > maxShells {
		return nil, fmt.Errorf("%w: %d samples to a maximum gamma of %g are %g shells, more than %d", ErrCriteria, c.Samples, c.MaxGamma, reach, maxShells)
	}
	for _, h := range evaluated.Grid.Spacing() {
		if ratio := h / c.Distance; !(ratio > 1e-6 && ratio < 1e6) {
			return nil, fmt.Errorf("%w: voxels of %g mm and a distance criterion of %g mm have nothing to do with each other", ErrCriteria, h, c.Distance)
		}
	}
	if c.Normalisation == 0 {
		if c.Normalisation = maximum(reference.Data); !(c.Normalisation > 0) {
			return nil, fmt.Errorf("%w: the reference has no dose above zero, so 100 %% is not defined", ErrDose)
		}
	}
	place, err := relate(reference.Grid, evaluated.Grid)
	if err != nil {
		return nil, err
	}
	r := &Result{Criteria: c, Gamma: geometry.NewVolume(reference.Grid)}
	r.choose(reference)
	if err := r.search(ctx, reference, evaluated, place); err != nil {
		return nil, err
	}
	if r.Points == 0 {
		return nil, fmt.Errorf("%w: of %d reference voxels %d are below the cutoff of %g Gy, %d hold no number, %d have no criterion, %d have no evaluated dose within %g mm",
			ErrNoPoints, reference.Grid.Len(), r.BelowCutoff, c.cutoff(), r.NoReference, r.NoCriterion, r.NoData, c.reach())
	}
	return r, nil
}

// cutoff is the least reference dose that is compared, in Gy.
func (c Criteria) cutoff() float64 { return c.CutoffPercent / 100 * c.Normalisation }

// reach is how far from a point the search goes, in mm.
func (c Criteria) reach() float64 { return c.MaxGamma * c.Distance }

func (c Criteria) check() error {
	for _, s := range []struct {
		name             string
		value, low, high float64
		zero             bool // 0 is allowed, too
	}{
		{"dose criterion in %", c.DosePercent, 1e-3, 1e3, false},
		{"distance criterion in mm", c.Distance, 1e-3, 1e3, false},
		{"cutoff in %", c.CutoffPercent, 1e-9, 1e3, true},
		{"maximum gamma", c.MaxGamma, 1e-3, 1e3, true},
		{"normalisation dose in Gy", c.Normalisation, 1e-12, 1e12, true},
	} {
		if !(s.value >= s.low && s.value <= s.high || s.zero && s.value == 0) {
			return fmt.Errorf("%w: %s is %g, not between %g and %g", ErrCriteria, s.name, s.value, s.low, s.high)
		}
	}
	if c.Samples < 0 || c.Subset < 0 || c.Threads < 0 {
		return fmt.Errorf("%w: samples %d, subset %d, threads %d: none may be negative", ErrCriteria, c.Samples, c.Subset, c.Threads)
	}
	return nil
}

func checkDose(name string, v *geometry.Volume) error {
	if v == nil || v.Grid.Len() == 0 {
		return fmt.Errorf("%w: the %s is empty", ErrDose, name)
	}
	if len(v.Data) != v.Grid.Len() {
		return fmt.Errorf("%w: the %s has %d values for %d voxels", ErrDose, name, len(v.Data), v.Grid.Len())
	}
	for i, d := range v.Data {
		if d > math.MaxFloat32 || d < -math.MaxFloat32 {
			return fmt.Errorf("%w: the %s is infinite at voxel %d", ErrDose, name, i)
		}
	}
	return nil
}

func maximum(data []float32) float64 {
	m := float32(math.Inf(-1))
	for _, d := range data {
		if d > m {
			m = d
		}
	}
	return float64(m)
}
