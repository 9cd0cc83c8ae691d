package speed

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"time"

	"github.com/kerma-rt/kerma/internal/kernels/limits"
	"github.com/kerma-rt/kerma/internal/kernels/simd"
)

// Kernel is one hot loop on one level of vector instructions, held against the
// machine.
type Kernel struct {
	Kernel   string  `json:"kernel"`
	SIMD     string  `json:"simd"`
	Unit     string  `json:"unit"` // an element
	NS       float64 `json:"ns_per_unit"`
	LimitNS  float64 `json:"limit_ns_per_unit"`
	Limit    string  `json:"limit"`    // what sets it
	Fraction float64 `json:"fraction"` // of the limit that is reached
}

// stream is what one thread reads from memory, B/s: the best of three loops that
// read all they touch (lines that are written to are read first).
func stream(l limits.Limits) float64 { return max(l.Read, l.Copy, l.Triad) }

// lanes is how many vector instructions of arithmetic a thread does, times the
// width of each, 1/s.
func lanes(l limits.Limits) float64 { return l.FMA / 2 }

// kernel is a loop to be timed on one thread.
type kernel struct {
	name, unit string
	// prepare makes the loop, and tells how many units a call of it does.
	prepare func(ctx context.Context) (call func() error, units float64, err error)
	// least is the time (s) that the machine needs for what one unit cannot do
	// without, and what that is.
	least func(l limits.Limits) (seconds float64, what string)
}

// time times a kernel on every level.
func (k kernel) time(ctx context.Context, r *Report) error {
	call, units, err := k.prepare(ctx)
	if err != nil {
		return fmt.Errorf("kernel %s: %w", k.name, err)
	}
	limit, what := k.least(r.Limits[0])
	for _, level := range simd.Available() {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		restore := simd.Set(level)
		seconds, err := least(ctx, call)
		restore()
		if err != nil {
			return fmt.Errorf("kernel %s: %w", k.name, err)
		}
		seconds /= units
		r.Kernels = append(r.Kernels, Kernel{
			Kernel: k.name, SIMD: level.String(), Unit: k.unit,
			NS: 1e9 * seconds, LimitNS: 1e9 * limit, Limit: what, Fraction: limit / seconds,
		})
	}
	return nil
}

// least is the CPU time of a call in seconds, on whichever threads it runs; the
// best of several rounds.
func least(ctx context.Context, call func() error) (float64, error) {
	const round, rounds = 10 * time.Millisecond, 9
	best := math.Inf(1)
	for range rounds {
		runtime.GC()
		calls, began := 0, clock()
		for calls == 0 || clock()-began < round {
			if err := call(); err != nil {
				return 0, err
			}
			calls++
		}
		best = min(best, (clock()-began).Seconds()/float64(calls))
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
	}
	return best, nil
}

var start = time.Now()

// clock is the CPU time of the process, or the time that passes where the system
// does not tell.
func clock() time.Duration {
	if user, system, ok := processTime(); ok {
		return user + system
	}
	return time.Since(start)
}
