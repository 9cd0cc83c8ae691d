package speed

import (
	"math"

	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/heterogeneity"
)

var materials = []string{"air_dry", "water_liquid", "lung_icru44"}

// medium is the material, by number, and the density in g/cm³ at a place.
type medium func(p r3.Vec) (material uint8, density float32)

// tissue fills a grid; the body is the box of voxels given.
func tissue(g geometry.Grid, body geometry.Box, of medium) *heterogeneity.Tissue {
	t := &heterogeneity.Tissue{
		Density: geometry.NewVolume(g), Material: make([]uint8, g.Len()), Materials: materials,
		Body:        &geometry.Mask{Grid: g, Box: body, Fraction: make([]float32, 0, body.Len())},
		Calibration: "made in code",
	}
	t.ElectronDensity = t.Density
	n := g.Size()
	for k := range n[2] {
		for j := range n[1] {
			for i := range n[0] {
				o := g.Offset(i, j, k)
				t.Material[o], t.Density.Data[o] = of(g.Point(float64(i), float64(j), float64(k)))
			}
		}
	}
	for k := body.Low[2]; k < body.High[2]; k++ {
		for j := body.Low[1]; j < body.High[1]; j++ {
			for i := body.Low[0]; i < body.High[0]; i++ {
				inside := float32(0)
				if t.Material[g.Offset(i, j, k)] != 0 {
					inside = 1
				}
				t.Body.Fraction = append(t.Body.Fraction, inside)
			}
		}
	}
	return t
}

// waterBox is water in a box of voxels, air around it.
func waterBox(g geometry.Grid, body geometry.Box) *heterogeneity.Tissue {
	low := g.Point(float64(body.Low[0])-0.5, float64(body.Low[1])-0.5, float64(body.Low[2])-0.5)
	high := g.Point(float64(body.High[0])-0.5, float64(body.High[1])-0.5, float64(body.High[2])-0.5)
	return tissue(g, body, func(p r3.Vec) (uint8, float32) {
		if p.X > low.X && p.X < high.X && p.Y > low.Y && p.Y < high.Y && p.Z > low.Z && p.Z < high.Z {
			return 1, 1
		}
		return 0, 0.0012
	})
}

// chest is an ellipse of 380 × 240 mm with two lungs.
func chest(g geometry.Grid) *heterogeneity.Tissue {
	const a, b = 190, 120
	s, n := g.Spacing(), g.Size()
	body := geometry.Box{High: n}
	for axis, half := range [2]float64{a, b} {
		middle := float64(n[axis]-1) / 2
		body.Low[axis] = max(0, int(middle-half/s[axis]))
		body.High[axis] = min(n[axis], int(middle+half/s[axis])+2)
	}
	return tissue(g, body, func(p r3.Vec) (uint8, float32) {
		switch {
		case math.Pow(p.X/a, 2)+math.Pow(p.Y/b, 2) >= 1:
			return 0, 0.0012
		case math.Pow((math.Abs(p.X)-90)/60, 2)+math.Pow(p.Y/80, 2) < 1:
			return 2, 0.26
		}
		return 1, 1
	})
}

// centred is a grid about the origin.
func centred(size [3]int, spacing [3]float64) (geometry.Grid, error) {
	var first [3]float64
	for a := range first {
		first[a] = -spacing[a] / 2 * float64(size[a]-1)
	}
	return geometry.NewGrid(r3.Vec{X: first[0], Y: first[1], Z: first[2]}, spacing, size, geometry.IdentityAxes)
}
