package gamma

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestGammaIsTheCertifiedMinimum(t *testing.T) {
	for _, folder := range folders(t, "pairs/*") {
		p := readPair(t, folder)
		for _, c := range p.Criteria {
			path := filepath.Join(folder, c.Exact)
			if !exists(path) {
				continue
			}
			t.Run(fmt.Sprintf("%s/%s/public=%v", p.name, c.Name, public(folder)), func(t *testing.T) {
				exact := readArray(t, path)
				r, err := Compute(t.Context(), p.reference, p.evaluation, p.criteria(c))
				require.NoError(t, err)
				worst, points, passed := 0.0, 0, 0
				for i, want := range exact {
					got := r.Gamma.Data[i]
					require.Equal(t, math.IsNaN(float64(want)), math.IsNaN(float64(got)), "voxel %d: γ %g, want %g", i, got, want)
					if want != want {
						continue
					}
					points++
					if want <= 1 {
						passed++
					}
					worst = math.Max(worst, math.Abs(float64(got-want)))
				}
				rate := 100 * float64(passed) / float64(points)
				t.Logf("worst |γ − exact| %.2g, pass rate %.4f %%, exact %.4f %%, points %d", worst, r.PassRate, rate, r.Points)
				assert.Equal(t, points, r.Points)
				assert.Zero(t, r.Unproven)
				assert.Less(t, worst, 2e-5)
				assert.InDelta(t, rate, r.PassRate, 0.05)
			})
		}
	}
}

func TestSampledSearchIsPymedphys(t *testing.T) {
	for _, folder := range folders(t, "pairs/*") {
		p := readPair(t, folder)
		for _, c := range p.Criteria {
			for samples, file := range c.Pymedphys {
				path := filepath.Join(folder, file)
				if !exists(path) || testing.Short() || samples != "10" && len(p.Reference.Grid.Size) == 3 {
					continue
				}
				if !public(folder) && len(p.Reference.Grid.Size) == 3 && c.Name != "global_2pct_2mm" {
					continue // some 3-D shells are enough: each costs a second
				}
				t.Run(fmt.Sprintf("%s/%s/%s/public=%v", p.name, c.Name, samples, public(folder)), func(t *testing.T) {
					theirs := readArray(t, path)
					criteria := p.criteria(c)
					exact, err := Compute(t.Context(), p.reference, p.evaluation, criteria)
					require.NoError(t, err)
					criteria.Subset, criteria.Seed = 150, 1 // all points would take minutes
					_, err = fmt.Sscan(samples, &criteria.Samples)
					require.NoError(t, err)
					r, err := Compute(t.Context(), p.reference, p.evaluation, criteria)
					require.NoError(t, err)
					worst, points := 0.0, 0
					for i, want := range theirs {
						got := r.Gamma.Data[i]
						if want != want {
							continue // one NaN in reach makes pymedphys give up a voxel
						}
						if got == got {
							points++
							worst = math.Max(worst, math.Abs(float64(got-want)))
						}
						assert.LessOrEqual(t, exact.Gamma.Data[i], want+2e-5, "voxel %d: the exact minimum is above a sample", i)
					}
					t.Logf("worst |γ − pymedphys| %.2g of %d points", worst, points)
					assert.Less(t, worst, 2e-5)
					assert.Greater(t, points, 100)
				})
			}
		}
	}
}

type closedForm struct {
	Criteria struct {
		Percent       float64 `json:"dose_percent"`
		Distance      float64 `json:"distance_mm"`
		Local         bool    `json:"local"`
		Cutoff        float64 `json:"cutoff_percent"`
		Normalisation float64 `json:"normalisation_dose"`
		MaxGamma      float64 `json:"max_gamma"`
	} `json:"criteria"`
	Reference  doseJSON      `json:"reference"`
	Evaluation doseJSON      `json:"evaluation"`
	Expected   [][2]*float64 `json:"expected"`
}

type doseJSON struct {
	Grid gridJSON  `json:"grid"`
	Dose []float64 `json:"dose"`
}

func (d doseJSON) float32s() []float32 {
	v := make([]float32, len(d.Dose))
	for i, x := range d.Dose {
		v[i] = float32(x)
	}
	return v
}

func TestGammaIsTheClosedForm(t *testing.T) {
	for _, path := range folders(t, "closed_form/*.json*") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			var f closedForm
			readJSON(t, path, &f)
			r, err := Compute(t.Context(),
				volume(t, f.Reference.Grid.grid(t), f.Reference.float32s()),
				volume(t, f.Evaluation.Grid.grid(t), f.Evaluation.float32s()),
				Criteria{
					DosePercent: f.Criteria.Percent, Distance: f.Criteria.Distance, Local: f.Criteria.Local,
					CutoffPercent: f.Criteria.Cutoff, Normalisation: f.Criteria.Normalisation, MaxGamma: f.Criteria.MaxGamma,
				})
			require.NoError(t, err)
			worst, excess := 0.0, math.Inf(-1)
			for _, e := range f.Expected {
				got := float64(r.Gamma.Data[int(*e[0])])
				if e[1] == nil {
					assert.True(t, math.IsNaN(got), "voxel %g: γ %g, want none", *e[0], got)
					continue
				}
				worst = math.Max(worst, math.Abs(got-*e[1]))
				// γ moves by at most the change of dose over ΔD, so the rounding
				// of the doses to float32 is allowed for exactly.
				dose := f.Reference.Dose[int(*e[0])]
				criterion := r.DosePercent / 100 * r.Normalisation
				if r.Local {
					criterion = r.DosePercent / 100 * dose
				}
				rounding := 0x1p-24 * (dose + slices.Max(f.Evaluation.Dose)) / criterion
				excess = math.Max(excess, math.Abs(got-*e[1])-rounding)
				assert.False(t, math.IsNaN(got), "voxel %g", *e[0])
			}
			t.Logf("worst |γ − closed form| %.2g", worst)
			assert.Less(t, worst, 1e-5)
			assert.Less(t, excess, 1e-6, "beyond the rounding of the doses")
		})
	}
}
