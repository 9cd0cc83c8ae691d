// Command convolve writes the vector kernels of package convolve.
package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// An element is 16 real parts and then 16 imaginary parts.
const (
	element   = 128
	imaginary = 64
)

// level is what differs between the instruction sets.
type level struct {
	suffix string
	lanes  int // of float32
	wide   func() reg.VecVirtual
}

func main() {
	ConstraintExpr("!purego")
	for _, l := range []level{
		{"AVX2", 8, func() reg.VecVirtual { return YMM() }},
		{"AVX512", 16, func() reg.VecVirtual { return ZMM() }},
	} {
		for _, radix := range []int{2, 3, 4, 5} {
			l.pass(radix)
		}
		l.multiply()
	}
	transpose()
	Generate()
}

func pointer(name string) reg.GPVirtual { return Load(Param(name), GP64()).(reg.GPVirtual) }

// complex is real and imaginary parts.
type complex struct{ re, im reg.VecVirtual }

func (l level) complex() complex { return complex{l.wide(), l.wide()} }

func (l level) load(at Mem) complex {
	c := l.complex()
	VMOVUPS(at, c.re)
	VMOVUPS(at.Offset(imaginary), c.im)
	return c
}

func store(c complex, at Mem) {
	VMOVUPS(c.re, at)
	VMOVUPS(c.im, at.Offset(imaginary))
}

// plus and minus are new registers a ± b.
func (l level) plus(a, b complex) complex {
	c := l.complex()
	VADDPS(b.re, a.re, c.re)
	VADDPS(b.im, a.im, c.im)
	return c
}

func (l level) minus(a, b complex) complex {
	c := l.complex()
	VSUBPS(b.re, a.re, c.re)
	VSUBPS(b.im, a.im, c.im)
	return c
}

// timesMinusI is a ∓ i·b in one step: (a − ib, a + ib).
func (l level) rotated(a, b complex) (minus, plus complex) {
	minus, plus = l.complex(), l.complex()
	VADDPS(b.im, a.re, minus.re)
	VSUBPS(b.re, a.im, minus.im)
	VSUBPS(b.im, a.re, plus.re)
	VADDPS(b.re, a.im, plus.im)
	return minus, plus
}

func (l level) constant(x float64) Mem {
	bits := math.Float32bits(float32(x))
	name := fmt.Sprintf("c%08x", bits)
	if known, ok := constants[name]; ok {
		return known
	}
	m := ConstData(name, U32(bits))
	constants[name] = m
	return m
}

var constants = map[string]Mem{}

// pass is one pass of Stockham's transform on one strip: element s(p + mj) + q
// of src, j < radix, gives element s(radix·p + k) + q of dst,
//
//	y_k = ω^(pk) Σ_j x_j e^(−2πijk/radix),
//
// the twiddles ω^(pk) of k = 1, 2, … for each p in turn, real and imaginary.
func (l level) pass(radix int) {
	name := fmt.Sprintf("pass%d%s", radix, l.suffix)
	TEXT(name, NOSPLIT, "func(dst, src, twiddle *float32, m, s int)")
	Doc(fmt.Sprintf("%s is passGeneric of radix %d on %d lanes.", name, radix, l.lanes))
	dst, src, twiddle, m, s := pointer("dst"), pointer("src"), pointer("twiddle"), pointer("m"), pointer("s")
	// Steps from x_j to x_(j+1) and y_k to y_(k+1), bytes, and three of them.
	in, out, in3, out3 := GP64(), GP64(), GP64(), GP64()
	MOVQ(s, out)
	SHLQ(U8(7), out)
	MOVQ(out, in)
	IMULQ(m, in)
	LEAQ(Mem{Base: in, Index: in, Scale: 2}, in3)
	LEAQ(Mem{Base: out, Index: out, Scale: 2}, out3)
	at := func(base, step, step3 reg.GPVirtual, j int) Mem {
		switch j {
		case 0:
			return Mem{Base: base}
		case 3:
			return Mem{Base: base, Index: step3, Scale: 1}
		}
		return Mem{Base: base, Index: step, Scale: uint8(j)}
	}

	Label("outer")
	// AVX-512 has registers enough to keep the twiddles.
	var kept []reg.VecVirtual
	if l.lanes == 16 {
		for i := range 2 * (radix - 1) {
			w := l.wide()
			VBROADCASTSS(Mem{Base: twiddle, Disp: 4 * i}, w)
			kept = append(kept, w)
		}
	}
	factor := func(i int) reg.VecVirtual {
		if kept != nil {
			return kept[i]
		}
		w := l.wide()
		VBROADCASTSS(Mem{Base: twiddle, Disp: 4 * i}, w)
		return w
	}
	count := GP64()
	MOVQ(s, count)
	Label("inner")
	x := make([]complex, radix)
	for j := range x {
		x[j] = l.load(at(src, in, in3, j))
	}
	put := func(k int, y complex) {
		to := at(dst, out, out3, k)
		if k == 0 {
			store(y, to)
			return
		}
		c, d := factor(2*k-2), factor(2*k-1)
		z := l.complex()
		VMULPS(c, y.re, z.re)
		VFNMADD231PS(d, y.im, z.re)
		VMULPS(d, y.re, z.im)
		VFMADD231PS(c, y.im, z.im)
		store(z, to)
	}
	switch radix {
	case 2:
		put(0, l.plus(x[0], x[1]))
		put(1, l.minus(x[0], x[1]))
	case 3:
		// y_1,2 = x_0 − t/2 ∓ i sin 60° (x_1 − x_2)
		t := l.plus(x[1], x[2])
		put(0, l.plus(x[0], t))
		half := l.wide()
		VBROADCASTSS(l.constant(-0.5), half)
		VFMADD213PS(x[0].re, half, t.re)
		VFMADD213PS(x[0].im, half, t.im)
		d := l.minus(x[1], x[2])
		sin := l.wide()
		VBROADCASTSS(l.constant(math.Sqrt(3)/2), sin)
		VMULPS(sin, d.re, d.re)
		VMULPS(sin, d.im, d.im)
		a, b := l.rotated(t, d)
		put(1, a)
		put(2, b)
	case 4:
		a, b := l.plus(x[0], x[2]), l.plus(x[1], x[3])
		c, d := l.minus(x[0], x[2]), l.minus(x[1], x[3])
		put(0, l.plus(a, b))
		put(2, l.minus(a, b))
		e, f := l.rotated(c, d)
		put(1, e)
		put(3, f)
	case 5:
		// With c_n, s_n the cosine and sine of 2πn/5:
		// y_1,4 = x_0 + c_1 t_1 + c_2 t_2 ∓ i(s_1 d_1 + s_2 d_2)
		// y_2,3 = x_0 + c_2 t_1 + c_1 t_2 ∓ i(s_2 d_1 − s_1 d_2)
		t1, t2 := l.plus(x[1], x[4]), l.plus(x[2], x[3])
		d1, d2 := l.minus(x[1], x[4]), l.minus(x[2], x[3])
		sum := l.plus(t1, t2)
		put(0, l.plus(x[0], sum))
		even := func(first, second float64) complex {
			u, v := l.wide(), l.wide()
			VBROADCASTSS(l.constant(first), u)
			VBROADCASTSS(l.constant(second), v)
			y := l.complex()
			VMOVAPS(x[0].re, y.re)
			VMOVAPS(x[0].im, y.im)
			VFMADD231PS(u, t1.re, y.re)
			VFMADD231PS(u, t1.im, y.im)
			VFMADD231PS(v, t2.re, y.re)
			VFMADD231PS(v, t2.im, y.im)
			return y
		}
		odd := func(first, second float64) complex {
			u, v := l.wide(), l.wide()
			VBROADCASTSS(l.constant(first), u)
			VBROADCASTSS(l.constant(second), v)
			y := l.complex()
			VMULPS(u, d1.re, y.re)
			VMULPS(u, d1.im, y.im)
			VFMADD231PS(v, d2.re, y.re)
			VFMADD231PS(v, d2.im, y.im)
			return y
		}
		s1, c1 := math.Sincos(2 * math.Pi / 5)
		s2, c2 := math.Sincos(4 * math.Pi / 5)
		a, b := l.rotated(even(c1, c2), odd(s1, s2))
		put(1, a)
		put(4, b)
		a, b = l.rotated(even(c2, c1), odd(s2, -s1))
		put(2, a)
		put(3, b)
	}
	ADDQ(Imm(element/2), src)
	ADDQ(Imm(element/2), src)
	ADDQ(Imm(element/2), dst)
	ADDQ(Imm(element/2), dst)
	DECQ(count)
	JNZ(LabelRef("inner"))
	for range radix - 1 {
		ADDQ(out, dst)
	}
	ADDQ(Imm(uint64(8*(radix-1))), twiddle)
	DECQ(m)
	JNZ(LabelRef("outer"))
	VZEROUPPER()
	RET()
}

// multiply is dst = a·b with real and imaginary parts exchanged, so that a
// forward transform then brings it back.
func (l level) multiply() {
	TEXT("multiply"+l.suffix, NOSPLIT, "func(dst, a, b *float32, n int)")
	Doc(fmt.Sprintf("multiply%s is multiplyGeneric of n elements on %d lanes.", l.suffix, l.lanes))
	dst, a, b, n := pointer("dst"), pointer("a"), pointer("b"), pointer("n")
	Label("next")
	x, y, z := l.load(Mem{Base: a}), l.load(Mem{Base: b}), l.complex()
	VMULPS(x.re, y.im, z.re)
	VFMADD231PS(x.im, y.re, z.re)
	VMULPS(x.re, y.re, z.im)
	VFNMADD231PS(x.im, y.im, z.im)
	store(z, Mem{Base: dst})
	for _, p := range []reg.GPVirtual{dst, a, b} {
		ADDQ(Imm(element/2), p)
		ADDQ(Imm(element/2), p)
	}
	DECQ(n)
	JNZ(LabelRef("next"))
	VZEROUPPER()
	RET()
}

// transpose exchanges elements and lanes of 16 elements, in squares of 8×8.
func transpose() {
	TEXT("transposeAVX2", NOSPLIT, "func(dst, src *float32)")
	Doc("transposeAVX2 is transposeGeneric.")
	dst, src := pointer("dst"), pointer("src")
	ymm := func() reg.VecVirtual { return YMM() }
	for _, part := range []int{0, imaginary} {
		for i := range 2 {
			for j := range 2 {
				var a, b, c [8]reg.VecVirtual
				for r := range a {
					a[r] = ymm()
					VMOVUPS(Mem{Base: src, Disp: element*(8*i+r) + part + 32*j}, a[r])
				}
				for r := range 4 {
					b[2*r], b[2*r+1] = ymm(), ymm()
					VUNPCKLPS(a[2*r+1], a[2*r], b[2*r])
					VUNPCKHPS(a[2*r+1], a[2*r], b[2*r+1])
				}
				for r := range 2 {
					for h := range 2 {
						lo, hi := ymm(), ymm()
						VSHUFPS(U8(0x44), b[4*r+2+h], b[4*r+h], lo)
						VSHUFPS(U8(0xee), b[4*r+2+h], b[4*r+h], hi)
						c[4*r+2*h], c[4*r+2*h+1] = lo, hi
					}
				}
				for r := range 4 {
					lo, hi := ymm(), ymm()
					VPERM2F128(U8(0x20), c[4+r], c[r], lo)
					VPERM2F128(U8(0x31), c[4+r], c[r], hi)
					VMOVUPS(lo, Mem{Base: dst, Disp: element*(8*j+r) + part + 32*i})
					VMOVUPS(hi, Mem{Base: dst, Disp: element*(8*j+4+r) + part + 32*i})
				}
			}
		}
	}
	VZEROUPPER()
	RET()
}
