package dvh_test

import (
	"fmt"

	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/dose/dvh"
	"github.com/kerma-rt/kerma/geometry"
)

// A cube of 2 cm in a dose that rises by 1 Gy/cm from 10 Gy at its middle.
func Example() {
	grid, err := geometry.NewGrid(r3.Vec{X: -30, Y: -30, Z: -30}, [3]float64{3, 3, 3}, [3]int{21, 21, 21}, geometry.IdentityAxes)
	if err != nil {
		panic(err)
	}
	dose := geometry.NewVolume(grid)
	for i := range dose.Data {
		dose.Data[i] = 10 + float32(grid.Point(float64(i%21), 0, 0).X)/10
	}
	cube := geometry.Structure{Name: "cube"}
	for _, z := range []float64{-8, -4, 0, 4, 8} {
		cube.Contours = append(cube.Contours, geometry.Contour{{X: -10, Y: -10, Z: z}, {X: 10, Y: -10, Z: z}, {X: 10, Y: 10, Z: z}, {X: -10, Y: 10, Z: z}})
	}
	for _, h := range dvh.Compute(dose, &geometry.StructureSet{Structures: []geometry.Structure{cube}}) {
		fmt.Printf("%s: %.2f cm³, mean %.2f Gy, D95 %.2f Gy\n", h.Structure, h.Volume, h.Mean(), h.DoseAt(95))
	}
	// Output: cube: 8.00 cm³, mean 10.00 Gy, D95 9.10 Gy
}
