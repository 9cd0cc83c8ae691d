// Command sparse writes the vector kernels of package sparse.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("!purego")
	addAVX2()
	addAVX512()
	dotAVX2()
	dotAVX512()
	Generate()
}

// masks is 8 words of ones, then 8 of zeros: what is loaded from word 8−n on
// masks the first n of 8 lanes.
func masks() Mem {
	m := GLOBL("firstLanes", RODATA|NOPTR)
	for i := range 16 {
		word := uint32(0xffffffff)
		if i >= 8 {
			word = 0
		}
		DATA(4*i, U32(word))
	}
	return m
}

var firstLanes Mem

// slack is how many elements of y behind its rows the kernels read and write
// back unchanged.
const slack = 8

// walk goes through the runs and calls body with the byte address of the first
// value of a run, the index of its first row and its length, which it may
// change. It leaves the kernel with −1 when a run is not within the rows 0 …
// limit−1 after lo has been taken off, ends before it starts, or has fewer
// values left than rows.
func walk(value reg.GPVirtual, left reg.GPVirtual, limit reg.GPVirtual, lo *reg.GPVirtual, body func(row, n reg.GPVirtual), done func()) {
	runs := Load(Param("runs"), GP64())
	count := Load(Param("n"), GP64())
	all := GP64()
	MOVQ(left, all)
	TESTQ(count, count)
	JZ(LabelRef("done"))
	Label("run")
	row, end := GP64(), GP64()
	MOVLQSX(Mem{Base: runs}, row)
	MOVLQSX(Mem{Base: runs, Disp: 4}, end)
	ADDQ(U8(8), runs)
	if lo != nil {
		SUBQ(*lo, row)
		SUBQ(*lo, end)
	}
	CMPQ(end, limit)
	JHI(LabelRef("bad"))
	SUBQ(row, end) // the length; the row lies behind the end, or before 0, when it borrows
	JCS(LabelRef("bad"))
	SUBQ(end, left)
	JCS(LabelRef("bad"))
	body(row, end)
	Label("next")
	DECQ(count)
	JNZ(LabelRef("run"))
	Label("done")
	done()
	SUBQ(left, all)
	Store(all, ReturnIndex(0))
	VZEROUPPER()
	RET()
	Label("bad")
	MOVQ(I32(-1), all)
	Store(all, ReturnIndex(0))
	VZEROUPPER()
	RET()
}

// ahead asks for values a page further on: the processor fetches ahead by itself
// within a page only, which leaves a twelfth of the time to waiting.
func ahead(value reg.GPVirtual) { PREFETCHT0(Mem{Base: value, Disp: 4096}) }

const addSignature = "func(y []float64, lo int, value []float32, runs *int32, n int, w float64) int"

// rows loads what the two versions of add start with.
func rows() (y, value, left, limit, lo reg.GPVirtual) {
	y = Load(Param("y").Base(), GP64()).(reg.GPVirtual)
	limit = Load(Param("y").Len(), GP64()).(reg.GPVirtual)
	SUBQ(U8(slack), limit)
	lo = Load(Param("lo"), GP64()).(reg.GPVirtual)
	value = Load(Param("value").Base(), GP64()).(reg.GPVirtual)
	left = Load(Param("value").Len(), GP64()).(reg.GPVirtual)
	return
}

func weight() Op {
	w, err := Param("w").Resolve()
	if err != nil {
		panic(err)
	}
	return w.Addr
}

func addAVX512() {
	TEXT("addAVX512", NOSPLIT, addSignature)
	Pragma("noescape")
	Doc("addAVX512 is generic's add for a y with 8 elements more than rows.")
	y, value, left, limit, lo := rows()
	w := ZMM()
	VBROADCASTSD(weight(), w)
	ones := GP64()
	MOVQ(I32(-1), ones)
	walk(value, left, limit, &lo, func(row, n reg.GPVirtual) {
		at := GP64()
		LEAQ(Mem{Base: y, Index: row, Scale: 8}, at)
		// add is 8 rows; lanes outside of the mask add nothing.
		add := func(i int, mask reg.Register) {
			x := ZMM()
			from, to := Mem{Base: value, Disp: 32 * i}, Mem{Base: at, Disp: 64 * i}
			if mask == nil {
				VCVTPS2PD(from, x)
			} else {
				VCVTPS2PD_Z(from, mask, x)
			}
			VFMADD213PD(to, w, x)
			VMOVUPD(x, to)
		}
		SUBQ(U8(16), n)
		JCS(LabelRef("tail"))
		Label("sixteen")
		ahead(value)
		add(0, nil)
		add(1, nil)
		ADDQ(U8(64), value)
		ADDQ(U32(128), at)
		SUBQ(U8(16), n)
		JCC(LabelRef("sixteen"))
		Label("tail")
		ADDQ(U8(16), n)
		JZ(LabelRef("next"))
		bits := GP64()
		low, high := K(), K()
		BZHIQ(n, ones, bits)
		KMOVW(bits.As32(), low)
		add(0, low)
		CMPQ(n, U8(8))
		JLS(LabelRef("short"))
		KSHIFTRW(U8(8), low, high)
		add(1, high)
		Label("short")
		LEAQ(Mem{Base: value, Index: n, Scale: 4}, value)
	}, func() {})
}

func addAVX2() {
	TEXT("addAVX2", NOSPLIT, addSignature)
	Pragma("noescape")
	Doc("addAVX2 is generic's add for a y with 8 elements more than rows.")
	y, value, left, limit, lo := rows()
	w := YMM()
	VBROADCASTSD(weight(), w)
	firstLanes = masks()
	table := GP64()
	LEAQ(firstLanes, table)
	walk(value, left, limit, &lo, func(row, n reg.GPVirtual) {
		at := GP64()
		LEAQ(Mem{Base: y, Index: row, Scale: 8}, at)
		add := func(i int, mask reg.Register) {
			x := YMM()
			from, to := Mem{Base: value, Disp: 16 * i}, Mem{Base: at, Disp: 32 * i}
			if mask == nil {
				VCVTPS2PD(from, x)
			} else {
				VMASKMOVPS(from, mask, x.AsX())
				VCVTPS2PD(x.AsX(), x)
			}
			VFMADD213PD(to, w, x)
			VMOVUPD(x, to)
		}
		SUBQ(U8(8), n)
		JCS(LabelRef("tail"))
		Label("eight")
		ahead(value)
		add(0, nil)
		add(1, nil)
		ADDQ(U8(32), value)
		ADDQ(U8(64), at)
		SUBQ(U8(8), n)
		JCC(LabelRef("eight"))
		Label("tail")
		ADDQ(U8(8), n)
		JZ(LabelRef("next"))
		first := GP64()
		MOVQ(table, first)
		words := GP64()
		MOVQ(n, words)
		SHLQ(U8(2), words)
		SUBQ(words, first)
		mask := XMM()
		VMOVDQU(Mem{Base: first, Disp: 32}, mask)
		add(0, mask)
		CMPQ(n, U8(4))
		JLS(LabelRef("short"))
		VMOVDQU(Mem{Base: first, Disp: 48}, mask)
		add(1, mask)
		Label("short")
		ADDQ(words, value)
	}, func() {})
}

const dotSignature = "func(sum *float64, value []float32, runs *int32, n int, x []float32) int"

// vectors loads what the two versions of dot start with, and the 16 sums into
// vectors of so many lanes.
func vectors(lanes int, wide func() reg.VecVirtual) (sums []reg.VecVirtual, x, value, left, limit, sum reg.GPVirtual) {
	sum = Load(Param("sum"), GP64()).(reg.GPVirtual)
	value = Load(Param("value").Base(), GP64()).(reg.GPVirtual)
	left = Load(Param("value").Len(), GP64()).(reg.GPVirtual)
	x = Load(Param("x").Base(), GP64()).(reg.GPVirtual)
	limit = Load(Param("x").Len(), GP64()).(reg.GPVirtual)
	for i := range 16 / lanes {
		s := wide()
		VMOVUPD(Mem{Base: sum, Disp: 8 * lanes * i}, s)
		sums = append(sums, s)
	}
	return
}

func dotAVX512() {
	TEXT("dotAVX512", NOSPLIT, dotSignature)
	Pragma("noescape")
	Doc("dotAVX512 is generic's dot.")
	sums, x, value, left, limit, sum := vectors(8, func() reg.VecVirtual { return ZMM() })
	ones := GP64()
	MOVQ(I32(-1), ones)
	walk(value, left, limit, nil, func(row, n reg.GPVirtual) {
		at := GP64()
		LEAQ(Mem{Base: x, Index: row, Scale: 4}, at)
		dot := func(i int, mask reg.Register) {
			a, b := ZMM(), ZMM()
			va, vb := Mem{Base: value, Disp: 32 * i}, Mem{Base: at, Disp: 32 * i}
			if mask == nil {
				VCVTPS2PD(va, a)
				VCVTPS2PD(vb, b)
			} else {
				VCVTPS2PD_Z(va, mask, a)
				VCVTPS2PD_Z(vb, mask, b)
			}
			VFMADD231PD(a, b, sums[i])
		}
		SUBQ(U8(16), n)
		JCS(LabelRef("tail"))
		Label("sixteen")
		ahead(value)
		dot(0, nil)
		dot(1, nil)
		ADDQ(U8(64), value)
		ADDQ(U8(64), at)
		SUBQ(U8(16), n)
		JCC(LabelRef("sixteen"))
		Label("tail")
		ADDQ(U8(16), n)
		JZ(LabelRef("next"))
		bits := GP64()
		low, high := K(), K()
		BZHIQ(n, ones, bits)
		KMOVW(bits.As32(), low)
		dot(0, low)
		CMPQ(n, U8(8))
		JLS(LabelRef("short"))
		KSHIFTRW(U8(8), low, high)
		dot(1, high)
		Label("short")
		LEAQ(Mem{Base: value, Index: n, Scale: 4}, value)
	}, func() { keep(sums, sum, 8) })
}

func dotAVX2() {
	TEXT("dotAVX2", NOSPLIT, dotSignature)
	Pragma("noescape")
	Doc("dotAVX2 is generic's dot.")
	sums, x, value, left, limit, sum := vectors(4, func() reg.VecVirtual { return YMM() })
	table := GP64()
	LEAQ(firstLanes, table)
	walk(value, left, limit, nil, func(row, n reg.GPVirtual) {
		at := GP64()
		LEAQ(Mem{Base: x, Index: row, Scale: 4}, at)
		product := func(i int, a, b reg.VecVirtual) { VFMADD231PD(a, b, sums[i]) }
		whole := func(i int) {
			a, b := YMM(), YMM()
			VCVTPS2PD(Mem{Base: value, Disp: 16 * i}, a)
			VCVTPS2PD(Mem{Base: at, Disp: 16 * i}, b)
			product(i, a, b)
		}
		SUBQ(U8(16), n)
		JCS(LabelRef("tail"))
		Label("sixteen")
		ahead(value)
		for i := range 4 {
			whole(i)
		}
		ADDQ(U8(64), value)
		ADDQ(U8(64), at)
		SUBQ(U8(16), n)
		JCC(LabelRef("sixteen"))
		Label("tail")
		ADDQ(U8(16), n)
		JZ(LabelRef("next"))
		// Eight lanes of the tail at a time: of the first eight, then of the rest.
		words, masked, first := GP64(), GP64(), GP64()
		MOVQ(n, words)
		SHLQ(U8(2), words)
		eight := GP64()
		MOVQ(U32(32), eight)
		MOVQ(words, masked)
		CMPQ(masked, eight)
		CMOVQHI(eight, masked)
		half := func(i int) {
			MOVQ(table, first)
			SUBQ(masked, first)
			mask := YMM()
			VMOVDQU(Mem{Base: first, Disp: 32}, mask)
			a, b := YMM(), YMM()
			VMASKMOVPS(Mem{Base: value, Disp: 32 * i}, mask, a)
			VMASKMOVPS(Mem{Base: at, Disp: 32 * i}, mask, b)
			high := func(v reg.VecVirtual) reg.VecVirtual {
				h := YMM()
				VEXTRACTF128(U8(1), v, h.AsX())
				VCVTPS2PD(h.AsX(), h)
				return h
			}
			ah, bh := high(a), high(b)
			VCVTPS2PD(a.AsX(), a)
			VCVTPS2PD(b.AsX(), b)
			product(2*i, a, b)
			product(2*i+1, ah, bh)
		}
		half(0)
		CMPQ(n, U8(8))
		JLS(LabelRef("short"))
		MOVQ(words, masked)
		SUBQ(eight, masked)
		half(1)
		Label("short")
		ADDQ(words, value)
	}, func() { keep(sums, sum, 4) })
}

// keep writes the sums back.
func keep(sums []reg.VecVirtual, sum reg.GPVirtual, lanes int) {
	for i, s := range sums {
		VMOVUPD(s, Mem{Base: sum, Disp: 8 * lanes * i})
	}
}
