package check

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// ErrLimits is wrapped by errors about limits that make no sense.
var ErrLimits = errors.New("check: invalid limits")

// Band is a tolerance, within which a figure passes, and an action level, beyond
// which the plan fails; in between somebody has to look.
type Band struct {
	Tolerance float64 `json:"tolerance"`
	Action    float64 `json:"action"`
}

// Limits are a department's own. Differences are Kerma's dose less the planning
// system's.
type Limits struct {
	Name  string `json:"name"`
	Gamma struct {
		DosePercent   float64 `json:"dose_percent"`   // global
		Distance      float64 `json:"distance_mm"`    //
		CutoffPercent float64 `json:"cutoff_percent"` // of the highest dose
		PassRate      Band    `json:"pass_rate_percent"`
	} `json:"gamma"`
	// Of the planning system's own figure, percent.
	TargetMean Band `json:"target_mean_percent"`
	TargetD95  Band `json:"target_d95_percent"`
	TargetD2   Band `json:"target_d2_percent"`
	Point      Band `json:"point_percent"`
	Monitor    Band `json:"monitor_units_percent"`
	// Of the prescription (of the highest dose where none is known), percent.
	OrganMean Band `json:"organ_mean_percent"`
	OrganMax  Band `json:"organ_max_percent"`
	// A part of the plan that changes the dose and is not modelled.
	UnmodelledFails bool `json:"unmodelled_fails"`
}

// DefaultLimits are the gamma of AAPM TG-218 (Miften et al., Med Phys 45 (2018)
// e53: 3 %/2 mm, global, above 10 %; tolerance 95 %, action 90 %), differences of
// 3 and 5 % as AAPM TG-219 (Zhu et al., Med Phys 48 (2021) e808) has for
// calculations by heterogeneity-corrected models, and for organs the same shares
// of the prescription.
func DefaultLimits() Limits {
	l := Limits{Name: "TG-218 and TG-219", UnmodelledFails: true}
	l.Gamma.DosePercent, l.Gamma.Distance, l.Gamma.CutoffPercent = 3, 2, 10
	l.Gamma.PassRate = Band{95, 90}
	l.TargetMean, l.TargetD95, l.TargetD2 = Band{3, 5}, Band{3, 5}, Band{3, 5}
	l.Point, l.Monitor = Band{3, 5}, Band{3, 5}
	l.OrganMean, l.OrganMax = Band{3, 5}, Band{3, 5}
	return l
}

// ReadLimits reads limits from JSON; what is left out stays as in DefaultLimits.
// It fails with ErrLimits.
func ReadLimits(r io.Reader) (Limits, error) {
	l := DefaultLimits()
	l.Name = ""
	d := json.NewDecoder(io.LimitReader(r, 1<<20))
	d.DisallowUnknownFields()
	if err := d.Decode(&l); err != nil {
		return l, fmt.Errorf("%w: %w", ErrLimits, err)
	}
	if l.Name == "" {
		l.Name = "own limits"
	}
	if g := l.Gamma; !(g.DosePercent > 0 && g.Distance > 0 && g.CutoffPercent >= 0 && g.CutoffPercent < 100) {
		return l, fmt.Errorf("%w: gamma %g %%/%g mm above %g %%", ErrLimits, g.DosePercent, g.Distance, g.CutoffPercent)
	}
	if b := l.Gamma.PassRate; !(b.Action >= 0 && b.Action <= b.Tolerance && b.Tolerance <= 100) {
		return l, fmt.Errorf("%w: pass rate with tolerance %g and action level %g", ErrLimits, b.Tolerance, b.Action)
	}
	for name, b := range map[string]Band{
		"target_mean_percent": l.TargetMean, "target_d95_percent": l.TargetD95, "target_d2_percent": l.TargetD2,
		"point_percent": l.Point, "monitor_units_percent": l.Monitor, "organ_mean_percent": l.OrganMean, "organ_max_percent": l.OrganMax,
	} {
		if !(b.Tolerance > 0 && b.Action >= b.Tolerance) {
			return l, fmt.Errorf("%w: %s with tolerance %g and action level %g", ErrLimits, name, b.Tolerance, b.Action)
		}
	}
	return l, nil
}
