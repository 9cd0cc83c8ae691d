package limits

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/kerma-rt/kerma/internal/kernels/simd"
)

const (
	// Bytes is the memory that each thread measures with: three arrays, each
	// several times the last cache of today's machines.
	Bytes = 3 * 4 * large

	large = 1 << 25              // floats of an array in memory
	small = 1 << 12              // floats of one in the first cache, 16 KiB
	mid   = 1 << 16              // floats of one in the second, 256 KiB
	table = 1 << 12              // floats of the table of look-ups, 16 KiB
	round = 2 * time.Millisecond // of a measurement that repeats its loop
	tries = 9                    // of which the fastest counts
)

// Measure runs the loops of the level in force on that many threads at once
// (1 or more). It takes about half a second, and Bytes of memory for each
// thread. It fails with the error of ctx only.
func Measure(ctx context.Context, threads int) (Limits, error) {
	level := simd.Current()
	l := of(level)
	out := Limits{Level: level.String(), Threads: threads}
	type arrays struct {
		a, b, c []float32
		index   []int32
		sum     float32 // so that no loop is left out
	}
	all := make([]arrays, threads)
	for t := range all {
		x := &all[t]
		x.a, x.b, x.c = make([]float32, large), make([]float32, large), make([]float32, large)
		x.index = make([]int32, small)
		for i := range x.index {
			x.index[i] = int32(uint32(i) * 2654435761 % (table - 1))
		}
		for _, p := range [][]float32{x.a, x.b, x.c} {
			generic.fill(p) // touched once, or the pages come in the first round
		}
	}
	// rate is how many units a second all threads do together, n by each call.
	rate := func(n float64, f func(x *arrays)) float64 {
		if ctx.Err() != nil {
			return 0
		}
		if threads == 1 {
			return n / single(func() { f(&all[0]) })
		}
		return n * float64(threads) / together(threads, func(t int) { f(&all[t]) })
	}
	const turns = 1 << 12
	out.FMA = rate(float64(turns*l.turn), func(x *arrays) { x.sum += l.fma(0.5, 1, turns) })
	out.L1 = rate(4*small, func(x *arrays) { x.sum += l.read(x.a[:small]) })
	out.L2 = rate(4*mid, func(x *arrays) { x.sum += l.read(x.a[:mid]) })
	out.Read = rate(4*large, func(x *arrays) { x.sum += l.read(x.a) })
	out.Fill = rate(4*large, func(x *arrays) { l.fill(x.a) })
	out.Copy = rate(8*large, func(x *arrays) { l.copy(x.a, x.b) })
	out.Triad = rate(12*large, func(x *arrays) { l.triad(x.a, x.b, x.c) })
	out.Gather = rate(small, func(x *arrays) { x.sum += l.gather(x.a[:table], x.index) })
	out.GatherPairs = rate(small, func(x *arrays) { x.sum += l.pairs(x.a[:table], x.index) })
	return out, ctx.Err()
}

// single is the CPU time of f in seconds, the best of several rounds.
func single(f func()) float64 {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	f()
	var seconds []float64
	for range tries {
		calls, began := 0, threadTime()
		for now := began; now-began < round; now = threadTime() {
			for range 1 + calls { // twice as often each time: the clock is slow
				f()
			}
			calls += 1 + calls
		}
		seconds = append(seconds, (threadTime()-began).Seconds()/float64(calls))
	}
	return slices.Min(seconds)
}

// together is the time that passes, in seconds, while each thread calls f as
// often as the others, over the number of calls; the best of several rounds.
func together(threads int, f func(t int)) float64 {
	calls := 0
	for began := time.Now(); time.Since(began) < round; calls++ {
		f(0)
	}
	var seconds []float64
	for range tries {
		var ready, done sync.WaitGroup
		start := make(chan struct{})
		for t := range threads {
			ready.Add(1)
			done.Go(func() {
				ready.Done()
				<-start
				for range calls {
					f(t)
				}
			})
		}
		ready.Wait()
		began := time.Now()
		close(start)
		done.Wait()
		seconds = append(seconds, time.Since(began).Seconds()/float64(calls))
	}
	return slices.Min(seconds)
}
