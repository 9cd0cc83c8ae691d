package geometry

import (
	"math"

	"github.com/kerma-rt/kerma/internal/kernels/raytrace"
	"gonum.org/v1/gonum/spatial/r3"
)

// Trace calls visit for each voxel that the straight line between two points
// (mm, LPS) passes through, in order, with its offset in a volume's data and
// the length of the line inside it in mm. The lengths are exact (Siddon, Med
// Phys 12 (1985) 252). A line exactly in a face belongs to the voxel of the
// higher index. A point that is not finite gives no voxel.
func (g Grid) Trace(from, to r3.Vec, visit func(offset int, length float64)) {
	l := r3.Norm(r3.Sub(to, from))
	raytrace.Trace(g.faceIndex(from), g.faceIndex(to), g.size, func(offset int, t0, t1 float64) {
		visit(offset, (t1-t0)*l)
	})
}

// LineIntegral is ∫ v dl in mm × the unit of v along the straight line between
// two points (mm, LPS), each voxel being uniform: Σ v·length. Outside the
// volume v is 0. It is NaN when a point is not finite.
func (v *Volume) LineIntegral(from, to r3.Vec) float64 {
	if !finite(from) || !finite(to) {
		return math.NaN()
	}
	return r3.Norm(r3.Sub(to, from)) * raytrace.Sum(v.Data, v.Grid.faceIndex(from), v.Grid.faceIndex(to), v.Grid.size)
}

// SmoothLineIntegral is ∫ v dl in mm × the unit of v along the straight line
// between two points (mm, LPS), v being what Interpolate gives. Between voxel
// centres that is a cubic in the length, so two-point Gauss–Legendre in each
// cell is exact. Outside the volume v is 0. It is NaN when a point is not finite.
func (v *Volume) SmoothLineIntegral(from, to r3.Vec) float64 {
	if !finite(from) || !finite(to) {
		return math.NaN()
	}
	g := v.Grid
	p, q := g.faceIndex(from), g.faceIndex(to)
	size := [3]float64{float64(g.size[0]), float64(g.size[1]), float64(g.size[2])}
	enter, leave := raytrace.Clip(p, q, [3]float64{}, size)
	// The cells lie between voxel centres: half a voxel on, one more an axis.
	var cells [3]int
	for a := range 3 {
		p[a] += 0.5
		q[a] += 0.5
		cells[a] = g.size[a] + 1
	}
	at := func(t float64) float64 {
		var c [3]cell
		for a := range 3 {
			c[a] = nearestCell(p[a]+t*(q[a]-p[a])-1, g.size[a])
		}
		return v.blend(c[0], c[1], c[2])
	}
	const node = 0.5773502691896258 // 1/√3
	sum := 0.0
	raytrace.Trace(p, q, cells, func(_ int, t0, t1 float64) {
		t0, t1 = max(t0, enter), min(t1, leave)
		if t0 >= t1 {
			return
		}
		middle, half := (t0+t1)/2, (t1-t0)/2
		sum += half * (at(middle-node*half) + at(middle+node*half))
	})
	return sum * r3.Norm(r3.Sub(to, from))
}

// faceIndex is the index of p counted from the outer face of the first voxel:
// voxel i spans [i, i+1).
func (g Grid) faceIndex(p r3.Vec) [3]float64 {
	q := g.Index(p)
	return [3]float64{q.X + 0.5, q.Y + 0.5, q.Z + 0.5}
}
