package speed

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"github.com/kerma-rt/kerma/benchmarks"
)

// Timing is one job on one number of threads: medians of its repetitions.
type Timing struct {
	Job         string            `json:"job"`
	What        string            `json:"what"`
	Threads     int               `json:"threads"`
	Repetitions int               `json:"repetitions"`
	Wall        benchmarks.Figure `json:"wall_s"`
	User        benchmarks.Figure `json:"user_s"`
	System      benchmarks.Figure `json:"system_s"`
	Fastest     benchmarks.Figure `json:"fastest_wall_s"`
	Least       benchmarks.Figure `json:"least_cpu_s"`
	// Of a first repetition in a process that had given all unused memory back.
	Peak   benchmarks.Figure `json:"peak_b"`  // most memory resident, inputs included
	Before benchmarks.Figure `json:"input_b"` // resident before it began
	Units  float64           `json:"units"`   // that the job works on
	Unit   string            `json:"unit"`
	Result string            `json:"result"` // what came out, for a reader to see that it did
}

// CPU is user and system time together, s.
func (t *Timing) CPU() benchmarks.Figure { return t.User + t.System }

// usage is what a run took, s.
type usage struct{ wall, user, system float64 }

// run is a job ready to be timed.
type run struct {
	// do works, and says how to put what came out in words, which is not timed.
	do    func(ctx context.Context) (words func() string, err error)
	units float64
	unit  string
}

// measure times a run on a number of threads.
func measure(ctx context.Context, r run, threads, repetitions int) (*Timing, error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
	t := &Timing{Threads: threads, Units: r.units, Unit: r.unit}
	runtime.GC() // what pools hold goes with the second collection
	debug.FreeOSMemory()
	t.Before = benchmarks.Figure(resident())
	reset := resetPeak()
	words, err := r.do(ctx)
	if err != nil {
		return nil, err
	}
	t.Peak = benchmarks.Figure(math.NaN())
	if reset { // else the peak may be that of an earlier job
		t.Peak = benchmarks.Figure(peak())
	}
	t.Result = words()
	const enough = 500 * time.Millisecond
	var all []usage
	for total := 0.0; len(all) < repetitions || total < enough.Seconds() && len(all) < 10*repetitions; {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		runtime.GC() // a repetition pays for its own garbage, not for that of the one before
		user, system, _ := processTime()
		began := time.Now()
		if _, err := r.do(ctx); err != nil {
			return nil, err
		}
		u := usage{wall: time.Since(began).Seconds()}
		u.user, u.system = math.NaN(), math.NaN()
		if afterUser, afterSystem, ok := processTime(); ok {
			u.user, u.system = (afterUser - user).Seconds(), (afterSystem - system).Seconds()
		}
		all = append(all, u)
		total += u.wall
	}
	of := func(f func(usage) float64) []float64 {
		var out []float64
		for _, u := range all {
			out = append(out, f(u))
		}
		slices.Sort(out)
		return out
	}
	middle := func(f func(usage) float64) benchmarks.Figure { return benchmarks.Figure(median(of(f))) }
	t.Repetitions = len(all)
	t.Wall, t.User, t.System = middle(func(u usage) float64 { return u.wall }), middle(func(u usage) float64 { return u.user }), middle(func(u usage) float64 { return u.system })
	t.Fastest = benchmarks.Figure(of(func(u usage) float64 { return u.wall })[0])
	t.Least = benchmarks.Figure(of(func(u usage) float64 { return u.user + u.system })[0])
	return t, nil
}

func median(sorted []float64) float64 {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// time runs a job on one thread and on all.
func (o Options) time(ctx context.Context, r *Report, j job) error {
	for _, threads := range o.counts() {
		prepared, err := j.prepare(ctx, o, threads)
		if err != nil {
			return fmt.Errorf("%s: %w", j.name, err)
		}
		t, err := measure(ctx, prepared, threads, o.Repetitions)
		if err != nil {
			return fmt.Errorf("%s: %w", j.name, err)
		}
		t.Job, t.What = j.name, j.what
		r.Jobs = append(r.Jobs, t)
	}
	return nil
}
