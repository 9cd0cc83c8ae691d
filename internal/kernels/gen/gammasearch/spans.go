package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// spans is spansGeneric for whole vectors of cells.
func spans(wide bool) {
	name, lanes := "spansAVX2", 8
	if wide {
		name, lanes = "spansAVX512", 16
	}
	vector := func() reg.VecVirtual {
		if wide {
			return ZMM()
		}
		return YMM()
	}
	TEXT(name, NOSPLIT, "func(least, most, a, b, c, d *float32, n int)")
	Doc(name + " is the range of the corners of n cells, a multiple of " + map[int]string{8: "8", 16: "16"}[lanes] + ".")
	least, most := Load(Param("least"), GP64()), Load(Param("most"), GP64())
	var corner [4]reg.Register
	for i, p := range []string{"a", "b", "c", "d"} {
		corner[i] = Load(Param(p), GP64())
	}
	n := Load(Param("n"), GP64())
	i := GP64()
	XORQ(i, i)
	one, minus := vector(), vector()
	bits := GP32()
	MOVL(U32(0x3f800000), bits)
	x := XMM()
	VMOVD(bits, x)
	VBROADCASTSS(x, one)
	MOVL(U32(0xbf800000), bits)
	VMOVD(bits, x)
	VBROADCASTSS(x, minus)

	Label("next")
	var low, high reg.VecVirtual
	var holes reg.Register
	for _, at := range corner {
		for right := range 2 {
			v := vector()
			VMOVUPS(Mem{Base: at, Index: i, Scale: 4, Disp: 4 * right}, v)
			var hole reg.Register
			if wide {
				hole = K()
				VCMPPS(U8(3), v, v, hole)
			} else {
				hole = YMM()
				VCMPPS(U8(3), v, v, hole)
			}
			if low == nil {
				low, high, holes = vector(), vector(), hole
				VMOVAPS(v, low)
				VMOVAPS(v, high)
				continue
			}
			VMINPS(v, low, low)
			VMAXPS(v, high, high)
			if wide {
				KORW(hole, holes, holes)
			} else {
				VORPS(hole, holes, holes)
			}
		}
	}
	if wide {
		VMOVAPS(one, holes, low)
		VMOVAPS(minus, holes, high)
	} else {
		VBLENDVPS(holes, one, low, low)
		VBLENDVPS(holes, minus, high, high)
	}
	VMOVUPS(low, Mem{Base: least, Index: i, Scale: 4})
	VMOVUPS(high, Mem{Base: most, Index: i, Scale: 4})
	ADDQ(U8(lanes), i)
	CMPQ(i, n)
	JL(LabelRef("next"))
	VZEROUPPER()
	RET()
}
