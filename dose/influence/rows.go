package influence

import (
	"context"
	"fmt"
	"io"

	"github.com/kerma-rt/kerma/dose"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/internal/kernels/sparse"
)

// Rows is a Matrix by rows: what each voxel of Grid gets from the bixels, for
// who asks for the dose of some voxels or treats voxels one by one. The bixels
// of a row ascend, and are given as runs of consecutive ones.
type Rows struct {
	Grid  geometry.Grid
	Beams []dose.Bixels

	Value    []float32 // Gy for one monitor unit; those of voxel i are Value[Start[i]:Start[i+1]]
	Start    []int64   // one more than there are voxels
	Run      []Run     // of bixels; those of voxel i are Run[RunStart[i]:RunStart[i+1]]
	RunStart []int64   // one more than there are voxels
}

// Rows is the matrix by rows, a copy. It fails with ErrMatrix and with the error
// of ctx.
func (m *Matrix) Rows(ctx context.Context) (*Rows, error) {
	t, err := m.lines().Transpose(ctx, m.Voxels(), 0)
	if err != nil {
		return nil, impossible(ctx, err)
	}
	return &Rows{Grid: m.Grid, Beams: m.Beams, Value: t.Value, Start: t.Start, Run: t.Run, RunStart: t.RunStart}, nil
}

// Voxels is the number of rows.
func (r *Rows) Voxels() int { return r.Grid.Len() }

// Columns is the number of bixels.
func (r *Rows) Columns() int {
	n := 0
	for _, b := range r.Beams {
		n += len(b.Centre)
	}
	return n
}

// Multiply is that of Matrix, but for the order in which it sums.
func (r *Rows) Multiply(dose []float32, weights []float64) error {
	if err := fits(r, len(dose), len(weights)); err != nil {
		return err
	}
	w := make([]float32, len(weights))
	for j, v := range weights {
		w[j] = float32(v)
	}
	sum := make([]float64, len(dose))
	ctx := context.Background()
	if err := r.lines().Dot(ctx, sum, w, 0); err != nil {
		return impossible(ctx, err)
	}
	for i, s := range sum {
		dose[i] = float32(s)
	}
	return nil
}

// WriteNPZ is that of Matrix, for a csr_matrix.
func (r *Rows) WriteNPZ(ctx context.Context, w io.Writer) error {
	m := &Matrix{Value: r.Value, Start: r.Start, Run: r.Run, RunStart: r.RunStart}
	if err := m.validFor(r.Columns()); err != nil {
		return err
	}
	entries := int64(len(r.Value))
	return writeNPZ(w, "csr", [2]int{r.Voxels(), r.Columns()}, entries, wide(entries), m.once(ctx))
}

func (r *Rows) lines() sparse.Lines {
	return sparse.Lines{Value: r.Value, Start: r.Start, Run: r.Run, RunStart: r.RunStart}
}

// impossible says what an error of the kernels means, unless it is that of ctx.
func impossible(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	return fmt.Errorf("%w: %w", ErrMatrix, err)
}
