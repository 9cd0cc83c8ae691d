// Package influence makes and applies dose-influence matrices: the dose that
// every bixel of a set of beams gives to every voxel.
package influence

import (
	"errors"
	"fmt"

	"github.com/kerma-rt/kerma/dose"
	"github.com/kerma-rt/kerma/geometry"
)

// ErrLength is wrapped by errors about vectors that do not fit a matrix.
var ErrLength = errors.New("influence: wrong length")

// Matrix is sparse, by columns: a row is a voxel of Grid, x fastest, a column a
// bixel, beam after beam. The voxels of a column ascend, and are given as runs
// of consecutive ones.
type Matrix struct {
	Grid  geometry.Grid
	Beams []dose.Bixels

	// Value is Gy for a fluence of one monitor unit through the bixel; those
	// of column j are Value[Start[j]:Start[j+1]].
	Value []float32
	Start []int64 // one more than there are columns
	// Run holds the voxels of these values in their order; the runs of column
	// j are Run[RunStart[j]:RunStart[j+1]].
	Run      []Run
	RunStart []int64 // one more than there are columns

	// Lost is the share of each column's dose, summed over the body, that has
	// been left out by the cut-off and the threshold, 0…1.
	Lost []float64

	Provenance dose.Provenance
	Warnings   []string
}

// Run is the voxels First, First+1, …, End−1.
type Run = dose.Run

// Columns is the number of bixels.
func (m *Matrix) Columns() int { return max(len(m.Start)-1, 0) }

// Voxels is the number of rows: every voxel of the grid has one.
func (m *Matrix) Voxels() int { return m.Grid.Len() }

// Entries is the number of values stored.
func (m *Matrix) Entries() int { return len(m.Value) }

// Index appends the voxel of every value of a column to dst.
func (m *Matrix) Index(dst []int32, column int) []int32 {
	for _, r := range m.Run[m.RunStart[column]:m.RunStart[column+1]] {
		for v := r.First; v < r.End; v++ {
			dst = append(dst, v)
		}
	}
	return dst
}

// Multiply sets dose (Gy, one a voxel) to what bixels of the given weights (MU,
// one a column) give together. It fails with ErrLength.
func (m *Matrix) Multiply(dose []float32, weights []float64) error {
	if err := m.check(len(dose), len(weights)); err != nil {
		return err
	}
	clear(dose)
	for j, w := range weights {
		value := m.Value[m.Start[j]:m.Start[j+1]]
		for _, r := range m.Run[m.RunStart[j]:m.RunStart[j+1]] {
			n := r.End - r.First
			for i, d := range dose[r.First:r.End] {
				dose[int(r.First)+i] = d + float32(w)*value[i]
			}
			value = value[n:]
		}
	}
	return nil
}

// MultiplyTransposed sets gradient (one a column) to what a change of each
// weight adds to an objective whose derivative by the dose of each voxel is
// doseGradient. It fails with ErrLength.
func (m *Matrix) MultiplyTransposed(gradient []float64, doseGradient []float32) error {
	if err := m.check(len(doseGradient), len(gradient)); err != nil {
		return err
	}
	for j := range gradient {
		value := m.Value[m.Start[j]:m.Start[j+1]]
		var sum float64
		for _, r := range m.Run[m.RunStart[j]:m.RunStart[j+1]] {
			for i, g := range doseGradient[r.First:r.End] {
				sum += float64(g) * float64(value[i])
			}
			value = value[r.End-r.First:]
		}
		gradient[j] = sum
	}
	return nil
}

func (m *Matrix) check(voxels, columns int) error {
	if voxels != m.Voxels() || columns != m.Columns() {
		return fmt.Errorf("%w: %d voxels and %d columns for a matrix of %d × %d", ErrLength, voxels, columns, m.Voxels(), m.Columns())
	}
	return nil
}
