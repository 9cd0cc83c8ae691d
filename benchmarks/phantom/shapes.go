package phantom

import (
	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/dose/beam"
	"github.com/kerma-rt/kerma/geometry"
)

// shapes are bodies whose dose–volume histogram in a linear dose has a closed
// form, as Nelms et al. use them.
func shapes() []Entry {
	return []Entry{{
		Name: "dvh-shapes", Title: "sphere, cylinder and cone of 24 mm for analytic dose–volume histograms",
		Source: "Nelms, Stambaugh, Hunt, Tonner, Zhang, Robertson, Med Phys 42 (2015) 4435",
		half:   [3]float64{60, 60, 60}, spacing: [3]float64{1, 1, 1},
		regions: func() []region {
			return []region{
				body(box(-50, 50, -50, 50, -50, 50), water),
				{Structure: geometry.Structure{Name: "sphere", Role: geometry.Organ}, outline: ellipsoid(0, 0, 0, 12, 12, 12)},
				{Structure: geometry.Structure{Name: "cylinder", Role: geometry.Organ}, outline: cylinder(0, 0, 12, 12, -12, 12)},
				{Structure: geometry.Structure{Name: "cone", Role: geometry.Organ}, outline: cone(12, -12, 12)},
			}
		},
		plans: func() []*beam.Plan { return []*beam.Plan{planOf("open", 6, r3.Vec{}, square("AP", 60, 0, 100))} },
	}}
}
