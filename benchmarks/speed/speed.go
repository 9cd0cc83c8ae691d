// Package speed times whole jobs and single kernels, and holds both against
// what the machine can do at most, measured in the same run.
//
// Its cases are made in code or come with Kerma, so that anybody can repeat a
// figure: a water box and a chest of the sizes that other programs were timed
// on, nine crossing beams for the gamma index, and the TG-119 phantom.
package speed

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/kerma-rt/kerma/internal/kernels/limits"
	"github.com/kerma-rt/kerma/internal/kernels/simd"
	"github.com/kerma-rt/kerma/internal/version"
)

// ErrJob is wrapped by the error about a job that does not exist.
var ErrJob = errors.New("speed: no such job")

// Options are how a benchmark runs. The zero value is usable.
type Options struct {
	// Jobs are names of jobs, of groups of them (the part of a name before its
	// first hyphen), Limits, Kernels or Growth; none stands for all.
	Jobs    []string
	Threads int // of the runs beside those on one thread; 0 means one per CPU
	// Repetitions is how often at least a job is timed, of which the median
	// counts; 0 stands for 5. Short jobs are timed more often.
	Repetitions int
	// Patient is a folder with CT and structures of the whole TG-119 phantom;
	// empty: the slices that come with Kerma.
	Patient string
	// Judged is a folder with structures and a dose, of which dvh makes all
	// histograms; empty: those of the TG-119 phantom in a dose made in code.
	Judged string
	// Progress, if set, is called with the finished share of the work, 0…1, rising.
	Progress func(done float64)
}

// What Options.Jobs may name besides jobs.
const (
	Kernels = "kernels" // the hot loops, and the limits that they are held against
	Limits  = "limits"  // what the machine can do
	Growth  = "growth"  // how the time grows with the size of a job
)

// Report is a finished benchmark.
type Report struct {
	Version string          `json:"kerma"`
	Go      string          `json:"go"`
	System  string          `json:"system"`
	CPU     string          `json:"cpu"`
	SIMD    string          `json:"simd"`
	Threads int             `json:"threads"`
	Limits  []limits.Limits `json:"limits"` // of one thread, then of more
	Jobs    []*Timing       `json:"jobs"`   // each on one thread, then on more
	Kernels []Kernel        `json:"kernels"`
	Curves  []Curve         `json:"growth"`
}

// Names are the jobs there are.
func Names() []string {
	var names []string
	for _, j := range jobs {
		names = append(names, j.name)
	}
	return names
}

// chosen reports whether a job was asked for by its name or its group.
func (o Options) chosen(name string) bool {
	group, _, _ := strings.Cut(name, "-")
	return len(o.Jobs) == 0 || slices.Contains(o.Jobs, name) || slices.Contains(o.Jobs, group)
}

// Check fails with ErrJob when a name in o.Jobs is none.
func (o Options) Check() error {
	for _, asked := range o.Jobs {
		one := Options{Jobs: []string{asked}}
		if !one.chosen(Limits) && !one.chosen(Kernels) && !one.chosen(Growth) && !slices.ContainsFunc(Names(), one.chosen) {
			return fmt.Errorf("%w: %q, there are %s, %s, %s, %s", ErrJob, asked, strings.Join(Names(), ", "), Limits, Kernels, Growth)
		}
	}
	return nil
}

// Run times what was asked for. It fails with ErrJob, with the error of ctx, and
// with that of the first job that fails.
func Run(ctx context.Context, o Options) (*Report, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	if o.Threads == 0 {
		o.Threads = runtime.NumCPU()
	}
	if o.Repetitions == 0 {
		o.Repetitions = 5
	}
	r := &Report{
		Version: version.Version, Go: runtime.Version(), System: fmt.Sprintf("%s/%s, %d CPUs", runtime.GOOS, runtime.GOARCH, runtime.NumCPU()),
		CPU: processor(), SIMD: simd.Current().String(), Threads: o.Threads, Limits: []limits.Limits{}, Jobs: []*Timing{}, Kernels: []Kernel{}, Curves: []Curve{},
	}
	steps := o.steps(r)
	for i, step := range steps {
		err := step(ctx)
		if ctx.Err() != nil { // not every job looks
			return nil, ctx.Err()
		}
		if err != nil {
			return nil, err
		}
		if o.Progress != nil {
			o.Progress(float64(i+1) / float64(len(steps)))
		}
	}
	return r, nil
}

// steps are the parts of the work, in order.
func (o Options) steps(r *Report) []func(context.Context) error {
	var steps []func(context.Context) error
	for _, threads := range o.counts() {
		if !o.chosen(Limits) && !o.chosen(Kernels) {
			break
		}
		steps = append(steps, func(ctx context.Context) error {
			l, err := limits.Measure(ctx, threads)
			r.Limits = append(r.Limits, l)
			return err
		})
	}
	for _, j := range jobs {
		if o.chosen(j.name) {
			steps = append(steps, func(ctx context.Context) error { return o.time(ctx, r, j) })
		}
	}
	if o.chosen(Kernels) {
		for _, k := range kernels {
			steps = append(steps, func(ctx context.Context) error { return k.time(ctx, r) })
		}
	}
	if o.chosen(Growth) {
		for _, c := range curves {
			steps = append(steps, func(ctx context.Context) error { return o.grow(ctx, r, c) })
		}
	}
	return steps
}

// counts are the numbers of threads that a job runs on: powers of two, and all.
func (o Options) counts() []int {
	var out []int
	for n := 1; n < o.Threads; n *= 2 {
		out = append(out, n)
	}
	return append(out, o.Threads)
}
