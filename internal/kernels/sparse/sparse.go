// Package sparse multiplies sparse matrices with vectors. The entries of a line
// (a column of a matrix kept by columns, a row of one kept by rows) stand at
// runs of consecutive places, as they do where a beam crosses a grid, so that a
// place costs a run and not an index an entry, and both products go through
// contiguous memory.
package sparse

//go:generate go run -C ../gen ./sparse -out ../sparse/sparse_amd64.s -stubs ../sparse/sparse_amd64.go -pkg sparse

import (
	"context"
	"errors"
	"fmt"

	"github.com/kerma-rt/kerma/internal/kernels/parallel"
)

// ErrLines is wrapped by errors about lines that contradict themselves or the
// vectors they are multiplied with.
var ErrLines = errors.New("sparse: impossible matrix")

// Run is the places First, First+1, …, End−1.
type Run struct{ First, End int32 }

// Lines is a matrix, line by line. The runs of a line ascend and do not
// overlap.
type Lines struct {
	Value    []float32 // those of line j are Value[Start[j]:Start[j+1]]
	Start    []int64   // one more than there are lines
	Run      []Run     // the places of the values; those of line j are Run[RunStart[j]:RunStart[j+1]]
	RunStart []int64   // one more than there are lines
}

// Len is the number of lines.
func (l Lines) Len() int { return max(len(l.Start)-1, 0) }

// check looks at where the lines begin and end, not at their runs.
func (l Lines) check() error {
	if len(l.RunStart) != len(l.Start) {
		return fmt.Errorf("%w: %d beginnings of values, %d of runs", ErrLines, len(l.Start), len(l.RunStart))
	}
	if len(l.Start) == 0 {
		return nil
	}
	if l.Start[0] < 0 || l.RunStart[0] < 0 {
		return fmt.Errorf("%w: line 0 begins at value %d, run %d", ErrLines, l.Start[0], l.RunStart[0])
	}
	for j := range l.Len() {
		if l.Start[j+1] < l.Start[j] || l.Start[j+1] > int64(len(l.Value)) || l.RunStart[j+1] < l.RunStart[j] || l.RunStart[j+1] > int64(len(l.Run)) {
			return fmt.Errorf("%w: line %d has the values %d to %d of %d, the runs %d to %d of %d", ErrLines,
				j, l.Start[j], l.Start[j+1], len(l.Value), l.RunStart[j], l.RunStart[j+1], len(l.Run))
		}
	}
	return nil
}

func (l Lines) value(j int) []float32 { return l.Value[l.Start[j]:l.Start[j+1]] }
func (l Lines) run(j int) []Run       { return l.Run[l.RunStart[j]:l.RunStart[j+1]] }

func broken(line int) error {
	return fmt.Errorf("%w: the runs of line %d do not ascend within the vector, or do not fit its values", ErrLines, line)
}

// Dot sets dst[j] to the product of line j with x, summed in float64. It is the
// same bits on every level and for any number of goroutines (0 means one per
// CPU). It fails with ErrLines.
func (l Lines) Dot(ctx context.Context, dst []float64, x []float32, threads int) error {
	if err := l.check(); err != nil {
		return err
	}
	if len(dst) != l.Len() {
		return fmt.Errorf("%w: %d results of %d lines", ErrLines, len(dst), l.Len())
	}
	groups := l.groups()
	return parallel.For(ctx, len(groups)-1, threads, func(g int) error {
		for j := groups[g]; j < groups[g+1]; j++ {
			var ok bool
			if dst[j], ok = dot(l.value(j), l.run(j), x); !ok {
				return broken(j)
			}
		}
		return nil
	})
}

// groups cuts the lines into units of work of about a million entries, by the
// first line of each.
func (l Lines) groups() []int {
	const entries = 1 << 20
	groups := []int{0}
	for j := 1; j < l.Len(); j++ {
		if l.Start[j+1]-l.Start[groups[len(groups)-1]] > entries {
			groups = append(groups, j)
		}
	}
	return append(groups, l.Len())
}

// dot is the product of one line with x; not ok if the runs do not fit.
func dot(value []float32, runs []Run, x []float32) (sum float64, ok bool) {
	var lane [lanes]float64
	for len(runs) > 0 {
		n := call(runs)
		if n == 0 { // a run too long for one call
			r := runs[0]
			if r.First < 0 || r.End-r.First > int32(len(value)) {
				return 0, false
			}
			const step = most &^ (lanes - 1)
			for ; r.End-r.First > step; r.First += step {
				if dotRuns(&lane, value, []Run{{r.First, r.First + step}}, x) != step {
					return 0, false
				}
				value = value[step:]
			}
			used := dotRuns(&lane, value, []Run{r}, x)
			if used < 0 {
				return 0, false
			}
			value, runs = value[used:], runs[1:]
			continue
		}
		used := dotRuns(&lane, value, runs[:n], x)
		if used < 0 {
			return 0, false
		}
		value, runs = value[used:], runs[n:]
	}
	if len(value) > 0 {
		return 0, false
	}
	for _, s := range lane {
		sum += s
	}
	return sum, true
}

// most is the number of places that one call goes over: assembly cannot be
// interrupted, and this many take about 30 µs.
const most = 1 << 17

// call is how many runs go into one call, so that they span at most the most
// of places; 0 when the first alone spans more.
func call(runs []Run) int {
	n := min(len(runs), 2048)
	for n > 0 && int64(runs[n-1].End)-int64(runs[0].First) > most {
		n /= 2
	}
	return n
}
