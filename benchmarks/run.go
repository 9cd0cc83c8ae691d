package benchmarks

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/kerma-rt/kerma/dose"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/heterogeneity"
	"github.com/kerma-rt/kerma/internal/version"
)

// Options are how a benchmark runs. The zero value is usable.
type Options struct {
	Threads int // goroutines; 0 means one per CPU

	// Progress, if set, is called from one goroutine at a time with the
	// finished share of the work, 0…1, rising.
	Progress func(done float64)

	// Computed, if set, gets every dose as it is finished: Gy for one
	// photon/cm² on the plane z = 0, in the voxel order of the case.
	Computed func(r *Result, dose *geometry.Volume) error
}

// Report is a finished benchmark.
type Report struct {
	Notice  string    `json:"notice"`
	Version string    `json:"kerma"`
	Go      string    `json:"go"`
	System  string    `json:"system"`
	Threads int       `json:"threads"`
	Results []*Result `json:"results"` // case by case, in the order given
	Skipped []Skipped `json:"skipped"` // cases that could not be read

	cases []*reference
}

// Skipped is a case that could not be read, and why.
type Skipped struct {
	Case  string `json:"case"`
	Error string `json:"error"`
}

// Cases are the names of the cases computed, in order.
func (r *Report) Cases() []string {
	var names []string
	for _, c := range r.cases {
		names = append(names, c.Name)
	}
	return names
}

// Failed counts the results without a dose and the cases skipped.
func (r *Report) Failed() int {
	n := len(r.Skipped)
	for _, x := range r.Results {
		if x.Error != "" {
			n++
		}
	}
	return n
}

// Run computes each case by each method and compares it with its reference.
// An engine that refuses a case leaves an Error in its result; Run itself fails
// with the error of ctx and that of o.Computed only.
func Run(ctx context.Context, cases []*Case, methods []Method, o Options) (*Report, error) {
	out := &Report{
		Notice:  "Not for clinical use without independent commissioning and validation.",
		Version: version.Version, Go: runtime.Version(), System: fmt.Sprintf("%s/%s, %d CPUs", runtime.GOOS, runtime.GOARCH, runtime.NumCPU()),
		Threads: o.Threads, Skipped: []Skipped{},
	}
	if out.Threads == 0 {
		out.Threads = runtime.GOMAXPROCS(0)
	}
	for _, c := range cases {
		r, err := newReference(c)
		if err != nil {
			out.Skipped = append(out.Skipped, Skipped{c.Name, err.Error()})
			continue
		}
		out.cases = append(out.cases, r)
	}
	out.Results = make([]*Result, len(out.cases)*len(methods))
	b := &run{Options: o, requests: map[int]dose.Request{}, waters: map[string]map[int][]float64{}}
	var order []int
	for i, r := range out.cases {
		order = append(order, i)
		if r.inWater() {
			b.inWater = append(b.inWater, i)
		}
	}
	// Water first: its doses are what correction factors are relative to.
	slices.SortStableFunc(order, func(i, j int) int {
		return rank(slices.Contains(b.inWater, i)) - rank(slices.Contains(b.inWater, j))
	})
	b.references = out.cases
	b.total = float64(len(order) * len(methods))
	for _, i := range order {
		for m, method := range methods {
			result, err := b.one(ctx, i, method)
			if err != nil {
				return nil, err
			}
			out.Results[i*len(methods)+m] = result
			b.done++
			b.tell(0)
		}
	}
	return out, nil
}

func rank(water bool) int {
	if water {
		return 0
	}
	return 1
}

// run is a benchmark under way.
type run struct {
	Options
	references []*reference
	requests   map[int]dose.Request
	inWater    []int                        // the references that are water throughout
	waters     map[string]map[int][]float64 // doses on the axis in water by engine and first reference of that beam
	done       float64                      // results
	total      float64
}

func (b *run) tell(share float64) {
	if b.Progress != nil {
		b.Progress((b.done + share) / b.total)
	}
}

// one computes and compares one case by one method.
func (b *run) one(ctx context.Context, i int, m Method) (*Result, error) {
	r := b.references[i]
	refused := func(err error) (*Result, error) {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return &Result{Case: r.Name, Engine: m.Engine.Name(), Heterogeneity: m.Heterogeneity, Error: err.Error()}, nil
	}
	request, err := b.request(i)
	if err != nil {
		return refused(err)
	}
	request.Threads = b.Threads
	water := slices.Contains(b.inWater, i)
	share := 0.9
	if !water && b.water(i, m) == nil {
		share = 0.45
	}
	request.Progress = func(done float64) { b.tell(share * done) }
	computed, err := m.Engine.Compute(ctx, request)
	if err != nil {
		return refused(err)
	}
	result, err := r.compare(ctx, computed.Dose, b.Threads)
	if err != nil {
		return refused(err)
	}
	p := computed.Provenance
	result.Engine, result.Seconds = p.Engine, p.Elapsed.Seconds()
	// An engine may add what its dose is of; the name is what folders go by.
	result.Heterogeneity, result.Quantity, _ = strings.Cut(p.Heterogeneity, ", ")
	result.Warnings = append(append(result.Warnings, r.Warnings...), computed.Warnings...)
	if len(p.Machines) > 0 {
		result.Machine = p.Machines[0]
	}
	if water {
		b.keep(i, m, r.axis.mean(computed.Dose))
	} else if err := b.correct(ctx, i, m, result, request); err != nil {
		return refused(err)
	}
	if b.Computed != nil {
		if err := b.Computed(result, computed.Dose); err != nil {
			return nil, err
		}
	}
	return result, nil
}

// request is that of a case, made once: to derive a machine from its spectrum
// takes longer than some of the engines do.
func (b *run) request(i int) (dose.Request, error) {
	if r, ok := b.requests[i]; ok {
		return r, nil
	}
	r, err := b.references[i].Request()
	if err == nil {
		b.requests[i] = r
	}
	return r, err
}

// correct fills the correction factors of a result, for which the beam is
// computed in water unless it has been before.
func (b *run) correct(ctx context.Context, i int, m Method, result *Result, request dose.Request) error {
	r := b.references[i]
	axis := b.water(i, m)
	if axis == nil {
		request.Tissue = waterLike(r.Tissue)
		request.Progress = func(done float64) { b.tell(0.45 + 0.45*done) }
		computed, err := m.inWater().Compute(ctx, request)
		if err != nil {
			return fmt.Errorf("in water: %w", err)
		}
		axis = r.axis.mean(computed.Dose)
		b.keep(i, m, axis)
	}
	name, reference := "", []float64(nil)
	for _, w := range b.inWater {
		if c := b.references[w]; c.Dose != nil && r.sameAxis(c) {
			name, reference = c.Name, c.axis.reference
			break
		}
	}
	r.correct(result, axis, name, reference)
	return nil
}

// water is the dose on the axis, by depth, of an engine in water for the beam
// of a case; nil if it is not known yet.
func (b *run) water(i int, m Method) []float64 {
	for j, axis := range b.waters[m.Engine.Name()] {
		if j == i || b.references[i].sameAxis(b.references[j]) {
			return axis
		}
	}
	return nil
}

// keep remembers a dose on the axis in water. What is kept first stays: all
// corrections of an engine agree in water.
func (b *run) keep(i int, m Method, axis []float64) {
	if b.water(i, m) != nil {
		return
	}
	name := m.Engine.Name()
	if b.waters[name] == nil {
		b.waters[name] = map[int][]float64{}
	}
	b.waters[name][i] = axis
}

// waterLike is a phantom that is water in every voxel of another.
func waterLike(t *heterogeneity.Tissue) *heterogeneity.Tissue {
	g := t.Density.Grid
	w := &heterogeneity.Tissue{
		Density: geometry.NewVolume(g), ElectronDensity: geometry.NewVolume(g),
		Material: make([]uint8, g.Len()), Materials: []string{"water_liquid"}, Calibration: "none: water",
	}
	for i := range w.Density.Data {
		w.Density.Data[i], w.ElectronDensity.Data[i] = 1, 1
	}
	return w
}
