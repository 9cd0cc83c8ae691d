// Package influence makes and applies dose-influence matrices: the dose that
// every bixel of a set of beams gives to every voxel.
package influence

import (
	"github.com/kerma-rt/kerma/dose"
	"github.com/kerma-rt/kerma/geometry"
)

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
