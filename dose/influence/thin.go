package influence

import (
	"context"

	"github.com/kerma-rt/kerma/internal/kernels/parallel"
)

// column is the values and runs of one column.
func (m *Matrix) column(j int) ([]float32, []Run) {
	return m.Value[m.Start[j]:m.Start[j+1]], m.Run[m.RunStart[j]:m.RunStart[j+1]]
}

// thin leaves out the values of each column below a share of its largest. The
// memory of values stays as large as before.
func (m *Matrix) thin(ctx context.Context, threshold float64, threads int) error {
	columns := m.Columns()
	runs := make([][]Run, columns)
	kept := make([]int, columns)
	err := parallel.For(ctx, columns, threads, func(j int) error {
		value, run := m.column(j)
		var most float32
		for _, v := range value {
			most = max(most, v)
		}
		least := float32(threshold * float64(most))
		n, at := 0, 0
		for _, r := range run {
			for voxel := r.First; voxel < r.End; voxel++ {
				v := value[at]
				at++
				if v < least {
					continue
				}
				value[n] = v
				n++
				if last := len(runs[j]) - 1; last >= 0 && runs[j][last].End == voxel {
					runs[j][last].End++
				} else {
					runs[j] = append(runs[j], Run{First: voxel, End: voxel + 1})
				}
			}
		}
		kept[j] = n
		return nil
	})
	if err != nil {
		return err
	}
	start, runStart := make([]int64, 1, columns+1), make([]int64, 1, columns+1)
	for j, n := range kept {
		copy(m.Value[start[j]:], m.Value[m.Start[j]:m.Start[j]+int64(n)])
		start = append(start, start[j]+int64(n))
		runStart = append(runStart, runStart[j]+int64(len(runs[j])))
	}
	m.Start, m.RunStart = start, runStart
	m.Value = m.Value[:start[columns]]
	m.Run = make([]Run, 0, runStart[columns])
	for _, r := range runs {
		m.Run = append(m.Run, r...)
	}
	return nil
}

// compensate scales every column so that its dose, summed over the body, is
// that before anything was left out. Where nothing is left nothing is scaled.
func (m *Matrix) compensate(ctx context.Context, threads int) error {
	return parallel.For(ctx, m.Columns(), threads, func(j int) error {
		if m.Lost[j] == 1 {
			return nil
		}
		value, _ := m.column(j)
		f := float32(1 / (1 - m.Lost[j]))
		for i := range value {
			value[i] *= f
		}
		return nil
	})
}
