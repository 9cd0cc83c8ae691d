package cones

import "math"

// sweep is the walk along a direction's lattice lines. Planes w follow each
// other in the order in which the direction meets them; the line (u, v) is at
// voxel (u + shift) of row (v + shift) of a plane, when the grid has it.
type sweep struct {
	nu, nv, nw                int // of the box
	first                     int // offset of its first voxel
	strideU, strideV, strideW int
	slopeU, slopeV            float64 // voxels per plane
	step                      float64 // length per plane, cm
	backward                  bool
}

// Dominant is the axis across which the lines of a direction advance plane by
// plane. Vector instructions need it not to be axis 0.
func Dominant(direction, spacing [3]float64) int {
	w := 2
	for a := 1; a >= 0; a-- {
		if math.Abs(direction[a])/spacing[a] > math.Abs(direction[w])/spacing[w] {
			w = a
		}
	}
	return w
}

func newSweep(f *Field, direction [3]float64) sweep {
	spacing := f.Spacing
	stride := [3]int{1, f.Size[0], f.Size[0] * f.Size[1]}
	var size [3]int
	first := 0
	for a := range 3 {
		size[a] = f.High[a] - f.Low[a]
		first += f.Low[a] * stride[a]
	}
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
		nu: size[u], nv: size[v], nw: size[w], first: first,
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

// lines is the range of lines along u and of rows of them along v that meet the
// grid in any plane.
func (s *sweep) lines() (lowU, highU, lowV, highV int) {
	u, v := s.offset(s.nw - 1)
	return min(0, -u), s.nu - min(0, u), min(0, -v), s.nv - min(0, v)
}

// Lines is the number of rows of lines that strips of a direction divide.
func Lines(f *Field, c *Cone) int {
	s := newSweep(f, c.Direction)
	_, _, low, high := s.lines()
	return high - low
}
