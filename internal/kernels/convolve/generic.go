package convolve

import "math"

// passGeneric is the reference of one pass,
//
//	y_k = ω^(pk) Σ_j x_j e^(−2πijk/radix),
//
// in all lanes.
func passGeneric(dst, src []float32, p pass) {
	for i := range p.m {
		twiddle := p.twiddle[2*(p.radix-1)*i:]
		for q := range p.s {
			for lane := range lanes {
				var x, y [5]complex64
				for j := range p.radix {
					at := (p.s*(i+p.m*j)+q)*element + lane
					x[j] = complex(src[at], src[at+lanes])
				}
				butterfly(&y, &x, p.radix)
				for k := range p.radix {
					if k > 0 {
						y[k] *= complex(twiddle[2*k-2], twiddle[2*k-1])
					}
					at := (p.s*(p.radix*i+k)+q)*element + lane
					dst[at], dst[at+lanes] = real(y[k]), imag(y[k])
				}
			}
		}
	}
}

const sin60 = 0.5 * 1.7320508075688772

var (
	sin72, cos72   = math.Sincos(2 * math.Pi / 5)
	sin144, cos144 = math.Sincos(4 * math.Pi / 5)
)

// butterfly is the transform of radix numbers.
func butterfly(y, x *[5]complex64, radix int) {
	i := func(v complex64) complex64 { return complex(-imag(v), real(v)) }
	times := func(a float64, v complex64) complex64 { return complex(float32(a)*real(v), float32(a)*imag(v)) }
	switch radix {
	case 2:
		y[0], y[1] = x[0]+x[1], x[0]-x[1]
	case 3:
		t, d := x[1]+x[2], times(sin60, x[1]-x[2])
		y[0] = x[0] + t
		t = x[0] + times(-0.5, t)
		y[1], y[2] = t-i(d), t+i(d)
	case 4:
		a, b, c, d := x[0]+x[2], x[1]+x[3], x[0]-x[2], x[1]-x[3]
		y[0], y[2] = a+b, a-b
		y[1], y[3] = c-i(d), c+i(d)
	case 5:
		t1, t2, d1, d2 := x[1]+x[4], x[2]+x[3], x[1]-x[4], x[2]-x[3]
		y[0] = x[0] + (t1 + t2)
		e, o := x[0]+times(cos72, t1)+times(cos144, t2), times(sin72, d1)+times(sin144, d2)
		y[1], y[4] = e-i(o), e+i(o)
		e, o = x[0]+times(cos144, t1)+times(cos72, t2), times(sin144, d1)-times(sin72, d2)
		y[2], y[3] = e-i(o), e+i(o)
	}
}

// multiplyGeneric is dst = a·b element by element, real and imaginary parts
// exchanged: a forward transform of that is the backward one of the product,
// exchanged again.
func multiplyGeneric(dst, a, b []float32) {
	for at := 0; at < len(dst); at += element {
		for i := at; i < at+lanes; i++ {
			z := complex(a[i], a[i+lanes]) * complex(b[i], b[i+lanes])
			dst[i], dst[i+lanes] = imag(z), real(z)
		}
	}
}

// transposeGeneric exchanges elements and lanes of 16 elements.
func transposeGeneric(dst, src []float32) {
	for i := range lanes {
		for j := range lanes {
			dst[j*element+i] = src[i*element+j]
			dst[j*element+lanes+i] = src[i*element+lanes+j]
		}
	}
}
