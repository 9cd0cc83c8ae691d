package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// searcher is the kernel that searches for the points of a group.
type searcher struct {
	kernel
	scattered bool // each point anywhere; else one cell after the other along x

	ints32                          reg.GPVirtual // group, so moved that indices of these lanes are at spanAt and cellAt
	whole                           reg.GPVirtual // group
	doses, least, most              reg.GPVirtual
	place, apart                    reg.GPVirtual // of the neighbour at hand
	live, failed, once, home, found variable
}

func search(wide, scattered bool) {
	k := &searcher{kernel: kernel{wide: wide}, scattered: scattered}
	name, level := "searchContiguous", "AVX2"
	if scattered {
		name = "searchScattered"
	}
	if wide {
		level = "AVX512"
	}
	TEXT(name+level, NOSPLIT, "func(v *float64, dose, least, most *float32, place *float64, apart *int32, queue *float64)")
	Doc(name + level + " searches for the points of the group that begins at v among the neighbours given, and puts cells off into the queue.")
	k.whole = Load(Param("v"), GP64()).(reg.GPVirtual)
	k.doses = Load(Param("dose"), GP64()).(reg.GPVirtual)
	k.least = Load(Param("least"), GP64()).(reg.GPVirtual)
	k.most = Load(Param("most"), GP64()).(reg.GPVirtual)
	k.place, k.apart = GP64(), GP64()
	k.halves(k.lanesOnce, func() variable { return k.found })
}

// lanesOnce searches for the points of one vector.
func (k *searcher) lanesOnce() {
	k.store(k.load(best), cut)
	k.reach()
	for i := range 3 {
		k.store(k.load(fx+i), x+i)
	}
	k.store(k.zero(), lambda)
	k.store(k.zero(), overflow)
	nowhere := k.ints()
	VPCMPEQD(nowhere, nowhere, nowhere)
	VPSRLD(U8(1), nowhere, nowhere)
	VMOVDQU(nowhere, k.row(settled))
	k.found.clear()
	k.home.clear()
	k.failed.clear()
	k.predict()
	k.settle("predicted")

	Label("predicted")
	// The cell that was predicted needs no second visit where it is settled.
	done := k.without(k.home.get(), k.failed.get())
	at := k.ints()
	VMOVDQU(k.row(apartAt), at)
	old := k.ints()
	VMOVDQU(k.row(settled), old)
	n := k.narrow(done)
	if k.wide {
		VMOVDQU32(at, n, old)
	} else {
		VBLENDVPS(n, at, old, old)
	}
	VMOVDQU(old, k.row(settled))

	Label("unpredicted")
	Load(Param("place"), k.place)
	Load(Param("apart"), k.apart)
	JMP(LabelRef("neighbour"))

	Label("next")
	ADDQ(U8(32), k.place)
	ADDQ(U8(8), k.apart)
	Label("neighbour")
	k.neighbour()

	k.glance()
	k.putOff()
	JMP(LabelRef("next"))

	Label("done")
	b := k.load(best)
	k.found.set(k.or(k.found.get(), k.compare(less, b, k.row(limit))))
}

// index is the indices of the home cells' spans (spanAt) or cells (cellAt).
func (k *searcher) index(at int) reg.VecVirtual {
	v := k.ints()
	VMOVDQU(Mem{Base: k.ints32, Disp: at}, v)
	return v
}

// predict takes the Gauss–Newton step from the home cell and goes on to settle
// the cell that it leads to.
func (k *searcher) predict() {
	b := k.load(best)
	active := k.compare(greater, b, k.row(stop))
	k.home.set(active)
	low, high := k.vector(), k.vector()
	home := GP64()
	if k.scattered {
		low, high = k.gather(k.least, k.index(spanAt), k.home.get()), k.gather(k.most, k.index(spanAt), k.home.get())
	} else {
		MOVLQSX(Mem{Base: k.ints32, Disp: spanAt}, home)
		VCVTPS2PD(Mem{Base: k.least, Index: home, Scale: 4}, low)
		VCVTPS2PD(Mem{Base: k.most, Index: home, Scale: 4}, high)
	}
	k.home.set(k.and(k.home.get(), k.compare(atMost, low, high)))
	k.unless(k.home.get(), "unpredicted")
	zero := k.zero()
	for i := range 3 {
		k.store(zero, relX+i)
		f := k.load(fx + i)
		k.store(f, rx+i)
		k.store(k.clamp(f, zero, k.row(wx+i)), ux+i)
	}
	if k.scattered {
		k.corners(k.index(cellAt), k.home)
	} else {
		MOVLQSX(Mem{Base: k.ints32, Disp: cellAt}, home)
		k.consecutive(home)
	}
	tt, g, g2 := k.value(k.load(ux), k.load(uy), k.load(uz))
	k.store(tt, t)
	k.store(g2, gamma2)
	for i := range 3 {
		k.store(g[i], gx+i)
	}
	k.improve(k.home.get())

	den := k.load(one)
	var d [3]reg.VecVirtual
	for i := range 3 {
		gr := k.load(gx + i)
		d[i] = k.mul(gr, k.row(ik2x+i))
		k.fma(den, gr, d[i])
	}
	step := k.quotient(k.load(t), den)
	var at [3]reg.VecVirtual
	for i := range 3 {
		p := k.load(ux + i)
		k.fnma(p, step, d[i])
		down := k.vector()
		if k.wide {
			VRNDSCALEPD(U8(floor), p, down)
		} else {
			VROUNDPD(U8(floor), p, down)
		}
		at[i] = k.clamp(down, k.row(minusMX+i), k.row(mx+i))
		k.store(at[i], relX+i)
		f := k.load(fx + i)
		k.store(k.sub(f, at[i]), rx+i)
		k.store(k.sub(p, at[i]), ux+i)
	}
	span := k.distance(at, spanY)
	VMOVDQU(span, k.row(apartAt))
	VPADDD(Mem{Base: k.ints32, Disp: spanAt}, span, span)
	low, high = k.gather(k.least, span, k.home.get()), k.gather(k.most, span, k.home.get())
	k.home.set(k.and(k.home.get(), k.compare(atMost, low, high)))
	k.unless(k.home.get(), "unpredicted")
	for i := range 3 {
		at[i] = k.load(relX + i)
	}
	cell := k.distance(at, cellY)
	VPADDD(Mem{Base: k.ints32, Disp: cellAt}, cell, cell)
	k.corners(cell, k.home)
	k.live.set(k.home.get())
}

// distance is x + y·row + z·layer in whole numbers.
func (k *searcher) distance(at [3]reg.VecVirtual, strideY int) reg.VecVirtual {
	sum := k.vector()
	VMOVAPD(at[0], sum)
	k.fma(sum, at[1], k.row(strideY))
	k.fma(sum, at[2], k.row(strideY+1))
	n := k.ints()
	if k.wide {
		VCVTPD2DQ(sum, n)
	} else {
		VCVTPD2DQY(sum, n)
	}
	return n
}

// neighbour goes on to settle the neighbour at hand where it may hold
// something better, or to done.
func (k *searcher) neighbour() {
	b := k.load(best)
	near := k.broadcast(Mem{Base: k.place})
	if k.scattered {
		k.unless(k.compare(less, near, b), "done")
		d2 := k.zero()
		for i := range 3 {
			d, f := k.broadcast(Mem{Base: k.place, Disp: 8 + 8*i}), k.load(fx+i)
			out := k.max(k.sub(d, f), k.zero())
			out = k.max(k.sub(k.sub(f, d), k.row(wx+i)), out)
			k.fma(d2, k.mul(out, out), k.row(k2x+i))
		}
		near = d2
	}
	closer := k.compare(less, near, b)
	low, high := k.vector(), k.vector()
	if k.scattered {
		k.unless(closer, "next")
		index := k.ints()
		VPBROADCASTD(Mem{Base: k.apart}, index)
		VPADDD(Mem{Base: k.ints32, Disp: spanAt}, index, index)
		low, high = k.gather(k.least, index, closer), k.gather(k.most, index, closer)
	} else {
		k.unless(closer, "done")
		i, home := GP64(), GP64()
		MOVLQSX(Mem{Base: k.apart}, i)
		MOVLQSX(Mem{Base: k.ints32, Disp: spanAt}, home)
		ADDQ(home, i)
		VCVTPS2PD(Mem{Base: k.least, Index: i, Scale: 4}, low)
		VCVTPS2PD(Mem{Base: k.most, Index: i, Scale: 4}, high)
	}
	data := k.and(closer, k.compare(atMost, low, high))
	k.found.set(k.or(k.found.get(), data))
	dd := k.load(dose)
	over := k.max(k.sub(low, dd), k.zero())
	over = k.mul(k.max(k.sub(dd, high), over), k.row(scale))
	k.fma(near, over, over)
	visit := k.and(data, k.compare(less, near, k.row(cut)))
	k.unless(visit, "next")
	k.live.set(visit)
	here := k.ints()
	VPBROADCASTD(Mem{Base: k.apart}, here)
	if k.wide {
		other := K()
		VPCMPD(U8(4), k.row(settled), here, other)
		k.live.set(k.and(k.live.get(), other))
	} else {
		same, same64 := XMM(), YMM()
		VPCMPEQD(k.row(settled), here, same)
		VPMOVSXDQ(same, same64)
		k.live.set(k.without(k.live.get(), same64))
	}
	k.unless(k.live.get(), "next")

	for i := range 3 {
		d := k.broadcast(Mem{Base: k.place, Disp: 8 + 8*i})
		k.store(d, relX+i)
		k.store(k.sub(k.load(fx+i), d), rx+i)
		k.store(k.sub(k.load(x+i), d), ux+i)
	}
	if k.scattered {
		index := k.ints()
		VPBROADCASTD(Mem{Base: k.apart, Disp: 4}, index)
		VPADDD(Mem{Base: k.ints32, Disp: cellAt}, index, index)
		k.corners(index, k.live)
	} else {
		i, home := GP64(), GP64()
		MOVLQSX(Mem{Base: k.apart, Disp: 4}, i)
		MOVLQSX(Mem{Base: k.ints32, Disp: cellAt}, home)
		ADDQ(home, i)
		k.consecutive(i)
	}
}

// consecutive loads cells that follow one another along x, the first at an index.
func (k *searcher) consecutive(i reg.Register) {
	at := GP64()
	LEAQ(Mem{Base: k.doses, Index: i, Scale: 4}, at)
	k.coefficients(func(at reg.Register) reg.VecVirtual {
		v := k.vector()
		VCVTPS2PD(Mem{Base: at}, v)
		return v
	}, at)
}

// corners loads the cells at the indices where the mask is set.
func (k *searcher) corners(index reg.VecVirtual, m variable) {
	at := GP64()
	MOVQ(k.doses, at)
	k.coefficients(func(at reg.Register) reg.VecVirtual { return k.gather(at, index, m.get()) }, at)
}

// coefficients reads the eight corners of a cell and writes t as a polynomial.
func (k *searcher) coefficients(corner func(at reg.Register) reg.VecVirtual, at reg.GPVirtual) {
	step := func(axis int) Mem { return Mem{Base: k.whole, Disp: stepAt + 8*axis} }
	e000 := corner(at)
	ADDQ(step(0), at)
	e100 := corner(at)
	ADDQ(step(1), at)
	e110 := corner(at)
	SUBQ(step(0), at)
	e010 := corner(at)
	ADDQ(step(2), at)
	e011 := corner(at)
	ADDQ(step(0), at)
	e111 := corner(at)
	SUBQ(step(1), at)
	e101 := corner(at)
	SUBQ(step(0), at)
	e001 := corner(at)
	q := k.load(scale)
	keep := func(v Op, i int) { k.store(k.mul(q, v), i) }
	dx, dy, dz := k.sub(e100, e000), k.sub(e010, e000), k.sub(e001, e000)
	keep(k.sub(e000, k.row(dose)), c)
	xy := k.sub(k.sub(e110, e010), dx)
	keep(k.sub(k.sub(k.sub(e111, e011), k.sub(e101, e001)), xy), cxyz)
	keep(xy, cxy)
	keep(k.sub(k.sub(e101, e001), dx), cxz)
	keep(k.sub(k.sub(e011, e001), dy), cyz)
	keep(dx, cx)
	keep(dy, cy)
	keep(dz, cz)
}

// value is t, its gradient and γ² at u.
func (k *searcher) value(u0, u1, u2 reg.VecVirtual) (tt reg.VecVirtual, g [3]reg.VecVirtual, g2 reg.VecVirtual) {
	along := k.load(cx)
	k.fma(along, u1, k.row(cxy))
	mixed := k.load(cxz)
	k.fma(mixed, u1, k.row(cxyz))
	tt = k.load(c)
	k.fma(tt, u0, along)
	k.fma(tt, u1, k.row(cy))
	k.fma(along, u2, mixed)
	yz := k.load(cyz)
	k.fma(yz, u0, k.row(cxyz))
	acrossY, acrossZ := k.load(cy), k.load(cz)
	k.fma(acrossY, u0, k.row(cxy))
	k.fma(acrossY, u2, yz)
	k.fma(acrossZ, u0, k.row(cxz))
	k.fma(acrossZ, u1, yz)
	k.fma(tt, u2, acrossZ)
	g2 = k.mul(tt, tt)
	for i, u := range []reg.VecVirtual{u0, u1, u2} {
		o := k.sub(u, k.row(rx+i))
		k.fma(g2, k.mul(o, o), k.row(k2x+i))
	}
	return tt, [3]reg.VecVirtual{along, acrossY, acrossZ}, g2
}

// improve makes u the best point in the lanes of the mask where it is.
func (k *searcher) improve(m Op) {
	g2 := k.load(gamma2)
	better := k.and(m, k.compare(less, g2, k.row(best)))
	skip := k.label("improved")
	k.unless(better, skip)
	k.replace(better, best, g2)
	k.replace(better, lambda, k.load(t))
	for i := range 3 {
		k.replace(better, x+i, k.add(k.load(ux+i), k.row(relX+i)))
	}
	// A lower bound need reach nothing once the best is good enough.
	reach := k.mul(g2, k.row(keep))
	over := k.compare(greater, g2, k.row(stop))
	k.replace(better, cut, k.blend(over, k.zero(), reach))
	k.reach()
	Label(skip)
}

// glance looks at one place of each cell and keeps the lanes alive that this
// does not settle.
func (k *searcher) glance() {
	k.within()
	tt, g, g2 := k.value(k.load(ux), k.load(uy), k.load(uz))
	k.store(tt, t)
	for i := range 3 {
		k.store(g[i], gx+i)
	}
	k.store(g2, gamma2)
	k.improve(k.live.get())
	k.twist()
	k.settledBy(k.bound(k.load(lambda)))
}

// settle is a projected Newton iteration in the cell that ends at a label, with
// the lanes that it does not settle in failed.
func (k *searcher) settle(end string) {
	k.failed.clear()
	k.once.clear()
	k.glance()
	k.unless(k.live.get(), end)
	steps := GP64()
	MOVQ(U32(6), steps)
	JMP(LabelRef("first"))

	Label("iterate")
	k.twist()
	Label("first")
	k.settledBy(k.bound(k.load(t)))
	k.unless(k.live.get(), end)
	far := k.load(convex)
	beyond := k.compare(greater, k.abs(k.load(t)), far)
	k.unless(k.and(beyond, k.live.get()), "newton")
	near := k.sub(k.zero(), far)
	k.settledBy(k.bound(k.clamp(k.load(t), near, far)))
	k.unless(k.live.get(), end)
	Label("newton")
	k.newton()
	k.accept()
	k.unless(k.live.get(), end)
	DECQ(steps)
	JNZ(LabelRef("iterate"))
	k.failed.set(k.or(k.failed.get(), k.live.get()))
}

// settleCells is the kernel that settles a cell for each point of a group.
func settleCells(wide bool) {
	k := &searcher{kernel: kernel{wide: wide}, scattered: true}
	name := "settleCellsAVX2"
	if wide {
		name = "settleCellsAVX512"
	}
	TEXT(name, NOSPLIT, "func(v *float64, dose *float32)")
	Doc(name + " settles the cell of each point of the group that begins at v.")
	k.whole = Load(Param("v"), GP64()).(reg.GPVirtual)
	k.doses = Load(Param("dose"), GP64()).(reg.GPVirtual)
	k.halves(func() {
		k.reach()
		over := k.compare(greater, k.load(best), k.row(stop))
		k.store(k.blend(over, k.zero(), k.mul(k.load(best), k.row(keep))), cut)
		k.live.set(over)
		k.failed.clear()
		k.unless(over, "settled")
		for i := range 3 {
			at := k.load(relX + i)
			k.store(k.sub(k.load(fx+i), at), rx+i)
			k.store(k.sub(k.load(x+i), at), ux+i)
		}
		k.corners(k.index(cellAt), k.live)
		k.settle("settled")
		Label("settled")
	}, func() variable { return k.failed })
}

// halves runs a body once for the lanes of AVX-512, or twice for those of
// AVX2, and writes the mask that it leaves as bits.
func (k *searcher) halves(body func(), result func() variable) {
	k.group, k.ints32 = GP64(), GP64()
	MOVQ(k.whole, k.group)
	MOVQ(k.whole, k.ints32)
	k.live, k.once = k.variable(0, true), k.variable(1, true)
	k.failed, k.home, k.found = k.variable(2, false), k.variable(3, false), k.variable(4, false)
	at := Mem{Base: k.whole, Disp: bitsAt}
	if k.wide {
		body()
		MOVQ(k.bits(result().get()).As64(), at)
	} else {
		MOVQ(U32(0), at)
		Label("half")
		body()
		b := k.bits(result().get())
		CMPQ(k.group, k.whole)
		JE(LabelRef("low"))
		SHLL(U8(4), b)
		ORL(b, at)
		JMP(LabelRef("return"))
		Label("low")
		ORL(b, at)
		ADDQ(U8(32), k.group)
		ADDQ(U8(16), k.ints32)
		JMP(LabelRef("half"))
		Label("return")
	}
	VZEROUPPER()
	RET()
}

// putOff queues the cell at hand for the lanes that live.
func (k *searcher) putOff() {
	left := k.bits(k.live.get())
	Label("put")
	TESTL(left, left)
	JZ(LabelRef("next"))
	lane := GP64()
	BSFL(left, lane.As32())
	rest := GP32()
	LEAL(Mem{Base: left.As64(), Disp: -1}, rest)
	ANDL(rest, left)
	n, to, column := GP64(), GP64(), GP64()
	queued := Mem{Base: k.whole, Disp: queuedAt}
	MOVQ(queued, n)
	CMPQ(n, U32(slots*8))
	JGE(LabelRef("full"))
	INCQ(queued)
	MOVQ(n, to)
	SHRQ(U8(3), to)
	IMUL3Q(U32(slotSize), to, to)
	queue := Load(Param("queue"), GP64())
	ADDQ(queue, to)
	ANDQ(U8(7), n)
	LEAQ(Mem{Base: to, Index: n, Scale: 8}, column)
	number := GP64()
	for i := range slotRows {
		MOVQ(Mem{Base: k.group, Index: lane, Scale: 8, Disp: 64 * i}, number)
		MOVQ(number, Mem{Base: column, Disp: 64 * i})
	}
	LEAQ(Mem{Base: to, Index: n, Scale: 4}, column)
	MOVL(Mem{Base: k.ints32, Index: lane, Scale: 4, Disp: cellAt}, number.As32())
	ADDL(Mem{Base: k.apart, Disp: 4}, number.As32())
	MOVL(number.As32(), Mem{Base: column, Disp: slotCell})
	// Lanes count from the group's first, those of this half from its own.
	MOVQ(k.group, number)
	SUBQ(k.whole, number)
	SHRQ(U8(3), number)
	ADDQ(lane, number)
	ADDQ(Mem{Base: k.whole, Disp: firstAt}, number)
	MOVL(number.As32(), Mem{Base: column, Disp: slotPoint})
	JMP(LabelRef("put"))

	Label("full")
	one64 := GP64()
	MOVQ(k.whole, one64)
	MOVQ(Mem{Base: one64, Disp: 64 * one}, one64)
	MOVQ(one64, Mem{Base: k.group, Index: lane, Scale: 8, Disp: 64 * overflow})
	JMP(LabelRef("put"))
}

// settledBy lets go of the lanes whose lower bound is enough, or whose best is.
func (k *searcher) settledBy(bound reg.VecVirtual) {
	reach := k.load(cut)
	k.live.set(k.without(k.live.get(), k.compare(atLeast, bound, reach)))
	k.live.set(k.and(k.live.get(), k.compare(greater, reach, k.zero())))
}

// reach is how far away, in cells, something better can lie.
func (k *searcher) reach() {
	reach := k.vector()
	VSQRTPD(k.row(best), reach)
	for i := range 3 {
		k.store(k.mul(reach, k.row(ikX+i)), reachX+i)
	}
}

// within leaves out what lies further away than the best, and moves u inside.
func (k *searcher) within() {
	for i := range 3 {
		r, zero, width, out := k.load(rx+i), k.zero(), k.load(wx+i), k.load(reachX+i)
		low := k.clamp(k.sub(r, out), zero, width)
		high := k.clamp(k.add(r, out), zero, width)
		k.store(low, lowX+i)
		k.store(high, highX+i)
		k.store(k.clamp(k.load(ux+i), low, high), ux+i)
	}
}

func (k *searcher) twist() {
	pair := func(linear, axis int, over int) reg.VecVirtual {
		u := k.load(ux + axis)
		mixed := func(end int) reg.VecVirtual {
			at := k.vector()
			VMOVAPD(u, at)
			k.fma(at, k.sub(k.load(end), u), k.row(third))
			h := k.load(linear)
			k.fma(h, at, k.row(cxyz))
			return k.abs(h)
		}
		return k.mul(k.max(mixed(lowX+axis), mixed(highX+axis)), k.row(over))
	}
	xy, xz, yz := pair(cxy, 2, ikz), pair(cxz, 1, iky), pair(cyz, 0, ikx)
	tx, ty, tz := k.add(xy, xz), k.add(xy, yz), k.add(xz, yz)
	k.store(tx, twistX)
	k.store(ty, twistY)
	k.store(tz, twistZ)
	k.store(k.quotient(k.load(one), k.max(k.max(tx, ty), tz)), convex)
}

// bound is a lower bound of γ² in the cell.
func (k *searcher) bound(l reg.VecVirtual) reg.VecVirtual {
	tt := k.load(t)
	sum := k.mul(k.sub(k.add(tt, tt), l), l)
	size := k.abs(l)
	for i := range 3 {
		u := k.load(ux + i)
		o := k.sub(u, k.row(rx+i))
		p := k.mul(o, k.row(k2x+i))
		k.fma(sum, p, o)
		k.fma(p, l, k.row(gx+i))
		q := k.load(one)
		k.fnma(q, size, k.row(twistX+i))
		q = k.mul(q, k.row(k2x+i))
		low, high := k.sub(k.load(lowX+i), u), k.sub(k.load(highX+i), u)
		inner := k.clamp(k.quotient(k.sub(k.zero(), p), q), low, high)
		p = k.add(p, p)
		term := func(d reg.VecVirtual) reg.VecVirtual {
			e := k.vector()
			VMOVAPD(p, e)
			k.fma(e, q, d)
			return k.mul(e, d)
		}
		least := term(inner)
		convex := k.compare(greater, q, k.zero())
		skip := k.label("convex")
		k.unless(k.without(k.live.get(), convex), skip)
		VMOVUPD(k.blend(convex, k.min(term(low), term(high)), least), least)
		Label(skip)
		sum = k.add(sum, least)
	}
	return sum
}

// newton leaves the step in px, py, pz.
func (k *searcher) newton() {
	tt := k.load(t)
	for i := range 3 {
		o := k.sub(k.load(ux+i), k.row(rx+i))
		p := k.mul(o, k.row(k2x+i))
		k.fma(p, tt, k.row(gx+i))
		k.store(p, px+i)
		h := k.load(k2x + i)
		gr := k.load(gx + i)
		k.fma(h, gr, gr)
		k.store(h, hxx+i)
	}
	for i, m := range [3][4]int{{gx, gy, cxy, uz}, {gx, gz, cxz, uy}, {gy, gz, cyz, ux}} {
		h := k.mul(k.load(m[0]), k.row(m[1]))
		k.store(h, nxy+i)
		mixed := k.load(m[2])
		k.fma(mixed, k.load(m[3]), k.row(cxyz))
		k.fma(h, tt, mixed)
		k.store(h, hxy+i)
	}
	// An axis is held where u is on the edge and γ² falls outward.
	for i, mixed := range [3][2]int{{0, 1}, {0, 2}, {1, 2}} {
		zero := k.zero()
		u, p := k.load(ux+i), k.load(px+i)
		low := k.and(k.compare(atMost, u, k.row(lowX+i)), k.compare(atLeast, p, zero))
		high := k.and(k.compare(atLeast, u, k.row(highX+i)), k.compare(atMost, p, zero))
		held := k.or(low, high)
		k.replace(held, px+i, zero)
		for _, j := range mixed {
			k.replace(held, hxy+j, zero)
			k.replace(held, nxy+j, zero)
		}
	}
	k.solve(func(definite Op) {
		lacking := k.without(k.live.get(), definite)
		k.unless(lacking, "step")
		for i := range 3 {
			k.replace(lacking, hxy+i, k.load(nxy+i))
		}
	})
	k.solve(nil)
	Label("step")
}

// solve is H·d = −p by LDLᵀ, with d in the rows of the place to try.
func (k *searcher) solve(check func(definite Op)) {
	inverse := k.quotient(k.load(one), k.row(hxx))
	lyx, lzx := k.mul(inverse, k.row(hxy)), k.mul(inverse, k.row(hxz))
	yy, yz := k.load(hyy), k.load(hyz)
	k.fnma(yy, lyx, k.row(hxy))
	k.fnma(yz, lyx, k.row(hxz))
	lzy := k.quotient(yz, yy)
	zz := k.load(hzz)
	k.fnma(zz, lzx, k.row(hxz))
	k.fnma(zz, lzy, yz)
	p0, p1, p2 := k.load(px), k.load(py), k.load(pz)
	k.fnma(p1, lyx, p0)
	k.fnma(p2, lzx, p0)
	k.fnma(p2, lzy, p1)
	dz := k.quotient(k.sub(k.zero(), p2), zz)
	dy := k.quotient(k.sub(k.zero(), p1), yy)
	k.fnma(dy, lzy, dz)
	dx := k.mul(k.sub(k.zero(), p0), inverse)
	k.fnma(dx, lyx, dy)
	k.fnma(dx, lzx, dz)
	k.store(dx, stepX)
	k.store(dy, stepY)
	k.store(dz, stepZ)
	if check != nil {
		y := k.compare(greater, yy, k.mul(k.load(definite), k.row(hyy)))
		z := k.compare(greater, zz, k.mul(k.load(definite), k.row(hzz)))
		check(k.and(y, z))
	}
}

// accept goes to where the step leads in the lanes where γ² is lower there; of
// the others it keeps those that may try a quarter of the step.
func (k *searcher) accept() {
	var v [3]reg.VecVirtual
	again := k.once.get()
	factor := k.blend(again, k.load(one), k.load(quarter))
	for i := range 3 {
		v[i] = k.load(ux + i)
		k.fma(v[i], factor, k.row(stepX+i))
		v[i] = k.clamp(v[i], k.row(lowX+i), k.row(highX+i))
		k.store(v[i], stepX+i)
	}
	tt, g, g2 := k.value(v[0], v[1], v[2])
	lower := k.compare(less, g2, k.mul(k.load(drop), k.row(gamma2)))
	accepted := k.and(lower, k.live.get())
	k.replace(accepted, t, tt)
	k.replace(accepted, gamma2, g2)
	for i := range 3 {
		k.replace(accepted, gx+i, g[i])
		k.replace(accepted, ux+i, k.load(stepX+i))
	}
	left := k.without(k.live.get(), accepted)
	given := k.and(left, k.once.get())
	k.failed.set(k.or(k.failed.get(), given))
	k.once.set(k.without(left, given))
	k.live.set(k.without(k.live.get(), given))
	k.improve(k.live.get())
}
