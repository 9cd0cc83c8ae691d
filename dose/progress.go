package dose

import (
	"sync/atomic"
	"time"
)

// progress counts finished work and tells a caller's function about it, from
// one goroutine that lives until stop.
type progress struct {
	done atomic.Int64
	end  chan struct{}
	gone chan struct{}
}

const progressInterval = 50 * time.Millisecond

// newProgress starts to report the share of total to report, which may be nil.
func newProgress(total int, report func(float64)) *progress {
	p := &progress{end: make(chan struct{}), gone: make(chan struct{})}
	if report == nil || total <= 0 {
		close(p.gone)
		return p
	}
	go func() {
		defer close(p.gone)
		tick := time.NewTicker(progressInterval)
		defer tick.Stop()
		last := int64(-1)
		tell := func() {
			if now := min(p.done.Load(), int64(total)); now > last {
				last = now
				report(float64(now) / float64(total))
			}
		}
		for {
			select {
			case <-p.end:
				tell()
				return
			case <-tick.C:
				tell()
			}
		}
	}()
	return p
}

func (p *progress) add(n int) { p.done.Add(int64(n)) }

// stop reports what has been reached and waits until no report is under way.
func (p *progress) stop() {
	close(p.end)
	<-p.gone
}
