package gamma

import (
	"math"

	"github.com/kerma-rt/kerma/geometry"
)

// maxShells bounds the memory that the samples take (4 million places).
const maxShells = 100

// shells are the samples of the sampled search: places on concentric shells
// round a point, as pymedphys.gamma takes them, nearest shell first.
type shells struct {
	distance []float64   // of each shell, in units of the distance criterion
	offset   [][]float64 // of each shell, three index offsets a sample
}

// newShells lays the shells out. The spacing of shells, and of the samples on
// them, is Distance/Samples; one shell lies at Distance exactly. The poles of
// the spheres lie on the x axis of the evaluated grid and its plane circles
// start on the y axis, which is what pymedphys does with axes in the order
// (z, y, x). An axis of one voxel is no dimension.
func newShells(c Criteria, evaluated geometry.Grid) *shells {
	var axes []int
	for a := range 3 {
		if evaluated.Size()[2-a] > 1 {
			axes = append(axes, 2-a)
		}
	}
	s := &shells{}
	step := c.Distance / float64(c.Samples)
	forced := false
	for d := 0.0; d <= c.reach(); {
		s.distance = append(s.distance, d/c.Distance)
		var offset []float64
		for _, p := range shell(d, step, len(axes)) {
			var index [3]float64
			for n, a := range axes {
				index[a] = p[n] / evaluated.Spacing()[a]
			}
			offset = append(offset, index[:]...)
		}
		s.offset = append(s.offset, offset)
		d += step
		if !forced && d >= c.Distance {
			d, forced = c.Distance, true
		}
	}
	return s
}

// shell is places at distance d (mm) from the origin in n dimensions, no
// further apart than step (mm).
func shell(d, step float64, n int) [][3]float64 {
	switch {
	case n == 0:
		if d > 0 {
			return nil
		}
		return [][3]float64{{}}
	case n == 1 && d == 0:
		return [][3]float64{{}}
	case n == 1:
		return [][3]float64{{d}, {-d}}
	case n == 2:
		var places [][3]float64
		count := int(math.Ceil(2*math.Pi*d/step)) + 1
		for i := range count {
			sin, cos := math.Sincos(2 * math.Pi / float64(count) * float64(i))
			places = append(places, [3]float64{d * cos, d * sin})
		}
		return places
	}
	var places [][3]float64
	rows := int(math.Ceil(math.Pi*d/step)) + 1
	for i := range rows {
		elevation := 0.0
		if rows > 1 {
			elevation = math.Pi / float64(rows-1) * float64(i)
		}
		sin, cos := math.Sincos(elevation)
		count := int(math.Ceil(2*math.Pi*(d*sin)/step)) + 1
		for j := range count {
			sinA, cosA := math.Sincos(2 * math.Pi / float64(count) * float64(j))
			places = append(places, [3]float64{d * sin * cosA, d * sin * sinA, d * cos})
		}
	}
	return places
}

// sampler searches the shells outward for as long as a shell is nearer than
// the least gamma so far.
type sampler struct {
	shells    *shells
	evaluated *geometry.Volume
}

func (s *sampler) Row(first, step [3]float64, dose []float32, scale, gamma2 []float64) {
	for i, g2 := range gamma2 {
		if g2 == g2 {
			x := float64(i)
			gamma2[i] = s.minimum([3]float64{first[0] + x*step[0], first[1] + x*step[1], first[2] + x*step[2]}, float64(dose[i]), scale[i])
		}
	}
}

// minimum is the least γ² of the samples round a continuous index, +Inf where
// none lies inside the grid.
func (s *sampler) minimum(index [3]float64, dose, scale float64) (gamma2 float64) {
	gamma2 = math.Inf(1)
	for n, d := range s.shells.distance {
		if d*d >= gamma2 {
			break
		}
		offset := s.shells.offset[n]
		least := math.Inf(1)
		for i := 0; i+2 < len(offset); i += 3 {
			e, ok := interpolate(s.evaluated, index[0]+offset[i], index[1]+offset[i+1], index[2]+offset[i+2])
			if ok {
				least = math.Min(least, math.Abs(e-dose))
			}
		}
		least *= scale
		gamma2 = math.Min(gamma2, d*d+least*least)
	}
	return gamma2
}

// interpolate is the trilinear interpolant at a continuous index, or false
// outside the grid and in cells that hold no number at a corner.
func interpolate(v *geometry.Volume, x, y, z float64) (float64, bool) {
	size := v.Grid.Size()
	i, u, okX := split(x, size[0])
	j, w, okY := split(y, size[1])
	k, t, okZ := split(z, size[2])
	if !okX || !okY || !okZ {
		return 0, false
	}
	dx, dy, dz := 1, size[0], size[0]*size[1]
	if size[0] == 1 {
		dx = 0
	}
	if size[1] == 1 {
		dy = 0
	}
	if size[2] == 1 {
		dz = 0
	}
	at := v.Grid.Offset(i, j, k)
	e := func(n int) float64 { return float64(v.Data[at+n]) }
	low := (1-w)*((1-u)*e(0)+u*e(dx)) + w*((1-u)*e(dy)+u*e(dy+dx))
	high := (1-w)*((1-u)*e(dz)+u*e(dz+dx)) + w*((1-u)*e(dz+dy)+u*e(dz+dy+dx))
	value := (1-t)*low + t*high
	return value, value == value
}

// split is the cell of a continuous index along an axis of n voxels and the
// place in it. An index beyond an end by no more than rounding is at the end.
func split(x float64, n int) (cell int, part float64, ok bool) {
	const rounding = 1e-9
	last := float64(n - 1)
	if !(x >= -rounding && x <= last+rounding) {
		return 0, 0, false
	}
	x = clamp(x, 0, last)
	cell = min(int(x), max(n-2, 0))
	return cell, x - float64(cell), true
}

func clamp(x, low, high float64) float64 { return math.Min(math.Max(x, low), high) }
