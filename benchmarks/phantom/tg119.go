package phantom

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/dose/beam"
	"github.com/kerma-rt/kerma/geometry"
)

const tg119Source = "Ezzell et al., AAPM TG-119, Med Phys 36 (2009) 5359: sizes as its text gives them"

// tg119 is the four structure sets of TG-119, by the sizes that the report's text
// gives, in a block of solid water of 300 × 150 × 200 mm. Each has one open field
// for each direction that the report plans with, around the target; an optimiser
// shapes them.
func tg119() []Entry {
	part := func(name string, role geometry.Role, colour [3]uint8, outline func(float64) []geometry.Contour) region {
		return region{Structure: geometry.Structure{Name: name, Role: role, Color: colour}, outline: outline}
	}
	red, blue, green, orange := [3]uint8{220, 60, 60}, [3]uint8{80, 140, 230}, [3]uint8{80, 180, 120}, [3]uint8{230, 150, 50}
	entry := func(name, title string, beams int, side float64, parts ...region) Entry {
		return Entry{
			Name: name, Title: title, Source: tg119Source, Goals: name, half: [3]float64{160, 85, 110}, spacing: [3]float64{2.5, 2.5, 2.5},
			regions: func() []region {
				return append([]region{body(box(-150, 150, -75, 75, -100, 100), water)}, parts...)
			},
			plans: func() []*beam.Plan {
				var fields []field
				for i := range beams {
					gantry := math.Mod(360/float64(beams)*float64(i), 360)
					gantry = math.Round(gantry)
					fields = append(fields, square(fmt.Sprintf("G%03.0f", gantry), side, gantry, 100))
				}
				return []*beam.Plan{planOf(name, 6, r3.Vec{}, fields...)}
			},
		}
	}
	return []Entry{
		entry("tg119-multitarget", "three cylinders one after the other, three doses", 7, 130,
			part("Central", geometry.PTV, red, cylinder(0, 0, 20, 20, -20, 20)),
			part("Superior", geometry.PTV, orange, cylinder(0, 0, 20, 20, 20, 60)),
			part("Inferior", geometry.PTV, blue, cylinder(0, 0, 20, 20, -60, -20))),
		entry("tg119-prostate", "mock prostate, rectum and bladder", 7, 90,
			part("CTV", "CTV", orange, ellipsoid(0, 0, 0, 20, 13, 32.5)),
			part("PTV", geometry.PTV, red, ellipsoid(0, 0, 0, 26, 19, 38.5)),
			part("Rectum", geometry.Organ, green, cylinder(0, 20, 7.5, 7.5, -60, 60)),
			part("Bladder", geometry.Organ, blue, ellipsoid(0, -22, 32, 25, 20, 25))),
		entry("tg119-head-neck", "mock head and neck: everything anterior of the cord, parotids", 9, 150,
			part("PTV", geometry.PTV, red, arch(25, 55, 140, -50, 50)),
			part("Cord", geometry.Organ, green, cylinder(0, 10, 8, 8, -80, 80)),
			part("Parotid L", geometry.Organ, blue, ellipsoid(62, 15, 35, 12, 14, 22)),
			part("Parotid R", geometry.Organ, blue, ellipsoid(-62, 15, 35, 12, 14, 22))),
		entry("tg119-c-shape", "a C around a core", 9, 100,
			part("PTV", geometry.PTV, red, arch(15, 37, 120, -40, 40)),
			part("Core", geometry.Organ, green, cylinder(0, 0, 10, 10, -50, 50))),
	}
}
