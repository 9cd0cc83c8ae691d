package geometry

import (
	"context"
	"math"

	"github.com/kerma-rt/kerma/internal/kernels/parallel"
	"gonum.org/v1/gonum/spatial/r3"
)

// Resample is v seen on grid g: each voxel of g takes the interpolated value
// at its centre (see Interpolate), and the value outside where v does not
// reach. It samples, it does not average: a much coarser g sees single points
// of v. The result has the same bits whatever the number of CPUs.
func Resample(v *Volume, g Grid, outside float32) *Volume {
	r := NewVolume(g)
	slice := r.sliceByPoint(v, outside)
	if parallelAxes(v.Grid, g) {
		slice = r.sliceByCells(v, outside)
	}
	// The background context never ends and a slice cannot fail.
	_ = parallel.For(context.Background(), g.size[2], 0, func(k int) error {
		slice(k)
		return nil
	})
	return r
}

// parallelAxes reports whether index axis a of both grids points the same way
// for every a, as exactly as the far corner of the larger grid can tell
// (1e-6 of a voxel).
func parallelAxes(g, h Grid) bool {
	for a := range 3 {
		reach := 0.0
		for b := range 3 {
			reach = max(reach, float64(h.size[b])*h.spacing[b])
		}
		if r3.Norm(r3.Sub(g.axes[a], h.axes[a]))*reach > 1e-6*min(g.spacing[0], g.spacing[1], g.spacing[2]) {
			return false
		}
	}
	return true
}

// sliceByPoint fills slice k of r from v, for any two grids.
func (r *Volume) sliceByPoint(v *Volume, outside float32) func(k int) {
	g := r.Grid
	// The index in v of a voxel of g is affine in its own: Index of a step from
	// the origin of v is the step's.
	index := Affine{Origin: v.Grid.Index(g.origin)}
	for a := range 3 {
		index.Step[a] = v.Grid.Index(r3.Add(v.Grid.origin, r3.Scale(g.spacing[a], g.axes[a])))
	}
	return func(k int) {
		out := r.Data[g.Offset(0, 0, k):g.Offset(0, 0, k+1)]
		for j := range g.size[1] {
			for i := range g.size[0] {
				value := outside
				if x, ok := v.atIndex(index.At(float64(i), float64(j), float64(k))); ok {
					value = float32(x)
				}
				out[i+g.size[0]*j] = value
			}
		}
	}
}

// sliceByCells fills slice k of r from v where the axes agree: then the cell
// along each axis depends on one index only.
func (r *Volume) sliceByCells(v *Volume, outside float32) func(k int) {
	g := r.Grid
	first := v.Grid.Index(g.origin)
	xs := cellsAlong(first.X, g.spacing[0]/v.Grid.spacing[0], g.size[0], v.Grid.size[0])
	ys := cellsAlong(first.Y, g.spacing[1]/v.Grid.spacing[1], g.size[1], v.Grid.size[1])
	zs := cellsAlong(first.Z, g.spacing[2]/v.Grid.spacing[2], g.size[2], v.Grid.size[2])
	return func(k int) {
		nx, nxy := v.Grid.size[0], v.Grid.size[0]*v.Grid.size[1]
		z := zs[k]
		for j, y := range ys {
			start := g.Offset(0, j, k)
			out := r.Data[start : start+g.size[0]]
			if z.low < 0 || y.low < 0 {
				for i := range out {
					out[i] = outside
				}
				continue
			}
			row := func(y, z int) []float32 { return v.Data[nxy*z+nx*y:][:nx] }
			ll, lh, hl, hh := row(y.low, z.low), row(y.high, z.low), row(y.low, z.high), row(y.high, z.high)
			for i, x := range xs {
				if x.low < 0 {
					out[i] = outside
					continue
				}
				a, b := between(ll, x), between(lh, x)
				c, d := between(hl, x), between(hh, x)
				a += y.part * (b - a)
				c += y.part * (d - c)
				out[i] = float32(a + z.part*(c-a))
			}
		}
	}
}

func between(row []float32, x cell) float64 {
	a, b := float64(row[x.low]), float64(row[x.high])
	return a + x.part*(b-a)
}

// cellsAlong is the cell of each of n indices first, first+step, …; low is −1
// where the index lies outside an axis of size voxels.
func cellsAlong(first, step float64, n, size int) []cell {
	cells := make([]cell, n)
	for i := range cells {
		q := first + float64(i)*step
		// A whole index that rounding has moved stays whole.
		if whole := math.Round(q); math.Abs(q-whole) < 1e-9 {
			q = whole
		}
		c, ok := cellOf(q, size)
		if !ok {
			c.low = -1
		}
		cells[i] = c
	}
	return cells
}
