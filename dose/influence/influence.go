package influence

import (
	"context"
	"fmt"
	"math"

	"github.com/kerma-rt/kerma/dose"
	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/heterogeneity"
	"github.com/kerma-rt/kerma/internal/hugepages"
	"github.com/kerma-rt/kerma/internal/kernels/beamlet"
)

// Request asks for the matrix of some beams.
type Request struct {
	Engine  dose.Beamlets // nil: dose.PencilBeam{}
	Tissue  *heterogeneity.Tissue
	Machine *machine.Machine
	Grid    geometry.Grid // dose grid; empty: the CT's
	Beams   []dose.Bixels

	Cutoff     float64 // mm in the isocentre plane from the centre of a bixel beyond which its dose is left out; 0: 50
	Threshold  float64 // share of a column's largest value below which values are left out, 0 … 1
	Compensate bool    // scales each column by what has been left out of it, 1/(1 − Lost): its dose summed over the body stays

	MaxBytes int64 // that the matrix may take; 0: no limit
	// Reuse, if set, is a matrix no longer needed, which is empty afterwards: the
	// new one takes its memory where that suffices. Touching new memory takes as long as the dose.
	Reuse   *Matrix
	Threads int // goroutines; 0 means one per CPU

	// Progress, if set, is called from one goroutine with the finished share
	// of the work, 0…1, rising, at most 20 times a second.
	Progress func(done float64)
}

// DefaultCutoff is the reach of bixels where a Request names none, mm.
const DefaultCutoff = 50

// SizeError says that a matrix would take more memory than allowed.
type SizeError struct {
	Needed, Allowed int64 // bytes
}

func (e *SizeError) Error() string {
	return fmt.Sprintf("influence: the matrix takes %d bytes, %d are allowed", e.Needed, e.Allowed)
}

// bytes is what a matrix of so many columns, values and runs takes.
func bytes(columns int, values, runs int64) int64 {
	return 4*values + 8*runs + 24*int64(columns) + 16
}

// Compute makes the matrix of a request. It fails with a *SizeError before
// any dose is computed where MaxBytes does not suffice, with dose.ErrRequest,
// with the errors of package machine and with that of ctx. The same request
// gives the same bits whatever the number of goroutines.
func Compute(ctx context.Context, r Request) (*Matrix, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	m := &Matrix{Grid: r.grid(), Beams: r.Beams}
	if old := r.Reuse; old != nil {
		m.Value, m.Run = old.Value[:0], old.Run[:0]
		*old = Matrix{}
	}
	if err := m.compute(ctx, &r, 0, 0); err != nil {
		return nil, err
	}
	return m, nil
}

func (r *Request) check() error {
	if !(r.Threshold >= 0 && r.Threshold < 1) || r.MaxBytes < 0 {
		return fmt.Errorf("%w: threshold %g, at most %d bytes", dose.ErrRequest, r.Threshold, r.MaxBytes)
	}
	return nil
}

// grid is that of the dose; empty where there is no tissue.
func (r *Request) grid() geometry.Grid {
	if r.Grid.Len() == 0 && r.Tissue != nil && r.Tissue.ElectronDensity != nil {
		return r.Tissue.ElectronDensity.Grid
	}
	return r.Grid
}

// compute makes the columns from … to−1, or all where to is 0, in the memory
// that m has, as far as it suffices.
func (m *Matrix) compute(ctx context.Context, r *Request, from, to int) error {
	result, err := r.columns(ctx, from, to, func(start, runStart []int64) ([]float32, []Run, error) {
		columns := len(start) - 1
		m.Start, m.RunStart = start, runStart
		needed := bytes(columns, start[columns], runStart[columns])
		if r.MaxBytes > 0 && needed > r.MaxBytes {
			return nil, nil, &SizeError{Needed: needed, Allowed: r.MaxBytes}
		}
		if values := start[columns]; int64(cap(m.Value)) < values {
			m.Value = make([]float32, values)
			hugepages.Advise(m.Value)
		}
		if runs := runStart[columns]; int64(cap(m.Run)) < runs {
			m.Run = make([]Run, runs)
			hugepages.Advise(m.Run)
		}
		m.Value, m.Run = m.Value[:start[columns]], m.Run[:runStart[columns]]
		return m.Value, m.Run, nil
	})
	if err != nil {
		return err
	}
	m.Provenance, m.Warnings = result.Provenance, result.Warnings
	return m.finish(ctx, r, result.Within, result.Beyond)
}

// columns asks the engine for the columns from … to−1, or all where to is 0.
func (r *Request) columns(ctx context.Context, from, to int, place func(start, runStart []int64) ([]float32, []Run, error)) (*dose.BeamletResult, error) {
	return r.engine().Beamlets(ctx, dose.BeamletRequest{
		Tissue: r.Tissue, Machine: r.Machine, Grid: r.Grid, Beams: r.Beams, Reach: r.reach(),
		From: from, To: to, Threads: r.Threads, Progress: r.Progress, Place: place,
	})
}

// reach is Cutoff, with its default.
func (r *Request) reach() float64 {
	if r.Cutoff == 0 {
		return DefaultCutoff
	}
	return r.Cutoff
}

// finish finds what columns have lost and leaves out or scales what the
// request says.
func (m *Matrix) finish(ctx context.Context, r *Request, kept, beyond []float64) error {
	if len(kept) != m.Columns() || len(beyond) != m.Columns() {
		return fmt.Errorf("influence: the engine gives sums of %d and %d columns, there are %d", len(kept), len(beyond), m.Columns())
	}
	whole := make([]float64, len(kept))
	for j, k := range kept {
		whole[j] = k + beyond[j]
		if math.IsNaN(whole[j]) || math.IsInf(whole[j], 0) {
			return fmt.Errorf("influence: column %d sums up to %v Gy", j, whole[j])
		}
	}
	if r.Threshold > 0 {
		if err := m.thin(ctx, r.Threshold, r.Threads); err != nil {
			return err
		}
		for j := range kept {
			value, _ := m.column(j)
			kept[j] = beamlet.Sum(value)
		}
	}
	m.Lost = make([]float64, len(kept))
	for j, k := range kept {
		if whole[j] > 0 {
			m.Lost[j] = min(max(1-k/whole[j], 0), 1)
		}
	}
	if r.Compensate {
		return m.compensate(ctx, r.Threads)
	}
	return nil
}
