package heterogeneity

import (
	"context"
	"math"

	"github.com/kerma-rt/kerma/internal/kernels/convolve"
	"github.com/kerma-rt/kerma/internal/kernels/parallel"
	"gonum.org/v1/gonum/dsp/fourier"
)

// lattice is values on cubic cells, x fastest.
type lattice struct {
	first [3]float64 // mm
	cell  float64    // mm
	n     [3]int
	value []float64
}

// newLattice covers a box (mm).
func newLattice(low, high [3]float64) *lattice {
	l := &lattice{first: low, cell: scatterCell}
	for {
		points := 1
		for c := range l.n {
			l.n[c] = max(2, int(math.Ceil((high[c]-low[c])/l.cell))+1)
			points *= l.n[c]
		}
		if points <= scatterPoints {
			l.value = make([]float64, points)
			return l
		}
		l.cell *= 1.25
	}
}

// at is trilinear between cells, and outside the value at the border.
func (l *lattice) at(x, y, z float64) float64 {
	var index [3]int
	var part [3]float64
	for c, p := range [3]float64{x, y, z} {
		t := min(max((p-l.first[c])/l.cell, 0), float64(l.n[c]-1))
		index[c] = min(int(t), l.n[c]-2)
		part[c] = t - float64(index[c])
	}
	v := l.value[(index[2]*l.n[1]+index[1])*l.n[0]+index[0]:]
	lerp := func(n int) float64 { return v[n] + part[0]*(v[n+1]-v[n]) }
	row, plane := l.n[0], l.n[0]*l.n[1]
	a, b := lerp(0), lerp(row)
	c, d := lerp(plane), lerp(plane+row)
	a += part[1] * (b - a)
	c += part[1] * (d - c)
	return a + part[2]*(c-a)
}

// transform is a three-dimensional Fourier transform in place, wide enough
// that convolutions over a lattice do not wrap around.
type transform struct {
	n       [3]int
	data    []complex128 // x fastest
	largest float64      // imaginary part, after backward
}

func newTransform(n [3]int) *transform {
	t := &transform{}
	for c := range n {
		t.n[c] = convolve.Size(2*n[c] - 1)
	}
	t.data = make([]complex128, t.n[0]*t.n[1]*t.n[2])
	return t
}

func (t *transform) offset(i, j, k int) int { return (k*t.n[1]+j)*t.n[0] + i }

func (t *transform) forward(ctx context.Context, threads int) error {
	return t.lines(ctx, threads, func(f *fourier.CmplxFFT, line []complex128) { f.Coefficients(line, line) })
}

// backward leaves the result times the number of values.
func (t *transform) backward(ctx context.Context, threads int) error {
	err := t.lines(ctx, threads, func(f *fourier.CmplxFFT, line []complex128) { f.Sequence(line, line) })
	for _, v := range t.data {
		t.largest = max(t.largest, imag(v))
	}
	return err
}

// lines transforms along x and y plane by plane, then along z.
func (t *transform) lines(ctx context.Context, threads int, do func(*fourier.CmplxFFT, []complex128)) error {
	along := func(f *fourier.CmplxFFT, line []complex128, first, step int) {
		for i := range line {
			line[i] = t.data[first+i*step]
		}
		do(f, line)
		for i, v := range line {
			t.data[first+i*step] = v
		}
	}
	nx, nxy := t.n[0], t.n[0]*t.n[1]
	err := parallel.For(ctx, t.n[2], threads, func(k int) error {
		fx, fy := fourier.NewCmplxFFT(nx), fourier.NewCmplxFFT(t.n[1])
		line := make([]complex128, max(nx, t.n[1]))
		for j := range t.n[1] {
			along(fx, line[:nx], k*nxy+j*nx, 1)
		}
		for i := range nx {
			along(fy, line[:t.n[1]], k*nxy+i, nx)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return parallel.For(ctx, t.n[1], threads, func(j int) error {
		f, line := fourier.NewCmplxFFT(t.n[2]), make([]complex128, t.n[2])
		for i := range nx {
			along(f, line, j*nx+i, nxy)
		}
		return nil
	})
}
