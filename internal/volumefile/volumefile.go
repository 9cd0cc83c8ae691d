// Package volumefile reads volumes from the files of other programs: NRRD,
// NIfTI-1, and NumPy arrays with their grid in a JSON file beside them.
//
// Files are taken as hostile: what a header says is compared with the size of
// the file before anything of that size is allocated. A place that is not
// stated is never guessed: a file without one is refused.
package volumefile

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/kerma-rt/kerma/geometry"
	"gonum.org/v1/gonum/spatial/r3"
)

// ErrFile is wrapped by errors about files that hold no volume this package
// can place.
var ErrFile = errors.New("volumefile: unusable file")

// File is a volume and what its file calls the values.
type File struct {
	Volume *geometry.Volume // in Unit
	Unit   string           // such as "Gy"; empty when the file does not say
}

// Known reports whether Read goes by the ending of this name.
func Known(path string) bool { return reader(path) != nil }

// Read reads the volume of a file by the ending of its name: .nrrd, .nii,
// .nii.gz or .npy. Errors wrap ErrFile, or say that the file cannot be read.
func Read(path string) (*File, error) {
	read := reader(path)
	if read == nil {
		return nil, fmt.Errorf("%s: %w: the name ends in none of .nrrd, .nii, .nii.gz, .npy", path, ErrFile)
	}
	f, err := read(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

func reader(path string) func(string) (*File, error) {
	name := strings.ToLower(filepath.Base(path))
	switch {
	case strings.HasSuffix(name, ".nrrd"):
		return readNRRD
	case strings.HasSuffix(name, ".nii"), strings.HasSuffix(name, ".nii.gz"):
		return readNIfTI
	case strings.HasSuffix(name, ".npy"):
		return readNPY
	}
	return nil
}

func unusable(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrFile, fmt.Sprintf(format, args...))
}

// place is where voxels lie in LPS: the centre of the first, and the way from
// one to the next along each index axis, mm.
type place struct {
	origin r3.Vec
	step   [3]r3.Vec
}

// flip mirrors the space: RAS to LPS turns X and Y around.
func (p place) flip(x, y bool) place {
	turn := func(v r3.Vec) r3.Vec {
		if x {
			v.X = -v.X
		}
		if y {
			v.Y = -v.Y
		}
		return v
	}
	p.origin = turn(p.origin)
	for a := range p.step {
		p.step[a] = turn(p.step[a])
	}
	return p
}

// volume puts data (x fastest) of this size in its place. Left-handed index
// axes, which a Grid does not have, become right-handed by taking the last one
// from its other end.
func (p place) volume(size [3]int, data []float32) (*geometry.Volume, error) {
	var spacing [3]float64
	var axes [3]r3.Vec
	for a, s := range p.step {
		spacing[a] = r3.Norm(s)
		axes[a] = r3.Scale(1/spacing[a], s)
	}
	if r3.Dot(r3.Cross(axes[0], axes[1]), axes[2]) < 0 {
		p.origin = r3.Add(p.origin, r3.Scale(float64(size[2]-1), p.step[2]))
		axes[2] = r3.Scale(-1, axes[2])
		reversePlanes(size, data)
	}
	grid, err := geometry.NewGrid(p.origin, spacing, size, axes)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	return geometry.VolumeOf(grid, data)
}

func reversePlanes(size [3]int, data []float32) {
	n := size[0] * size[1]
	for low, high := 0, size[2]-1; low < high; low, high = low+1, high-1 {
		a, b := data[low*n:(low+1)*n], data[high*n:(high+1)*n]
		for i := range a {
			a[i], b[i] = b[i], a[i]
		}
	}
}
