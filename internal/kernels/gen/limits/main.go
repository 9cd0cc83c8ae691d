// Command limits writes the loops of package limits.
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
		l.fma()
		l.read()
		l.fill()
		l.copy()
		l.triad()
		l.gather()
		l.gatherPairs()
	}
	Generate()
}

const chains = 12 // enough that no multiplication waits for the one before it

// fma is acc ← acc·x + y in as many chains as keep the units busy.
func (l level) fma() {
	TEXT("fma"+l.suffix, NOSPLIT, "func(xy *float32, n int)")
	Doc("fma" + l.suffix + " does n turns of 12 vector FMAs; it converges for |xy[0]| < 1.")
	xy := Load(Param("xy"), GP64())
	n := Load(Param("n"), GP64())
	x, y := l.wide(), l.wide()
	VBROADCASTSS(Mem{Base: xy}, x)
	VBROADCASTSS(Mem{Base: xy, Disp: 4}, y)
	acc := make([]reg.VecVirtual, chains)
	for i := range acc {
		acc[i] = l.wide()
		VMOVAPS(y, acc[i])
	}
	Label("next")
	for _, a := range acc {
		VFMADD213PS(y, x, a)
	}
	DECQ(n)
	JNZ(LabelRef("next"))
	VZEROUPPER()
	RET()
}

const unroll = 8 // vectors a turn of the loops over memory

// loop is body for each of the vectors of a turn; n floats in all, a multiple of
// a turn.
func (l level) loop(pointers []reg.GPVirtual, n reg.GPVirtual, body func(at func(p reg.GPVirtual) Mem)) {
	turn := l.lanes * unroll
	shift := uint8(6)
	if l.lanes == 16 {
		shift = 7
	}
	SHRQ(U8(shift), n)
	Label("next")
	for i := range unroll {
		body(func(p reg.GPVirtual) Mem { return Mem{Base: p, Disp: 4 * l.lanes * i} })
	}
	for _, p := range pointers {
		ADDQ(U32(4*turn), p)
	}
	DECQ(n)
	JNZ(LabelRef("next"))
	VZEROUPPER()
	RET()
}

func pointer(name string) reg.GPVirtual { return Load(Param(name), GP64()).(reg.GPVirtual) }

func (l level) read() {
	TEXT("read"+l.suffix, NOSPLIT, "func(src *float32, n int)")
	Doc("read" + l.suffix + " loads src; n is a multiple of 128.")
	src, n := pointer("src"), pointer("n")
	l.loop([]reg.GPVirtual{src}, n, func(at func(reg.GPVirtual) Mem) { VMOVUPS(at(src), l.wide()) })
}

func (l level) fill() {
	TEXT("fill"+l.suffix, NOSPLIT, "func(dst *float32, n int)")
	Doc("fill" + l.suffix + " stores zeros in dst; n is a multiple of 128.")
	dst, n := pointer("dst"), pointer("n")
	zero := l.wide()
	VXORPS(zero, zero, zero)
	l.loop([]reg.GPVirtual{dst}, n, func(at func(reg.GPVirtual) Mem) { VMOVUPS(zero, at(dst)) })
}

func (l level) copy() {
	TEXT("copy"+l.suffix, NOSPLIT, "func(dst, src *float32, n int)")
	Doc("copy" + l.suffix + " copies src to dst; n is a multiple of 128.")
	dst, src, n := pointer("dst"), pointer("src"), pointer("n")
	l.loop([]reg.GPVirtual{dst, src}, n, func(at func(reg.GPVirtual) Mem) {
		x := l.wide()
		VMOVUPS(at(src), x)
		VMOVUPS(x, at(dst))
	})
}

func (l level) triad() {
	TEXT("triad"+l.suffix, NOSPLIT, "func(dst, a, b *float32, n int)")
	Doc("triad" + l.suffix + " is dst ← a·a + b; n is a multiple of 128.")
	dst, a, b, n := pointer("dst"), pointer("a"), pointer("b"), pointer("n")
	l.loop([]reg.GPVirtual{dst, a, b}, n, func(at func(reg.GPVirtual) Mem) {
		x := l.wide()
		VMOVUPS(at(a), x)
		VFMADD213PS(at(b), x, x)
		VMOVUPS(x, at(dst))
	})
}

// gather looks up a vector of indices a turn, four turns unrolled.
func (l level) gather() {
	TEXT("gather"+l.suffix, NOSPLIT, "func(table *float32, index *int32, n int)")
	Doc("gather" + l.suffix + " loads table[index[i]] for n indices, a multiple of 64.")
	table, index, n := pointer("table"), pointer("index"), pointer("n")
	shift := uint8(5)
	if l.lanes == 16 {
		shift = 6
	}
	SHRQ(U8(shift), n)
	Label("next")
	for i := range 4 {
		at, x := l.wide(), l.wide()
		l.load(Mem{Base: index, Disp: 4 * l.lanes * i}, at)
		VXORPS(x, x, x) // the result depends on no earlier one
		where := Mem{Base: table, Index: at, Scale: 4}
		if l.lanes == 16 {
			k := K()
			KXNORW(k, k, k)
			VGATHERDPS(where, k, x)
		} else {
			mask := l.wide()
			VPCMPEQD(mask, mask, mask)
			VGATHERDPS(mask, where, x)
		}
	}
	ADDQ(U32(16*l.lanes), index)
	DECQ(n)
	JNZ(LabelRef("next"))
	VZEROUPPER()
	RET()
}

// gatherPairs looks up two neighbours at once, as bilinear interpolation needs.
func (l level) gatherPairs() {
	TEXT("gatherPairs"+l.suffix, NOSPLIT, "func(table *float32, index *int32, n int)")
	Doc("gatherPairs" + l.suffix + " loads table[index[i]] and its neighbour for n indices, a multiple of 64.")
	table, index, n := pointer("table"), pointer("index"), pointer("n")
	pairs := l.lanes / 2
	shift := uint8(4)
	if l.lanes == 16 {
		shift = 5
	}
	SHRQ(U8(shift), n)
	Label("next")
	for i := range 4 {
		x := l.wide()
		VXORPS(x, x, x)
		if l.lanes == 16 {
			at, k := YMM(), K()
			VMOVDQU(Mem{Base: index, Disp: 4 * pairs * i}, at)
			KXNORW(k, k, k)
			VGATHERDPD(Mem{Base: table, Index: at, Scale: 4}, k, x)
		} else {
			at, mask := XMM(), l.wide()
			VMOVDQU(Mem{Base: index, Disp: 4 * pairs * i}, at)
			VPCMPEQD(mask, mask, mask)
			VGATHERDPD(mask, Mem{Base: table, Index: at, Scale: 4}, x)
		}
	}
	ADDQ(U32(16*pairs), index)
	DECQ(n)
	JNZ(LabelRef("next"))
	VZEROUPPER()
	RET()
}

func (l level) load(from Mem, to reg.VecVirtual) {
	if l.lanes == 16 {
		VMOVDQU32(from, to)
		return
	}
	VMOVDQU(from, to)
}
