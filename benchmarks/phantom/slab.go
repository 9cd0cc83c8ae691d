package phantom

import (
	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/dose/beam"
	"github.com/kerma-rt/kerma/geometry"
)

// layer is a slab of matter below the surface.
type layer struct {
	name      string
	thickness float64 // mm
	density   float64 // g/cm³
	half      bool    // only at x > 0; water beside it
}

// slabs are layers in water, 300 mm deep, the surface at y = −150 mm.
func slabs() []Entry {
	layered := func(name, title, source string, energy, side float64, layers ...layer) Entry {
		return Entry{
			Name: name, Title: title, Source: source, half: [3]float64{160, 160, 160}, spacing: [3]float64{2.5, 2.5, 2.5},
			regions: func() []region {
				all := []region{body(box(-150, 150, -150, 150, -150, 150), water)}
				y := -150.0
				for _, l := range layers {
					if l.density != water {
						x := -150.0
						if l.half {
							x = 0
						}
						all = append(all, region{Structure: geometry.Structure{Name: l.name, Role: geometry.Organ}, density: l.density, outline: box(x, 150, y, y+l.thickness, -150, 150)})
					}
					y += l.thickness
				}
				return all
			},
			plans: func() []*beam.Plan {
				return []*beam.Plan{planOf(name, energy, r3.Vec{Y: -150}, square("AP", side, 0, 100))}
			},
		}
	}
	return []Entry{
		layered("lung-slab", "50 mm water, 100 mm lung, water; 6 MV, 100 mm", "the lung slab of the literature, as in Wong and Purdy, Med Phys 17 (1990) 807", 6, 100,
			layer{thickness: 50, density: water}, layer{name: "lung", thickness: 100, density: 0.26}),
		layered("lung-slab-small", "50 mm water, 100 mm lung, water; 15 MV, 50 mm", "electronic disequilibrium: Rice, Mijnheer, Chin, IJROBP 15 (1988) 697", 15, 50,
			layer{thickness: 50, density: water}, layer{name: "lung", thickness: 100, density: 0.26}),
		layered("bone-slab", "30 mm water, 20 mm bone, water; 6 MV, 100 mm", "Carrasco et al., Med Phys 34 (2007) 3323", 6, 100,
			layer{thickness: 30, density: water}, layer{name: "bone", thickness: 20, density: 1.8}),
		layered("half-lung", "50 mm water, then lung beside water for 100 mm; 6 MV, 100 mm", "lateral heterogeneity: Sontag and Cunningham, Radiology 129 (1978) 787", 6, 100,
			layer{thickness: 50, density: water}, layer{name: "lung", thickness: 100, density: 0.26, half: true}),
		layered("iccr", "30 mm water, 20 mm aluminium, 70 mm lung, water; 18 MV, 15 mm", "Rogers and Mohan, Proc 13th ICCR (2000) 120", 18, 15,
			layer{thickness: 30, density: water}, layer{name: "aluminium", thickness: 20, density: 2.7}, layer{name: "lung", thickness: 70, density: 0.26}),
	}
}
