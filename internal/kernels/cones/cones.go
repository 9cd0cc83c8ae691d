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

// Field is what lines run through: voxels, x fastest, and what they release.
type Field struct {
	Size    [3]int
	Spacing [3]float64 // cm
	// Electron and Photon are the densities, g/cm³ of water, by which lengths
	// scale for the primary and the scatter channels. They must be above 0, and
	// no more than 16 g/cm² lie in a voxel along a line: the series of the kernel
	// ends there.
	Electron, Photon []float32
	// Source is the row of each voxel in Ray and Released, −1 where nothing is
	// released.
	Source []int32
	// Ray holds, per row, the unit vector along which photons arrive.
	Ray []float32
	// Released holds, per row, the energy released per volume: Groups values
	// over Electron for the primary part, then Groups over Photon for scatter.
	Released []float32
	Groups   int
}

// Cone is one direction of transport.
type Cone struct {
	Direction [3]float64 // unit vector along the grid's axes
	// Shares holds, for Bins equal intervals from Low to High of the cosine
	// between the direction and the ray of a voxel, what part of a released
	// unit goes into each channel, over a_j: Channels values for each group.
	Low, High float64
	Bins      int
	Shares    []float32
}
