package influence

import (
	"context"
	"errors"
	"fmt"

	"github.com/kerma-rt/kerma/internal/kernels/sparse"
)

// ErrLength is wrapped by errors about vectors that do not fit a matrix.
var ErrLength = errors.New("influence: wrong length")

// ErrMatrix is wrapped by errors about a matrix that contradicts itself: runs
// outside of its grid or not ascending, or other numbers of values than they
// have voxels. Matrices that Compute made are never such.
var ErrMatrix = errors.New("influence: impossible matrix")

// Multiply sets dose (Gy, one a voxel) to what bixels of the given weights (MU,
// one a column) give together, summed in float64 column by column. Weights are
// rounded to float32, so that the result is the same bits on every level of
// vector instructions. It fails with ErrLength and ErrMatrix; dose is undefined
// then.
func (m *Matrix) Multiply(dose []float32, weights []float64) error {
	if err := fits(m, len(dose), len(weights)); err != nil {
		return err
	}
	if err := m.lines().Multiply(context.Background(), dose, weights, 0); err != nil {
		return fmt.Errorf("%w: %w", ErrMatrix, err)
	}
	return nil
}

// MultiplyTransposed sets gradient (one a column) to what a change of each
// weight adds to an objective whose derivative by the dose of each voxel is
// doseGradient, summed in float64. The result is the same bits on every level
// of vector instructions. It fails with ErrLength and ErrMatrix; gradient is
// undefined then.
func (m *Matrix) MultiplyTransposed(gradient []float64, doseGradient []float32) error {
	if err := fits(m, len(doseGradient), len(gradient)); err != nil {
		return err
	}
	if err := m.lines().Dot(context.Background(), gradient, doseGradient, 0); err != nil {
		return fmt.Errorf("%w: %w", ErrMatrix, err)
	}
	return nil
}

func (m *Matrix) lines() sparse.Lines {
	return sparse.Lines{Value: m.Value, Start: m.Start, Run: m.Run, RunStart: m.RunStart}
}

func fits(m interface {
	Voxels() int
	Columns() int
}, voxels, columns int) error {
	if voxels != m.Voxels() || columns != m.Columns() {
		return fmt.Errorf("%w: %d voxels and %d columns for a matrix of %d × %d", ErrLength, voxels, columns, m.Voxels(), m.Columns())
	}
	return nil
}
