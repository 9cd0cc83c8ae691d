package sparse

import (
	"context"

	"github.com/kerma-rt/kerma/internal/kernels/parallel"
)

// Transpose is the matrix by places instead of by lines: line i of the result
// has what place i < n has from each line, at the place of the line's number.
// It is the same bits for any number of goroutines. It fails with ErrLines.
func (l Lines) Transpose(ctx context.Context, n, threads int) (Lines, error) {
	at, err := l.cursors(ctx, n, make([]float64, l.Len()), threads)
	if err != nil {
		return Lines{}, err
	}
	t := Lines{Start: make([]int64, n+1), RunStart: make([]int64, n+1)}
	last := make([]int32, n) // the last line that a place is in, and one
	// Sizes first, each behind the place it is of.
	err = parallel.For(ctx, bands(n), threads, func(b int) error {
		l.entries(b, n, at, func(line int32, place int, _ float32) {
			t.Start[place+1]++
			if last[place] != line || line == 0 {
				t.RunStart[place+1]++
			}
			last[place] = line + 1
		})
		return nil
	})
	if err != nil {
		return Lines{}, err
	}
	for i := range n {
		t.Start[i+1] += t.Start[i]
		t.RunStart[i+1] += t.RunStart[i]
		last[i] = 0
	}
	t.Value, t.Run = make([]float32, t.Start[n]), make([]Run, t.RunStart[n])
	next, nextRun := append([]int64(nil), t.Start[:n]...), append([]int64(nil), t.RunStart[:n]...)
	err = parallel.For(ctx, bands(n), threads, func(b int) error {
		l.entries(b, n, at, func(line int32, place int, value float32) {
			t.Value[next[place]] = value
			next[place]++
			if last[place] != line || line == 0 {
				t.Run[nextRun[place]].First = line
				nextRun[place]++
			}
			last[place] = line + 1
			t.Run[nextRun[place]-1].End = line + 1
		})
		return nil
	})
	return t, err
}

// entries calls f for every entry of band b of n places, line by line.
func (l Lines) entries(b, n int, at [][]cursor, f func(line int32, place int, value float32)) {
	low := b * bandLen
	high := min(low+bandLen, n)
	for j := range l.Len() {
		values := l.value(j)[at[b][j].value:]
		for _, r := range l.run(j)[at[b][j].run:] {
			if int(r.First) >= high {
				break
			}
			for i := max(int(r.First), low); i < min(int(r.End), high); i++ {
				f(int32(j), i, values[i-int(r.First)])
			}
			values = values[r.End-r.First:]
		}
	}
}
