package geometry

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/spatial/r3"
)

// ErrGrid is wrapped by every error about an impossible grid.
var ErrGrid = errors.New("geometry: invalid grid")

// MaxVoxels is the largest grid that NewGrid accepts. It bounds what a hostile
// or mistaken input can make this library allocate (4 GiB as float32).
const MaxVoxels = 1 << 30

// Grid is a regular lattice of voxel centres in the DICOM patient frame: the
// centre of voxel (i, j, k) is Origin + i·dx·Axis(0) + j·dy·Axis(1) + k·dz·Axis(2).
// The zero Grid is empty; NewGrid is the only way to another, so every other
// Grid is valid. Grids are comparable with Equal.
type Grid struct {
	origin  r3.Vec
	spacing [3]float64
	size    [3]int
	axes    [3]r3.Vec
}

// NewGrid returns the grid with the given centre of voxel (0,0,0) (mm, LPS),
// voxel spacing (mm), voxel counts, and unit direction vectors of the three
// index axes. The axes must be orthonormal and right-handed within 1e-4; they
// are made exactly so. NewGrid fails with ErrGrid otherwise, for a spacing
// that is not positive and finite, and above MaxVoxels.
func NewGrid(origin r3.Vec, spacing [3]float64, size [3]int, axes [3]r3.Vec) (Grid, error) {
	n := 1
	for a := range 3 {
		if !(spacing[a] > 0) || math.IsInf(spacing[a], 0) {
			return Grid{}, fmt.Errorf("%w: spacing %v mm", ErrGrid, spacing)
		}
		if size[a] < 1 || size[a] > MaxVoxels || n > MaxVoxels/size[a] {
			return Grid{}, fmt.Errorf("%w: size %v", ErrGrid, size)
		}
		n *= size[a]
	}
	if !finite(origin) {
		return Grid{}, fmt.Errorf("%w: origin %v", ErrGrid, origin)
	}
	axes, err := orthonormal(axes)
	if err != nil {
		return Grid{}, err
	}
	return Grid{origin: origin, spacing: spacing, size: size, axes: axes}, nil
}

// IdentityAxes are the direction vectors of a grid aligned with LPS.
var IdentityAxes = [3]r3.Vec{{X: 1}, {Y: 1}, {Z: 1}}

func orthonormal(axes [3]r3.Vec) ([3]r3.Vec, error) {
	const tol = 1e-4
	x, y := axes[0], axes[1]
	for _, a := range axes {
		if !finite(a) || math.Abs(r3.Norm(a)-1) > tol {
			return axes, fmt.Errorf("%w: axis %v is not a unit vector", ErrGrid, a)
		}
	}
	if math.Abs(r3.Dot(x, y)) > tol {
		return axes, fmt.Errorf("%w: axes %v and %v are not at right angles", ErrGrid, x, y)
	}
	x = r3.Unit(x)
	y = r3.Unit(r3.Sub(y, r3.Scale(r3.Dot(x, y), x)))
	z := r3.Cross(x, y)
	if r3.Norm(r3.Sub(z, axes[2])) > 3*tol {
		return axes, fmt.Errorf("%w: third axis %v is not the cross product %v of the first two", ErrGrid, axes[2], z)
	}
	return [3]r3.Vec{x, y, z}, nil
}

func finite(v r3.Vec) bool {
	s := v.X + v.Y + v.Z
	return !math.IsNaN(s) && !math.IsInf(s, 0)
}

// Origin is the centre of voxel (0,0,0) in mm, LPS.
func (g Grid) Origin() r3.Vec { return g.origin }

// Spacing is the distance between voxel centres along each index axis in mm.
func (g Grid) Spacing() [3]float64 { return g.spacing }

// Size is the number of voxels along each index axis.
func (g Grid) Size() [3]int { return g.size }

// Axis is the unit direction of index axis a (0, 1 or 2) in LPS.
func (g Grid) Axis(a int) r3.Vec { return g.axes[a] }

// Axes are the three unit directions of the index axes in LPS.
func (g Grid) Axes() [3]r3.Vec { return g.axes }

// Len is the number of voxels.
func (g Grid) Len() int { return g.size[0] * g.size[1] * g.size[2] }

// VoxelVolume is the volume of one voxel in cm³.
func (g Grid) VoxelVolume() float64 {
	return g.spacing[0] * g.spacing[1] * g.spacing[2] / 1000
}

// Offset is the position of voxel (i, j, k) in a volume's data: x fastest,
// then y, then z. It does not check its arguments.
func (g Grid) Offset(i, j, k int) int { return i + g.size[0]*(j+g.size[1]*k) }

// Point is the place of continuous index (i, j, k) in mm, LPS.
func (g Grid) Point(i, j, k float64) r3.Vec {
	i, j, k = i*g.spacing[0], j*g.spacing[1], k*g.spacing[2]
	x, y, z := g.axes[0], g.axes[1], g.axes[2]
	return r3.Vec{
		X: g.origin.X + i*x.X + j*y.X + k*z.X,
		Y: g.origin.Y + i*x.Y + j*y.Y + k*z.Y,
		Z: g.origin.Z + i*x.Z + j*y.Z + k*z.Z,
	}
}

// Index is the continuous index of point p (mm, LPS): whole numbers at voxel
// centres. It is the inverse of Point, inside the grid and outside.
func (g Grid) Index(p r3.Vec) r3.Vec {
	d := r3.Sub(p, g.origin)
	return r3.Vec{
		X: r3.Dot(d, g.axes[0]) / g.spacing[0],
		Y: r3.Dot(d, g.axes[1]) / g.spacing[1],
		Z: r3.Dot(d, g.axes[2]) / g.spacing[2],
	}
}

// Equal reports whether two grids have the same size and put every voxel
// centre within tolerance (mm) of one another.
func (g Grid) Equal(h Grid, tolerance float64) bool {
	if g.size != h.size {
		return false
	}
	for c := range 8 {
		i := float64((g.size[0] - 1) * (c & 1))
		j := float64((g.size[1] - 1) * (c >> 1 & 1))
		k := float64((g.size[2] - 1) * (c >> 2))
		if r3.Norm(r3.Sub(g.Point(i, j, k), h.Point(i, j, k))) > tolerance {
			return false
		}
	}
	return true
}

// String describes the grid in one line for messages and provenance.
func (g Grid) String() string {
	return fmt.Sprintf("%d×%d×%d voxels of %g×%g×%g mm, first centre (%g, %g, %g) mm",
		g.size[0], g.size[1], g.size[2], g.spacing[0], g.spacing[1], g.spacing[2],
		g.origin.X, g.origin.Y, g.origin.Z)
}
