// Package beam says how radiation is shaped in time: plans, beams, control
// points, and the apertures that jaws and leaves leave open.
package beam

import (
	"github.com/kerma-rt/kerma/geometry"
	"gonum.org/v1/gonum/spatial/r3"
)

// Plan is one external photon beam plan, read whole: nothing that changes the
// dose has been left out without a line in Unmodelled.
type Plan struct {
	Label               string
	UID                 string // SOP instance UID
	ClassUID            string // SOP class UID
	StudyUID            string
	FrameOfReferenceUID string // empty when the file does not say
	StructureSetUID     string // SOP instance UID of the structure set
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
	Position    geometry.PatientPosition
	Devices     []Device
	Points      []ControlPoint // at least two
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

// Device is one beam-limiting device: a pair of jaws or a layer of leaves.
type Device struct {
	Kind DeviceKind
	Name string // RTBeamLimitingDeviceType as written
	// Boundaries are the N+1 ascending edges of N leaf pairs across their
	// direction of travel, mm at the isocentre plane; nil for jaws.
	Boundaries []float64
}

// Rotation is the sense in which an angle moves to the next control point.
type Rotation int

// Senses of rotation. CW raises the gantry angle; CC raises the collimator and
// couch angles (each seen as DICOM says: gantry facing it, collimator from the
// source, couch from above). The reader turns both into Rising and Falling.
const (
	Still Rotation = iota
	Rising
	Falling
)

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
