// Package convolve convolves a map with even kernels by the fast Fourier
// transform. The map is transformed once, kernels once two by two, and every
// two products brought back together: even kernels have real spectra, so that
//
//	F(k) + i·F(l) = F(k + i·l),   F⁻¹(F(f)·F(k + i·l)) = f⊗k + i·f⊗l,
//
// and one complex transform carries two real convolutions.
package convolve

//go:generate go run -C ../gen ./convolve -out ../convolve/convolve_amd64.s -stubs ../convolve/convolve_amd64.go -pkg convolve

// Size is the least number not below n without a prime factor above 5: no
// other lengths can be transformed.
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

// Transform is the Fourier transform of nx×ny complex numbers and the memory
// it works in. One Transform serves one goroutine at a time.
//
// A plane is kept in strips of 16 lines that lie side by side: element i of a
// strip is the real parts of place i on its 16 lines and then the imaginary
// ones. A transform along the lines is then the same for all 16 lanes. A
// spectrum has its lines along x, 16 frequencies v of y to a strip.
type Transform struct {
	nx, ny int
	x, y   *line
	a, b   []float32 // room for a strip
	plane  []float32 // strips of 16 x, along y
}

// floats to an element of a strip.
const element = 2 * lanes

const lanes = 16

// New prepares a transform; it panics unless nx and ny are of Size.
func New(nx, ny int) *Transform {
	t := &Transform{nx: nx, ny: ny, x: newLine(nx), y: newLine(ny)}
	longest := padded(max(nx, ny)) * element
	t.a, t.b = make([]float32, longest), make([]float32, longest)
	return t
}

// padded is n up to whole strips.
func padded(n int) int { return (n + lanes - 1) / lanes * lanes }

// Len is the number of values of a spectrum of nx×ny.
func Len(nx, ny int) int { return padded(nx) * padded(ny) * 2 }

// Bytes is the memory of a Transform of nx×ny in bytes.
func Bytes(nx, ny int) int {
	return 4 * (Len(nx, ny) + 2*padded(max(nx, ny))*element + 4*(nx+ny)*2)
}

// Map writes the spectrum of a map of w×h values, x fastest, to dst. The map
// lies at (margin, margin) of the plane, zeros around it: convolved with
// kernels of at most margin pixels reach, nothing wraps around where
// w+2·margin ≤ nx and likewise in y.
func (t *Transform) Map(dst []float32, src []float64, w, h, margin int) {
	t.forward(dst, func(strip []float32, x0 int) bool {
		from, to := max(margin-x0, 0), min(margin+w-x0, lanes)
		if from >= to {
			return false
		}
		for y := range h {
			row := src[y*w+x0+from-margin:][:to-from]
			out := strip[(margin+y)*element+from:][:len(row)]
			for i, v := range row {
				out[i] = float32(v)
			}
		}
		return true
	})
}

// Kernels writes the spectrum of two even kernels to dst: pixel (i, j) for i, j
// from 0 to n−1 at [j·n+i], k(−i, j) = k(i, −j) = k(i, j). The reach n−1 must
// be less than half of nx and of ny. The second may be nil for none.
func (t *Transform) Kernels(dst []float32, first, second []float64, n int) {
	scale := 1 / float64(t.nx*t.ny)
	t.forward(dst, func(strip []float32, x0 int) bool {
		any := false
		for part, quadrant := range [2][]float64{first, second} {
			if quadrant == nil {
				continue
			}
			for i := range lanes {
				x := min(x0+i, t.nx-x0-i)
				if x < 0 || x >= n {
					continue
				}
				any = true
				for j := range n {
					v := float32(quadrant[j*n+x] * scale)
					strip[j*element+part*lanes+i] = v
					strip[(t.ny-j)%t.ny*element+part*lanes+i] = v
				}
			}
		}
		return any
	})
}

// forward transforms a plane. fill sets the strip along y, all zero before,
// whose first lane is x0, and reports whether it set anything.
func (t *Transform) forward(dst []float32, fill func(strip []float32, x0 int) bool) {
	strip := padded(t.nx) * element
	for x0 := 0; x0 < t.nx; x0 += lanes {
		clear(t.a)
		any := fill(t.a, x0)
		if any {
			t.y.transform(t.a, t.a, t.a, t.b)
		}
		for y0 := 0; y0 < t.ny; y0 += lanes {
			to := dst[y0/lanes*strip+x0*element:][:lanes*element]
			if any {
				transpose(to, t.a[y0*element:])
			} else {
				clear(to)
			}
		}
	}
	for y0 := 0; y0 < t.ny; y0 += lanes {
		s := dst[y0/lanes*strip:][:strip]
		t.x.transform(s, s, t.a, t.b)
	}
}

// Product brings the convolutions with two kernels back: the w×h pixels from
// (corner, corner) of the plane on, to first and second, x fastest. Neither
// spectrum is changed; second may be nil for none.
func (t *Transform) Product(first, second, src, kernels []float32, corner, w, h int) {
	strip, stripY := padded(t.nx)*element, padded(t.ny)*element
	if t.plane == nil {
		t.plane = make([]float32, Len(t.nx, t.ny))
	}
	x0, x1 := corner/lanes*lanes, corner+w
	clear(t.a)
	for y0 := 0; y0 < t.ny; y0 += lanes {
		at := y0 / lanes * strip
		multiply(t.a[:t.nx*element], src[at:], kernels[at:])
		t.x.transform(t.a, t.a, t.a, t.b)
		for x := x0; x < x1; x += lanes {
			transpose(t.plane[x/lanes*stripY+y0*element:][:lanes*element], t.a[x*element:])
		}
	}
	for x := x0; x < x1; x += lanes {
		s := t.plane[x/lanes*stripY:][:stripY]
		t.y.transform(s, s, t.a, t.b)
		from, to := max(corner-x, 0), min(corner+w-x, lanes)
		// Real and imaginary parts are exchanged; see multiply.
		for part, out := range [2][]float32{second, first} {
			if out == nil {
				continue
			}
			for y := range h {
				copy(out[y*w+x+from-corner:][:to-from], s[(corner+y)*element+part*lanes+from:])
			}
		}
	}
}
