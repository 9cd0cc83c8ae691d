package objective

import (
	"context"
	"fmt"
	"slices"

	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/internal/kernels/parallel"
)

// Region is the voxels that an objective looks at, each with the part of it that
// lies inside. It does not change, and may serve many objectives.
type Region struct {
	grid   geometry.Grid
	voxel  []int32   // offsets in the data of a volume, rising
	part   []float64 // v_i, above 0 and up to 1
	volume float64   // V = Σ v_i, voxels
}

// RegionOf is the voxels of a mask, that is of a structure on the dose grid.
func RegionOf(m *geometry.Mask) *Region {
	r := &Region{grid: m.Grid}
	m.Each(func(i, j, k int, fraction float32) {
		if fraction > 0 {
			r.add(int32(m.Grid.Offset(i, j, k)), float64(fraction))
		}
	})
	return r
}

// NewRegion is whole voxels, given by their offsets in the data of a volume on
// grid, in any order. It fails with ErrObjective for an offset outside the grid
// and for one given twice.
func NewRegion(grid geometry.Grid, voxels []int) (*Region, error) {
	sorted := slices.Sorted(slices.Values(voxels))
	r := &Region{grid: grid}
	for i, v := range sorted {
		if v < 0 || v >= grid.Len() || i > 0 && v == sorted[i-1] {
			return nil, fmt.Errorf("%w: voxel %d, outside a grid of %d voxels or given twice", ErrObjective, v, grid.Len())
		}
		r.add(int32(v), 1)
	}
	return r, nil
}

func (r *Region) add(voxel int32, part float64) {
	r.voxel = append(r.voxel, voxel)
	r.part = append(r.part, part)
	r.volume += part
}

// Len is the number of voxels that the region touches.
func (r *Region) Len() int { return len(r.voxel) }

// Volume is the volume of the region in cm³.
func (r *Region) Volume() float64 { return r.volume * r.grid.VoxelVolume() }

// Without is the region less others of the same grid: what an organ keeps beside
// targets of higher priority. In a voxel that both touch, the other's part is
// taken to lie inside the region's own. It fails with ErrObjective for a region
// on another grid.
func (r *Region) Without(others ...*Region) (*Region, error) {
	rest := r
	for _, o := range others {
		if !o.grid.Equal(r.grid, sameGrid) {
			return nil, fmt.Errorf("%w: regions on %v and %v", ErrObjective, r.grid, o.grid)
		}
		from, n := rest, 0
		rest = &Region{grid: r.grid}
		for i, v := range from.voxel {
			for n < len(o.voxel) && o.voxel[n] < v {
				n++
			}
			part := from.part[i]
			if n < len(o.voxel) && o.voxel[n] == v {
				part -= o.part[n]
			}
			if part > 0 {
				rest.add(v, part)
			}
		}
	}
	return rest, nil
}

// block is how many voxels one goroutine takes at a time, and one partial sum
// holds: 0.1 ms of work.
const block = 1 << 15

// sum adds up f over the region, voxels from to to−1 at a time. Blocks are the
// same, and added in the same order, whatever the number of goroutines.
func (r *Region) sum(f func(from, to int) float64) float64 {
	n := (len(r.voxel) + block - 1) / block
	if n == 1 {
		return f(0, len(r.voxel))
	}
	parts := make([]float64, n)
	_ = parallel.For(context.Background(), n, 0, func(i int) error { // f has no error
		parts[i] = f(i*block, min((i+1)*block, len(r.voxel)))
		return nil
	})
	total := 0.0
	for _, p := range parts {
		total += p
	}
	return total
}
