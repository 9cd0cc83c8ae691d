package verdict_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kerma-rt/kerma/benchmarks/verdict"
	"github.com/kerma-rt/kerma/dose"
)

func failing(r *verdict.Report) []string {
	var names []string
	for _, row := range r.Rows {
		if !row.Pass {
			names = append(names, row.Checked+" "+row.Error)
		}
	}
	return names
}

func run(t *testing.T, o verdict.Options) *verdict.Report {
	t.Helper()
	r, err := verdict.Run(t.Context(), o)
	require.NoError(t, err)
	require.NotEmpty(t, r.Rows)
	for _, row := range r.Rows {
		assert.NotEmpty(t, row.Checked)
	}
	return r
}

func TestQuickGroupsPass(t *testing.T) {
	r := run(t, verdict.Options{Groups: []string{"biology", "gamma", "dvh", "published"}})
	assert.Empty(t, failing(r))
	for _, row := range r.Rows {
		t.Logf("%-90s %12.6g %s (%s)", row.Checked, row.Figure, row.Unit, row.Tolerance())
	}
}

// wrong is an engine with a fault.
type wrong struct {
	dose.Engine
	request func(dose.Request) dose.Request
	result  func(*dose.Result)
}

func (w wrong) Compute(ctx context.Context, r dose.Request) (*dose.Result, error) {
	if w.request != nil {
		r = w.request(r)
	}
	result, err := w.Engine.Compute(ctx, r)
	if err == nil && w.result != nil {
		w.result(result)
	}
	return result, err
}

// faults are those that a commissioning physicist looks for.
var faults = map[string]func(dose.Engine) dose.Engine{
	"3 % too high": func(e dose.Engine) dose.Engine {
		return wrong{Engine: e, result: func(r *dose.Result) {
			for i := range r.Dose.Data {
				r.Dose.Data[i] *= 1.03
			}
		}}
	},
	"shifted by 3 mm": func(e dose.Engine) dose.Engine {
		return wrong{Engine: e, request: func(r dose.Request) dose.Request {
			plan := *r.Plan
			plan.Beams = append(plan.Beams[:0:0], plan.Beams...)
			for i := range plan.Beams {
				b := &plan.Beams[i]
				b.Points = append(b.Points[:0:0], b.Points...)
				for j := range b.Points {
					b.Points[j].Isocentre.X += 3
				}
			}
			r.Plan = &plan
			return r
		}}
	},
	"axes swapped": func(e dose.Engine) dose.Engine {
		return wrong{Engine: e, result: func(r *dose.Result) {
			n := r.Dose.Grid.Size()
			old := append([]float32(nil), r.Dose.Data...)
			for k := range n[2] {
				for j := range n[1] {
					for i := range n[0] {
						r.Dose.Data[r.Dose.Grid.Offset(i, j, k)] = old[r.Dose.Grid.Offset(j*n[0]/n[1], i*n[1]/n[0], k)]
					}
				}
			}
		}}
	},
	"gantry turned the wrong way": func(e dose.Engine) dose.Engine {
		return wrong{Engine: e, request: func(r dose.Request) dose.Request {
			plan := *r.Plan
			plan.Beams = append(plan.Beams[:0:0], plan.Beams...)
			for i := range plan.Beams {
				b := &plan.Beams[i]
				b.Points = append(b.Points[:0:0], b.Points...)
				for j := range b.Points {
					b.Points[j].GantryDeg = 360 - b.Points[j].GantryDeg
				}
			}
			r.Plan = &plan
			return r
		}}
	},
}

// A few plans that catch them: kerma benchmark phantoms computes all.
func TestPhantomsPassAndWrongEnginesFail(t *testing.T) {
	if testing.Short() {
		t.Skip("minutes under the race detector")
	}
	plans := []string{"2 oblique"}
	right := run(t, verdict.Options{Groups: []string{"phantoms"}, Plans: plans})
	assert.Empty(t, failing(right))
	for _, row := range right.Rows {
		t.Logf("%-90s %10.3f %s (%s)", row.Checked, row.Figure, row.Unit, row.Tolerance())
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			r := run(t, verdict.Options{Groups: []string{"phantoms"}, Plans: plans, Wrap: fault})
			assert.NotZero(t, r.Failed(), "a wrong engine passed")
			t.Log(failing(r))
		})
	}
}

func TestOwnRowsAreReadOrRefused(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
		return path
	}
	for _, text := range []string{`{`, `{"rows": [{}]}`, `{"rows": [{"name": "a", "patient": "p", "dose": "d", "points": "q"}]}`, `{"rows": [{"name": "a", "patient": "p", "dose": "d", "percent": -1}]}`} {
		_, err := verdict.ReadOwn(write("rows.json", text))
		assert.ErrorIs(t, err, verdict.ErrOwn, text)
	}
	own, err := verdict.ReadOwn(write("rows.json", `{"rows": [{"name": "chamber", "patient": "nowhere", "points": "points.csv"}]}`))
	require.NoError(t, err)
	r := run(t, verdict.Options{Groups: []string{"none"}, Own: own})
	require.Len(t, r.Rows, 1)
	assert.False(t, r.Rows[0].Pass)
	assert.Contains(t, r.Rows[0].Error, "nowhere")
}
