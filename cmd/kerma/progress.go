package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"
)

// progress shows how far long work has come: a bar on a terminal, a plain
// line every quarter elsewhere.
type progress struct {
	set  func(done float64)
	stop func(finished bool)
}

func newProgress(name string, to io.Writer) progress {
	if !isTerminal(to) {
		return plainProgress(name, to)
	}
	const whole = 1000
	// Narrow: a line that wraps when the terminal is made smaller leaves its first
	// part standing.
	p := mpb.New(mpb.WithOutput(to), mpb.WithWidth(30), mpb.WithRefreshRate(100*time.Millisecond))
	bar := p.AddBar(whole,
		mpb.PrependDecorators(decor.Name(name)),
		mpb.AppendDecorators(decor.Percentage(), decor.Name(" "), decor.AverageETA(decor.ET_STYLE_GO)))
	return progress{
		set: func(done float64) { bar.SetCurrent(int64(done * whole)) },
		stop: func(finished bool) {
			if finished {
				bar.SetCurrent(whole)
			} else {
				bar.Abort(false) // Wait hangs on a bar that is neither full nor aborted
			}
			p.Wait()
		},
	}
}

func plainProgress(name string, to io.Writer) progress {
	next := 0.25
	return progress{
		set: func(done float64) {
			for ; next < 1 && done >= next; next += 0.25 {
				fmt.Fprintf(to, "%s %.0f %%\n", name, next*100)
			}
		},
		stop: func(bool) {},
	}
}

// newWaiting shows on a terminal that work of unknown length is going on, and
// for how long; elsewhere nothing. stop must be called.
func newWaiting(name string, to io.Writer) (stop func()) {
	if !isTerminal(to) {
		return func() {}
	}
	p := mpb.New(mpb.WithOutput(to), mpb.WithWidth(1), mpb.WithRefreshRate(100*time.Millisecond))
	bar := p.AddSpinner(0,
		mpb.PrependDecorators(decor.Name(name+" ")),
		mpb.AppendDecorators(decor.Elapsed(decor.ET_STYLE_GO)))
	return func() {
		bar.Abort(true)
		p.Wait()
	}
}

func isTerminal(to io.Writer) bool {
	f, ok := to.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
