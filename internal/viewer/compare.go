package viewer

import (
	"math"
	"net/http"
	"net/url"

	"github.com/kerma-rt/kerma/dose/gamma"
	"github.com/kerma-rt/kerma/geometry"
)

func (v *Viewer) ctFile(*http.Request) ([]byte, error) { return int16File(v.ct) }

// doseFile answers with one dose, NaN where there is none: dose=0.
func (v *Viewer) doseFile(r *http.Request) ([]byte, error) {
	d, err := v.dose(r.URL.Query(), "dose")
	if err != nil {
		return nil, err
	}
	return float32File(d.picture)
}

// differenceFile answers with evaluated − reference in Gy on the grid of the
// reference, NaN where not both are known: reference=0&evaluated=1.
func (v *Viewer) differenceFile(r *http.Request) ([]byte, error) {
	q := r.URL.Query()
	reference, err := v.dose(q, "reference")
	if err != nil {
		return nil, err
	}
	evaluated, err := v.dose(q, "evaluated")
	if err != nil {
		return nil, err
	}
	d := geometry.Resample(evaluated.Volume, reference.picture.Grid, float32(math.NaN()))
	for n, x := range reference.picture.Data {
		d.Data[n] -= x
	}
	return float32File(d)
}

// comparison is the last gamma computed, and what was asked for.
type comparison struct {
	asked  asking
	result *gamma.Result
}

type asking struct {
	reference, evaluated      int
	percent, distance, cutoff float64
	local                     bool
}

// gammaSummary answers with the figures of a comparison:
// reference=0&evaluated=1&percent=3&distance=2&cutoff=10&local=0.
func (v *Viewer) gammaSummary(r *http.Request) (any, error) { return v.gamma(r) }

// gammaFile answers with its values on the grid of the reference, NaN where
// there is none.
func (v *Viewer) gammaFile(r *http.Request) ([]byte, error) {
	got, err := v.gamma(r)
	if err != nil {
		return nil, err
	}
	g, _, err := aligned(got.Gamma, float32(math.NaN()))
	if err != nil {
		return nil, err
	}
	return float32File(g)
}

func (v *Viewer) gamma(r *http.Request) (*gamma.Result, error) {
	a, err := v.asking(r.URL.Query())
	if err != nil {
		return nil, err
	}
	v.comparing.Lock() // one at a time: it takes all processors
	defer v.comparing.Unlock()
	if v.last != nil && v.last.asked == a {
		return v.last.result, nil
	}
	result, err := gamma.Compute(r.Context(), v.doses[a.reference].Volume, v.doses[a.evaluated].Volume,
		gamma.Criteria{DosePercent: a.percent, Distance: a.distance, CutoffPercent: a.cutoff, Local: a.local})
	if err != nil {
		return nil, err
	}
	v.last = &comparison{a, result}
	return result, nil
}

func (v *Viewer) asking(q url.Values) (a asking, err error) {
	if !v.hasDose() {
		return a, asked("there is no dose")
	}
	if a.reference, err = index(q, "reference", len(v.doses)); err != nil {
		return a, err
	}
	if a.evaluated, err = index(q, "evaluated", len(v.doses)); err != nil {
		return a, err
	}
	for _, n := range []struct {
		name      string
		to        *float64
		low, high float64
	}{{"percent", &a.percent, 0.1, 100}, {"distance", &a.distance, 0.1, 50}, {"cutoff", &a.cutoff, 0, 100}} {
		if *n.to, err = number(q, n.name); err != nil {
			return a, err
		}
		if *n.to < n.low || *n.to > n.high {
			return a, asked("%s=%g: expected %g … %g", n.name, *n.to, n.low, n.high)
		}
	}
	a.local = q.Get("local") == "1"
	return a, nil
}
