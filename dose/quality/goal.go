package quality

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"path"
	"slices"
	"strings"

	"github.com/kerma-rt/kerma/dose/dvh"
)

// ErrTemplate is wrapped by errors about goals that cannot be checked as they
// are written.
var ErrTemplate = errors.New("quality: invalid goals")

// Goal is one figure of one structure and its limit.
type Goal struct {
	// Structure is its name, Names what else it may be called; case, spaces and
	// punctuation do not matter.
	Structure string   `json:"structure"`
	Names     []string `json:"names,omitempty"`
	Statistic string   `json:"statistic"` // as dvh.Histogram.Statistic has them: D95, V20Gy, Dmean
	// One of the two limits, in the unit of the statistic; with OfPrescription a
	// dose in percent of the prescription.
	AtLeast        *float64 `json:"at_least,omitempty"`
	AtMost         *float64 `json:"at_most,omitempty"`
	OfPrescription bool     `json:"of_prescription,omitempty"`
	Note           string   `json:"note,omitempty"`
}

// Template is goals that belong together.
type Template struct {
	Name   string `json:"name"`
	Title  string `json:"title"`
	Source string `json:"source"`
	Goals  []Goal `json:"goals"`
}

// Verdict is what has become of a goal.
type Verdict string

// The verdicts.
const (
	Met     Verdict = "met"
	Missed  Verdict = "missed"
	Unknown Verdict = "unknown" // there is no such structure, or it has no such figure: see Why
)

// Outcome is a goal and its verdict.
type Outcome struct {
	Goal
	Verdict Verdict  `json:"verdict"`
	Found   string   `json:"found,omitempty"` // name of the structure in this set
	Value   *float64 `json:"value"`           // nil when Unknown
	Limit   *float64 `json:"limit"`           // in the unit of Value
	Unit    string   `json:"unit,omitempty"`  // Gy, % or cm3
	Why     string   `json:"why,omitempty"`
}

//go:embed templates/*.json
var files embed.FS

// Templates are those that come with the library.
func Templates() []Template {
	entries, err := files.ReadDir("templates")
	if err != nil {
		panic(err) // they are embedded
	}
	var all []Template
	for _, e := range entries {
		f, err := files.Open(path.Join("templates", e.Name()))
		if err != nil {
			panic(err)
		}
		t, err := ReadTemplate(f)
		if err != nil {
			panic(fmt.Sprintf("%s: %v", e.Name(), err)) // a test reads them all
		}
		all = append(all, *t)
	}
	return all
}

// ReadTemplate reads goals from JSON, the form of Template. It fails with
// ErrTemplate.
func ReadTemplate(r io.Reader) (*Template, error) {
	d := json.NewDecoder(io.LimitReader(r, 1<<20))
	d.DisallowUnknownFields()
	var t Template
	if err := d.Decode(&t); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTemplate, err)
	}
	if len(t.Goals) == 0 {
		return nil, fmt.Errorf("%w: there is none", ErrTemplate)
	}
	for i, g := range t.Goals {
		switch {
		case g.Structure == "" || g.Statistic == "":
			return nil, fmt.Errorf("%w: goal %d has no structure or no statistic", ErrTemplate, i+1)
		case (g.AtLeast == nil) == (g.AtMost == nil):
			return nil, fmt.Errorf("%w: goal %d, %s of %s, needs one of at_least and at_most", ErrTemplate, i+1, g.Statistic, g.Structure)
		case g.OfPrescription && !strings.HasPrefix(strings.ToLower(g.Statistic), "d"):
			return nil, fmt.Errorf("%w: goal %d: %s is no dose, so no share of a prescription", ErrTemplate, i+1, g.Statistic)
		}
	}
	return &t, nil
}

// plain is a name without what people write in different ways.
func plain(name string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(" _-.,/()", r) {
			return -1
		}
		return r
	}, strings.ToLower(name))
}

// Check holds the goals against histograms. prescription (Gy, 0: not known) is
// for goals that are shares of it.
func (t *Template) Check(histograms []dvh.Histogram, prescription float64) []Outcome {
	var all []Outcome
	for _, g := range t.Goals {
		all = append(all, g.check(histograms, prescription))
	}
	return all
}

func (g Goal) check(histograms []dvh.Histogram, prescription float64) Outcome {
	o := Outcome{Goal: g, Verdict: Unknown}
	names := []string{plain(g.Structure)}
	for _, n := range g.Names {
		names = append(names, plain(n))
	}
	var h *dvh.Histogram
	for _, name := range names { // the first name that is there
		if i := slices.IndexFunc(histograms, func(h dvh.Histogram) bool { return plain(h.Structure) == name }); i >= 0 {
			h = &histograms[i]
			break
		}
	}
	if h == nil {
		o.Why = "no structure of that name"
		return o
	}
	o.Found = h.Structure
	value, unit, err := h.Statistic(g.Statistic)
	if err != nil {
		o.Why = err.Error()
		return o
	}
	limit := g.AtLeast
	if limit == nil {
		limit = g.AtMost
	}
	bound := *limit
	if g.OfPrescription {
		if !(prescription > 0) || math.IsInf(prescription, 0) {
			o.Why = "the prescription is not known"
			return o
		}
		bound *= prescription / 100
	}
	o.Value, o.Limit, o.Unit, o.Verdict = &value, &bound, unit, Missed
	if g.AtLeast != nil && value >= bound || g.AtMost != nil && value <= bound {
		o.Verdict = Met
	}
	return o
}
