package verdict

import "fmt"

// Set is tolerances of dose under a name that physicists know.
type Set struct {
	Name   string
	Source string
	// By geometry: homogeneous and simple, and with heterogeneities.
	Water, Slab Tolerance
}

// Tolerance is what a calculated dose may differ by.
type Tolerance struct {
	Axis     float64 // central axis beyond the build-up, % of the local dose
	Inside   float64 // off axis, inside the field, % of the local dose
	Penumbra float64 // mm
	Outside  float64 // outside the field, % of the dose on the axis
}

// Sets are the tolerances by name, the default first.
func Sets() []Set {
	return []Set{
		{
			"mppg", "AAPM MPPG 5.b, JACMP 23(9) (2022) e13641, tests 5.4 to 6.2",
			Tolerance{2, 2, 2, 3}, Tolerance{3, 3, 2, 3},
		},
		{
			"tg53", "Fraass et al., AAPM TG-53, Med Phys 25 (1998) 1773, example criteria, square field and slabs",
			Tolerance{1, 1.5, 2, 2}, Tolerance{3, 5, 5, 5},
		},
		{
			"venselaar", "Venselaar, Welleweerd, Mijnheer, Radiother Oncol 60 (2001) 191, simple and more complex geometry",
			Tolerance{2, 3, 2, 3}, Tolerance{3, 3, 3, 4},
		},
	}
}

// SetNamed finds tolerances by their name.
func SetNamed(name string) (Set, error) {
	for _, s := range Sets() {
		if s.Name == name {
			return s, nil
		}
	}
	return Set{}, fmt.Errorf("no tolerances %q: there are mppg, tg53 and venselaar", name)
}
