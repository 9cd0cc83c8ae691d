// Package parallel splits work over goroutines: the one place where this
// library starts them for loops.
package parallel

import (
	"context"
	"runtime"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// For calls f(i) once for every i in [0, n), on the given number of
// goroutines (0 means one per CPU), and waits for them. Calls for different i
// must write to different places: then the result is the same bits whatever
// the number of goroutines and whichever runs first. A call takes 0.4 µs to
// hand out, so f should do a tenth of a millisecond of work or more, and a few
// milliseconds at most, because ctx is looked at between calls. For returns
// the first error of f, or that of ctx, and starts no further call after it.
func For(ctx context.Context, n, threads int, f func(i int) error) error {
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	threads = min(threads, n)
	group, ctx := errgroup.WithContext(ctx)
	var next atomic.Int64
	for range threads {
		group.Go(func() error {
			for {
				if err := ctx.Err(); err != nil {
					return err
				}
				i := int(next.Add(1)) - 1
				if i >= n {
					return nil
				}
				if err := f(i); err != nil {
					return err
				}
			}
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return nil
}
