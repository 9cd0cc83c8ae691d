package geometry

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/spatial/r3"
)

// ErrPose is wrapped by every error about an impossible Pose.
var ErrPose = errors.New("geometry: invalid pose")

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
	PitchDeg      float64 // table top about X_t, + raises the end at the gantry (+Y_t)
	RollDeg       float64 // table top about Y_t as pitched, + lowers the side at +X_t
}

// Frame is a Pose turned into numbers: the rigid map from the patient frame
// to the beam frame (IEC beam-limiting device: origin at the isocentre, source
// at (0, 0, SAD)) and back. Only NewFrame makes a valid one.
type Frame struct {
	SAD       float64 // source–axis distance, mm
	isocentre r3.Vec
	rows      rotation // beam x, y, z axes expressed in LPS
}

// NewFrame composes the rotations patient → table top → fixed → gantry →
// beam-limiting device. It fails with ErrPose for an unknown position, an
// angle or isocentre that is not finite, and a SAD that is not positive and
// finite.
//
// Pitch and roll follow DICOM PS3.3 C.8.8.14.12, which restates IEC 61217:
// positive about the positive axis, pitch before roll. IEC 61217 turns the
// axes of the daughter system, so the roll is about Y_t as the pitch has left
// it. DICOM turns them about the origin of the table top and moves the table to
// keep the isocentre in place; as the isocentre is given in the patient, only
// the rotation is left here.
func NewFrame(p Pose) (Frame, error) {
	for _, angle := range []struct {
		name string
		deg  float64
	}{
		{"gantry", p.GantryDeg}, {"collimator", p.CollimatorDeg}, {"couch", p.CouchDeg},
		{"pitch", p.PitchDeg}, {"roll", p.RollDeg},
	} {
		if math.IsNaN(angle.deg) || math.IsInf(angle.deg, 0) {
			return Frame{}, fmt.Errorf("%w: %s angle %v°", ErrPose, angle.name, angle.deg)
		}
	}
	if !finite(p.Isocentre) {
		return Frame{}, fmt.Errorf("%w: isocentre %v", ErrPose, p.Isocentre)
	}
	if !(p.SAD > 0) || math.IsInf(p.SAD, 0) {
		return Frame{}, fmt.Errorf("%w: source–axis distance %v mm", ErrPose, p.SAD)
	}
	tableTop, err := patientToTableTop(p.Position)
	if err != nil {
		return Frame{}, err
	}
	rows := gantryToBeam(p.CollimatorDeg).
		after(fixedToGantry(p.GantryDeg)).
		after(supportToFixed(p.CouchDeg)).
		after(tableTopToSupport(p.PitchDeg, p.RollDeg)).
		after(tableTop)
	return Frame{SAD: p.SAD, isocentre: p.Isocentre, rows: rows}, nil
}

// Isocentre is the isocentre in mm, LPS.
func (f Frame) Isocentre() r3.Vec { return f.isocentre }

// Source is the place of the radiation source in mm, LPS.
func (f Frame) Source() r3.Vec { return f.ToPatient(r3.Vec{Z: f.SAD}) }

// ToBeam takes a point from the patient frame (mm, LPS) to the beam frame (mm).
func (f Frame) ToBeam(p r3.Vec) r3.Vec {
	return f.rows.turn(r3.Sub(p, f.isocentre))
}

// ToPatient is the inverse of ToBeam.
func (f Frame) ToPatient(b r3.Vec) r3.Vec {
	return r3.Add(f.isocentre, f.rows.back(b))
}

// Project is where the ray from the source through p (mm, LPS) meets the
// isocentre plane: x and y in beam-limiting device coordinates, mm, and
// a, the distance of p from the source along the beam axis (SAD − z_b), mm.
// Beside or behind the source (a ≤ 0) no ray reaches the plane: x and y are NaN.
func (f Frame) Project(p r3.Vec) (x, y, a float64) {
	b := f.ToBeam(p)
	a = f.SAD - b.Z
	if !(a > 0) {
		return math.NaN(), math.NaN(), a
	}
	m := f.SAD / a
	return b.X * m, b.Y * m, a
}

// Affine takes a continuous voxel index to a point: Origin + i·Step[0] +
// j·Step[1] + k·Step[2].
type Affine struct {
	Origin r3.Vec    // point of index (0, 0, 0), mm
	Step   [3]r3.Vec // from one voxel to the next along each index axis, mm
}

// At is the point of continuous index (i, j, k) in mm.
func (m Affine) At(i, j, k float64) r3.Vec {
	a, b, c := m.Step[0], m.Step[1], m.Step[2]
	return r3.Vec{
		X: m.Origin.X + i*a.X + j*b.X + k*c.X,
		Y: m.Origin.Y + i*a.Y + j*b.Y + k*c.Y,
		Z: m.Origin.Z + i*a.Z + j*b.Z + k*c.Z,
	}
}

// OfGrid is the map from the voxel indices of g to beam coordinates, for
// loops that walk a grid voxel by voxel.
func (f Frame) OfGrid(g Grid) Affine {
	m := Affine{Origin: f.ToBeam(g.origin)}
	for a := range 3 {
		m.Step[a] = f.rows.turn(r3.Scale(g.spacing[a], g.axes[a]))
	}
	return m
}

// rotation is an orthonormal right-handed matrix by its rows.
type rotation [3]r3.Vec

func (r rotation) turn(v r3.Vec) r3.Vec {
	return r3.Vec{X: r3.Dot(r[0], v), Y: r3.Dot(r[1], v), Z: r3.Dot(r[2], v)}
}

// back is the inverse (transposed) rotation.
func (r rotation) back(v r3.Vec) r3.Vec {
	return r3.Vec{
		X: r[0].X*v.X + r[1].X*v.Y + r[2].X*v.Z,
		Y: r[0].Y*v.X + r[1].Y*v.Y + r[2].Y*v.Z,
		Z: r[0].Z*v.X + r[1].Z*v.Y + r[2].Z*v.Z,
	}
}

// after is the rotation that first does s, then r.
func (r rotation) after(s rotation) rotation {
	return rotation{s.back(r[0]), s.back(r[1]), s.back(r[2])}
}

// patientToTableTop is M of t = M·(P − isocentre): the table top has X_t to the
// right of one who faces the gantry, Y_t towards the gantry, Z_t up.
func patientToTableTop(position PatientPosition) (rotation, error) {
	x, y, z := r3.Vec{X: 1}, r3.Vec{Y: 1}, r3.Vec{Z: 1}
	minus := func(v r3.Vec) r3.Vec { return r3.Sub(r3.Vec{}, v) }
	switch position {
	case HFS:
		return rotation{x, z, minus(y)}, nil
	case HFP:
		return rotation{minus(x), z, y}, nil
	case HFDL:
		return rotation{minus(y), z, minus(x)}, nil
	case HFDR:
		return rotation{y, z, x}, nil
	case FFS:
		return rotation{minus(x), minus(z), minus(y)}, nil
	case FFP:
		return rotation{x, minus(z), y}, nil
	case FFDL:
		return rotation{y, minus(z), minus(x)}, nil
	case FFDR:
		return rotation{minus(y), minus(z), x}, nil
	}
	return rotation{}, fmt.Errorf("%w: patient position %q is none of HFS, HFP, HFDL, HFDR, FFS, FFP, FFDL, FFDR", ErrPose, position)
}

// tableTopToSupport is s = Rx(ψ)·Ry(φ)·t, see NewFrame.
func tableTopToSupport(pitchDeg, rollDeg float64) rotation {
	return aboutX(pitchDeg).after(aboutY(rollDeg))
}

// supportToFixed is f = Rz(θs)·s, θs the patient support angle.
func supportToFixed(couchDeg float64) rotation { return aboutZ(couchDeg) }

// fixedToGantry is g = Ry(−φg)·f, φg the gantry angle.
func fixedToGantry(gantryDeg float64) rotation { return aboutY(-gantryDeg) }

// gantryToBeam is b = Rz(−θb)·g, θb the beam-limiting device angle.
func gantryToBeam(collimatorDeg float64) rotation { return aboutZ(-collimatorDeg) }

func aboutX(deg float64) rotation {
	s, c := sincosDeg(deg)
	return rotation{{X: 1}, {Y: c, Z: -s}, {Y: s, Z: c}}
}

func aboutY(deg float64) rotation {
	s, c := sincosDeg(deg)
	return rotation{{X: c, Z: s}, {Y: 1}, {X: -s, Z: c}}
}

func aboutZ(deg float64) rotation {
	s, c := sincosDeg(deg)
	return rotation{{X: c, Y: -s}, {X: s, Y: c}, {Z: 1}}
}

// sincosDeg is exact at the multiples of 90°, so that a beam along an axis of
// the patient stays exactly on it.
func sincosDeg(deg float64) (sin, cos float64) {
	deg = math.Mod(deg, 360)
	turns := math.Round(deg / 90)
	sin, cos = math.Sincos((deg - 90*turns) * math.Pi / 180)
	switch (int(turns) + 4) % 4 {
	case 1:
		return cos, -sin
	case 2:
		return -sin, -cos
	case 3:
		return -cos, sin
	}
	return sin, cos
}
