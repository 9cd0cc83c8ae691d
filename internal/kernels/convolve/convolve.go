// Package convolve convolves a map with even kernels by the fast Fourier
// transform. The map is transformed once, each kernel once, and every product
// brought back on its own.
package convolve

import "gonum.org/v1/gonum/dsp/fourier"

// Size is the least number not below n without a prime factor above 5: the
// transform of other lengths is many times slower.
func Size(n int) int {
	for ; ; n++ {
		m := max(n, 1)
		for _, p := range [3]int{2, 3, 5} {
			for m%p == 0 {
				m /= p
			}
		}
		if m == 1 {
			return max(n, 1)
		}
	}
}

// Transform is the Fourier transform of nx×ny reals and the memory it works
// in. One Transform serves one goroutine at a time. Spectra are column by
// column: frequency (u, v) at [u·ny+v], u from 0 to nx/2.
type Transform struct {
	nx, ny  int
	rows    *fourier.FFT
	columns *fourier.CmplxFFT
	line    []float64
	half    []complex128
	work    []complex128
}

// New prepares a transform; nx and ny must be positive and are best of Size.
func New(nx, ny int) *Transform {
	return &Transform{
		nx: nx, ny: ny,
		rows:    fourier.NewFFT(nx),
		columns: fourier.NewCmplxFFT(ny),
		line:    make([]float64, nx),
		half:    make([]complex128, nx/2+1),
	}
}

// Len is the number of values of a spectrum.
func (t *Transform) Len() int { return (t.nx/2 + 1) * t.ny }

// Map writes the spectrum of a map of w×h values, x fastest, to dst. The map
// lies at (margin, margin) of the plane, zeros around it: convolved with
// kernels of at most margin pixels reach, nothing wraps around where
// w+2·margin ≤ nx and likewise in y.
func (t *Transform) Map(dst []complex128, src []float64, w, h, margin int) {
	clear(dst)
	clear(t.line)
	for j := range h {
		copy(t.line[margin:], src[j*w:(j+1)*w])
		t.row(dst, j+margin)
	}
	for u := range len(t.half) {
		column := dst[u*t.ny : (u+1)*t.ny]
		t.columns.Coefficients(column, column)
	}
}

// row transforms line into row y of a spectrum not yet transformed along y.
func (t *Transform) row(dst []complex128, y int) {
	t.rows.Coefficients(t.half, t.line)
	for u, c := range t.half {
		dst[u*t.ny+y] = c
	}
}

// Kernel writes the spectrum of an even kernel to dst: pixel (i, j) for i, j
// from 0 to n−1 at quadrant[j·n+i], k(−i, j) = k(i, −j) = k(i, j). It is real.
// The reach n−1 must be less than half of nx and of ny.
func (t *Transform) Kernel(dst, quadrant []float64, n int) {
	if t.work == nil {
		t.work = make([]complex128, t.Len())
	}
	clear(t.work)
	for j := range n {
		clear(t.line)
		for i := range n {
			v := quadrant[j*n+i]
			t.line[i] = v
			t.line[(t.nx-i)%t.nx] = v
		}
		t.row(t.work, j)
		if j > 0 {
			for u := range t.half {
				t.work[u*t.ny+t.ny-j] = t.work[u*t.ny+j]
			}
		}
	}
	scale := 1 / float64(t.nx*t.ny)
	for u := range t.half {
		column := t.work[u*t.ny : (u+1)*t.ny]
		t.columns.Coefficients(column, column)
		for v, c := range column {
			dst[u*t.ny+v] = real(c) * scale
		}
	}
}

// Product brings the convolution back: the w×h pixels from (corner, corner) of
// the plane on, to dst, x fastest. Neither spectrum is changed.
func (t *Transform) Product(dst []float32, src []complex128, kernel []float64, corner, w, h int) {
	if t.work == nil {
		t.work = make([]complex128, t.Len())
	}
	for u := range t.half {
		column := t.work[u*t.ny : (u+1)*t.ny]
		k := kernel[u*t.ny : (u+1)*t.ny]
		for v, c := range src[u*t.ny : (u+1)*t.ny] {
			column[v] = complex(real(c)*k[v], imag(c)*k[v])
		}
		t.columns.Sequence(column, column)
	}
	for y := range h {
		for u := range t.half {
			t.half[u] = t.work[u*t.ny+corner+y]
		}
		t.rows.Sequence(t.line, t.half)
		for x, v := range t.line[corner : corner+w] {
			dst[y*w+x] = float32(v)
		}
	}
}
