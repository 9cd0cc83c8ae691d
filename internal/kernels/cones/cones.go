// Package cones carries energy along the lattice lines of a collapsed-cone
// superposition.
//
// A direction of transport has one line through every voxel: from plane to
// plane across its dominant axis the lines advance by whole voxels, the rounded
// course of the direction (lattice lines), so each voxel is met once and energy
// is conserved exactly. Along a line the point kernel is a sum of exponentials
// of the radiological length with coefficients a_j that are the same for every
// direction, photon energy and place; what differs is how much a voxel releases
// into each (Ahnesjö 1989, Med Phys 16:577, from two exponentials a cone to a
// common ladder of them). For one exponential, a voxel of radiological length Δ
// that releases s per volume and density into it, and energy R arriving per
// area, with x = aΔ,
//
//	deposited = R·(1−e^(−x)) + (s/a)·(x − (1−e^(−x)))
//	R         ← R·e^(−x) + (s/a)·(1−e^(−x))
//
// both per area. With q = 1−e^(−x) and p = x−q the ladder a, 2a, 4a … needs no
// exponential but the series of the lowest:
//
//	q(2x) = q·(2−q),  p(2x) = 2p + q².
package cones

//go:generate go run -C ../gen ./cones -out ../cones/cones_amd64.s -stubs ../cones/cones_amd64.go -pkg cones

import "math"

// The ladder: First·2^n in cm²/g. The rungs 4 to 8 carry the energy of electrons
// set free by primary photons, 0, 1, 2, 4 and 6 that of scattered and radiative
// photons. With them the energy of a mean point kernel of 6 to 15 MV inside any
// radius is met within 0.6 % of its whole (see package collapsedcone); the
// electrons of one photon energy alone, whose range ends sharply, within 3 %.
const (
	First    = 0.03125
	Primary  = 5
	Scatter  = 5
	Channels = Primary + Scatter // what a line carries
)

var rungs = [Channels]int{4, 5, 6, 7, 8, 0, 1, 2, 4, 6}

// Coefficient is a_j in cm²/g of channel j: the primary ones first.
func Coefficient(j int) float64 { return math.Ldexp(First, rungs[j]) }

var coefficients = func() (a [Channels]float32) {
	for j := range a {
		a[j] = float32(Coefficient(j))
	}
	return a
}()

// Field is what lines run through: voxels, x fastest, and what they release.
type Field struct {
	Size    [3]int
	Spacing [3]float64 // cm
	// Low and High bound the box of voxels that lines run through, Low ≤ i < High
	// by axis.
	Low, High [3]int
	// Electron and Photon are the densities, g/cm³ of water, by which lengths
	// scale for the primary and the scatter channels. No more than 16 g/cm² may
	// lie in a voxel along a line: the series of the kernel ends there.
	Electron, Photon []float32
	// Runs holds, for each row j + k·Size[1] along x, where the voxels are that
	// release anything.
	Runs []Run
	// Ray is the unit vector along which photons arrive, by axis and voxel. It is
	// read inside Runs only, as Primary and Scatter.
	Ray [3][]float32
	// Primary is the energy released per volume over Electron, by group and voxel,
	// Scatter that over Photon.
	Primary, Scatter [][]float32
}

// Run is the voxels From ≤ i < To of a row.
type Run struct{ From, To int32 }

// in is what of the run lies in low ≤ i < high, counted from low.
func (r Run) in(low, high int) (from, to int) {
	from = min(max(int(r.From), low), high)
	to = max(min(int(r.To), high), from)
	return from - low, to - low
}

// Degree is that of the polynomials of a cone.
const Degree = 3

// Cone is one direction of transport.
type Cone struct {
	Direction [3]float64 // unit vector along the grid's axes
	// Shares tells what part of a released unit goes into each channel, over a_j,
	// as polynomials of t = Scale·cos γ + Shift, γ the angle between the direction
	// and the ray of a voxel: for each channel and group the coefficients of 1, t,
	// …, t^Degree.
	Scale, Shift float64
	Shares       []float32
}
