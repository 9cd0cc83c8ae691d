package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// kernel is a kernel on one level: eight lanes of AVX-512, or four of AVX2.
type kernel struct {
	wide   bool
	group  reg.GPVirtual // the rows of these lanes
	labels int
}

func (k *kernel) lanes() int {
	if k.wide {
		return 8
	}
	return 4
}

// label is a name that no other label has.
func (k *kernel) label(name string) string {
	k.labels++
	return name + string(rune('a'+k.labels/26)) + string(rune('a'+k.labels%26))
}

// vector is a register of float64; ints one of as many int32, or float32.
func (k *kernel) vector() reg.VecVirtual {
	if k.wide {
		return ZMM()
	}
	return YMM()
}

func (k *kernel) ints() reg.VecVirtual {
	if k.wide {
		return YMM()
	}
	return XMM()
}

func (k *kernel) row(i int) Mem { return Mem{Base: k.group, Disp: 64 * i} }

func (k *kernel) load(i int) reg.VecVirtual {
	v := k.vector()
	VMOVUPD(k.row(i), v)
	return v
}

func (k *kernel) store(v Op, i int) { VMOVUPD(v, k.row(i)) }

func (k *kernel) zero() reg.VecVirtual {
	v := k.vector()
	VXORPD(v, v, v)
	return v
}

func (k *kernel) broadcast(from Op) reg.VecVirtual {
	v := k.vector()
	VBROADCASTSD(from, v)
	return v
}

// Of two operands the second may be a row; a and b as in a − b.
func (k *kernel) add(a, b Op) reg.VecVirtual { v := k.vector(); VADDPD(b, a, v); return v }
func (k *kernel) sub(a, b Op) reg.VecVirtual { v := k.vector(); VSUBPD(b, a, v); return v }
func (k *kernel) mul(a, b Op) reg.VecVirtual { v := k.vector(); VMULPD(b, a, v); return v }
func (k *kernel) min(a, b Op) reg.VecVirtual { v := k.vector(); VMINPD(b, a, v); return v }
func (k *kernel) max(a, b Op) reg.VecVirtual { v := k.vector(); VMAXPD(b, a, v); return v }
func (k *kernel) abs(a Op) reg.VecVirtual    { v := k.vector(); VANDPD(k.row(magnitude), a, v); return v }

// quotient is a/b as float32: a place to look at, or a step, need be no more
// exact.
func (k *kernel) quotient(a, b Op) reg.VecVirtual {
	over, under, v := k.ints(), k.ints(), k.vector()
	if k.wide {
		VCVTPD2PS(a, over)
		VCVTPD2PS(b, under)
	} else {
		VCVTPD2PSY(a, over)
		VCVTPD2PSY(b, under)
	}
	VDIVPS(under, over, over)
	VCVTPS2PD(over, v)
	return v
}

// fma is acc + a·b in place of acc, fnma acc − a·b.
func (k *kernel) fma(acc, a, b Op) Op  { VFMADD231PD(b, a, acc); return acc }
func (k *kernel) fnma(acc, a, b Op) Op { VFNMADD231PD(b, a, acc); return acc }

func (k *kernel) clamp(v, low, high Op) reg.VecVirtual { return k.min(k.max(v, low), high) }

// Comparisons, none of which holds where there is no number.
const (
	less     = 0x11
	atMost   = 0x12
	atLeast  = 0x1d
	greater  = 0x1e
	equal    = 0x00
	floor    = 0x09
	lessInts = 6
)

// compare is the mask of the lanes where a and b, which may be a row, compare.
func (k *kernel) compare(how uint8, a, b Op) reg.Register {
	if k.wide {
		m := K()
		VCMPPD(U8(how), b, a, m)
		return m
	}
	m := YMM()
	VCMPPD(U8(how), b, a, m)
	return m
}

func (k *kernel) and(a, b Op) reg.Register {
	if k.wide {
		m := K()
		KANDB(a, b, m)
		return m
	}
	m := YMM()
	VANDPD(a, b, m)
	return m
}

func (k *kernel) or(a, b Op) reg.Register {
	if k.wide {
		m := K()
		KORB(a, b, m)
		return m
	}
	m := YMM()
	VORPD(a, b, m)
	return m
}

// without is a and not b.
func (k *kernel) without(a, b Op) reg.Register {
	if k.wide {
		m := K()
		KANDNB(a, b, m)
		return m
	}
	m := YMM()
	VANDNPD(a, b, m)
	return m
}

// blend is b where the mask is set, else a.
func (k *kernel) blend(m, a, b Op) reg.VecVirtual {
	v := k.vector()
	if k.wide {
		// avo takes the destination of a masked blend for an input, live from the
		// start: a masked move has one that is.
		VMOVUPD(a, v)
		VMOVUPD(b, m, v)
	} else {
		VBLENDVPD(m, b, a, v)
	}
	return v
}

// replace blends a vector into a row.
func (k *kernel) replace(m Op, i int, v Op) {
	k.store(k.blend(m, k.load(i), v), i)
}

// unless jumps to a label when no lane of the mask is set.
func (k *kernel) unless(m Op, label string) {
	if k.wide {
		KORTESTB(m, m)
	} else {
		VTESTPD(m, m)
	}
	JZ(LabelRef(label))
}

// bits is the mask as a number.
func (k *kernel) bits(m Op) reg.GPVirtual {
	b := GP32()
	if k.wide {
		KMOVB(m, b)
	} else {
		VMOVMSKPD(m, b)
	}
	return b
}

// variable is a mask that lives on: in a row, or in a register of AVX-512.
type variable struct {
	*kernel
	k reg.OpmaskVirtual
	i int
}

func (k *kernel) variable(n int, inRegister bool) variable {
	v := variable{kernel: k, i: maskFirst + n}
	if k.wide && inRegister {
		v.k = K()
	}
	return v
}

func (v variable) get() Op {
	switch {
	case v.k != nil:
		return v.k
	case v.wide:
		m := K()
		KMOVB(v.row(v.i), m)
		return m
	}
	return v.load(v.i)
}

func (v variable) set(m Op) {
	switch {
	case v.k != nil:
		KMOVB(m, v.k)
	case v.wide:
		KMOVB(m, v.row(v.i))
	default:
		v.store(m, v.i)
	}
}

func (v variable) clear() {
	if v.wide {
		m := K()
		KXORB(m, m, m)
		v.set(m)
		return
	}
	v.store(v.zero(), v.i)
}

// narrow is the mask for as many int32.
func (k *kernel) narrow(m Op) reg.Register {
	if k.wide {
		n := K()
		KMOVB(m, n)
		return n
	}
	high, n := XMM(), XMM()
	VEXTRACTF128(U8(1), m, high)
	VSHUFPS(U8(0x88), high, m.(reg.Vec).AsX(), n)
	return n
}

// gather is base[index] where the mask is set, else zero, in float64.
func (k *kernel) gather(base reg.Register, index reg.Register, m Op) reg.VecVirtual {
	n := k.narrow(m)
	narrow, v := k.ints(), k.vector()
	VPXOR(narrow, narrow, narrow)
	at := Mem{Base: base, Index: index, Scale: 4}
	if k.wide {
		VGATHERDPS(at, n, narrow)
	} else {
		VGATHERDPS(n, at, narrow)
	}
	VCVTPS2PD(narrow, v)
	return v
}
