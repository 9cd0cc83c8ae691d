package objective

import (
	"fmt"

	"github.com/kerma-rt/kerma/geometry"
)

// Prescription is the dose asked of each voxel of a region, Gy. The zero value
// asks for no dose.
type Prescription struct {
	gy     float64
	voxels *geometry.Volume // Gy; nil: gy everywhere
}

// Uniform prescribes the same dose (Gy) to every voxel.
func Uniform(gy float64) Prescription { return Prescription{gy: gy} }

// Voxelwise prescribes a dose of its own to each voxel: dose painting by
// numbers, as by the prescriptions of package biology. The volume is Gy on the
// dose grid. An objective fails where a voxel of its region has no prescription
// above 0; outside, the values do not matter.
func Voxelwise(gy *geometry.Volume) Prescription { return Prescription{voxels: gy} }

func (p Prescription) check(name string, r *Region) error {
	v := p.voxels
	switch {
	case v == nil:
		return checkGy(name, p.gy)
	case len(v.Data) != v.Grid.Len():
		return fmt.Errorf("%w: %s: prescription of %d values for %d voxels", ErrObjective, name, len(v.Data), v.Grid.Len())
	case !v.Grid.Equal(r.grid, sameGrid):
		return fmt.Errorf("%w: %s: prescription on %v, region on %v", ErrObjective, name, v.Grid, r.grid)
	}
	return nil
}
