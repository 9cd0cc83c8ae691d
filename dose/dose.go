// Package dose computes absorbed dose: a request in, a dose volume out, by one
// of several engines.
package dose

import (
	"context"
	"time"

	"github.com/kerma-rt/kerma/dose/beam"
	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/heterogeneity"
)

// Engine computes dose. Engines are plain structs of options and pure: the
// same request gives the same bits whatever the number of goroutines.
type Engine interface {
	// Name is the engine's name on the command line and in provenance.
	Name() string
	// Compute returns the dose of the whole course: all beams of the chosen
	// fraction group, all its fractions. It fails rather than leave out a beam.
	Compute(ctx context.Context, r Request) (*Result, error)
}

// Engines are all engines, with their default options.
func Engines() []Engine { return []Engine{PencilBeam{}, CollapsedCone{}} }

// Request is one dose calculation.
type Request struct {
	Tissue   *heterogeneity.Tissue
	Plan     *beam.Plan
	Machines machine.Set   // where each beam finds the machine of its energy and fluence mode
	Grid     geometry.Grid // dose grid; empty: the CT's

	FractionGroup int // number of the fraction group; 0 when the plan has only one
	Threads       int // goroutines; 0 means one per CPU

	// MaxBytes is the memory in bytes that an engine may take beside the
	// request, its result included; 0 means no limit. PencilBeam then does less
	// at once, with the same bits; what does not fit at all, and for
	// CollapsedCone what does not fit at once, is refused with a MemoryError.
	// The heap may be larger by what waits for the collector.
	MaxBytes int64

	// Progress, if set, is called from one goroutine with the finished share
	// of the work, 0…1, rising, at most 20 times a second.
	Progress func(done float64)
}

// Result is a dose volume and how it came about.
type Result struct {
	Dose       *geometry.Volume // Gy, whole course
	Beams      []BeamResult     // one per treatment beam, in plan order
	Fractions  int              // fractions that Dose adds up
	Provenance Provenance
	Warnings   []string
}

// BeamResult is one beam's share.
type BeamResult struct {
	Number  int
	Name    string
	MU      float64 // per fraction
	Machine string
	SSD     float64 // source–skin distance on the axis at the first control point, mm; NaN if the axis misses the body
}

// Provenance travels with every dose into files and reports.
type Provenance struct {
	Engine        string   // name
	Version       string   // of Kerma
	Heterogeneity string   // correction
	Machines      []string // name and content hash of each
	Grid          geometry.Grid
	Calibration   string
	Elapsed       time.Duration
}
