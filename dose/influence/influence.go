package influence

import (
	"context"
	"fmt"
	"math"

	"github.com/kerma-rt/kerma/dose"
	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/heterogeneity"
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
	Threads  int   // goroutines; 0 means one per CPU

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
	if !(r.Threshold >= 0 && r.Threshold < 1) || r.MaxBytes < 0 {
		return nil, fmt.Errorf("%w: threshold %g, at most %d bytes", dose.ErrRequest, r.Threshold, r.MaxBytes)
	}
	m := &Matrix{Grid: r.Grid, Beams: r.Beams}
	if m.Grid.Len() == 0 && r.Tissue != nil && r.Tissue.ElectronDensity != nil {
		m.Grid = r.Tissue.ElectronDensity.Grid
	}
	result, err := r.columns(ctx, func(start, runStart []int64) ([]float32, []Run, error) {
		columns := len(start) - 1
		m.Start, m.RunStart = start, runStart
		needed := bytes(columns, start[columns], runStart[columns])
		if r.MaxBytes > 0 && needed > r.MaxBytes {
			return nil, nil, &SizeError{Needed: needed, Allowed: r.MaxBytes}
		}
		m.Value, m.Run = make([]float32, start[columns]), make([]Run, runStart[columns])
		hugePages(m.Value)
		return m.Value, m.Run, nil
	})
	if err != nil {
		return nil, err
	}
	m.Provenance, m.Warnings = result.Provenance, result.Warnings
	if err := m.finish(ctx, &r, result.Beyond); err != nil {
		return nil, err
	}
	return m, nil
}

// columns asks the engine.
func (r *Request) columns(ctx context.Context, place func(start, runStart []int64) ([]float32, []Run, error)) (*dose.BeamletResult, error) {
	engine := r.Engine
	if engine == nil {
		engine = dose.PencilBeam{}
	}
	reach := r.Cutoff
	if reach == 0 {
		reach = DefaultCutoff
	}
	return engine.Beamlets(ctx, dose.BeamletRequest{
		Tissue: r.Tissue, Machine: r.Machine, Grid: r.Grid, Beams: r.Beams, Reach: reach, Threads: r.Threads, Progress: r.Progress, Place: place,
	})
}

// finish finds what columns have lost and leaves out or scales what the
// request says.
func (m *Matrix) finish(ctx context.Context, r *Request, beyond []float64) error {
	kept, err := m.sums(ctx, r.Threads)
	if err != nil {
		return err
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
		if kept, err = m.sums(ctx, r.Threads); err != nil {
			return err
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
