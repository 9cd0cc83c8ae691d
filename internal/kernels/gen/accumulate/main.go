// Command accumulate writes the vector kernels of package accumulate.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("!purego")
	add("addAVX2", 4, func() reg.VecVirtual { return YMM() })
	add("addAVX512", 8, func() reg.VecVirtual { return ZMM() })
	Generate()
}

// add is dst[i] += float64(src[i]), two vectors of float64 a turn.
func add(name string, lanes int, wide func() reg.VecVirtual) {
	TEXT(name, NOSPLIT, "func(dst *float64, src *float32, n int)")
	Doc(name + " adds src to dst; n is a multiple of " + map[int]string{4: "8.", 8: "16."}[lanes])
	dst := Load(Param("dst"), GP64())
	src := Load(Param("src"), GP64())
	n := Load(Param("n"), GP64())
	SHRQ(U8(map[int]uint8{4: 3, 8: 4}[lanes]), n)
	Label("next")
	for i := range 2 {
		x := wide()
		VCVTPS2PD(Mem{Base: src, Disp: 4 * lanes * i}, x)
		at := Mem{Base: dst, Disp: 8 * lanes * i}
		VADDPD(at, x, x)
		VMOVUPD(x, at)
	}
	ADDQ(U8(8*lanes), src)
	ADDQ(U32(16*lanes), dst)
	DECQ(n)
	JNZ(LabelRef("next"))
	VZEROUPPER()
	RET()
}
