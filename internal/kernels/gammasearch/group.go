package gammasearch

import "math"

// lanes is how many points are searched for side by side.
const lanes = 8

// group is up to eight points that are searched for side by side, or points
// with a cell each: what the vector kernels read and write, a row of eight
// numbers for each quantity. Places are in cells of the lattice, relative to
// the home cell of each point. The generator of the kernels knows the layout of
// this and of slot.
type group struct {
	v    [rows][lanes]float64
	span [lanes]int32 // index of the home cell's span
	cell [lanes]int32 // index in the dose of the lowest corner: of the home cell, or of the cell to settle
	step [3]int64     // bytes between the corners of a cell

	first  int64 // number of the first point, for those that are put off
	queued int64 // how many are put off

	// Out: a bit for each point that has a cell with dose in reach, or whose
	// cell could not be settled.
	bits uint64
}

// slot is eight cells that are put off until eight are together.
type slot struct {
	v     [rowOverflow][lanes]float64
	point [lanes]int32
	cell  [lanes]int32
}

// The rows of a group.
const (
	// Points: place in the home cell, dose, 1/ΔD.
	rowFX = iota
	rowFY
	rowFZ
	rowDose
	rowScale

	// In: the limit, or zero for no point. Out: the least γ² found, and where
	// and with which t.
	rowBest
	rowX
	rowY
	rowZ
	rowT

	// The cell to settle.
	rowCellX
	rowCellY
	rowCellZ

	// Out: one for a point with more to put off than there is room for.
	rowOverflow

	rowConstants
)

// rows leaves room for what the kernels keep to themselves.
const rows = 120

// slots is the room for what is put off; the queue is emptied as far as it can
// be when half of it is full.
const slots = 32

// constants are the rows that are the same for all points, in the order in
// which the kernels expect them.
func (s *Search) constants() []float64 {
	f := s.field
	return []float64{
		s.k2.x, s.k2.y, s.k2.z, s.ik2.x, s.ik2.y, s.ik2.z, s.ik.x, s.ik.y, s.ik.z,
		s.width.x, s.width.y, s.width.z,
		float64(f.margin[0]), float64(f.margin[1]), float64(f.margin[2]),
		-float64(f.margin[0]), -float64(f.margin[1]), -float64(f.margin[2]),
		float64(f.width[0]), float64(f.width[0] * f.width[1]), float64(f.size[0]), float64(f.size[0] * f.size[1]),
		s.stop, f.limit, 1 - tolerance, 1 - progress, 1, definite, 0.25,
		math.Float64frombits(1<<63 - 1), // all but the sign
		1 / s.k.x, 1 / s.k.y, 1 / s.k.z, 1.0 / 3,
	}
}

// newGroup is a group without points.
func (s *Search) newGroup() *group {
	g := &group{}
	for i, x := range s.constants() {
		for l := range lanes {
			g.v[rowConstants+i][l] = x
		}
	}
	for a, step := range s.field.step {
		g.step[a] = 4 * int64(step)
	}
	return g
}
