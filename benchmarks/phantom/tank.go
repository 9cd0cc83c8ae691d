package phantom

import (
	"fmt"

	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/dose/beam"
	"github.com/kerma-rt/kerma/geometry"
)

const water = 1.0 // g/cm³

func body(outline func(float64) []geometry.Contour, density float64) region {
	return region{Structure: geometry.Structure{Name: "BODY", Role: geometry.External, Color: [3]uint8{120, 180, 120}}, density: density, outline: outline}
}

// tanks are water: the fields that a beam model is commissioned and checked with.
func tanks() []Entry {
	tank := func() []region { return []region{body(box(-200, 200, -150, 200, -200, 200), water)} }
	top := r3.Vec{Y: -150 + 100} // 100 mm below the surface
	return []Entry{
		{
			Name: "water-tank", Title: "water, fields of 30 to 300 mm at SSD 900 mm",
			Source:  "IAEA TRS-398 reference conditions",
			regions: tank, half: [3]float64{210, 210, 210}, spacing: [3]float64{3, 3, 3},
			plans: func() []*beam.Plan {
				var all []*beam.Plan
				for _, side := range []float64{30, 50, 100, 200, 300} {
					f := square("AP", side, 0, 100)
					p := planOf(fmt.Sprintf("square %03.0f", side), 6, top, f)
					all = append(all, p)
				}
				return all
			},
		},
		{
			Name: "mppg", Title: "water, the basic photon tests of MPPG 5.a",
			Source:  "Smilowitz et al., AAPM Medical Physics Practice Guideline 5.a, JACMP 16(5) (2015) 14; 5.b (2022), tests 5.4 to 5.8",
			regions: tank, half: [3]float64{210, 210, 210}, spacing: [3]float64{3, 3, 3},
			plans: func() []*beam.Plan {
				ellipse := func(y float64) (float64, float64) { // a small shape of the leaves
					if y < -20 || y > 20 {
						return 0, 0
					}
					return -15, 15
				}
				steps := func(y float64) (float64, float64) { // a large one with islands of shadow
					if y < -100 || y > 100 {
						return 0, 0
					}
					if y > 0 {
						return -100, 20
					}
					return -40, 100
				}
				return []*beam.Plan{
					planOf("5.4 small MLC", 6, top, field{name: "AP", x: [2]float64{-20, 20}, y: [2]float64{-25, 25}, mlc: ellipse, mu: 100}),
					planOf("5.5 large MLC", 6, top, field{name: "AP", x: [2]float64{-110, 110}, y: [2]float64{-110, 110}, mlc: steps, mu: 100}),
					planOf("5.6 off axis", 6, top, field{name: "AP", x: [2]float64{50, 150}, y: [2]float64{50, 150}, mu: 100}),
					planOf("5.7 asymmetric", 6, r3.Vec{Y: -150 + 200}, field{name: "AP", x: [2]float64{0, 100}, y: [2]float64{-50, 100}, mu: 100}),
					planOf("5.8 oblique", 6, top, field{name: "G20", gantry: 20, x: [2]float64{-50, 50}, y: [2]float64{-50, 50}, mu: 100}),
				}
			},
		},
	}
}
