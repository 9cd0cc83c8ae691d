package influence

import (
	"fmt"

	"github.com/kerma-rt/kerma/dose"
	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/heterogeneity"
)

// Request asks for the matrix of some beams.
type Request struct {
	Tissue  *heterogeneity.Tissue
	Machine *machine.Machine
	Grid    geometry.Grid // dose grid; empty: the CT's
	Beams   []dose.Bixels

	Cutoff     float64 // mm in the isocentre plane from the centre of a bixel beyond which its dose is left out; 0: 50
	Threshold  float64 // share of a column's largest value below which values are left out, 0…1
	Compensate bool    // scales each column by what has been left out of it: 1/(1 − Lost)

	MaxBytes int64 // that the matrix may take; 0: no limit
	Threads  int   // goroutines; 0 means one per CPU

	// Progress, if set, is called from one goroutine with the finished share
	// of the work, 0…1, rising, at most 20 times a second.
	Progress func(done float64)
}

// SizeError says that a matrix would take more memory than allowed.
type SizeError struct {
	Needed, Allowed int64 // bytes
}

func (e *SizeError) Error() string {
	return fmt.Sprintf("influence: the matrix takes %d bytes, %d are allowed", e.Needed, e.Allowed)
}
