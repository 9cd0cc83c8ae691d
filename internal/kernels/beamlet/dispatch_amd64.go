//go:build !purego

package beamlet

import "github.com/kerma-rt/kerma/internal/kernels/simd"

func count(columns []Column, l *Lattice, b *Block) {
	level := simd.Current()
	if level == simd.Generic {
		countGeneric(columns, l, b)
		return
	}
	// What the assembly indexes is checked here, once a block.
	nx := len(l.X)
	x, y := l.X[b.I0:b.I1], l.Y[b.J0:b.J1]
	column := l.Column[b.J0*nx+b.I0 : (b.J1-1)*nx+b.I1]
	f := countAVX2
	if level == simd.AVX512 {
		f = countAVX512
	}
	f(&columns[0].Value, &column[0], &x[0], &y[0], &b.X[0], &b.Y[0], len(x), len(y), nx, l.Reach*l.Reach, uint32(b.Inside), b.First)
}

// rowsOf is by the number of components.
var rowsOf = [...]func(dst, node *float32, offset *int32, weight *float32, lines, row, stride, weights, more int){
	rows1AVX2, rows2AVX2, rows3AVX2, rows4AVX2,
}

func rows(dst, scratch []float32, f *Functions, offset []int32, weight []float32, lines int) {
	level := simd.Current()
	if level == simd.Generic {
		rowsGeneric(dst, f, offset, weight, lines)
		return
	}
	k := f.Components
	row := k * Rank
	for _, o := range offset[:Lanes] {
		_, _ = f.Node[int(o)-(lines-1)*f.Stride*row], f.Node[int(o)+2*row-1]
	}
	_, _, _ = dst[lines*Rank*Lanes-1], scratch[lines*Rank*Lanes-1], weight[2*k*Lanes-1]
	for c := 0; c < k; c += len(rowsOf) {
		some := rowsOf[min(k-c, len(rowsOf))-1]
		some(&scratch[0], &f.Node[c*Rank], &offset[0], &weight[2*c], lines, 4*row, 4*f.Stride*row, 8*k, c)
	}
	if level == simd.AVX512 {
		transposeAVX512(&dst[0], &scratch[0], lines)
	} else {
		transposeAVX2(&dst[0], &scratch[0], lines)
	}
}

func (w *Writer) values(b *Block) {
	level := simd.Current()
	if level == simd.Generic {
		w.valuesGeneric(b)
		return
	}
	l := w.Lattice
	nx := len(l.X)
	x, y := l.X[b.I0:b.I1], l.Y[b.J0:b.J1]
	column := l.Column[b.J0*nx+b.I0 : (b.J1-1)*nx+b.I1]
	f := valuesAVX2
	if level == simd.AVX512 {
		f = valuesAVX512
	}
	f(&w.Value[0], &w.Run[0].First, &w.Columns[0].Value, &column[0], &x[0], &y[0], &b.X[0], &b.Y[0], &w.p[0], &w.q[0], &w.squares[0], &w.Sums[0],
		len(x), len(y), nx, l.Reach*l.Reach, uint32(b.Inside), b.First)
}

// sum adds the leading whole vectors and tells how many values that are.
func sum(sums *[Lanes]float64, value []float32) int {
	level, whole := simd.Current(), len(value)&^(Lanes-1)
	if level == simd.Generic {
		return 0
	}
	f := sumAVX2
	if level == simd.AVX512 {
		f = sumAVX512
	}
	const most = 1 << 16 // a call, so that a goroutine can be stopped
	for i := 0; i < whole; i += most {
		f(&sums[0], &value[i], min(most, whole-i)/Lanes)
	}
	return whole
}
