// Package raytrace follows a straight line through a regular grid of voxels
// and gives the exact length in each.
package raytrace

import "math"

// Clip is the part [enter, leave] of the line from + t·(to − from), 0 ≤ t ≤ 1,
// that lies between low and high along every axis; enter ≥ leave if none does.
// A line that runs exactly in a face belongs to the upper side of it: the
// face low is in, the face high is out. An end that is not finite gives none.
func Clip(from, to, low, high [3]float64) (enter, leave float64) {
	enter, leave = 0, 1
	for a := range 3 {
		d := to[a] - from[a]
		if math.IsNaN(d) || math.IsInf(d, 0) {
			return 0, 0
		}
		if d == 0 {
			if !(from[a] >= low[a] && from[a] < high[a]) {
				return 0, 0
			}
			continue
		}
		near, far := (low[a]-from[a])/d, (high[a]-from[a])/d
		if d < 0 {
			near, far = far, near
		}
		enter, leave = max(enter, near), min(leave, far)
	}
	return enter, leave
}

// Trace calls visit for each voxel that the line from one point to another
// passes through, in order: its offset (x fastest, then y, then z) and the
// range of the line parameter t inside it (0 at from, 1 at to), t0 < t1.
// Points are in units of voxels: voxel i spans [i, i+1) along its axis.
//
// It walks from face to face, after Amanatides and Woo (Eurographics 1987);
// but each crossing is computed anew from its face, as in Siddon (Med Phys 12
// (1985) 252), so that rounding does not add up along the line and the ranges
// join without gaps.
func Trace(from, to [3]float64, size [3]int, visit func(offset int, t0, t1 float64)) {
	enter, leave := Clip(from, to, [3]float64{}, [3]float64{float64(size[0]), float64(size[1]), float64(size[2])})
	if !(enter < leave) {
		return
	}
	var (
		voxel  [3]int
		next   [3]float64 // t at which the line leaves the voxel along each axis
		d      [3]float64
		step   [3]int // change of the voxel index
		face   [3]int // the face ahead of the voxel, less the voxel index
		stride = [3]int{1, size[0], size[0] * size[1]}
		offset int
	)
	for a := range 3 {
		d[a] = to[a] - from[a]
		i := int(min(max(math.Floor(from[a]+enter*d[a]), 0), float64(size[a]-1)))
		switch {
		case d[a] == 0:
			next[a] = math.Inf(1)
		case d[a] > 0:
			step[a], face[a] = 1, 1
		default:
			step[a] = -1
		}
		if d[a] != 0 {
			// Rounding may have put i on the wrong side of a face: it must
			// agree with the crossings as they are computed below.
			crossing := func(i int) float64 { return (float64(i) - from[a]) / d[a] }
			for inside(i+step[a], size[a]) && crossing(i+face[a]) <= enter {
				i += step[a]
			}
			for inside(i-step[a], size[a]) && crossing(i-step[a]+face[a]) > enter {
				i -= step[a]
			}
			next[a] = crossing(i + face[a])
		}
		voxel[a] = i
		offset += i * stride[a]
	}
	for t := enter; ; {
		a := 0
		if next[1] < next[a] {
			a = 1
		}
		if next[2] < next[a] {
			a = 2
		}
		end := min(next[a], leave)
		if end > t {
			visit(offset, t, end)
			t = end
		}
		if next[a] >= leave {
			return
		}
		voxel[a] += step[a]
		if !inside(voxel[a], size[a]) {
			return
		}
		offset += step[a] * stride[a]
		next[a] = (float64(voxel[a]+face[a]) - from[a]) / d[a]
	}
}

func inside(i, n int) bool { return i >= 0 && i < n }

// Sum is ∫ value dt along the line, 0 ≤ t ≤ 1, for one value a voxel that
// holds throughout it: times the length of the line it is the line integral.
func Sum(values []float32, from, to [3]float64, size [3]int) float64 {
	sum := 0.0
	Trace(from, to, size, func(offset int, t0, t1 float64) {
		sum += (t1 - t0) * float64(values[offset])
	})
	return sum
}
