package geometry

import "gonum.org/v1/gonum/spatial/r3"

// PatientPosition is how the patient lies on the table: the DICOM terms HFS,
// HFP, HFDL, HFDR, FFS, FFP, FFDL, FFDR (C.7.3.1.1.2; left = left side down).
type PatientPosition string

// The eight patient positions of a treatment table.
const (
	HFS  PatientPosition = "HFS"
	HFP  PatientPosition = "HFP"
	HFDL PatientPosition = "HFDL"
	HFDR PatientPosition = "HFDR"
	FFS  PatientPosition = "FFS"
	FFP  PatientPosition = "FFP"
	FFDL PatientPosition = "FFDL"
	FFDR PatientPosition = "FFDR"
)

// Pose is where one control point puts the patient and the machine: all the
// angles of IEC 61217 between the DICOM patient frame and the frame of the
// beam-limiting device.
type Pose struct {
	Position      PatientPosition
	Isocentre     r3.Vec  // mm, LPS
	SAD           float64 // source–axis distance, mm
	GantryDeg     float64 // + clockwise seen by one who faces the gantry
	CollimatorDeg float64 // + counter-clockwise seen from the source
	CouchDeg      float64 // patient support, + counter-clockwise seen from above
	PitchDeg      float64 // table top about X_t
	RollDeg       float64 // table top about Y_t
}

// Frame is a Pose turned into numbers: the rigid map from the patient frame
// to the beam frame (IEC beam-limiting device: origin at the isocentre, source
// at (0, 0, SAD)) and back.
type Frame struct {
	SAD       float64
	isocentre r3.Vec
	rows      [3]r3.Vec // beam x, y, z axes expressed in LPS
}

// NewFrame composes the rotations patient → table top → fixed → gantry →
// beam-limiting device. It fails for an unknown position, an angle that is
// not finite, and a SAD that is not positive.
func NewFrame(p Pose) (Frame, error) { panic("geometry: not built yet") }

// Source is the place of the radiation source in mm, LPS.
func (f Frame) Source() r3.Vec { panic("geometry: not built yet") }

// ToBeam takes a point from the patient frame (mm, LPS) to the beam frame (mm).
func (f Frame) ToBeam(p r3.Vec) r3.Vec { panic("geometry: not built yet") }

// ToPatient is the inverse of ToBeam.
func (f Frame) ToPatient(b r3.Vec) r3.Vec { panic("geometry: not built yet") }

// Project is where the ray from the source through p (mm, LPS) meets the
// isocentre plane: x and y in beam-limiting device coordinates, mm, and
// a, the distance of p from the source along the beam axis (SAD − z_b), mm.
func (f Frame) Project(p r3.Vec) (x, y, a float64) { panic("geometry: not built yet") }
