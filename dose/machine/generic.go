package machine

import (
	"fmt"
	"strings"
)

// generic are the machines built in. Spectra: Ali and Rogers 2012 (Phys Med
// Biol 57:31) for the Varian beams of Sheikh-Bagheri and Rogers 2002, on the
// central axis in air. The point kernels reach 20 MeV, beyond the end of every
// one of them (18.33 MeV at 18 MV).
var generic = []struct {
	name     string
	spectrum string
	energyMV float64
}{
	{"generic_6mv", "alirogers2012_varian_6mv", 6},
	{"generic_10mv", "alirogers2012_varian_10mv", 10},
	{"generic_15mv", "alirogers2012_varian_15mv", 15},
	{"generic_18mv", "alirogers2012_varian_18mv", 18},
}

// Typical values for linacs, not those of any machine.
const (
	// genericSourceSigma (mm): primary sources are found between 0.5 and
	// 1.5 mm at the target, magnified about once by collimators half-way to the
	// axis.
	genericSourceSigma      = 1.0
	genericJawTransmission  = 0.005 // jaws let pass up to 0.5 … 1 %
	genericLeafTransmission = 0.015 // leaves 1 … 2 % with leakage between them
)

var genericNotes = []string{
	"generic machine from a published spectrum: not commissioned against any treatment machine",
	"no electrons from the head: dose is too low up to the depth of maximum, which lies a few mm too deep",
	"no photons scattered in the head: output factors are those of phantom scatter alone, dose outside the field is too low",
	"flat fluence and one spectrum across the field",
}

// GenericNames lists the machines that Generic knows.
func GenericNames() []string {
	names := make([]string, len(generic))
	for i, g := range generic {
		names[i] = g.name
	}
	return names
}

// Generic returns a built-in machine: "generic_6mv", "generic_10mv",
// "generic_15mv" or "generic_18mv", flattened. SAD is 1000 mm, and 1 MU gives
// 0.01 Gy at the depth of maximum of a 100 mm square field at a source–surface
// distance of 1000 mm. Source size and transmission are typical values, the
// field is flat, and there is neither head scatter nor electron contamination:
// Machine.Notes says so. An unknown name fails with an *OptionError.
func Generic(name string) (*Machine, error) {
	for _, g := range generic {
		if g.name != name {
			continue
		}
		s, err := NamedSpectrum(g.spectrum)
		if err != nil {
			return nil, err
		}
		return New(name, s, Options{
			EnergyMV:         g.energyMV,
			SourceSigma:      genericSourceSigma,
			JawTransmission:  genericJawTransmission,
			LeafTransmission: genericLeafTransmission,
			Calibration:      Calibration{GyPerMU: 0.01, SSD: 1000, Field: 100},
			Notes:            genericNotes,
		})
	}
	return nil, &OptionError{name, fmt.Sprintf("no such built-in machine; there are %s", strings.Join(GenericNames(), ", "))}
}

// GenericSet returns all built-in machines.
func GenericSet() (Set, error) {
	set := make(Set, len(generic))
	for i, g := range generic {
		m, err := Generic(g.name)
		if err != nil {
			return nil, err
		}
		set[i] = m
	}
	return set, nil
}
