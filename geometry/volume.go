package geometry

import "fmt"

// Volume is one float32 value a voxel on a grid, x fastest, then y, then z.
// What the value means (HU, g/cm³, Gy) is said by whoever made it.
type Volume struct {
	Grid Grid
	Data []float32
}

// NewVolume returns a volume of zeros on grid g.
func NewVolume(g Grid) *Volume {
	return &Volume{Grid: g, Data: make([]float32, g.Len())}
}

// VolumeOf returns a volume that shares data, which must hold one value for
// each voxel of g.
func VolumeOf(g Grid, data []float32) (*Volume, error) {
	if len(data) != g.Len() {
		return nil, fmt.Errorf("geometry: %d values for %d voxels", len(data), g.Len())
	}
	return &Volume{Grid: g, Data: data}, nil
}

// At is the value of voxel (i, j, k), which must lie in the grid.
func (v *Volume) At(i, j, k int) float32 { return v.Data[v.Grid.Offset(i, j, k)] }
