// Command pencil writes the vector kernels of package pencil.
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
		l.add(false)
		l.add(true)
	}
	Generate()
}

func pointer(name string) reg.GPVirtual { return Load(Param(name), GP64()).(reg.GPVirtual) }

// floats is a constant vector.
func floats(name string, values ...float32) Mem {
	m := GLOBL(name, RODATA|NOPTR)
	for i, v := range values {
		DATA(4*i, U32(math.Float32bits(v)))
	}
	return m
}

// The places of the constants of a row; see row in dispatch_amd64.go.
const (
	fromSource = iota
	fromSourceStep
	x
	xStep
	y
	yStep
	sad
	left
	low
	factor
	deepest
	perDepthBin
	perSAD
	smallest
	largest
	perScaleBin
	lanesOnce // 16 floats: the numbers of the first points; then how many lanes there are
)

const (
	lastX = 8 * iota
	lastY
	width  // of the map, nodes
	node   // bytes of one: 16 a group of four components
	row    // bytes of a row of the map
	depths // table bytes from one depth to the next, over 16
	blocks
)

// add is addGeneric; the scales of the table are one or several.
func (l level) add(scaled bool) {
	name := "add" + l.suffix
	if scaled {
		name = "addScaled" + l.suffix
	}
	TEXT(name, 0, "func(dose, depth, constants *float32, sizes *int, lattice, table, depths *float32, depthBin *uint16, scales *float32, scaleBin *uint16, mask *int32) (deepest float32)")
	Doc(name + " is addGeneric for whole vectors.")
	Pragma("noescape")
	dose, depth, c, sizes := pointer("dose"), pointer("depth"), pointer("constants"), pointer("sizes")
	n := GP64()
	MOVQ(Mem{Base: sizes, Disp: blocks}, n)

	bytes := 4 * l.lanes
	local := AllocLocal(7*bytes + 16*l.lanes)
	part := func(i int) Mem { return local.Offset(i * bytes) }
	index, right, up, depthAt, depthOf, scaleAt, scaleOf := part(0), part(1), part(2), part(3), part(4), part(5), part(6)
	sums := local.Offset(7 * bytes)

	broadcast := func(i int) reg.VecVirtual {
		v := l.wide()
		VBROADCASTSS(Mem{Base: c, Disp: 4 * i}, v)
		return v
	}
	broadcastInt := func(disp int) reg.VecVirtual {
		v := l.wide()
		VPBROADCASTD(Mem{Base: sizes, Disp: disp}, v)
		return v
	}
	at := l.wide() // number of the point
	VMOVUPS(Mem{Base: c, Disp: 4 * lanesOnce}, at)
	most := l.wide()
	VXORPS(most, most, most)

	Label("block")
	linear := func(first, step int) reg.VecVirtual {
		v, s := broadcast(first), broadcast(step)
		VFMADD231PS(s, at, v)
		return v
	}
	a := linear(fromSource, fromSourceStep)
	m := broadcast(sad)
	VDIVPS(a, m, m)
	// cell is the lower node, and the share of the way to the next is stored.
	cell := func(first, step, origin, last int, to Mem) reg.VecVirtual {
		p, o := linear(first, step), broadcast(origin)
		VFMSUB213PS(o, m, p)
		i := l.wide()
		VCVTTPS2DQ(p, i)
		VPMAXSD(l.zero(), i, i)
		VPMINSD(broadcastInt(last), i, i)
		f := l.wide()
		VCVTDQ2PS(i, f)
		VSUBPS(f, p, p)
		VMOVUPS(p, to)
		return i
	}
	j := cell(y, yStep, low, lastY, up)
	VPMULLD(broadcastInt(width), j, j)
	i := cell(x, xStep, left, lastX, right)
	VPADDD(i, j, j)
	l.store(j, index)

	// bin is where to look for the interval of a value kept within the table.
	bin := func(v reg.VecVirtual, per int, of, at Mem) {
		VMOVUPS(v, of)
		VMULPS(broadcast(per), v, v)
		b := l.wide()
		VCVTTPS2DQ(v, b)
		l.store(b, at)
	}
	d := l.wide()
	VMOVUPS(Mem{Base: depth}, d)
	// The second operand counts where the first is not a number.
	VMAXPS(most, d, most)
	inside := l.zero()
	VMAXPS(inside, d, inside)
	VMINPS(broadcast(deepest), inside, inside)
	bin(inside, perDepthBin, depthOf, depthAt)
	if scaled {
		s := broadcast(perSAD)
		VMULPS(s, a, s)
		VMAXPS(broadcast(smallest), s, s)
		VMINPS(broadcast(largest), s, s)
		first := broadcast(smallest)
		VSUBPS(first, s, first)
		VMOVUPS(s, scaleOf)
		VMULPS(broadcast(perScaleBin), first, first)
		b := l.wide()
		VCVTTPS2DQ(first, b)
		l.store(b, scaleAt)
	}

	l.points(scaled, sizes, index, right, up, depthAt, depthOf, scaleAt, scaleOf, sums)

	// Sums over the four components of each point, in its lane.
	halves := l.lanes / 8
	var parts [2]reg.VecVirtual
	for h := range halves {
		pair := func(v int) reg.VecVirtual {
			p := YMM()
			VMOVUPS(sums.Offset(16*(8*h+v)), p.AsX())
			l.insert(sums.Offset(16*(8*h+v+4)), p)
			return p
		}
		// halved is the sums of (0, 2) and (1, 3) of two points.
		halved := func(a, b reg.VecVirtual) reg.VecVirtual {
			low, high := YMM(), YMM()
			VUNPCKLPS(b, a, low)
			VUNPCKHPS(b, a, high)
			VADDPS(high, low, low)
			return low
		}
		a, b := halved(pair(0), pair(1)), halved(pair(2), pair(3))
		low, high := YMM(), YMM()
		VSHUFPS(U8(0x44), b, a, low)
		VSHUFPS(U8(0xee), b, a, high)
		VADDPS(high, low, low)
		parts[h] = low
	}
	sum := parts[0]
	if halves == 2 {
		sum = ZMM()
		VINSERTF64X4(U8(1), parts[1], parts[0].AsZ(), sum)
	}
	VMULPS(m, m, m)
	VMULPS(broadcast(factor), m, m)
	VMULPS(m, sum, sum)
	VMOVUPS(Mem{Base: depth}, d)
	zero := l.zero()
	// Not a number where the depth is not; nothing where it is negative.
	VFMADD231PS(zero, d, sum)
	const notLess = 5
	old := l.wide()
	VMOVUPS(Mem{Base: dose}, old)
	if l.lanes == 16 {
		k := K()
		VCMPPS(U8(notLess), zero, d, k)
		VADDPS(old, sum, k, old)
	} else {
		VCMPPS(U8(notLess), zero, d, d)
		VANDPS(d, sum, sum)
		VADDPS(old, sum, old)
	}
	VMOVUPS(old, Mem{Base: dose})

	VADDPS(l.count(c), at, at)
	ADDQ(U8(bytes), dose)
	ADDQ(U8(bytes), depth)
	DECQ(n)
	JNZ(LabelRef("block"))

	// The largest of the lanes.
	if l.lanes == 16 {
		half := YMM()
		VEXTRACTF64X4(U8(1), most, half)
		VMAXPS(half, most.AsY(), half)
		most = half
	}
	q := XMM()
	l.extract(most.AsY(), q)
	VMAXPS(q, most.AsX(), q)
	r := XMM()
	VMOVHLPS(q, q, r)
	VMAXPS(r, q, q)
	VMOVSHDUP(q, r)
	VMAXSS(r, q, q)
	Store(q, ReturnIndex(0))
	VZEROUPPER()
	RET()
}

// count is the number of lanes in every lane.
func (l level) count(c reg.GPVirtual) reg.VecVirtual {
	v := l.wide()
	VBROADCASTSS(Mem{Base: c, Disp: 4 * (lanesOnce + 16)}, v)
	return v
}

// insert loads the upper half of eight lanes, extract takes it out. The old
// instructions do not reach all registers of AVX-512.
func (l level) insert(from Mem, to reg.VecVirtual) {
	if l.lanes == 16 {
		VINSERTF32X4(U8(1), from, to, to)
		return
	}
	VINSERTF128(U8(1), from, to, to)
}

func (l level) extract(from, to reg.Register) {
	if l.lanes == 16 {
		VEXTRACTF32X4(U8(1), from, to)
		return
	}
	VEXTRACTF128(U8(1), from, to)
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

func (l level) store(v reg.VecVirtual, to Mem) {
	if l.lanes == 16 {
		VMOVDQU32(v, to)
		return
	}
	VMOVDQU(v, to)
}

var (
	towards = floats("towards", -1, -1, -1, -1, 1, 1, 1, 1)
	base    = floats("base", 1, 1, 1, 1, 0, 0, 0, 0)
)

// points is Σ_k D_k M_k over every fourth component, point by point. One scale
// takes two neighbouring nodes at a time, four components of each; several take
// one node, as many components as there are lanes.
func (l level) points(scaled bool, sizes reg.GPVirtual, index, right, up, depthAt, depthOf, scaleAt, scaleOf, sums Mem) {
	var sign, one reg.VecVirtual
	if !scaled {
		sign, one = YMM(), YMM()
		VMOVUPS(towards, sign)
		VMOVUPS(base, one)
	}
	v := GP64()
	XORQ(v, v)
	Label("point")
	lane := func(m Mem) Mem { return m.Idx(v, 4) }
	// share is the weights of a lower and an upper node, four lanes each.
	share := func(f reg.VecVirtual) reg.VecVirtual {
		w := YMM()
		VMOVAPS(one, w)
		VFMADD231PS(sign, f, w)
		return w
	}
	// find is sixteen times the interval of a value and the share of the way
	// through it. An interval is (first, 1/length, first of the next, –).
	find := func(at, of Mem, bins, intervals string) (reg.GPVirtual, reg.VecVirtual) {
		i, b := GP64(), GP64()
		MOVLQSX(lane(at), i)
		Load(Param(bins), b)
		MOVWLZX(Mem{Base: b, Index: i, Scale: 2}, i.As32())
		SHLQ(U8(4), i)
		nodes := GP64()
		Load(Param(intervals), nodes)
		x, next := XMM(), GP64()
		VMOVSS(lane(of), x)
		XORQ(next, next)
		VUCOMISS(Mem{Base: nodes, Index: i, Scale: 1, Disp: 8}, x)
		SETCC(next.As8())
		SHLQ(U8(4), next)
		ADDQ(next, i)
		VSUBSS(Mem{Base: nodes, Index: i, Scale: 1}, x, x)
		VMULSS(Mem{Base: nodes, Index: i, Scale: 1, Disp: 4}, x, x)
		w := reg.VecVirtual(YMM())
		if scaled {
			w = l.wide()
		}
		VBROADCASTSS(x, w)
		return i, w
	}
	o, t := find(depthAt, depthOf, "depthBin", "depths")
	IMULQ(Mem{Base: sizes, Disp: depths}, o)
	ADDQ(pointer("table"), o)
	p := GP64()
	MOVLQSX(lane(index), p)
	IMULQ(Mem{Base: sizes, Disp: node}, p)
	ADDQ(pointer("lattice"), p)
	stride, rows, last := GP64(), GP64(), GP64()
	MOVQ(Mem{Base: sizes, Disp: node}, stride)
	MOVQ(Mem{Base: sizes, Disp: row}, rows)
	MOVQ(p, last)
	ADDQ(stride, last)
	deeper := GP64()
	MOVQ(Mem{Base: sizes, Disp: depths}, deeper)
	SHLQ(U8(4), deeper)
	var acc reg.VecVirtual
	if scaled {
		r, s := find(scaleAt, scaleOf, "scaleBin", "scales")
		SHRQ(U8(4), r)
		IMULQ(stride, r)
		ADDQ(r, o)
		acc = l.nodes(o, deeper, p, rows, stride, last, [4]reg.VecVirtual{s, t}, lane(right), lane(up))
	} else {
		acc = l.pairs(o, deeper, p, rows, stride, last, share, t, lane(right), lane(up))
	}
	to := GP64()
	MOVQ(v, to)
	SHLQ(U8(4), to)
	VMOVUPS(acc, sums.Idx(to, 1))
	INCQ(v)
	CMPQ(v, U8(l.lanes))
	JB(LabelRef("point"))
}

// pairs is one scale; it returns four lanes.
func (l level) pairs(o, deeper, p, rows, stride, last reg.GPVirtual, share func(reg.VecVirtual) reg.VecVirtual, t reg.VecVirtual, right, up Mem) reg.VecVirtual {
	t = share(t)
	f, fy := YMM(), YMM()
	VBROADCASTSS(right, f)
	VBROADCASTSS(up, fy)
	wx := share(f)
	acc := XMM()
	VXORPS(acc, acc, acc)
	Label("group")
	// pair is a node and the next one.
	pair := func(at, next Mem) reg.VecVirtual {
		v := YMM()
		VMOVUPS(at, v.AsX())
		l.insert(next, v)
		return v
	}
	q := GP64()
	LEAQ(Mem{Base: p, Index: stride, Scale: 1}, q)
	m0, m1 := pair(Mem{Base: p}, Mem{Base: q}), pair(Mem{Base: p, Index: rows, Scale: 1}, Mem{Base: q, Index: rows, Scale: 1})
	VSUBPS(m0, m1, m1)
	VFMADD231PS(fy, m1, m0)
	VMULPS(wx, m0, m0)
	d := pair(Mem{Base: o}, Mem{Base: o, Index: deeper, Scale: 1})
	VMULPS(t, d, d)
	both := func(v reg.VecVirtual) reg.VecVirtual {
		h := XMM()
		l.extract(v, h)
		VADDPS(h, v.AsX(), h)
		return h
	}
	VFMADD231PS(both(m0), both(d), acc)
	ADDQ(U8(16), p)
	ADDQ(U8(16), o)
	CMPQ(p, last)
	JB(LabelRef("group"))
	return acc
}

// nodes is several scales; it returns four lanes. share is the ways between
// scales and depths.
func (l level) nodes(o, deeper, p, rows, stride, last reg.GPVirtual, share [4]reg.VecVirtual, right, up Mem) reg.VecVirtual {
	share[2], share[3] = l.wide(), l.wide()
	VBROADCASTSS(right, share[2])
	VBROADCASTSS(up, share[3])
	mask := pointer("mask")
	acc := l.zero()
	// Components beyond the last, which are the next node's, are left out.
	var some reg.Register
	if l.lanes == 16 {
		some = K()
	} else {
		some = l.wide()
	}
	Label("components")
	if l.lanes == 16 {
		v := l.wide()
		VMOVDQU32(Mem{Base: mask}, v)
		VPMOVD2M(v, some)
	} else {
		VMOVDQU(Mem{Base: mask}, some)
	}
	load := func(at Mem) reg.VecVirtual {
		v := l.wide()
		if l.lanes == 16 {
			VMOVUPS_Z(at, some, v)
		} else {
			VMASKMOVPS(at, some, v)
		}
		return v
	}
	lerp := func(a, b, t reg.VecVirtual) reg.VecVirtual {
		VSUBPS(a, b, b)
		VFMADD231PS(t, b, a)
		return a
	}
	between := func(at, far reg.GPVirtual, near, across reg.VecVirtual) reg.VecVirtual {
		low := lerp(load(Mem{Base: at}), load(Mem{Base: at, Index: stride, Scale: 1}), near)
		q := GP64()
		LEAQ(Mem{Base: at, Index: far, Scale: 1}, q)
		return lerp(low, lerp(load(Mem{Base: q}), load(Mem{Base: q, Index: stride, Scale: 1}), near), across)
	}
	d := between(o, deeper, share[0], share[1])
	VFMADD231PS(between(p, rows, share[2], share[3]), d, acc)
	for _, pointer := range []reg.GPVirtual{o, p, mask} {
		ADDQ(U8(4*l.lanes), pointer)
	}
	CMPQ(p, last)
	JB(LabelRef("components"))
	if l.lanes == 16 {
		h := YMM()
		VEXTRACTF64X4(U8(1), acc, h)
		VADDPS(acc.AsY(), h, h)
		acc = h
	}
	h := XMM()
	l.extract(acc, h)
	VADDPS(acc.AsX(), h, h)
	return h
}
