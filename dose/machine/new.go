package machine

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"slices"
)

// Options are what New needs beside the spectrum. The zero value is an ideal
// beam: a point source 1000 mm from the axis, closed collimators that let
// nothing pass, a flat field, and a monitor unit that stands for one
// photon/cm².
type Options struct {
	EnergyMV    float64 // nominal, MV
	FluenceMode string  // "" flattened, "FFF" flattening-filter free
	SAD         float64 // source–axis distance, 500 … 2000 mm; 0 stands for 1000

	SourceSigma      float64 // as in Machine, mm
	JawTransmission  float64 // 0 … 1
	LeafTransmission float64 // 0 … 1
	Profile          Profile // empty: flat

	// Calibration is the reference condition of a monitor unit; its
	// FluencePerMU is not read but derived. Without GyPerMU a monitor unit is
	// one photon/cm² and there is no reference condition.
	Calibration Calibration

	Notes []string // what the user of the machine should know, a line each
}

// OptionError says which option of New is impossible.
type OptionError struct{ Machine, Problem string }

func (e *OptionError) Error() string { return fmt.Sprintf("machine %q: %s", e.Machine, e.Problem) }

// New makes a machine of a photon spectrum: its pencil kernel is derived from
// the spectrum, the attenuation of water and the point kernels (see
// newPencil), its fluence per monitor unit from the pencil kernel. Spectra
// beyond 20 MeV fail with an *EnergyRangeError, impossible options with an
// *OptionError.
//
// There are no electrons from the head of the machine in it: the dose in the
// first centimetres, up to the depth of maximum, is too low against a measured
// beam. Photons scattered in the head are not in it either.
func New(name string, s Spectrum, o Options) (*Machine, error) {
	if o.SAD == 0 {
		o.SAD = 1000
	}
	if err := o.check(name); err != nil {
		return nil, err
	}
	// A spectrum put together by hand has not been checked yet.
	s, err := NewSpectrum(s.Name, s.Low, s.High, s.Number)
	if err != nil {
		return nil, err
	}
	p, err := derivePencil(s, o.SAD)
	if err != nil {
		return nil, err
	}
	m := &Machine{
		Name: name, EnergyMV: o.EnergyMV, FluenceMode: o.FluenceMode, SAD: o.SAD,
		SourceSigma: o.SourceSigma, JawTransmission: o.JawTransmission, LeafTransmission: o.LeafTransmission,
		Profile: Profile{slices.Clone(o.Profile.Radius), slices.Clone(o.Profile.Relative)},
		Pencil:  p, Beam: &Quality{Spectrum: s},
		Calibration: o.Calibration, Notes: slices.Clone(o.Notes),
	}
	m.Calibration.FluencePerMU = 1
	if o.Calibration.GyPerMU > 0 {
		_, dose := m.Reference()
		if !(dose > 0) || math.IsInf(dose, 0) {
			return nil, &OptionError{name, fmt.Sprintf("no dose at the reference point (SSD %g, depth %g, field %g mm)", o.Calibration.SSD, o.Calibration.Depth, o.Calibration.Field)}
		}
		m.Calibration.FluencePerMU = o.Calibration.GyPerMU / dose
	}
	m.Hash = m.content()
	return m, nil
}

func (o Options) check(name string) error {
	fail := func(format string, args ...any) error { return &OptionError{name, fmt.Sprintf(format, args...)} }
	finite := func(x float64) bool { return x-x == 0 }
	c := o.Calibration
	switch {
	case !(o.EnergyMV >= 0 && o.EnergyMV <= 100):
		return fail("nominal energy %g MV, expected 0 … 100", o.EnergyMV)
	case !(o.SAD >= 500 && o.SAD <= 2000):
		return fail("source–axis distance %g mm, expected 500 … 2000", o.SAD)
	case !(o.SourceSigma >= 0 && o.SourceSigma <= 50):
		return fail("source blur %g mm, expected 0 … 50", o.SourceSigma)
	case !(o.JawTransmission >= 0 && o.JawTransmission <= 1):
		return fail("jaw transmission %g, expected 0 … 1", o.JawTransmission)
	case !(o.LeafTransmission >= 0 && o.LeafTransmission <= 1):
		return fail("leaf transmission %g, expected 0 … 1", o.LeafTransmission)
	case len(o.Profile.Radius) != len(o.Profile.Relative):
		return fail("profile of %d radii and %d values", len(o.Profile.Radius), len(o.Profile.Relative))
	case !(c.GyPerMU >= 0 && c.GyPerMU <= 1000):
		return fail("calibration of %g Gy/MU, expected 0 … 1000", c.GyPerMU)
	case !(c.Field >= 0 && c.Field <= 400) || c.GyPerMU > 0 && c.Field == 0:
		return fail("calibration field %g mm, expected up to 400", c.Field)
	case !(c.SSD >= 0 && c.SSD <= 5000) || c.GyPerMU > 0 && c.SSD == 0:
		return fail("calibration at SSD %g mm, expected up to 5000", c.SSD)
	case !(c.Depth >= 0 && c.Depth <= 400):
		return fail("calibration at depth %g mm, expected 0 … 400", c.Depth)
	}
	for i, r := range o.Profile.Radius {
		if !(r >= 0) || !finite(r) || i > 0 && r <= o.Profile.Radius[i-1] {
			return fail("profile radius %d: %g mm, expected ascending from 0", i, r)
		}
		if v := o.Profile.Relative[i]; !(v >= 0 && v <= 100) {
			return fail("profile value %d: %g, expected 0 … 100", i, v)
		}
	}
	return nil
}

// derivePencil is the pencil kernel of a spectrum: from the embedded tables
// where they hold it, derived otherwise.
func derivePencil(s Spectrum, sad float64) (*Pencil, error) {
	if p, err := embeddedPencil(pencilKey(s, sad)); p != nil || err != nil {
		return p, err
	}
	p, err := newDirect(s)
	if err != nil {
		return nil, err
	}
	return newPencil(p, sad)
}

// derivation names the way from spectrum to pencil kernel; it changes when
// the same input gives another kernel.
const derivation = "EDKnrc point kernels, divergent, rank 10, 1"

// pencilKey tells two derived pencil kernels apart.
func pencilKey(s Spectrum, sad float64) [sha256.Size]byte {
	s.Name = ""
	return digest(derivation, sha256.Sum256(edkWater), s, sad)
}

// content is the hash of what determines the dose: not the names.
func (m *Machine) content() string {
	h := digest(pencilKey(m.Beam.Spectrum, m.SAD), m.SourceSigma, m.JawTransmission, m.LeafTransmission,
		m.Profile.Radius, m.Profile.Relative, m.Calibration)
	return hex.EncodeToString(h[:])
}

// digest is the SHA-256 of finite numbers, strings and structs of them.
func digest(parts ...any) [sha256.Size]byte {
	h := sha256.New()
	out := json.NewEncoder(h)
	for _, p := range parts {
		if err := out.Encode(p); err != nil { // NaN or infinite: refused by check before
			panic(fmt.Sprintf("machine: digest of %v: %v", p, err))
		}
	}
	return [sha256.Size]byte(h.Sum(nil))
}
