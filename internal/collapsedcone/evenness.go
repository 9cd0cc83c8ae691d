package collapsedcone

import (
	"math"

	"github.com/kerma-rt/kerma/geometry"
)

// evenness tells where all densities around a place are about the same.
type evenness struct {
	medium    *medium
	size      [3]int // in cells
	low, high []float32
}

const (
	// contrast is the ratio of densities within reach of electrons up to which
	// their paths are taken as straight: noise of a CT is no reason to bend them.
	contrast = 1.1
	// cell is the side of what extremes of density are kept for, in voxels.
	cell = 2
)

func newEvenness(m *medium) *evenness {
	e := &evenness{medium: m}
	n := m.Size()
	for a := range 3 {
		e.size[a] = (n[a] + cell - 1) / cell
	}
	cells := e.size[0] * e.size[1] * e.size[2]
	e.low, e.high = make([]float32, cells), make([]float32, cells)
	for i := range e.low {
		e.low[i] = math.MaxFloat32
	}
	for k := range n[2] {
		for j := range n[1] {
			for i, d := range m.electron[m.Offset(0, j, k):][:n[0]] {
				at := i/cell + e.size[0]*(j/cell+e.size[1]*(k/cell))
				e.low[at], e.high[at] = min(e.low[at], d), max(e.high[at], d)
			}
		}
	}
	return e
}

// within is the distance (cm) from a place within which no density differs from
// another by more than contrast allows, and whether that is as far as reach
// (g/cm²).
func (e *evenness) within(at [3]float64, reach float64) (distance float64, all bool) {
	m := e.medium
	spacing := m.Spacing()
	density := float64(m.electron[m.Offset(int(at[0]+0.5), int(at[1]+0.5), int(at[2]+0.5))])
	far := contrast * reach / density
	var box geometry.Box // of cells that are even
	for a := range 3 {
		box.Low[a] = int(at[a]+0.5) / cell
		box.High[a] = box.Low[a] + 1
	}
	low, high := e.extremes(box)
	for high <= contrast*low {
		// Grow it by the nearest of its walls. Beyond the medium there is nothing.
		distance = math.Inf(1)
		var slab geometry.Box
		for a, s := range spacing {
			if d := (at[a] + 0.5 - float64(box.Low[a]*cell)) * s / 10; box.Low[a] > 0 && d < distance {
				distance, slab = d, box
				slab.Low[a], slab.High[a] = box.Low[a]-1, box.Low[a]
			}
			if d := (float64(box.High[a]*cell) - at[a] - 0.5) * s / 10; box.High[a] < e.size[a] && d < distance {
				distance, slab = d, box
				slab.Low[a], slab.High[a] = box.High[a], box.High[a]+1
			}
		}
		if distance >= far {
			return far, true
		}
		l, h := e.extremes(slab)
		low, high = min(low, l), max(high, h)
		box = box.Union(slab)
	}
	return distance, false
}

// extremes of the density in a box of cells.
func (e *evenness) extremes(b geometry.Box) (low, high float32) {
	low = math.MaxFloat32
	for k := b.Low[2]; k < b.High[2]; k++ {
		for j := b.Low[1]; j < b.High[1]; j++ {
			row := e.size[0] * (j + e.size[1]*k)
			for i := row + b.Low[0]; i < row+b.High[0]; i++ {
				low, high = min(low, e.low[i]), max(high, e.high[i])
			}
		}
	}
	return low, high
}
