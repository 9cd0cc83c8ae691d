package sparse

import (
	"context"
	"fmt"
	"math"

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

// NewSum is a vector of n zeros.
func NewSum(n int) *Sum {
	s := &Sum{n: n, band: make([][]float64, (n+bandLen-1)/bandLen)}
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
		to := dst[b*bandLen:]
		for i, v := range band[:len(band)-slack] {
			to[i] = float32(v)
		}
	}
}

// cursor is a place within a line: its run with End behind the place, and how
// many values there are before that run.
type cursor struct{ run, value int32 }

// Add adds each line times its weight, on the given number of goroutines (0
// means one per CPU). Weights are rounded to float32, whose products with the
// values are exact in float64. It fails with ErrLines, and leaves an undefined
// sum then.
func (s *Sum) Add(ctx context.Context, l Lines, weights []float64, threads int) error {
	if err := l.check(); err != nil {
		return err
	}
	if len(weights) != l.Len() || s.n > math.MaxInt32 {
		return fmt.Errorf("%w: %d weights for %d lines of %d places", ErrLines, len(weights), l.Len(), s.n)
	}
	at, err := s.cursors(ctx, l, threads)
	if err != nil {
		return err
	}
	return parallel.For(ctx, len(s.band), threads, func(b int) error {
		for j, w := range weights {
			if w := float32(w); w != 0 {
				if !s.addLine(b, l.value(j), l.run(j), at[b][j], at[b+1][j], w) {
					return broken(j)
				}
			}
		}
		return nil
	})
}

// cursors finds where each band begins in each line, and refuses lines whose
// runs do not ascend from 0 to the length of the sum or do not fit the values.
func (s *Sum) cursors(ctx context.Context, l Lines, threads int) ([][]cursor, error) {
	at := make([][]cursor, len(s.band)+1)
	for b := range at {
		at[b] = make([]cursor, l.Len())
	}
	groups := l.groups()
	err := parallel.For(ctx, len(groups)-1, threads, func(g int) error {
		for j := groups[g]; j < groups[g+1]; j++ {
			runs, values := l.run(j), l.value(j)
			var before int32 // where the last run ended
			value, band := 0, 0
			next := int32(0) // where the band begins
			for i, r := range runs {
				if r.First < before || r.End < r.First {
					return broken(j)
				}
				before = r.End
				if r.End > next {
					for ; band < len(s.band) && r.End > int32(band*bandLen); band++ {
						at[band][j] = cursor{int32(i), int32(value)}
					}
					next = int32(min(band*bandLen, s.n))
				}
				value += int(r.End - r.First)
			}
			if int(before) > s.n || value != len(values) {
				return broken(j)
			}
			for ; band < len(at); band++ {
				at[band][j] = cursor{int32(len(runs)), int32(value)}
			}
		}
		return nil
	})
	return at, err
}

// addLine adds to band b what line l has there: from runs and values at from to
// those at to, of which the first and the last may reach beyond the band.
func (s *Sum) addLine(b int, values []float32, runs []Run, from, to cursor, w float32) bool {
	low := int32(b * bandLen)
	high := int32(min(b*bandLen+bandLen, s.n))
	y, values := s.band[b], values[from.value:]
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
