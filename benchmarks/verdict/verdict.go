// Package verdict runs everything that Kerma can be held against, reference
// phantoms, Monte Carlo, closed forms, published figures and a user's own
// measurements, and says of each figure whether it is within its tolerance.
package verdict

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/kerma-rt/kerma/dose"
	"github.com/kerma-rt/kerma/internal/calculation"
	"github.com/kerma-rt/kerma/internal/version"
)

// Row is one figure and what is said of it.
type Row struct {
	Group     string  `json:"group"`
	Checked   string  `json:"checked"`         // what
	Against   string  `json:"against"`         // what it is held against
	Source    string  `json:"source"`          // where that comes from
	Figure    float64 `json:"figure"`          //
	Unit      string  `json:"unit"`            //
	Low       Bound   `json:"low"`             // the figure must not lie below, null: no bound
	High      Bound   `json:"high"`            // nor above
	Pass      bool    `json:"pass"`            //
	Seconds   float64 `json:"seconds"`         // the check that gave it took, shared by its rows
	Error     string  `json:"error,omitempty"` // why there is no figure; such a row fails
	Explained string  `json:"explained,omitempty"`

	// Curves, if there are any, are what the row's plot shows.
	Plot *Plot `json:"-"`
}

// Plot is two curves of one figure.
type Plot struct {
	X, Y             string // titles with units
	Reference, Kerma [][2]float64
	ReferenceName    string
}

// Bound is a limit that may not exist.
type Bound struct {
	Value float64
	Set   bool
}

// MarshalJSON writes the limit, or null.
func (b Bound) MarshalJSON() ([]byte, error) {
	if !b.Set {
		return []byte("null"), nil
	}
	return fmt.Appendf(nil, "%g", b.Value), nil
}

func at(v float64) Bound { return Bound{v, true} }

// within is a row whose figure must lie in ±tolerance.
func within(group, checked, against, source string, figure float64, unit string, tolerance float64) Row {
	return Row{Group: group, Checked: checked, Against: against, Source: source, Figure: figure, Unit: unit, Low: at(-tolerance), High: at(tolerance)}
}

// least is a row whose figure must not lie below a limit.
func least(group, checked, against, source string, figure float64, unit string, limit float64) Row {
	return Row{Group: group, Checked: checked, Against: against, Source: source, Figure: figure, Unit: unit, Low: at(limit)}
}

// judge says whether the figure is within its limits; a number that is none never
// is.
func (r *Row) judge() {
	r.Pass = r.Error == "" && (!r.Low.Set || r.Figure >= r.Low.Value) && (!r.High.Set || r.Figure <= r.High.Value) && r.Figure == r.Figure
}

// Tolerance is the limits in text.
func (r Row) Tolerance() string {
	switch {
	case r.Low.Set && r.High.Set && r.Low.Value == -r.High.Value:
		return fmt.Sprintf("± %g", r.High.Value)
	case r.Low.Set && r.High.Set:
		return fmt.Sprintf("%g … %g", r.Low.Value, r.High.Value)
	case r.Low.Set:
		return fmt.Sprintf("≥ %g", r.Low.Value)
	case r.High.Set:
		return fmt.Sprintf("≤ %g", r.High.Value)
	}
	return ""
}

// Report is a table of verdicts.
type Report struct {
	Notice     string  `json:"notice"`
	Version    string  `json:"kerma"`
	System     string  `json:"system"`
	Tolerances string  `json:"tolerances"`
	Seconds    float64 `json:"seconds"`
	Rows       []Row   `json:"rows"`
}

// Failed counts the rows that fail.
func (r *Report) Failed() int {
	n := 0
	for _, row := range r.Rows {
		if !row.Pass {
			n++
		}
	}
	return n
}

// Options are how the checks run.
type Options struct {
	Groups     []string // names of those to run; empty: all
	Plans      []string // labels of the phantoms' plans to compute; empty: all
	Tolerances Set      // of dose comparisons; zero: MPPG
	Threads    int      // goroutines; 0: one for each CPU
	Own        *Own     // a user's own rows
	Progress   func(done float64)

	// Wrap, if set, stands between the checks and each engine: for showing that
	// a wrong engine fails.
	Wrap func(dose.Engine) dose.Engine
}

// group is some checks that share their work.
type group struct {
	name string
	run  func(ctx context.Context, o Options) ([]Row, error)
}

// groups are all of them, in the order of the table, quick ones first.
func groups() []group {
	return []group{
		{"biology", biological}, {"gamma", gammas}, {"dvh", histograms}, {"published", published},
		{"phantoms", phantoms}, {"tg119", optimised}, {"mc", monteCarlo},
	}
}

// Groups are the names of the groups of checks.
func Groups() []string {
	var names []string
	for _, g := range groups() {
		names = append(names, g.name)
	}
	return names
}

// Run runs the checks. A check that cannot be carried out is a row that fails;
// Run itself fails with the error of ctx only.
func Run(ctx context.Context, o Options) (*Report, error) {
	if o.Tolerances.Name == "" {
		o.Tolerances = Sets()[0]
	}
	r := &Report{Notice: calculation.Notice, Version: version.Version, System: runtime.GOOS + "/" + runtime.GOARCH, Tolerances: o.Tolerances.Name}
	began := time.Now()
	run := groups()
	if o.Own != nil {
		run = append(run, group{"own", o.Own.run})
	}
	for i, g := range run {
		if !o.wants(g.name) {
			continue
		}
		start := time.Now()
		rows, err := g.run(ctx, o)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			rows = append(rows, Row{Group: g.name, Checked: "the checks of this group", Error: err.Error()})
		}
		for j := range rows {
			rows[j].Seconds = time.Since(start).Seconds() / float64(len(rows))
			rows[j].judge()
		}
		r.Rows = append(r.Rows, rows...)
		if o.Progress != nil {
			o.Progress(float64(i+1) / float64(len(run)))
		}
	}
	r.Seconds = time.Since(began).Seconds()
	return r, nil
}

func (o Options) wants(name string) bool {
	if len(o.Groups) == 0 || name == "own" {
		return true
	}
	for _, g := range o.Groups {
		if g == name {
			return true
		}
	}
	return false
}

// engine is an engine as the checks see it.
func (o Options) engine(e dose.Engine) dose.Engine {
	if o.Wrap != nil {
		return o.Wrap(e)
	}
	return e
}
