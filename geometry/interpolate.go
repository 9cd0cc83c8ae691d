package geometry

import (
	"math"

	"gonum.org/v1/gonum/spatial/r3"
)

// Interpolate is the value at p (mm, LPS), linear between the eight voxel
// centres around it:
//
//	v = Σ v_ijk · (1−|x−i|)(1−|y−j|)(1−|z−k|), (x, y, z) the continuous index of p.
//
// A volume reaches to the outer faces of its voxels: in the half voxel beyond
// the outermost centres the value of the nearest centre holds. Further out
// (and where p is not a number) inside is false and the value 0.
func (v *Volume) Interpolate(p r3.Vec) (value float64, inside bool) {
	return v.atIndex(v.Grid.Index(p))
}

// atIndex is Interpolate at a continuous index.
func (v *Volume) atIndex(q r3.Vec) (value float64, inside bool) {
	x, okx := cellOf(q.X, v.Grid.size[0])
	y, oky := cellOf(q.Y, v.Grid.size[1])
	z, okz := cellOf(q.Z, v.Grid.size[2])
	if !okx || !oky || !okz {
		return 0, false
	}
	return v.blend(x, y, z), true
}

// blend is the value between the voxels that three cells name.
func (v *Volume) blend(x, y, z cell) float64 {
	nx, nxy := v.Grid.size[0], v.Grid.size[0]*v.Grid.size[1]
	row := func(offset int) float64 {
		a, b := float64(v.Data[offset+x.low]), float64(v.Data[offset+x.high])
		return a + x.part*(b-a)
	}
	plane := func(offset int) float64 {
		a, b := row(offset+nx*y.low), row(offset+nx*y.high)
		return a + y.part*(b-a)
	}
	a, b := plane(nxy*z.low), plane(nxy*z.high)
	return a + z.part*(b-a)
}

// cell is where a continuous index lies between two neighbouring voxels.
type cell struct {
	low, high int
	part      float64 // 0 at low … 1 at high
}

// cellOf is the cell of continuous index q on an axis of n voxels; false if q
// is beyond the outer faces.
func cellOf(q float64, n int) (cell, bool) {
	if !(q >= -0.5 && q <= float64(n)-0.5) {
		return cell{}, false
	}
	return nearestCell(q, n), true
}

// nearestCell is the cell of the index nearest to q between the outermost
// centres; q is a number.
func nearestCell(q float64, n int) cell {
	q = min(max(q, 0), float64(n-1))
	low := int(math.Floor(q))
	return cell{low: low, high: min(low+1, n-1), part: q - float64(low)}
}
