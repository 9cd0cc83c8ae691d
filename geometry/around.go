package geometry

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/spatial/r3"
)

// Around is a grid of cubic voxels of the given spacing (mm), aligned with
// LPS, that covers the contours of s: every contour lies within the outer faces
// of the voxels. Across flat contours it also covers the half slice that the
// outermost contours stand for. It fails with ErrStructure when s has no
// contour or one that is not finite, and with ErrGrid for an impossible spacing.
func Around(s *Structure, spacing float64) (Grid, error) {
	low, high, err := contourExtent(s, IdentityAxes)
	if err != nil {
		return Grid{}, err
	}
	return covering(low, high, cube(spacing), IdentityAxes)
}

// Around is the part of g's box within margin (mm) of the contours of s, as a
// grid of the given spacing (mm) with g's axes. It fails like Around, and with
// ErrGrid when s and its margin lie outside g.
func (g Grid) Around(s *Structure, spacing, margin float64) (Grid, error) {
	if !(margin >= 0) || math.IsInf(margin, 0) {
		return Grid{}, fmt.Errorf("%w: margin %v mm", ErrGrid, margin)
	}
	low, high, err := contourExtent(s, g.axes)
	if err != nil {
		return Grid{}, err
	}
	boxLow, boxHigh := g.faces()
	for a := range 3 {
		low[a] = max(low[a]-margin, boxLow[a])
		high[a] = min(high[a]+margin, boxHigh[a])
		if !(low[a] < high[a]) {
			return Grid{}, fmt.Errorf("%w: structure %q with a margin of %g mm lies outside the grid of %v", ErrGrid, s.Name, margin, g)
		}
	}
	return covering(low, high, cube(spacing), g.axes)
}

// WithSpacing is a grid with the axes of g and the given spacing (mm, along
// each index axis) that covers the box of g, centred on it. Where the spacing
// divides the box, the boxes are the same; else the new one is larger by less
// than a voxel.
func (g Grid) WithSpacing(spacing [3]float64) (Grid, error) {
	if g.Len() == 0 {
		return Grid{}, fmt.Errorf("%w: empty grid", ErrGrid)
	}
	low, high := g.faces()
	return covering(low, high, spacing, g.axes)
}

func cube(spacing float64) [3]float64 { return [3]float64{spacing, spacing, spacing} }

// faces are the coordinates of the outer faces along each axis of g in mm.
func (g Grid) faces() (low, high [3]float64) {
	for a := range 3 {
		low[a] = r3.Dot(g.origin, g.axes[a]) - g.spacing[a]/2
		high[a] = low[a] + float64(g.size[a])*g.spacing[a]
	}
	return low, high
}

// covering is the smallest grid, centred on the box, whose voxels cover it.
func covering(low, high, spacing [3]float64, axes [3]r3.Vec) (Grid, error) {
	var size [3]int
	var origin r3.Vec
	for a := range 3 {
		// A whole number of voxels that rounding has moved stays whole.
		n := max(1, math.Ceil((high[a]-low[a])/spacing[a]-1e-6))
		if !(n <= MaxVoxels) {
			return Grid{}, fmt.Errorf("%w: %g mm in steps of %g mm", ErrGrid, high[a]-low[a], spacing[a])
		}
		size[a] = int(n)
		first := (low[a]+high[a])/2 - (n-1)/2*spacing[a]
		origin = r3.Add(origin, r3.Scale(first, axes[a]))
	}
	return NewGrid(origin, spacing, size, axes)
}

// contourExtent is the range of the contours of s along three axes, mm. Where all
// contours are flat across an axis they are slices, and the outermost reach
// half the distance to their neighbour further.
func contourExtent(s *Structure, axes [3]r3.Vec) (low, high [3]float64, err error) {
	if s == nil {
		return low, high, fmt.Errorf("%w: none given", ErrStructure)
	}
	for a := range 3 {
		low[a], high[a] = math.Inf(1), math.Inf(-1)
		flat := true
		var planes []float64
		for _, contour := range s.Contours {
			contourLow, contourHigh := math.Inf(1), math.Inf(-1)
			for _, p := range contour {
				if !finite(p) {
					return low, high, fmt.Errorf("%w: structure %q has a point %v", ErrStructure, s.Name, p)
				}
				x := r3.Dot(p, axes[a])
				contourLow, contourHigh = min(contourLow, x), max(contourHigh, x)
			}
			if len(contour) == 0 {
				continue
			}
			low[a], high[a] = min(low[a], contourLow), max(high[a], contourHigh)
			flat = flat && contourHigh-contourLow <= samePlane
			planes = append(planes, (contourLow+contourHigh)/2)
		}
		if len(planes) == 0 {
			return low, high, fmt.Errorf("%w: structure %q has no contours", ErrStructure, s.Name)
		}
		if flat {
			slices.Sort(planes)
			planes = slices.CompactFunc(planes, func(p, q float64) bool { return math.Abs(q-p) <= samePlane })
			if n := len(planes); n > 1 {
				low[a] -= (planes[1] - planes[0]) / 2
				high[a] += (planes[n-1] - planes[n-2]) / 2
			}
		}
	}
	return low, high, nil
}

// samePlane is how far points of one slice may stand apart, mm: the decimal
// strings of DICOM are rounded.
const samePlane = 0.1
