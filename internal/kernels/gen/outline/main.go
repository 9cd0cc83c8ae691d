// Command outline writes the vector kernels of package outline.
//
// Nothing is fused: every level gives the bits of the Go loops.
package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
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
		l.nearest()
		l.roots()
		l.bend()
		l.end()
		l.cover()
	}
	Generate()
}

func pointer(name string) reg.GPVirtual { return Load(Param(name), GP64()).(reg.GPVirtual) }

// all is a vector of one float32 of the arguments that m points to.
func (l level) all(m reg.GPVirtual, field int) reg.VecVirtual {
	x := l.wide()
	VBROADCASTSS(Mem{Base: m, Disp: 4 * field}, x)
	return x
}

// constant is a vector of one float32.
func (l level) constant(x int) reg.VecVirtual {
	v := l.wide()
	bits := GP32()
	MOVL(U32(math.Float32bits(float32(x))), bits)
	low := XMM()
	VMOVD(bits, low)
	VBROADCASTSS(low, v)
	return v
}

func (l level) zero() reg.VecVirtual {
	z := l.wide()
	l.xor(z, z, z)
	return z
}

// xor and and of floats are AVX512DQ; the integer forms are in F.
func (l level) xor(a, b, c reg.VecVirtual) {
	if l.lanes == 16 {
		VPXORD(a, b, c)
	} else {
		VXORPS(a, b, c)
	}
}

func (l level) and(a, b, c reg.VecVirtual) {
	if l.lanes == 16 {
		VPANDD(a, b, c)
	} else {
		VANDPS(a, b, c)
	}
}

// Predicates of comparisons: signalling, false for NaN.
const (
	less    = 17
	atMost  = 18
	atLeast = 29
)

// choose is x ← y where a is related to b.
func (l level) choose(predicate uint8, a, b, y, x reg.VecVirtual) {
	if l.lanes == 16 {
		k := K()
		VCMPPS(U8(predicate), b, a, k)
		VMOVAPS(y, k, x)
		return
	}
	mask := l.wide()
	VCMPPS(U8(predicate), b, a, mask)
	VBLENDVPS(mask, y, x, x)
}

// only is x, and zero where a is not related to b.
func (l level) only(predicate uint8, a, b, x reg.VecVirtual) {
	if l.lanes == 16 {
		k := K()
		VCMPPS(U8(predicate), b, a, k)
		VMOVAPS_Z(x, k, x)
		return
	}
	mask := l.wide()
	VCMPPS(U8(predicate), b, a, mask)
	VANDPS(mask, x, x)
}

// each is a loop over n floats, whole vectors of the offset in bytes.
func (l level) each(n reg.GPVirtual, body func(offset reg.GPVirtual)) {
	offset := GP64()
	XORQ(offset, offset)
	SHLQ(U8(2), n)
	Label("next")
	body(offset)
	ADDQ(U32(4*l.lanes), offset)
	CMPQ(offset, n)
	JLT(LabelRef("next"))
	VZEROUPPER()
	RET()
}

func at(p, offset reg.GPVirtual) Mem { return Mem{Base: p, Index: offset, Scale: 1} }

func (l level) load(p, offset reg.GPVirtual) reg.VecVirtual {
	x := l.wide()
	VMOVUPS(at(p, offset), x)
	return x
}

// nearest is Edge.nearest.
func (l level) nearest() {
	lanesOf := l.lanesOf()
	TEXT("nearest"+l.suffix, NOSPLIT, "func(e, d *float32, stride, rows, columns int)")
	Pragma("noescape")
	Doc("nearest" + l.suffix + " is Edge.nearest over whole vectors.")
	e, d := pointer("e"), pointer("d")
	stride, rows, columns := pointer("stride"), pointer("rows"), pointer("columns")
	SHLQ(U8(2), stride)
	SHLQ(U8(2), columns)
	u, v, du, dv, eu, ev, inverse := l.all(e, 0), l.all(e, 1), l.all(e, 2), l.all(e, 3), l.all(e, 4), l.all(e, 5), l.all(e, 6)
	one, zero := l.constant(1), l.zero()
	lanes := l.constant(l.lanes)
	from := l.wide()
	VMOVUPS(lanesOf, from)
	j := l.wide()
	l.xor(j, j, j)
	Label("row")
	pv, across := l.wide(), l.wide()
	VMULPS(dv, j, pv)
	VADDPS(v, pv, pv)
	VMULPS(ev, pv, across)
	i := l.wide()
	VMOVAPS(from, i)
	offset := GP64()
	XORQ(offset, offset)
	Label("next")
	pu, t, x, y := l.wide(), l.wide(), l.wide(), l.wide()
	VMULPS(du, i, pu)
	VADDPS(u, pu, pu)
	VMULPS(eu, pu, t)
	VADDPS(across, t, t)
	VMULPS(inverse, t, t)
	VMAXPS(zero, t, t)
	VMINPS(one, t, t)
	VMULPS(eu, t, x)
	VMULPS(ev, t, y)
	VSUBPS(x, pu, x)
	VSUBPS(y, pv, y)
	VMULPS(x, x, x)
	VMULPS(y, y, y)
	VADDPS(y, x, x)
	VMINPS(at(d, offset), x, x)
	VMOVUPS(x, at(d, offset))
	VADDPS(lanes, i, i)
	ADDQ(U32(4*l.lanes), offset)
	CMPQ(offset, columns)
	JLT(LabelRef("next"))
	VADDPS(one, j, j)
	ADDQ(stride, d)
	DECQ(rows)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}

// lanesOf is 0, 1, 2 … as float32.
func (l level) lanesOf() Mem {
	m := GLOBL("lanes"+l.suffix, RODATA|NOPTR)
	for i := range l.lanes {
		DATA(4*i, F32(i))
	}
	return m
}

// roots is rootsGeneric.
func (l level) roots() {
	TEXT("roots"+l.suffix, NOSPLIT, "func(d *float32, n int)")
	Pragma("noescape")
	Doc("roots" + l.suffix + " is rootsGeneric over whole vectors.")
	d, n := pointer("d"), pointer("n")
	zero := l.zero()
	l.each(n, func(offset reg.GPVirtual) {
		x := l.wide()
		VSQRTPS(at(d, offset), x)
		VSUBPS(x, zero, x)
		VMOVUPS(x, at(d, offset))
	})
}

// bend is Bend.row.
func (l level) bend() {
	TEXT("bend"+l.suffix, NOSPLIT, "func(m, row, a, b, before, after *float32, n int)")
	Pragma("noescape")
	Doc("bend" + l.suffix + " is Bend.row over whole vectors.")
	m, row, pa, pb, pbefore, pafter, n := pointer("m"), pointer("row"), pointer("a"), pointer("b"), pointer("before"), pointer("after"), pointer("n")
	wa, wb, step, bend, kb, rb, ka, ra := l.all(m, 0), l.all(m, 1), l.all(m, 2), l.all(m, 3), l.all(m, 4), l.all(m, 5), l.all(m, 6), l.all(m, 7)
	zero, low := l.zero(), l.wide()
	VSUBPS(step, zero, low)
	l.each(n, func(offset reg.GPVirtual) {
		a, b := l.load(pa, offset), l.load(pb, offset)
		d, p, q := l.wide(), l.wide(), l.wide()
		VSUBPS(a, b, d)
		VSUBPS(at(pbefore, offset), a, p)
		VMULPS(rb, p, p)
		VSUBPS(p, d, p)
		VMULPS(kb, p, p)
		x := l.load(pafter, offset)
		VSUBPS(b, x, q)
		VMULPS(ra, q, q)
		VSUBPS(d, q, q)
		VMULPS(ka, q, q)
		// minmod(p, q)
		VMINPS(q, p, d)
		VMAXPS(q, p, q)
		VMAXPS(zero, d, d)
		VMINPS(zero, q, q)
		VADDPS(q, d, d)
		VMULPS(bend, d, d)
		y := l.wide()
		VMINPS(step, a, x)
		VMAXPS(low, x, x)
		VMULPS(wa, x, x)
		VMINPS(step, b, y)
		VMAXPS(low, y, y)
		VMULPS(wb, y, y)
		VADDPS(y, x, x)
		VSUBPS(d, x, x)
		VMINPS(b, a, p)
		VMAXPS(b, a, q)
		l.choose(atLeast, p, step, step, x)
		l.choose(atMost, q, low, low, x)
		VMOVUPS(x, at(row, offset))
	})
}

// end is End.row.
func (l level) end() {
	TEXT("end"+l.suffix, NOSPLIT, "func(m, row, a, b, before, after *float32, n int)")
	Pragma("noescape")
	Doc("end" + l.suffix + " is End.row over whole vectors.")
	m, row, pa, pb, pbefore, pafter, n := pointer("m"), pointer("row"), pointer("a"), pointer("b"), pointer("before"), pointer("after"), pointer("n")
	wa, wb, bend := l.all(m, 0), l.all(m, 1), l.all(m, 2)
	zero := l.zero()
	l.each(n, func(offset reg.GPVirtual) {
		a, b, before := l.load(pa, offset), l.load(pb, offset), l.load(pbefore, offset)
		x, y, d1, d2 := l.wide(), l.wide(), l.wide(), l.wide()
		VMULPS(wa, a, x)
		VMULPS(wb, b, y)
		VADDPS(y, x, x)
		VADDPS(b, b, d1)
		VSUBPS(d1, a, d1)
		VADDPS(before, d1, d1)
		VADDPS(before, before, d2)
		VSUBPS(d2, b, d2)
		VADDPS(at(pafter, offset), d2, d2)
		VMAXPS(d2, d1, d2)
		VMULPS(bend, d1, d1)
		l.only(less, d2, zero, d1)
		VADDPS(d1, x, x)
		VMAXPS(at(row, offset), x, x)
		VMOVUPS(x, at(row, offset))
	})
}

// cover is coverGeneric.
func (l level) cover() {
	TEXT("cover"+l.suffix, NOSPLIT, "func(out, low, high, rest *float32, mixed *byte, n int)")
	Pragma("noescape")
	Doc("cover" + l.suffix + " is coverGeneric over whole vectors.")
	out, low, high, rest, mixed, n := pointer("out"), pointer("low"), pointer("high"), pointer("rest"), pointer("mixed"), pointer("n")
	zero, one := l.zero(), l.constant(1)
	l.each(n, func(offset reg.GPVirtual) {
		a, b := l.load(low, offset), l.load(high, offset)
		least, most, x := l.wide(), l.wide(), l.wide()
		next := func(p reg.GPVirtual) Mem { return Mem{Base: p, Index: offset, Scale: 1, Disp: 4} }
		VMINPS(b, a, least)
		VMAXPS(b, a, most)
		VMOVUPS(next(low), x)
		VMINPS(x, least, least)
		VMAXPS(x, most, most)
		VMOVUPS(next(high), x)
		VMINPS(x, least, least)
		VMAXPS(x, most, most)
		bits := GP32()
		if l.lanes == 16 {
			whole, some := K(), K()
			VCMPPS(U8(atLeast), zero, least, whole)
			VCMPPS(U8(atLeast), zero, most, some)
			VMOVAPS_Z(one, whole, x)
			KANDNW(some, whole, some)
			KMOVW(some, bits)
			MOVW(bits.As16(), Mem{Base: mixed})
			ADDQ(U8(2), mixed)
		} else {
			VCMPPS(U8(atLeast), zero, least, least)
			VCMPPS(U8(atLeast), zero, most, most)
			VANDPS(one, least, x)
			VANDNPS(most, least, most)
			VMOVMSKPS(most, bits)
			MOVB(bits.As8(), Mem{Base: mixed})
			INCQ(mixed)
		}
		VADDPS(at(rest, offset), x, x)
		VMAXPS(zero, x, x)
		VMINPS(one, x, x)
		VMOVUPS(x, at(out, offset))
	})
}
