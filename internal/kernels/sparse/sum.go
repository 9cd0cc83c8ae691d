package sparse

import (
	"context"
	"fmt"
	"math"
	"sync"

	"github.com/kerma-rt/kerma/internal/kernels/parallel"
)

// Sum is a vector that weighted lines are added to, in float64. Every place
// gets its terms in the order of the lines, so that the sum is the same bits on
// every level, for any number of goroutines, and however the lines were
// distributed over calls of Add.
type Sum struct {
	n    int
	band [][]float64 // bandLen places each, and slack for the vector kernels
}

const (
	// bandLen is the number of places that one goroutine adds up at a time. What
	// neighbouring lines touch of it stays in the second cache; shorter bands cut
	// the values into pieces that the processor does not fetch ahead.
	bandLen = 1 << 18
	// slack is how many elements behind a band the kernels read and write back
	// unchanged.
	slack = 8
)

// bands is how many bands n places are cut into.
func bands(n int) int { return (n + bandLen - 1) / bandLen }

// NewSum is a vector of n zeros.
func NewSum(n int) *Sum {
	s := &Sum{n: n, band: make([][]float64, bands(n))}
	all := make([]float64, n+slack*len(s.band))
	for b := range s.band {
		size := min(bandLen, n-b*bandLen) + slack
		s.band[b], all = all[:size:size], all[size:]
	}
	return s
}

// CopyTo rounds the sums into dst, which has as many elements.
func (s *Sum) CopyTo(dst []float32) {
	for b, band := range s.band {
		round(dst[b*bandLen:], band[:len(band)-slack])
	}
}

func round(dst []float32, sum []float64) {
	for i, v := range sum {
		dst[i] = float32(v)
	}
}

// Add adds each line times its weight, on the given number of goroutines (0
// means one per CPU). Weights are rounded to float32, whose products with the
// values are exact in float64. It fails with ErrLines, and leaves an undefined
// sum then.
func (s *Sum) Add(ctx context.Context, l Lines, weights []float64, threads int) error {
	at, err := l.cursors(ctx, s.n, weights, threads)
	if err != nil {
		return err
	}
	return parallel.For(ctx, len(s.band), threads, func(b int) error {
		return l.addTo(s.band[b], b, at, weights)
	})
}

// scratch holds sums of one band.
var scratch = sync.Pool{New: func() any { return new([bandLen + slack]float64) }}

// Multiply sets dst to what Sum.Add makes of zeros, rounded.
func (l Lines) Multiply(ctx context.Context, dst []float32, weights []float64, threads int) error {
	at, err := l.cursors(ctx, len(dst), weights, threads)
	if err != nil {
		return err
	}
	return parallel.For(ctx, bands(len(dst)), threads, func(b int) error {
		part := dst[b*bandLen:]
		part = part[:min(bandLen, len(part))]
		sums := scratch.Get().(*[bandLen + slack]float64)
		defer scratch.Put(sums)
		y := sums[:len(part)+slack]
		clear(y)
		if err := l.addTo(y, b, at, weights); err != nil {
			return err
		}
		round(part, y[:len(part)])
		return nil
	})
}

// cursor is a place within a line: its first run that ends behind the place,
// and how many values there are before that run.
type cursor struct{ run, value int32 }

// cursors finds where each band of n places begins in each line, and refuses
// lines whose runs do not ascend from 0 to n or do not fit the values.
func (l Lines) cursors(ctx context.Context, n int, weights []float64, threads int) ([][]cursor, error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	if len(weights) != l.Len() || n > math.MaxInt32-bandLen {
		return nil, fmt.Errorf("%w: %d weights for %d lines of %d places", ErrLines, len(weights), l.Len(), n)
	}
	at := make([][]cursor, bands(n)+1)
	for b := range at {
		at[b] = make([]cursor, l.Len())
	}
	groups := l.groups()
	err := parallel.For(ctx, len(groups)-1, threads, func(g int) error {
		for j := groups[g]; j < groups[g+1]; j++ {
			if !l.lineCursors(j, n, at) {
				return broken(j)
			}
		}
		return nil
	})
	return at, err
}

func (l Lines) lineCursors(j, n int, at [][]cursor) bool {
	last := len(at) - 1
	var end, next int32 // of the run before; where the band begins
	band, value := 0, 0
	for i, r := range l.run(j) {
		if r.First < end || r.End < r.First {
			return false
		}
		end = r.End
		for band < last && end > next {
			at[band][j] = cursor{int32(i), int32(value)}
			band++
			next += bandLen
		}
		value += int(r.End - r.First)
	}
	if int(end) > n || value != len(l.value(j)) {
		return false
	}
	for ; band <= last; band++ {
		at[band][j] = cursor{int32(len(l.run(j))), int32(value)}
	}
	return true
}

// addTo adds what the lines have in band b to y, its sums and slack behind.
func (l Lines) addTo(y []float64, b int, at [][]cursor, weights []float64) error {
	low := int32(b * bandLen)
	for j, w := range weights {
		if w := float32(w); w != 0 && !addLine(y, low, l.value(j), l.run(j), at[b][j], at[b+1][j], w) {
			return broken(j)
		}
	}
	return nil
}

// addLine adds what one line has from place low on, as far as y reaches: the
// runs and values from one cursor to the next, of which the first and the last
// may reach beyond.
func addLine(y []float64, low int32, values []float32, runs []Run, from, to cursor, w float32) bool {
	high := low + int32(len(y)-slack)
	values = values[from.value:]
	add := func(runs []Run) bool {
		for len(runs) > 0 {
			n := max(call(runs), 1)
			used := addRuns(y, int(low), values, runs[:n], w)
			if used < 0 {
				return false
			}
			values, runs = values[used:], runs[n:]
		}
		return true
	}
	i := int(from.run)
	if i < len(runs) && runs[i].First < low {
		values = values[low-runs[i].First:]
		if !add([]Run{{low, min(runs[i].End, high)}}) {
			return false
		}
		i++
	}
	if i < int(to.run) {
		if !add(runs[i:to.run]) {
			return false
		}
		i = int(to.run)
	}
	if i == int(to.run) && i < len(runs) && runs[i].First < high {
		return add([]Run{{runs[i].First, high}})
	}
	return true
}
