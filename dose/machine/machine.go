// Package machine says what makes a beam: the spectrum, the kernels that its
// photons set free in water, the source, the collimator's leakage, and the
// monitor-unit calibration.
package machine

// Set is the machines that a calculation may choose from.
type Set []*Machine

// Machine is one photon beam quality of one treatment machine. It is built by
// New, Read or Generic and does not change afterwards.
type Machine struct {
	Name     string
	EnergyMV float64 // nominal
	SAD      float64 // source–axis distance, mm
}
