package objective

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/geometry"
)

func TestRegionOfAMaskHasItsVolume(t *testing.T) {
	g, err := geometry.NewGrid(r3.Vec{}, [3]float64{3, 3, 3}, [3]int{30, 30, 30}, geometry.IdentityAxes)
	require.NoError(t, err)
	box := geometry.Structure{Name: "box"}
	for z := 20.0; z <= 40; z += 2.5 {
		box.Contours = append(box.Contours, geometry.Contour{{X: 20, Y: 31, Z: z}, {X: 50, Y: 31, Z: z}, {X: 50, Y: 47, Z: z}, {X: 20, Y: 47, Z: z}})
	}
	mask, _, err := geometry.NewMask(g, &box)
	require.NoError(t, err)
	r := RegionOf(mask)
	assert.InDelta(t, mask.Volume(), r.Volume(), 1e-6)
	seen := 0
	mask.Each(func(i, j, k int, fraction float32) {
		if fraction > 0 {
			assert.EqualValues(t, g.Offset(i, j, k), r.voxel[seen])
			assert.EqualValues(t, fraction, r.part[seen])
			seen++
		}
	})
	assert.Equal(t, seen, r.Len())
}

func TestWithoutLeavesTheRest(t *testing.T) {
	g := row(t, 6)
	body := parts(g, []float64{1, 1, 0.5, 0.5, 1, 1})
	target := parts(g, []float64{0, 1, 0.25, 0.75, 0, 0})
	organ := parts(g, []float64{0.5, 0.5, 0, 0, 0, 1})
	rest, err := body.Without(target, organ)
	require.NoError(t, err)
	assert.Equal(t, []int32{0, 2, 4}, rest.voxel)
	assert.Equal(t, []float64{0.5, 0.25, 1}, rest.part)
	assert.InDelta(t, 1.75, rest.Volume(), 1e-12, "cm³ of voxels of 1 cm³")
	assert.Equal(t, 6, body.Len(), "what was subtracted from")
	_, err = body.Without(whole(t, row(t, 7)))
	assert.ErrorIs(t, err, ErrObjective)
}
