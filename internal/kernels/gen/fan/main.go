// Command fan writes the vector kernels of package fan.
package main

import (
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
		l.blend()
		l.resample()
		l.add()
		l.sample()
		l.lookUp()
	}
	transpose()
	Generate()
}

func (l level) begin(name, signature, replaces string) {
	TEXT(name+l.suffix, NOSPLIT, signature)
	Doc(name + l.suffix + " is " + replaces + ", whole vectors.")
	Pragma("noescape")
}

func pointer(name string) reg.GPVirtual { return Load(Param(name), GP64()).(reg.GPVirtual) }

func (l level) broadcast(p reg.GPVirtual, i int) reg.VecVirtual {
	v := l.wide()
	VBROADCASTSS(Mem{Base: p, Disp: 4 * i}, v)
	return v
}

func (l level) broadcastInt(p reg.GPVirtual, i int) reg.VecVirtual {
	v := l.wide()
	VPBROADCASTD(Mem{Base: p, Disp: 4 * i}, v)
	return v
}

func (l level) zero() reg.VecVirtual {
	v := l.wide()
	if l.lanes == 16 {
		VPXORD(v, v, v)
	} else {
		VPXOR(v, v, v)
	}
	return v
}

// turn ends a loop over vectors of count elements.
func (l level) turn(label string, count reg.GPVirtual, pointers ...reg.GPVirtual) {
	for _, p := range pointers {
		ADDQ(U8(4*l.lanes), p)
	}
	SUBQ(U8(l.lanes), count)
	JG(LabelRef(label))
	VZEROUPPER()
	RET()
}

// blend is Σ_c weight[c]·column_c of four columns that begin at data plus
// offset[c] floats.
func (l level) blend() {
	l.begin("blend", "func(out, data, weight *float32, offset *int, n int)", "blendGeneric")
	out, data, weight, offset, n := pointer("out"), pointer("data"), pointer("weight"), pointer("offset"), pointer("n")
	var w [4]reg.VecVirtual
	var at [4]reg.GPVirtual
	for c := range w {
		w[c] = l.broadcast(weight, c)
		at[c] = GP64()
		MOVQ(Mem{Base: offset, Disp: 8 * c}, at[c])
		LEAQ(Mem{Base: data, Index: at[c], Scale: 4}, at[c])
	}
	Label("next")
	v := l.wide()
	VMULPS(Mem{Base: at[0]}, w[0], v)
	for c := 1; c < 4; c++ {
		VFMADD231PS(Mem{Base: at[c]}, w[c], v)
	}
	VMOVUPS(v, Mem{Base: out})
	l.turn("next", n, out, at[0], at[1], at[2], at[3])
}

// places are the numbers of the points of a loop.
type places struct {
	at        reg.VecVirtual
	constants reg.GPVirtual
	i         int // of the numbers of the first vector; then come their step and the last
}

func (l level) points(constants reg.GPVirtual, i int) places {
	p := places{l.wide(), constants, i}
	VMOVUPS(Mem{Base: constants, Disp: 4 * i}, p.at)
	return p
}

// linear is first + i·step, from two constants.
func (l level) linear(p places, constants reg.GPVirtual, i int) reg.VecVirtual {
	v, s := l.broadcast(constants, i), l.broadcast(constants, i+1)
	VFMADD231PS(s, p.at, v)
	return v
}

// next goes on to the next vector; lanes beyond the last point repeat it.
func (l level) next(p places) {
	VADDPS(l.broadcast(p.constants, p.i+16), p.at, p.at)
	VMINPS(l.broadcast(p.constants, p.i+17), p.at, p.at)
}

// split is the whole part of x ≥ 0; the rest is left in x.
func (l level) split(x reg.VecVirtual) (whole reg.VecVirtual) {
	whole = l.wide()
	VCVTTPS2DQ(x, whole)
	f := l.wide()
	VCVTDQ2PS(whole, f)
	VSUBPS(f, x, x)
	return whole
}

// pairs are where neighbouring values are looked up: lanes are taken in the
// order in which two half vectors of pairs come apart in the lanes' own.
type pairs struct{ a, b reg.VecVirtual }

func (l level) pairs(index reg.VecVirtual) pairs {
	if l.lanes == 16 {
		b := YMM()
		VEXTRACTI64X4(U8(1), index, b)
		return pairs{index, b}
	}
	ordered, b := YMM(), XMM()
	VPERMQ(U8(0xd8), index, ordered) // lanes 0 1 4 5, 2 3 6 7
	VEXTRACTI128(U8(1), ordered, b)
	return pairs{ordered, b}
}

// gatherer is what looking up takes: the even and odd lanes of two vectors
// (AVX-512), and a mask, one for all since a gather uses it up.
type gatherer struct {
	even, odd reg.VecVirtual
	k, mask   reg.Register
}

func (l level) gatherer() gatherer {
	if l.lanes == 8 {
		return gatherer{mask: l.wide()}
	}
	return gatherer{even: permutation("even", 0), odd: permutation("odd", 1), k: K()}
}

func permutation(name string, first uint32) reg.VecVirtual {
	m, ok := permutations[name]
	if !ok {
		m = GLOBL(name+"Lanes", RODATA|NOPTR)
		for i := range 16 {
			DATA(4*i, U32(2*uint32(i)+first))
		}
		permutations[name] = m
	}
	v := ZMM()
	VMOVDQU32(m, v)
	return v
}

var permutations = map[string]Mem{}

// gather is values and their neighbours.
func (l level) gather(base reg.GPVirtual, p pairs, g gatherer) (low, high reg.VecVirtual) {
	half := func(index reg.VecVirtual) reg.VecVirtual {
		v := l.zero()
		if l.lanes == 16 {
			KXNORW(g.k, g.k, g.k)
			VGATHERDPD(Mem{Base: base, Index: index.AsY(), Scale: 4}, g.k, v)
		} else {
			VPCMPEQD(g.mask, g.mask, g.mask)
			VGATHERDPD(g.mask, Mem{Base: base, Index: index.AsX(), Scale: 4}, v)
		}
		return v
	}
	a, b := half(p.a), half(p.b)
	low, high = l.wide(), l.wide()
	if l.lanes == 16 {
		VMOVDQU32(g.even, low)
		VPERMI2PS(b, a, low)
		VMOVDQU32(g.odd, high)
		VPERMI2PS(b, a, high)
		return low, high
	}
	VSHUFPS(U8(0x88), b, a, low)
	VSHUFPS(U8(0xdd), b, a, high)
	return low, high
}

// lerp is a + t(b − a), in a.
func lerp(a, b, t reg.VecVirtual) {
	VSUBPS(a, b, b)
	VFMADD231PS(t, b, a)
}

// resample is linear interpolation of a column at first, first + step, ….
func (l level) resample() {
	l.begin("resample", "func(out, column, constants *float32, n int)", "resampleGeneric")
	out, column, c, n := pointer("out"), pointer("column"), pointer("constants"), pointer("n")
	p := l.points(c, 2)
	g := l.gatherer()
	Label("next")
	z := l.linear(p, c, 0)
	low, high := l.gather(column, l.pairs(l.split(z)), g)
	lerp(low, high, z)
	VMOVUPS(low, Mem{Base: out})
	l.next(p)
	l.turn("next", n, out)
}

// add is out = sums, sums += step·sample.
func (l level) add() {
	l.begin("add", "func(out, sums, sample *float32, step float32, n int)", "addGeneric")
	out, sums, sample, n := pointer("out"), pointer("sums"), pointer("sample"), pointer("n")
	s := l.wide()
	at, err := Param("step").Resolve()
	if err != nil {
		panic(err)
	}
	VBROADCASTSS(at.Addr, s)
	Label("next")
	v := l.wide()
	VMOVUPS(Mem{Base: sums}, v)
	VMOVUPS(v, Mem{Base: out})
	VFMADD231PS(Mem{Base: sample}, s, v)
	VMOVUPS(v, Mem{Base: sums})
	l.turn("next", n, out, sums, sample)
}

// sample is trilinear interpolation of a volume along a line: constants are x,
// its step, y, z alike, and the numbers; sizes are the steps along y and z.
func (l level) sample() {
	l.begin("sample", "func(out, data, constants *float32, sizes *int32, n int)", "sampleGeneric")
	out, data, c, sizes, n := pointer("out"), pointer("data"), pointer("constants"), pointer("sizes"), pointer("n")
	p := l.points(c, 6)
	g := l.gatherer()
	row, plane := GP64(), GP64()
	MOVLQSX(Mem{Base: sizes}, row)
	MOVLQSX(Mem{Base: sizes, Disp: 4}, plane)
	LEAQ(Mem{Base: data, Index: row, Scale: 4}, row)
	ahead := GP64()
	LEAQ(Mem{Base: row, Index: plane, Scale: 4}, ahead)
	LEAQ(Mem{Base: data, Index: plane, Scale: 4}, plane)
	Label("next")
	x, y, z := l.linear(p, c, 0), l.linear(p, c, 2), l.linear(p, c, 4)
	i, j, k := l.split(x), l.split(y), l.split(z)
	VPMULLD(l.broadcastInt(sizes, 0), j, j)
	VPADDD(j, i, i)
	VPMULLD(l.broadcastInt(sizes, 1), k, k)
	VPADDD(k, i, i)
	v := l.trilinear([4]reg.GPVirtual{data, row, plane, ahead}, i, g, x, y, z)
	VMOVUPS(v, Mem{Base: out})
	l.next(p)
	l.turn("next", n, out)
}

// trilinear is the value between eight neighbours: pairs at four places, the
// second with y one higher, the third and fourth with z one higher.
func (l level) trilinear(base [4]reg.GPVirtual, index reg.VecVirtual, g gatherer, x, y, z reg.VecVirtual) reg.VecVirtual {
	at := l.pairs(index)
	var v [4]reg.VecVirtual
	for b := range base {
		low, high := l.gather(base[b], at, g)
		lerp(low, high, x)
		v[b] = low
		if b%2 == 1 {
			lerp(v[b-1], v[b], y)
		}
	}
	lerp(v[0], v[2], z)
	return v[0]
}

// The places of the constants of a look-up; see newView.
const (
	fromSource = 0
	x          = 2
	y          = 4
	sad        = 6
	left       = 7
	perU       = 8
	low        = 9
	perW       = 10
	near       = 11
	perA       = 12
	last       = 13
	perSAD2    = 14
	one        = 15
	numbers    = 16
)

// lookUp is the sum between the nodes of a fan along a line.
func (l level) lookUp() {
	l.begin("lookUp", "func(out, sums, constants *float32, sizes *int32, n int)", "lookUpGeneric")
	out, sums, c, sizes, n := pointer("out"), pointer("sums"), pointer("constants"), pointer("sizes"), pointer("n")
	p := l.points(c, numbers)
	g := l.gatherer()
	row, plane := GP64(), GP64()
	MOVLQSX(Mem{Base: sizes}, row)
	MOVLQSX(Mem{Base: sizes, Disp: 4}, plane)
	LEAQ(Mem{Base: sums, Index: row, Scale: 4}, row)
	ahead := GP64()
	LEAQ(Mem{Base: row, Index: plane, Scale: 4}, ahead)
	LEAQ(Mem{Base: sums, Index: plane, Scale: 4}, plane)
	Label("next")
	a := l.linear(p, c, fromSource)
	m := l.broadcast(c, sad)
	VDIVPS(a, m, m)
	u, w := l.linear(p, c, x), l.linear(p, c, y)
	VMULPS(m, u, u)
	VMULPS(m, w, w)
	square := l.wide()
	VMULPS(u, u, square)
	VFMADD231PS(w, w, square)
	obliquity := l.broadcast(c, one)
	VFMADD231PS(l.broadcast(c, perSAD2), square, obliquity)
	VSQRTPS(obliquity, obliquity)

	cell := func(v reg.VecVirtual, first, per, size int) reg.VecVirtual {
		VSUBPS(l.broadcast(c, first), v, v)
		VMULPS(l.broadcast(c, per), v, v)
		i, f := l.wide(), l.wide()
		VCVTTPS2DQ(v, i)
		zero := l.zero()
		VPMAXSD(zero, i, i)
		VPMINSD(l.broadcastInt(sizes, size), i, i)
		VCVTDQ2PS(i, f)
		VSUBPS(f, v, v)
		return i
	}
	VSUBPS(l.broadcast(c, near), a, a)
	VMULPS(l.broadcast(c, perA), a, a)
	zero := l.zero()
	VMAXPS(zero, a, a)
	VMINPS(l.broadcast(c, last), a, a)
	k, f := l.wide(), l.wide()
	VCVTTPS2DQ(a, k)
	VPMINSD(l.broadcastInt(sizes, 4), k, k)
	VCVTDQ2PS(k, f)
	VSUBPS(f, a, a)
	VPMULLD(l.broadcastInt(sizes, 1), k, k)
	i := cell(u, left, perU, 2)
	VPMULLD(l.broadcastInt(sizes, 0), i, i)
	VPADDD(i, k, k)
	j := cell(w, low, perW, 3)
	VPADDD(j, k, k)
	v := l.trilinear([4]reg.GPVirtual{sums, row, plane, ahead}, k, g, w, u, a)
	VMULPS(obliquity, v, v)
	VMOVUPS(v, Mem{Base: out})
	l.next(p)
	l.turn("next", n, out)
}

// transpose exchanges rows and columns of n squares of 8×8 that lie side by
// side in the rows of src and above each other in dst; steps from row to row
// are in floats.
func transpose() {
	level{suffix: "AVX2"}.begin("transpose", "func(dst, src *float32, dstStep, srcStep, n int)", "transposeGeneric")
	dst, src, dstStep, srcStep, n := pointer("dst"), pointer("src"), pointer("dstStep"), pointer("srcStep"), pointer("n")
	SHLQ(U8(2), dstStep)
	SHLQ(U8(2), srcStep)
	srcStep3 := GP64()
	LEAQ(Mem{Base: srcStep, Index: srcStep, Scale: 2}, srcStep3)
	Label("next")
	var a, b, c [8]reg.VecVirtual
	half := GP64()
	LEAQ(Mem{Base: src, Index: srcStep, Scale: 4}, half)
	for r := range a {
		a[r] = YMM()
		base := [2]reg.GPVirtual{src, half}[r/4]
		at := Mem{Base: base}
		switch r % 4 {
		case 1, 2:
			at = Mem{Base: base, Index: srcStep, Scale: uint8(r % 4)}
		case 3:
			at = Mem{Base: base, Index: srcStep3, Scale: 1}
		}
		VMOVUPS(at, a[r])
	}
	for r := range 4 {
		b[2*r], b[2*r+1] = YMM(), YMM()
		VUNPCKLPS(a[2*r+1], a[2*r], b[2*r])
		VUNPCKHPS(a[2*r+1], a[2*r], b[2*r+1])
	}
	for r := range 2 {
		for h := range 2 {
			low, high := YMM(), YMM()
			VSHUFPS(U8(0x44), b[4*r+2+h], b[4*r+h], low)
			VSHUFPS(U8(0xee), b[4*r+2+h], b[4*r+h], high)
			c[4*r+2*h], c[4*r+2*h+1] = low, high
		}
	}
	for _, part := range []uint8{0x20, 0x31} {
		for r := range 4 {
			v := YMM()
			VPERM2F128(U8(part), c[4+r], c[r], v)
			VMOVUPS(v, Mem{Base: dst})
			ADDQ(dstStep, dst)
		}
	}
	ADDQ(U8(32), src)
	DECQ(n)
	JNZ(LabelRef("next"))
	VZEROUPPER()
	RET()
}
