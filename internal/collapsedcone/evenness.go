package collapsedcone

import "math"

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
	cell = 4
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

// within says that no density as far from a voxel as reach (g/cm²) differs from
// another by more than contrast allows.
func (e *evenness) within(at [3]float64, reach float64) bool {
	m := e.medium
	n := m.Size()
	density := float64(m.electron[m.Offset(int(at[0]+0.5), int(at[1]+0.5), int(at[2]+0.5))])
	var first, last [3]int
	for a, s := range m.Spacing() {
		voxels := contrast * reach / density / (s / 10)
		first[a] = int(max(at[a]-voxels, 0)) / cell
		last[a] = int(min(at[a]+voxels+1, float64(n[a]-1))) / cell
	}
	low, high := float32(math.MaxFloat32), float32(0)
	for k := first[2]; k <= last[2]; k++ {
		for j := first[1]; j <= last[1]; j++ {
			row := e.size[0] * (j + e.size[1]*k)
			for i := first[0]; i <= last[0]; i++ {
				low, high = min(low, e.low[row+i]), max(high, e.high[row+i])
			}
			if high > contrast*low {
				return false
			}
		}
	}
	return true
}
