// Package beam says how radiation is shaped in time: plans, beams, control
// points, and the apertures that jaws and leaves leave open.
package beam

import (
	"fmt"
	"strings"

	"github.com/kerma-rt/kerma/geometry"
	"gonum.org/v1/gonum/spatial/r3"
)

// Plan is one external photon beam plan, read whole: nothing that changes the
// dose has been left out without a line in Unmodelled. Whoever makes a plan
// calls Validate before handing it on; the readers here have done so.
type Plan struct {
	Label               string
	UID                 string // SOP instance UID
	ClassUID            string // SOP class UID
	StudyUID            string
	FrameOfReferenceUID string  // empty when the file does not say
	StructureSetUID     string  // SOP instance UID of the structure set
	Prescription        float64 // to the target, Gy, all fractions; 0 when the plan does not say. Nothing is scaled by it
	Groups              []FractionGroup
	Beams               []Beam
	Omitted             []string // beams that deliver no treatment dose (setup, port film, no meterset), a line each
	Unmodelled          []string // what the reader was told to go on without, a line each
}

// FractionGroup is a set of beams given together a number of times.
type FractionGroup struct {
	Number    int
	Fractions int // 0 when the plan does not say
	Beams     []BeamMeterset
}

// BeamMeterset is how much of one beam is given in each fraction of a group.
type BeamMeterset struct {
	BeamNumber int
	Meterset   float64 // MU, or minutes where Beam.Unit says so; NaN when absent: no absolute dose
}

// DosimeterUnit is what a meterset counts.
type DosimeterUnit string

// The two units of PrimaryDosimeterUnit (300A,00B3).
const (
	MonitorUnits DosimeterUnit = "MU"
	Minutes      DosimeterUnit = "MINUTE"
)

// FluenceMode tells flattened beams from the others.
type FluenceMode string

// Fluence modes; other identifiers are kept as the file gives them.
const (
	Flattened FluenceMode = ""    // STANDARD
	FFF       FluenceMode = "FFF" // flattening-filter free
)

// Beam is one treatment beam with its control points.
type Beam struct {
	Number      int
	Name        string
	Machine     string        // treatment machine name
	EnergyMV    float64       // nominal beam energy, MV
	FluenceMode FluenceMode   // flattened or not
	Unit        DosimeterUnit // of the meterset
	SAD         float64       // source–axis distance, mm; 0 when the file does not say
	// SSD is the planned source–surface distance at the first control point,
	// mm; 0 when the file does not say. It is there to be compared with, never
	// to be computed from.
	SSD      float64
	Position geometry.PatientPosition // empty when the file does not say
	Devices  []Device
	Points   []ControlPoint // at least two
}

// DeviceKind is how a pair of jaws or a leaf bank moves.
type DeviceKind int

// Kinds of beam-limiting device. X moves along x of the beam-limiting device
// frame, Y along y.
const (
	JawX DeviceKind = iota // X, ASYMX
	JawY                   // Y, ASYMY
	MLCX                   // leaves move along x
	MLCY                   // leaves move along y
)

var deviceKinds = [...]string{JawX: "JAWX", JawY: "JAWY", MLCX: "MLCX", MLCY: "MLCY"}

// String is the kind's name as in a JSON plan.
func (k DeviceKind) String() string {
	if k < 0 || int(k) >= len(deviceKinds) {
		return fmt.Sprintf("DeviceKind(%d)", int(k))
	}
	return deviceKinds[k]
}

// Device is one beam-limiting device: a pair of jaws or a layer of leaves. The
// aperture is what all devices of a beam leave open together; a beam that lists
// no jaws in one direction is not limited by jaws there.
type Device struct {
	Kind DeviceKind
	Name string // RTBeamLimitingDeviceType as written
	// Boundaries are the N+1 ascending edges of N leaf pairs across their
	// direction of travel, mm at the isocentre plane; nil for jaws.
	Boundaries []float64
}

// ControlPoint is the state of the machine at one share of the beam's
// monitor units. Every field is filled: what a file leaves unchanged has been
// carried forward.
type ControlPoint struct {
	Weight        float64 // cumulative share of the meterset, 0…1
	GantryDeg     float64
	CollimatorDeg float64
	CouchDeg      float64
	PitchDeg      float64
	RollDeg       float64
	GantryTurn    Rotation // towards the next point
	CollimatorTurn,
	CouchTurn Rotation
	Isocentre r3.Vec // mm, LPS
	// Positions holds one entry per Beam.Devices: {low, high} for jaws; for N
	// leaf pairs 2N values, the whole low bank first; mm at the isocentre plane.
	Positions [][]float64
}

// GroupError says that a plan does not have the one fraction group asked for.
type GroupError struct {
	Wanted int // 0: the only one
	Groups []FractionGroup
}

// Error lists the groups of the plan.
func (e *GroupError) Error() string {
	var list []string
	for _, g := range e.Groups {
		list = append(list, fmt.Sprintf("%d (%d fractions of %d beams)", g.Number, g.Fractions, len(g.Beams)))
	}
	has := "it has none"
	if len(list) > 0 {
		has = "it has " + strings.Join(list, ", ")
	}
	if e.Wanted == 0 {
		return "plan: one fraction group has to be chosen: " + has
	}
	return fmt.Sprintf("plan: no fraction group %d: %s", e.Wanted, has)
}

// Group is the fraction group of that number, 0 standing for the only one. It
// fails with *GroupError when there is no such group or, for 0, when there are
// several: their doses belong to different parts of a course.
func (p *Plan) Group(number int) (*FractionGroup, error) {
	if number == 0 && len(p.Groups) == 1 {
		return &p.Groups[0], nil
	}
	for i := range p.Groups {
		if number != 0 && p.Groups[i].Number == number {
			return &p.Groups[i], nil
		}
	}
	return nil, &GroupError{Wanted: number, Groups: p.Groups}
}

// Beam is the beam of that number, nil when the plan has none.
func (p *Plan) Beam(number int) *Beam {
	for i := range p.Beams {
		if p.Beams[i].Number == number {
			return &p.Beams[i]
		}
	}
	return nil
}

// String names the beam in messages.
func (b *Beam) String() string { return fmt.Sprintf("beam %d %q", b.Number, b.Name) }
