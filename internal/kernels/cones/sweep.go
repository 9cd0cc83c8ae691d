package cones

import "math"

// sweep is the walk along a direction's lattice lines: planes w in order, lines
// numbered by the voxel (u, v) in which they would meet plane 0, modulo the
// grid.
type sweep struct {
	nu, nv, nw                int
	strideU, strideV, strideW int
	slopeU, slopeV            float64 // voxels per plane
	step                      float64 // length per plane, cm
	backward                  bool
}

// Dominant is the axis across which the lines of a direction advance plane by
// plane. Transport is fastest when it is not axis 0.
func Dominant(direction, spacing [3]float64) int {
	w := 2
	for a := 1; a >= 0; a-- {
		if math.Abs(direction[a])/spacing[a] > math.Abs(direction[w])/spacing[w] {
			w = a
		}
	}
	return w
}

func newSweep(size [3]int, spacing, direction [3]float64) sweep {
	stride := [3]int{1, size[0], size[0] * size[1]}
	w := Dominant(direction, spacing)
	u, v := 0, 1
	switch w {
	case 0:
		u, v = 1, 2
	case 1:
		u, v = 0, 2
	}
	pace := math.Abs(direction[w]) / spacing[w]
	return sweep{
		nu: size[u], nv: size[v], nw: size[w],
		strideU: stride[u], strideV: stride[v], strideW: stride[w],
		slopeU:   direction[u] / spacing[u] / pace,
		slopeV:   direction[v] / spacing[v] / pace,
		step:     1 / pace,
		backward: direction[w] < 0,
	}
}

// offset is how far the lines have moved from plane 0 to another.
func (s *sweep) offset(plane int) (u, v int) {
	return int(math.Round(s.slopeU * float64(plane))), int(math.Round(s.slopeV * float64(plane)))
}

// wrap is i modulo n, in [0, n).
func wrap(i, n int) int {
	i %= n
	if i < 0 {
		i += n
	}
	return i
}

// Lines is the number of rows of lines that strips of a direction divide.
func Lines(f *Field, c *Cone) int {
	s := newSweep(f.Size, f.Spacing, c.Direction)
	return s.nv
}
