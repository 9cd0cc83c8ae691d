// Command doseline writes the vector kernels of package doseline.
//
// Nothing is fused: every level gives the bits of the Go loops.
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
	half   func() reg.VecVirtual // as many float32 as wide has float64
}

func main() {
	ConstraintExpr("!purego")
	for _, l := range []level{
		{"AVX2", 8, func() reg.VecVirtual { return YMM() }, func() reg.VecVirtual { return XMM() }},
		{"AVX512", 16, func() reg.VecVirtual { return ZMM() }, func() reg.VecVirtual { return YMM() }},
	} {
		l.extremes()
		l.sample("sample"+l.suffix, false)
		l.blend()
		if l.lanes == 16 {
			l.sample("sampleNear"+l.suffix, true)
		}
	}
	Generate()
}

func pointer(name string) reg.GPVirtual { return Load(Param(name), GP64()).(reg.GPVirtual) }

// extremes is extremesGeneric.
func (l level) extremes() {
	TEXT("extremes"+l.suffix, NOSPLIT, "func(ends, d *float32, n int)")
	Pragma("noescape")
	Doc("extremes" + l.suffix + " lowers ends[:16] and raises ends[16:32] to d, whole vectors of 16.")
	ends, d, n := pointer("ends"), pointer("d"), pointer("n")
	parts := 16 / l.lanes
	least, most := make([]reg.VecVirtual, parts), make([]reg.VecVirtual, parts)
	for i := range parts {
		least[i], most[i] = l.wide(), l.wide()
		VMOVUPS(Mem{Base: ends, Disp: 4 * l.lanes * i}, least[i])
		VMOVUPS(Mem{Base: ends, Disp: 64 + 4*l.lanes*i}, most[i])
	}
	SHRQ(U8(4), n)
	Label("next")
	for i := range parts {
		x := l.wide()
		VMOVUPS(Mem{Base: d, Disp: 4 * l.lanes * i}, x)
		VMINPS(least[i], x, least[i])
		VMAXPS(most[i], x, most[i])
	}
	ADDQ(U8(64), d)
	DECQ(n)
	JNZ(LabelRef("next"))
	for i := range parts {
		VMOVUPS(least[i], Mem{Base: ends, Disp: 4 * l.lanes * i})
		VMOVUPS(most[i], Mem{Base: ends, Disp: 64 + 4*l.lanes*i})
	}
	VZEROUPPER()
	RET()
}

// Predicates of comparisons: signalling, false for NaN.
const (
	less    = 17
	atMost  = 18
	atLeast = 29
	above   = 30
)

// mask is where a comparison holds: a vector of all bits or none, or a mask register.
type mask struct {
	k reg.OpmaskVirtual
	v reg.VecVirtual
}

func (l level) where(predicate uint8, a, b reg.VecVirtual) mask {
	if l.lanes == 16 {
		k := K()
		VCMPPS(U8(predicate), b, a, k)
		return mask{k: k}
	}
	v := l.wide()
	VCMPPS(U8(predicate), b, a, v)
	return mask{v: v}
}

func (l level) both(a, b mask) mask {
	if l.lanes == 16 {
		k := K()
		KANDW(a.k, b.k, k)
		return mask{k: k}
	}
	v := l.wide()
	VANDPS(a.v, b.v, v)
	return mask{v: v}
}

// choose is x where the mask holds, else y.
func (l level) choose(m mask, x, y reg.VecVirtual) reg.VecVirtual {
	z := l.wide()
	if l.lanes == 16 {
		VMOVAPS(y, z)
		VMOVAPS(x, m.k, z)
	} else {
		VBLENDVPS(m.v, x, y, z)
	}
	return z
}

func (l level) zero() reg.VecVirtual {
	z := l.wide()
	if l.lanes == 16 {
		VPXORD(z, z, z)
	} else {
		VXORPS(z, z, z)
	}
	return z
}

// gather is table[index + first].
func (l level) gather(table reg.GPVirtual, index reg.VecVirtual, first int) reg.VecVirtual {
	x := l.wide()
	m := Mem{Base: table, Index: index, Scale: 4, Disp: 4 * first}
	if l.lanes == 16 {
		k := K()
		KXNORW(k, k, k)
		VPXORD(x, x, x)
		VGATHERDPS(m, k, x)
		return x
	}
	all := l.wide()
	VPCMPEQD(all, all, all)
	VXORPS(x, x, x)
	VGATHERDPS(all, m, x)
	return x
}

// Fields of Row's constants and results, in the order of struct arguments.
const (
	fStart = iota * 4
	fStep
	fLowest
	fHighest
	fLast
	fLow
	fHigh
	fPerGy
	fBins
	fSliver
	fN
	fTurn
	fGolden
	fUnit // 2⁻²⁴
	fInfinity
	_
	fLeast = 64
	fMost  = fLeast + 64
	fAny   = fMost + 64
	fAnyUp = fAny + 64
	fSum   = fAnyUp + 64
)

// pairs is line[k] and line[k+1]. Where all k lie within 30 of one another and
// rise or fall, they are taken out of 32 neighbours.
func (l level) pairs(line reg.GPVirtual, k reg.VecVirtual, near bool) (left, right reg.VecVirtual) {
	if !near {
		return l.gather(line, k, 0), l.gather(line, k, 1)
	}
	first, last := GP32(), GP32()
	VMOVD(k.AsX(), first)
	end := XMM()
	VEXTRACTI32X4(U8(3), k, end)
	VPEXTRD(U8(3), end, last)
	CMPL(last, first)
	CMOVLLT(last, first)
	from, one := l.wide(), l.wide()
	VPBROADCASTD(first, from)
	VPSUBD(from, k, from)
	VPTERNLOGD(U8(255), one, one, one)
	next := l.wide()
	VPSUBD(one, from, next)
	left, right = l.wide(), l.wide()
	high := l.wide()
	VMOVUPS(Mem{Base: line, Index: first.As64(), Scale: 4}, left)
	VMOVUPS(Mem{Base: line, Index: first.As64(), Scale: 4, Disp: 64}, high)
	VMOVAPS(left, right)
	VPERMT2PS(high, from, left)
	VPERMT2PS(high, next, right)
	return left, right
}

// sample is sampleGeneric.
func (l level) sample(name string, near bool) {
	table := "lanes" + l.suffix
	if near {
		table = "lanesNear" + l.suffix
	}
	lanesOf := GLOBL(table, RODATA|NOPTR)
	for i := range 16 {
		DATA(4*i, F32(i))
	}
	for i := range 16 {
		DATA(64+4*i, U32(i))
	}
	TEXT(name, NOSPLIT, "func(m, line, part *float32, bin *int32, n int)")
	Pragma("noescape")
	Doc(name + " is sampleGeneric.")
	m, line, part, bin, n := pointer("m"), pointer("line"), pointer("part"), pointer("bin"), pointer("n")
	all := func(field int) reg.VecVirtual {
		x := l.wide()
		VBROADCASTSS(Mem{Base: m, Disp: field}, x)
		return x
	}
	parts := 16 / l.lanes
	zero := l.zero()
	i0, turn0, golden := GP64(), GP32(), GP32()
	XORQ(i0, i0)
	MOVL(Mem{Base: m, Disp: fTurn}, turn0)
	MOVL(Mem{Base: m, Disp: fGolden}, golden)
	Label("next")
	for h := range parts {
		// The positions.
		i, base, turn, step, at := l.wide(), l.wide(), l.wide(), l.wide(), l.wide()
		x := XMM()
		VXORPS(x, x, x)
		VCVTSI2SSQ(i0, x, x)
		VBROADCASTSS(x, i)
		VADDPS(lanesOf.Offset(4*l.lanes*h), i, i)
		VMOVDQU32or(l, lanesOf.Offset(64+4*l.lanes*h), turn)
		VPBROADCASTD(Mem{Base: m, Disp: fGolden}, base)
		VPMULLD(base, turn, turn)
		y := XMM()
		VMOVD(turn0, y)
		VPBROADCASTD(y, base)
		VPADDD(base, turn, turn)
		VPSRLD(U8(8), turn, turn)
		VCVTDQ2PS(turn, turn)
		VMULPS(all(fUnit), turn, turn)
		inRow := l.where(less, i, all(fN))
		VADDPS(turn, i, at)
		VBROADCASTSS(Mem{Base: m, Disp: fStep}, step)
		VMULPS(step, at, at)
		VADDPS(all(fStart), at, at)
		inside := l.both(l.where(atLeast, at, all(fLowest)), l.where(atMost, at, all(fHighest)))
		VMAXPS(zero, at, at)
		VMINPS(all(fLast), at, at)
		// The doses.
		k, f := l.wide(), l.wide()
		VCVTTPS2DQ(at, k)
		VCVTDQ2PS(k, f)
		VSUBPS(f, at, f)
		d, right := l.pairs(line, k, near)
		VSUBPS(d, right, right)
		VMULPS(f, right, right)
		VADDPS(right, d, d)
		low := all(fLow)
		VMAXPS(low, d, d)
		VMINPS(all(fHigh), d, d)
		// The bins: 0 outside.
		b := l.wide()
		VSUBPS(low, d, b)
		VMULPS(all(fPerGy), b, b)
		VCVTTPS2DQ(b, b)
		VPMINSD(allInt(l, m, fBins), b, b)
		one := l.wide()
		VPCMPEQDor(l, one)
		VPSUBD(one, b, b)
		if l.lanes == 16 {
			VMOVDQA32_Z(b, inside.k, b)
		} else {
			VPAND(inside.v, b, b)
		}
		VMOVDQU32store(l, b, Mem{Base: bin, Disp: 4 * l.lanes * h})
		// What they add up to.
		p := l.wide()
		VMOVUPS(Mem{Base: part, Disp: 4 * l.lanes * h}, p)
		p = l.choose(l.both(inside, inRow), p, zero)
		infinity, minus := all(fInfinity), l.wide()
		VSUBPS(infinity, zero, minus)
		extreme := func(m1 mask, least, most int) {
			x, y := l.choose(m1, d, infinity), l.choose(m1, d, minus)
			at := func(field int) Mem { return Mem{Base: m, Disp: field + 4*l.lanes*h} }
			VMINPS(at(least), x, x)
			VMOVUPS(x, at(least))
			VMAXPS(at(most), y, y)
			VMOVUPS(y, at(most))
		}
		extreme(l.where(atLeast, p, all(fSliver)), fLeast, fMost)
		extreme(l.where(above, p, zero), fAny, fAnyUp)
		for q := range 2 {
			dd, pp, s := l.wide(), l.wide(), Mem{Base: m, Disp: fSum + 8*(l.lanes*h+l.lanes/2*q)}
			if q == 0 {
				VCVTPS2PD(lower(l, d), dd)
				VCVTPS2PD(lower(l, p), pp)
			} else {
				hd, hp := l.half(), l.half()
				if l.lanes == 16 {
					VEXTRACTF64X4(U8(1), d, hd)
					VEXTRACTF64X4(U8(1), p, hp)
				} else {
					VEXTRACTF128(U8(1), d, hd)
					VEXTRACTF128(U8(1), p, hp)
				}
				VCVTPS2PD(hd, dd)
				VCVTPS2PD(hp, pp)
			}
			VMULPD(pp, dd, dd)
			VADDPD(s, dd, dd)
			VMOVUPD(dd, s)
		}
	}
	ADDQ(U8(64), part)
	ADDQ(U8(64), bin)
	g := GP32()
	MOVL(golden, g)
	SHLL(U8(4), g)
	ADDL(g, turn0)
	ADDQ(U8(16), i0)
	CMPQ(i0, n)
	JLT(LabelRef("next"))
	VZEROUPPER()
	RET()
}

// blend is blendGeneric.
func (l level) blend() {
	TEXT("blend"+l.suffix, NOSPLIT, "func(weight, dst, a, b, c, d *float32, n int)")
	Pragma("noescape")
	Doc("blend" + l.suffix + " is blendGeneric over whole vectors.")
	weight, dst, n := pointer("weight"), pointer("dst"), pointer("n")
	var rows [4]reg.GPVirtual
	var weights [4]reg.VecVirtual
	for i, name := range []string{"a", "b", "c", "d"} {
		rows[i], weights[i] = pointer(name), l.wide()
		VBROADCASTSS(Mem{Base: weight, Disp: 4 * i}, weights[i])
	}
	offset := GP64()
	XORQ(offset, offset)
	SHLQ(U8(2), n)
	Label("next")
	var sum reg.VecVirtual
	for i, row := range rows {
		x := l.wide()
		VMULPS(Mem{Base: row, Index: offset, Scale: 1}, weights[i], x)
		if i > 0 {
			VADDPS(x, sum, x)
		}
		sum = x
	}
	VMOVUPS(sum, Mem{Base: dst, Index: offset, Scale: 1})
	ADDQ(U32(4*l.lanes), offset)
	CMPQ(offset, n)
	JLT(LabelRef("next"))
	VZEROUPPER()
	RET()
}
