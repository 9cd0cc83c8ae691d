package heterogeneity

import (
	"context"
	"fmt"

	"github.com/kerma-rt/kerma/geometry"
)

// Correction carries a dose known in water over to tissue. What every
// correction answers is at which depth in water an engine that scales along
// rays (a pencil beam) reads its data for a place in the patient. Distance from
// the source and position across the beam stay those of the patient.
//
// That is all of a correction of depth. A Factored correction also changes the
// dose by a factor, and a Spreading one replaces it by its own.
type Correction interface {
	// Name is the correction's name on the command line and in provenance.
	Name() string
	// Depths tabulates for one beam the depth in water at which to read, mm.
	Depths(ctx context.Context, b Beam) (*Depths, error)
}

// Beam is what a correction looks along: the patient, and the rays of one
// control point.
type Beam struct {
	Tissue  *Tissue
	Frame   geometry.Frame
	Field   Field   // where depths are wanted: the opening and the reach of scatter around it
	Spacing float64 // between rays on the isocentre plane, mm; 0 means 2
	Step    float64 // along the beam axis, mm; 0 means 2
	Threads int     // goroutines; 0 means one per CPU
	Cache   *Cache  // what beams through the same patient share; may be nil

	aligned bool // rays lie on a lattice along the beam-limiting devices
}

func (b Beam) depths(ctx context.Context, v *geometry.Volume, solid bool) (*Depths, error) {
	if b.Spacing == 0 {
		b.Spacing = 2
	}
	if b.Step == 0 {
		b.Step = 2
	}
	return b.integrate(ctx, v, solid)
}

// Corrections are all corrections.
func Corrections() []Correction {
	return []Correction{None{}, EquivalentPathLength{}, Batho{}, ModifiedBatho{}, ETAR{}, ETAR{Coalesced: true}, DensityScaled{}}
}

// CorrectionNamed is the correction of that name.
func CorrectionNamed(name string) (Correction, error) {
	var names []string
	for _, c := range Corrections() {
		if c.Name() == name {
			return c, nil
		}
		names = append(names, c.Name())
	}
	return nil, fmt.Errorf("heterogeneity: no correction %q, there are %q", name, names)
}
