// Package machine says what makes a beam: the spectrum, the kernels of the
// energy that its photons set free in water, the source, the collimator's
// leakage, and the monitor-unit calibration.
package machine

// Set is the machines that a calculation may choose from.
type Set []*Machine

// Machine is one photon beam quality of one treatment machine. It is built by
// Generic, Read or New and does not change afterwards.
type Machine struct {
	Name        string  // unique among the machines of a Set
	EnergyMV    float64 // nominal, MV
	FluenceMode string  // "" flattened, "FFF" flattening-filter free
	SAD         float64 // source–axis distance, mm

	// SourceSigma is the standard deviation of the Gaussian by which the
	// finite source blurs an aperture edge in the isocentre plane, mm.
	SourceSigma float64
	// JawTransmission and LeafTransmission are the shares of the fluence that
	// pass closed jaws and closed leaves, 0…1.
	JawTransmission, LeafTransmission float64
	// Profile is the in-air fluence by distance from the axis; empty: flat.
	Profile Profile

	Pencil      *Pencil  // nil when the machine cannot serve the pencil beam
	Beam        *Quality // spectrum and kernels; nil for a machine known by its pencil kernel alone
	Calibration Calibration

	Notes []string // what this machine leaves out or only assumes, a line each

	Hash string // SHA-256 of the content that determines dose, hex
}

// Profile is the in-air fluence relative to the axis by radius in the
// isocentre plane, linear between the points, constant beyond them.
type Profile struct {
	Radius   []float64 // mm, ascending
	Relative []float64 // 1 on the axis
}

// Calibration ties monitor units to fluence at a stated reference condition.
type Calibration struct {
	GyPerMU float64 // dose at the reference point, e.g. 0.01
	SSD     float64 // source–surface distance of the reference water tank, mm
	Depth   float64 // of the reference point, mm; 0 stands for the depth of maximum
	Field   float64 // side of the square field in the isocentre plane, mm
	// FluencePerMU is the planar fluence on the axis in the isocentre plane,
	// in air, for one monitor unit: photons/cm² for a machine with a Beam
	// quality, the unit of its kernel otherwise. It is derived from the above.
	FluencePerMU float64
}

// Pencil is a pencil kernel in the low-rank form of Bortfeld, Schlegel and
// Rhein 1993 (Med Phys 20:311), extended to divergent geometry. For planar
// fluence Φ in the isocentre plane the dose to water is
//
//	D = (SAD/a)² Σ_k D_k(d, a/SAD) · (Φ ⊗ w_k)(x, y)
//
// with a the distance of the point from the source along the beam axis, (x, y)
// its projection on the isocentre plane, d its depth in water, w_k a kernel
// per mm² of the isocentre plane. D is in Gy when Φ is in the machine's unit
// of fluence. Where Planar is set, D is that divided by cos β.
type Pencil struct {
	// Planar says that Φ is counted per area of the isocentre plane: a ray at
	// the angle β from the beam axis carries 1/cos β more per area across
	// itself. A kernel derived from a spectrum is such; one fitted to measured
	// beams has the factor in its fluence profile.
	Planar bool
	// SSDFirst, SSDStep (mm): Lateral[i] belongs to SSD = SSDFirst + i·SSDStep
	// of the central ray; one entry when the kernels do not depend on it.
	SSDFirst, SSDStep float64
	Lateral           [][]Radial // [ssd][component]
	Depth             DepthTable
}

// Radial is one lateral kernel w(r), given so that its integral over any
// pixel can be had without meeting the singularity at r = 0.
type Radial struct {
	Radius []float64 // mm in the isocentre plane, ascending from 0
	// Value is w at Radius, per mm², linear between; zero beyond the last.
	Value []float64
	// Core is weight concentrated on the axis (a delta at r = 0), beyond what
	// Value integrates to.
	Core float64
}

// DepthTable is D_k on a lattice of depths and scales.
type DepthTable struct {
	Components int
	Depth      []float64 // mm of water, ascending from 0
	Scale      []float64 // a/SAD, ascending; one entry when D_k does not depend on it
	Value      []float64 // [depth][scale][component]
}

// Quality is what a spectrum-based machine is made of; collapsed cone and
// pencil kernel are both derived from it.
type Quality struct {
	Spectrum Spectrum
}

// Spectrum is photons by energy.
type Spectrum struct {
	Name   string
	Low    []float64 // lower bin edges, MeV
	High   []float64 // upper bin edges, MeV
	Number []float64 // photons per bin, sum 1
}
