package benchmarks

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/kerma-rt/kerma/dose/gamma"
	"github.com/kerma-rt/kerma/geometry"
)

// Result is one case computed by one method and held against its reference.
// Doses are in Gy for one photon/cm² on the plane z = 0 (Gy cm²) and are never
// renormalised. Figures about the reference are null, lists about it empty, for
// a case that comes without one.
type Result struct {
	Case          string   `json:"case"`
	Engine        string   `json:"engine"`
	Heterogeneity string   `json:"heterogeneity"`
	Quantity      string   `json:"quantity"` // what the dose is of, where the engine says: "dose to medium"
	Seconds       float64  `json:"seconds"`  // the engine took
	Machine       string   `json:"machine"`  // name and content hash
	Warnings      []string `json:"warnings"`
	Error         string   `json:"error,omitempty"` // why there is no dose; then nothing else is filled

	Maximum Figure  `json:"reference_maximum"` // Gy cm², over voxels of more than 0.1 g/cm³
	Gamma   []Gamma `json:"gamma"`

	// As in Axis, without their sign: what programs look for first.
	AxisMax        Figure `json:"central_axis_max_local_error_percent"`
	AxisRMS        Figure `json:"central_axis_rms_local_error_percent"`
	AxisEverywhere Figure `json:"central_axis_max_local_error_everywhere_percent"`

	Axis       Axis       `json:"central_axis"`
	Profiles   []Profile  `json:"profiles"`
	Correction Correction `json:"correction_factors"`
	Noise      Noise      `json:"noise"`
	Regions    []Region   `json:"regions"`
	Worst      []Voxel    `json:"worst"`

	section *section
}

// Gamma is a global gamma comparison: the reference is Monte Carlo, points
// are its voxels above 10 % of its maximum and 0.1 g/cm³.
type Gamma struct {
	DosePercent float64 `json:"dose_percent"`
	Distance    float64 `json:"distance_mm"`
	PassRate    float64 `json:"pass_rate"` // %
	Points      int     `json:"points"`
	Passed      int     `json:"passed"`
	Mean        Figure  `json:"mean"`
	Max         Figure  `json:"max"` // values above 2 are stored as 2
}

// Noise is how far the reference itself can be trusted where it is compared.
type Noise struct {
	Median Figure `json:"median_sigma_percent"` // relative standard deviation
	P95    Figure `json:"p95_sigma_percent"`
	Beyond Figure `json:"beyond_percent"`          // share of voxels that differ by more than two standard deviations and 1 % of the maximum
	Mean   Figure `json:"mean_difference_percent"` // signed, of the maximum
}

// Region is a part of the compared voxels and how many fail 2 %/2 mm there. A
// voxel counts in the first that it lies in, in the order interface (within
// 1 cm of one, the entrance and exit faces included), penumbra (within 1 cm of
// the geometric edge), field, outside.
type Region struct {
	Name   string `json:"name"`
	Points int    `json:"points"`
	Failed int    `json:"failed"`
}

// Voxel is one of the worst, in the coordinates of the case.
type Voxel struct {
	Position   [3]Figure `json:"position_mm"` // x, y, z
	Material   string    `json:"material"`
	Density    Figure    `json:"density_g_cm3"`
	Reference  Figure    `json:"reference"` // Gy cm²
	Dose       Figure    `json:"dose"`      // Gy cm²
	Ratio      Figure    `json:"ratio"`
	Difference Figure    `json:"difference_percent"` // of the maximum
	Sigma      Figure    `json:"sigma_percent"`      // of Reference
	Gamma      Figure    `json:"gamma"`              // 2 %/2 mm
	Region     string    `json:"region"`
}

// Criteria are the gamma criteria of every comparison: % of the maximum, mm.
var Criteria = [][2]float64{{3, 3}, {3, 2}, {2, 2}, {1, 1}}

// strict is the place in Criteria of those that regions, worst voxels and
// pictures go by.
const strict = 2

const (
	cutoffPercent = 10
	maxWorst      = 5
	worstApart    = 10 // mm
)

var regionNames = [...]string{"interface", "penumbra", "field", "outside"}

// reference is a case ready to be compared with.
type reference struct {
	place
	axis     axis
	profiles []int            // slices
	near     []bool           // by voxel, next to an interface
	scored   *geometry.Volume // reference dose in % of max, NaN where not compared; nil without one
	max      float64          // Gy cm²
}

func newReference(c *Case) (*reference, error) {
	r := &reference{place: newPlace(c)}
	r.axis = newAxis(r.place)
	r.profiles = profileDepths(r.place, r.axis)
	if c.Dose == nil {
		return r, nil
	}
	r.near = r.nearInterface()
	r.scored = c.Scored(c.Dose)
	for _, d := range r.scored.Data {
		if float64(d) > r.max {
			r.max = float64(d)
		}
	}
	if !(r.max > 0) {
		return nil, fmt.Errorf("%w: %q: no dose above %g g/cm³", ErrCase, c.Name, leastDensity)
	}
	r.scored = r.percent(r.scored)
	return r, nil
}

// percent is a dose in percent of the maximum of the reference: doses per
// photon are too small for whoever expects Gy.
func (r *reference) percent(v *geometry.Volume) *geometry.Volume {
	out := geometry.NewVolume(v.Grid)
	for i, d := range v.Data {
		out.Data[i] = float32(100 / r.max * float64(d))
	}
	return out
}

// Compare holds a dose, in Gy cm² on the grid of the case, against the
// reference dose of the case. Case and the figures of the comparison are
// filled. It uses so many goroutines, 0 meaning one per CPU, and fails with
// ErrCase for a dose on another grid.
func Compare(ctx context.Context, c *Case, dose *geometry.Volume, threads int) (*Result, error) {
	if dose == nil || !dose.Grid.Equal(c.Tissue.Density.Grid, 1e-3) || len(dose.Data) != dose.Grid.Len() {
		return nil, fmt.Errorf("%w: %q: a dose on another grid", ErrCase, c.Name)
	}
	r, err := newReference(c)
	if err != nil {
		return nil, err
	}
	return r.compare(ctx, dose, threads)
}

func (r *reference) compare(ctx context.Context, dose *geometry.Volume, threads int) (*Result, error) {
	out := &Result{Case: r.Name, Maximum: Figure(nan), Warnings: []string{}, Gamma: []Gamma{}, Regions: []Region{}, Worst: []Voxel{}}
	out.Noise = Noise{Figure(nan), Figure(nan), Figure(nan), Figure(nan)}
	out.Axis = r.axis.compare(r.z, r.axis.mean(dose))
	out.AxisMax, out.AxisEverywhere = absolute(out.Axis.Max), absolute(out.Axis.Everywhere)
	out.AxisRMS = out.Axis.RMS
	for _, k := range r.profiles {
		for way := range 2 {
			out.Profiles = append(out.Profiles, r.profile(dose, k, way))
		}
	}
	out.Correction = Correction{Max: Figure(nan), MaxDepth: Figure(nan), Points: []CorrectionPoint{}}
	if r.scored == nil {
		return out, ctx.Err()
	}
	out.Maximum = Figure(r.max)
	var indices *geometry.Volume
	evaluated := r.percent(dose)
	for n, criteria := range Criteria {
		g, err := gamma.Compute(ctx, r.scored, evaluated, gamma.Criteria{
			DosePercent: criteria[0], Distance: criteria[1], CutoffPercent: cutoffPercent, Normalisation: 100, Threads: threads,
		})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.Name, err)
		}
		out.Gamma = append(out.Gamma, Gamma{criteria[0], criteria[1], g.PassRate, g.Points, g.Passed, Figure(g.Mean), Figure(g.Max)})
		if n == strict {
			indices = g.Gamma
		}
	}
	out.Noise = r.noise(dose)
	out.Regions = r.regions(indices)
	out.Worst = r.worst(dose, indices)
	out.section = r.section(dose, indices)
	return out, nil
}

func absolute(f Figure) Figure { return Figure(math.Abs(float64(f))) }

// each calls f for every voxel that is compared.
func (r *reference) each(f func(v, i, j, k int)) {
	n := r.grid.Size()
	v := 0
	for k := range n[2] {
		for j := range n[1] {
			for i := range n[0] {
				if r.scored.Data[v] >= cutoffPercent {
					f(v, i, j, k)
				}
				v++
			}
		}
	}
}

func (r *reference) noise(dose *geometry.Volume) Noise {
	var sigmas []float64
	var beyond, sum float64
	r.each(func(v, _, _, _ int) {
		d, s := float64(r.Dose.Data[v]), float64(r.Sigma.Data[v])
		sigmas = append(sigmas, 100*s)
		diff := float64(dose.Data[v]) - d
		sum += diff
		if math.Abs(diff) > 2*s*d+0.01*r.max {
			beyond++
		}
	})
	n := float64(len(sigmas))
	return Noise{Figure(quantile(sigmas, 0.5)), Figure(quantile(sigmas, 0.95)), Figure(100 * beyond / n), Figure(100 * sum / n / r.max)}
}

// quantile is the value below which the share q of the values lies. It sorts
// them.
func quantile(values []float64, q float64) float64 {
	slices.Sort(values)
	return values[min(len(values)-1, int(q*float64(len(values))))]
}

// region is the place in regionNames of a voxel.
func (r *reference) region(v, i, j, k int) int {
	edge := r.outside(r.x[i], r.y[j], r.z[k])
	switch {
	case r.near[v]:
		return 0
	case math.Abs(edge) <= 10:
		return 1
	case edge < 0:
		return 2
	}
	return 3
}

func (r *reference) regions(indices *geometry.Volume) []Region {
	out := make([]Region, len(regionNames))
	for n, name := range regionNames {
		out[n].Name = name
	}
	r.each(func(v, i, j, k int) {
		n := r.region(v, i, j, k)
		out[n].Points++
		if indices.Data[v] > 1 {
			out[n].Failed++
		}
	})
	return out
}

// worst lists the voxels of the greatest gamma, of equal ones those that differ
// most with two standard deviations granted, at least 1 cm apart.
func (r *reference) worst(dose, indices *geometry.Volume) []Voxel {
	type candidate struct {
		gamma      float32
		excess     float64
		v, i, j, k int
	}
	var all []candidate
	r.each(func(v, i, j, k int) {
		d := float64(r.Dose.Data[v])
		if excess := math.Abs(float64(dose.Data[v])-d) - 2*d*float64(r.Sigma.Data[v]); excess > 0 {
			all = append(all, candidate{indices.Data[v], excess, v, i, j, k})
		}
	})
	slices.SortFunc(all, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.gamma, a.gamma), cmp.Compare(b.excess, a.excess), cmp.Compare(a.v, b.v))
	})
	out := []Voxel{}
next:
	for _, c := range all {
		if len(out) == maxWorst {
			break
		}
		x, y, z := r.x[c.i], r.y[c.j], r.z[c.k]
		for _, o := range out {
			dx, dy, dz := x-float64(o.Position[0]), y-float64(o.Position[1]), z-float64(o.Position[2])
			if dx*dx+dy*dy+dz*dz < worstApart*worstApart {
				continue next
			}
		}
		ref, d := float64(r.Dose.Data[c.v]), float64(dose.Data[c.v])
		out = append(out, Voxel{
			Position: [3]Figure{Figure(x), Figure(y), Figure(z)},
			Material: r.Tissue.Materials[r.Tissue.Material[c.v]], Density: Figure(r.Tissue.Density.Data[c.v]),
			Reference: Figure(ref), Dose: Figure(d), Ratio: Figure(d / ref), Difference: Figure(100 * (d - ref) / r.max),
			Sigma: Figure(100 * r.Sigma.Data[c.v]), Gamma: Figure(indices.Data[c.v]),
			Region: regionNames[r.region(c.v, c.i, c.j, c.k)],
		})
	}
	return out
}
