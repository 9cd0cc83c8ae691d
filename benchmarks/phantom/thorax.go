package phantom

import (
	"math"

	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/dose/beam"
	"github.com/kerma-rt/kerma/geometry"
)

// thorax is an elliptical chest like the CIRS 002LFC phantom, 300 × 200 × 300 mm,
// with lungs of 0.21 and a spine of 1.60 g/cm³, and the eight cases that IAEA
// audits planning systems with. Wedges and trays are left out: the fields are the
// open ones of the cases.
func thorax() []Entry {
	return []Entry{{
		Name: "thorax", Title: "elliptical chest, the eight cases of IAEA TECDOC-1583 without wedges",
		Source: "IAEA TECDOC-1583 (2008); IAEA TRS 430 (2004)",
		half:   [3]float64{160, 110, 155}, spacing: [3]float64{2.5, 2.5, 5},
		regions: func() []region {
			lung := func(name string, x float64) region {
				return region{Structure: geometry.Structure{Name: name, Role: geometry.Organ, Color: [3]uint8{90, 160, 220}}, density: 0.21, outline: cylinder(x, -10, 42, 62, -150, 150)}
			}
			return []region{
				body(cylinder(0, 0, 150, 100, -150, 150), water),
				lung("lung L", 80), lung("lung R", -80),
				{Structure: geometry.Structure{Name: "spine", Role: geometry.Organ, Color: [3]uint8{230, 220, 170}}, density: 1.6, outline: cylinder(0, 65, 17.5, 17.5, -150, 150)},
				{Structure: geometry.Structure{Name: "mediastinum", Role: geometry.PTV, Color: [3]uint8{220, 60, 60}}, outline: cylinder(0, 0, 25, 25, -40, 40)},
			}
		},
		plans: func() []*beam.Plan {
			centre := r3.Vec{}
			open := func(name string, gantry, x, y, mu float64) field {
				return field{name: name, gantry: gantry, x: [2]float64{-x / 2, x / 2}, y: [2]float64{-y / 2, y / 2}, mu: mu}
			}
			blocked := func(y float64) (float64, float64) { // corners of 30 mm cut off
				if math.Abs(y) > 70 {
					return 0, 0
				}
				x := 70 - max(0, math.Abs(y)-40)
				return -x, x
			}
			l := func(y float64) (float64, float64) { // an L, 100 × 200 mm with a corner of 60 × 140 mm shut
				if y > -40 {
					return -50, -10
				}
				return -50, 50
			}
			return []*beam.Plan{
				planOf("1 reference", 6, centre, open("AP", 0, 100, 100, 100)),
				planOf("2 oblique", 6, r3.Vec{X: 100}, open("G90", 90, 150, 100, 100)),
				planOf("3 blocked", 6, centre, field{name: "AP", x: [2]float64{-70, 70}, y: [2]float64{-70, 70}, mlc: blocked, mu: 100}),
				planOf("4 box", 6, centre, open("AP", 0, 150, 100, 50), open("LL", 90, 150, 80, 50), open("PA", 180, 150, 100, 50), open("RL", 270, 150, 80, 50)),
				planOf("5 cylinder", 6, centre, field{name: "G45", gantry: 45, x: [2]float64{-32, 32}, y: [2]float64{-47, 47}, mlc: func(y float64) (float64, float64) {
					if math.Abs(y) > 47 {
						return 0, 0
					}
					return -32, 32
				}, mu: 100}),
				planOf("6 L", 6, r3.Vec{X: 40, Y: -40}, field{name: "G45", gantry: 45, x: [2]float64{-50, 50}, y: [2]float64{-100, 100}, mlc: l, mu: 100}),
				planOf("7 three fields", 6, centre, open("AP", 0, 120, 100, 50), field{name: "G90", gantry: 90, x: [2]float64{-40, 60}, y: [2]float64{-50, 50}, mu: 50}, field{name: "G270", gantry: 270, x: [2]float64{-60, 40}, y: [2]float64{-50, 50}, mu: 50}),
				planOf("8 non-coplanar", 6, centre, open("G90", 90, 40, 120, 50), open("G270", 270, 40, 120, 50), field{name: "G330 C90", gantry: 330, couch: 90, x: [2]float64{-20, 20}, y: [2]float64{-80, 80}, mu: 50}),
			}
		},
	}}
}
