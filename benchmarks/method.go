package benchmarks

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/kerma-rt/kerma/dose"
	"github.com/kerma-rt/kerma/heterogeneity"
)

// ErrMethod is wrapped by the error about an engine or correction that does
// not exist, or two that do not go together.
var ErrMethod = errors.New("benchmarks: no such method")

// Method is a way to compute dose: an engine with its correction.
type Method struct {
	Engine dose.Engine
	// Heterogeneity is the name of the correction where the engine leaves a
	// choice; empty where it corrects by its own physics.
	Heterogeneity string
}

// Methods are all ways there are.
func Methods() []Method {
	var out []Method
	for _, e := range dose.Engines() {
		if p, ok := e.(dose.PencilBeam); ok {
			for _, c := range heterogeneity.Corrections() {
				p.Heterogeneity = c
				out = append(out, Method{p, c.Name()})
			}
			continue
		}
		out = append(out, Method{Engine: e})
	}
	return out
}

// All, as a name of an engine or a correction, stands for all of them.
const All = "all"

// MethodsNamed are the methods of the engine and the correction of these
// names. An empty engine stands for All. An empty correction stands for All,
// too, except for a named engine, where it is the engine's default. It fails
// with ErrMethod.
func MethodsNamed(engine, correction string) ([]Method, error) {
	anyEngine := engine == "" || engine == All
	if correction == "" && anyEngine {
		correction = All
	}
	var out []Method
	var engines, corrections []string
	for _, m := range Methods() {
		name := m.Engine.Name()
		if !slices.Contains(engines, name) {
			engines = append(engines, name)
		}
		if m.Heterogeneity != "" {
			corrections = append(corrections, m.Heterogeneity)
		}
		if !anyEngine && engine != name {
			continue
		}
		if correction == All || correction == m.Heterogeneity || correction == "" && m.usual() {
			out = append(out, m)
		}
	}
	switch {
	case len(out) > 0:
		return out, nil
	case !anyEngine && !slices.Contains(engines, engine):
		return nil, fmt.Errorf("%w: no engine %q, there are %s", ErrMethod, engine, strings.Join(engines, ", "))
	case !slices.Contains(corrections, correction):
		return nil, fmt.Errorf("%w: no correction %q, there are %s", ErrMethod, correction, strings.Join(corrections, ", "))
	}
	return nil, fmt.Errorf("%w: %s corrects by its own physics, %q does not go with it", ErrMethod, engine, correction)
}

// usual says whether this is what its engine does when no correction is named.
func (m Method) usual() bool {
	return m.Heterogeneity == "" || m.Heterogeneity == (heterogeneity.EquivalentPathLength{}).Name()
}

// inWater is a method for water, where all corrections of an engine agree.
func (m Method) inWater() dose.Engine {
	if p, ok := m.Engine.(dose.PencilBeam); ok {
		p.Heterogeneity = heterogeneity.None{}
		return p
	}
	return m.Engine
}
