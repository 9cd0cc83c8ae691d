package machine

import (
	"fmt"
	"math"
	"strings"
)

// NotFoundError says that no machine of a Set has the energy and fluence mode
// of a beam.
type NotFoundError struct {
	EnergyMV    float64
	FluenceMode string
	Have        []string // what the set holds instead
}

func (e *NotFoundError) Error() string {
	have := strings.Join(e.Have, ", ")
	if have == "" {
		have = "none"
	}
	return fmt.Sprintf("machine: no machine for %s; there are: %s", quality(e.EnergyMV, e.FluenceMode), have)
}

// AmbiguousError says that more than one machine of a Set would do.
type AmbiguousError struct {
	EnergyMV    float64
	FluenceMode string
	Names       []string
}

func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("machine: %s is served by more than one machine: %s", quality(e.EnergyMV, e.FluenceMode), strings.Join(e.Names, ", "))
}

// For returns the one machine of a nominal energy (MV) and fluence mode, "" or
// "FFF". It fails with a *NotFoundError when there is none, an *AmbiguousError
// when there are several: it never takes one that is merely near.
func (s Set) For(energyMV float64, fluenceMode string) (*Machine, error) {
	const same = 0.01 // MV
	var found *Machine
	var names, have []string
	for _, m := range s {
		if m == nil {
			continue
		}
		have = append(have, fmt.Sprintf("%s (%s)", m.Name, quality(m.EnergyMV, m.FluenceMode)))
		if math.Abs(m.EnergyMV-energyMV) < same && m.FluenceMode == fluenceMode {
			found = m
			names = append(names, m.Name)
		}
	}
	switch len(names) {
	case 0:
		return nil, &NotFoundError{energyMV, fluenceMode, have}
	case 1:
		return found, nil
	}
	return nil, &AmbiguousError{energyMV, fluenceMode, names}
}

func quality(energyMV float64, mode string) string {
	return strings.TrimSpace(fmt.Sprintf("%g MV %s", energyMV, mode))
}
