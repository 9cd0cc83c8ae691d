package viewer

import (
	"math"

	"github.com/kerma-rt/kerma/geometry"
	"gonum.org/v1/gonum/spatial/r3"
)

// aligned is v on a grid whose index axes run along x, y and z of LPS, so that
// an axial plane of the picture is an axial plane of the patient. A volume
// stored in another order or direction keeps its voxels; an oblique one is
// resampled, and what it does not reach is outside.
func aligned(v *geometry.Volume, outside float32) (out *geometry.Volume, oblique bool, err error) {
	const straight = 1e-6
	axes, size, spacing := v.Grid.Axes(), v.Grid.Size(), v.Grid.Spacing()
	same := true
	var step [3]float64
	for a, axis := range axes {
		c := [3]float64{axis.X, axis.Y, axis.Z}
		most := 0
		for b := range 3 {
			if math.Abs(c[b]) > math.Abs(c[most]) {
				most = b
			}
		}
		if math.Abs(c[most]) < 1-straight {
			oblique = true
		}
		if most != a || c[a] < 0 {
			same = false
		}
		if step[most] == 0 || spacing[a] < step[most] {
			step[most] = spacing[a]
		}
	}
	if same && !oblique {
		return v, false, nil
	}
	least := math.Min(spacing[0], math.Min(spacing[1], spacing[2]))
	low := r3.Vec{X: math.Inf(1), Y: math.Inf(1), Z: math.Inf(1)}
	high := r3.Scale(-1, low)
	for c := range 8 {
		var at [3]float64
		for a := range 3 {
			at[a] = -0.5
			if c>>a&1 == 1 {
				at[a] = float64(size[a]) - 0.5
			}
		}
		p := v.Grid.Point(at[0], at[1], at[2])
		low = r3.Vec{X: math.Min(low.X, p.X), Y: math.Min(low.Y, p.Y), Z: math.Min(low.Z, p.Z)}
		high = r3.Vec{X: math.Max(high.X, p.X), Y: math.Max(high.Y, p.Y), Z: math.Max(high.Z, p.Z)}
	}
	extent := r3.Sub(high, low)
	var n [3]int
	for a, length := range [3]float64{extent.X, extent.Y, extent.Z} {
		if step[a] == 0 {
			step[a] = least // no index axis is nearest to this one
		}
		n[a] = max(1, int(math.Ceil(length/step[a]-1e-3)))
	}
	g, err := geometry.NewGrid(r3.Add(low, r3.Scale(0.5, r3.Vec{X: step[0], Y: step[1], Z: step[2]})), step, n, geometry.IdentityAxes)
	if err != nil {
		return nil, oblique, err
	}
	return geometry.Resample(v, g, outside), oblique, nil
}
