package objective

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/geometry"
)

func TestPaintingIsLinearBetweenItsLevels(t *testing.T) {
	// The image has voxels of 20 mm, the dose of 10 mm, centres of both at 0.
	coarse, err := geometry.NewGrid(r3.Vec{}, [3]float64{20, 10, 10}, [3]int{4, 1, 1}, geometry.IdentityAxes)
	require.NoError(t, err)
	image := volume(coarse, 0, 2, 6, 12) // uptake at 0, 20, 40 and 60 mm
	gy, err := Painting{Low: 1, High: 9, Base: 60, Boost: 76}.Prescribe(image, row(t, 10))
	require.NoError(t, err)
	for i, want := range []float64{60, 60, 62, 66, 70, 76, 76, 76} { // uptake 0, 1, 2, 4, 6, 9, 12 and, in the last half voxel, 12
		assert.InDelta(t, want, gy.Data[i], 1e-5, "voxel %d", i)
	}
	assert.True(t, math.IsNaN(float64(gy.Data[9])), "beyond the image")

	r := whole(t, row(t, 10))
	_, err = SquaredUnderdosing{r, Voxelwise(gy), 1}.Evaluate(volume(row(t, 10)), nil)
	assert.ErrorIs(t, err, ErrObjective, "a region beyond the image")
}

func TestPaintingWithoutAScaleIsRefused(t *testing.T) {
	g := row(t, 3)
	image := volume(g, 1, 2, 3)
	for _, p := range []Painting{
		{Low: 1, High: 1, Base: 60, Boost: 70}, {Low: 2, High: 1, Base: 60, Boost: 70}, {Low: math.NaN(), High: 1}, {Low: 0, High: math.Inf(1)},
		{Low: 0, High: 1, Base: -1}, {Low: 0, High: 1, Boost: math.NaN()},
	} {
		_, err := p.Prescribe(image, g)
		assert.ErrorIs(t, err, ErrObjective, "%+v", p)
	}
	_, err := Painting{High: 1}.Prescribe(nil, g)
	assert.ErrorIs(t, err, ErrObjective)
}

func TestQualityIsDoseOverPrescription(t *testing.T) {
	g := row(t, 3)
	q, err := Quality(volume(g, 50, 66, 0), volume(g, 50, 60, 70))
	require.NoError(t, err)
	assert.Equal(t, []float32{1, 1.1, 0}, q.Data)
	for _, prescription := range []*geometry.Volume{nil, volume(g, 50, 0, 50), volume(g, 50, math.NaN(), 50), volume(row(t, 4), 1, 1, 1, 1)} {
		_, err := Quality(volume(g, 1, 1, 1), prescription)
		assert.ErrorIs(t, err, ErrObjective)
	}
}
