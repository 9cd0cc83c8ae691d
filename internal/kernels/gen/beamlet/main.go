// Command beamlet writes the vector kernels of package beamlet.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const (
	lanes = 16 // voxels of a block
	rank  = 8
	row   = 4 * lanes  // bytes of one value of every voxel
	line  = rank * row // bytes of all functions of one line
)

// The fields of beamlet.Column.
const (
	columnValue = 0
	columnLimit = 8
	columnRun   = 16
	columnLast  = 24
	columnShift = 5 // 32 bytes
)

func main() {
	ConstraintExpr("!purego")
	for components := 1; components <= 4; components++ {
		rows(components)
	}
	transpose("transposeAVX2", 8)
	transpose("transposeAVX512", 16)
	compress := positions()
	for _, w := range []width{{"AVX2", 8, compress}, {"AVX512", 16, compress}} {
		w.entries("count"+w.name, false)
		w.entries("values"+w.name, true)
	}
	sum("sumAVX2", 4)
	sum("sumAVX512", 8)
	Generate()
}

// sum adds 16 values a turn, each to a sum of its own.
func sum(name string, doubles int) {
	TEXT(name, NOSPLIT, "func(sums *float64, value *float32, vectors int)")
	Pragma("noescape")
	Doc(name + " is sumGeneric for a number of vectors of 16 values, at least one.")
	sums := Load(Param("sums"), GP64())
	value := Load(Param("value"), GP64())
	vectors := Load(Param("vectors"), GP64())
	vector := func() reg.VecVirtual {
		if doubles == 8 {
			return ZMM()
		}
		return YMM()
	}
	all, x := make([]reg.VecVirtual, lanes/doubles), vector()
	for i := range all {
		all[i] = vector()
		VMOVUPD(Mem{Base: sums, Disp: 8 * doubles * i}, all[i])
	}
	Label("next")
	for i, s := range all {
		VCVTPS2PD(Mem{Base: value, Disp: 4 * doubles * i}, x)
		VADDPD(x, s, s)
	}
	ADDQ(U8(4*lanes), value)
	DECQ(vectors)
	JNZ(LabelRef("next"))
	for i, s := range all {
		VMOVUPD(s, Mem{Base: sums, Disp: 8 * doubles * i})
	}
	VZEROUPPER()
	RET()
}

// rows looks a number of components up and interpolates, voxel after voxel.
func rows(components int) {
	name := "rows" + string(rune('0'+components)) + "AVX2"
	TEXT(name, NOSPLIT, "func(dst *float32, node *float32, offset *int32, weight *float32, lines int, row int, stride int, weights int, more int)")
	Pragma("noescape")
	Doc(name+" is rowsGeneric for "+string(rune('0'+components))+" of the components, with dst as [line][voxel][Rank].",
		"Nodes are row bytes apart, lines stride bytes, the weights of voxels weights bytes; with more",
		"other than 0 it adds to what dst holds.")
	dst := Load(Param("dst"), GP64())
	node := Load(Param("node"), GP64())
	offset := Load(Param("offset"), GP64())
	weight := Load(Param("weight"), GP64())
	bytes := Load(Param("row"), GP64())
	stride := Load(Param("stride"), GP64())
	more := Load(Param("more"), GP64())
	voxels := GP64()
	MOVQ(U32(lanes), voxels)
	from, to, left := GP64(), GP64(), GP64()
	var a, b [4]reg.VecVirtual
	for c := range components {
		a[c], b[c] = YMM(), YMM()
	}
	sum, s, t := YMM(), YMM(), YMM()
	one := func(c int, s reg.VecVirtual) {
		VMULPS(Mem{Base: from, Disp: 4 * rank * c}, a[c], s)
		VMULPS(Mem{Base: from, Disp: 4 * rank * c, Index: bytes, Scale: 1}, b[c], t)
		VADDPS(t, s, s)
	}
	Label("voxel")
	MOVLQSX(Mem{Base: offset}, from)
	LEAQ(Mem{Base: node, Index: from, Scale: 4}, from)
	for c := range components {
		VBROADCASTSS(Mem{Base: weight, Disp: 8 * c}, a[c])
		VBROADCASTSS(Mem{Base: weight, Disp: 8*c + 4}, b[c])
	}
	MOVQ(dst, to)
	MOVQ(argument("lines"), left)
	TESTQ(more, more)
	JNZ(LabelRef("more"))
	for _, adds := range []bool{false, true} {
		label := "line"
		if adds {
			label = "more"
		}
		Label(label)
		one(0, sum)
		if adds {
			VADDPS(Mem{Base: to}, sum, sum)
		}
		for c := 1; c < components; c++ {
			one(c, s)
			VADDPS(s, sum, sum)
		}
		VMOVUPS(sum, Mem{Base: to})
		SUBQ(stride, from)
		ADDQ(U32(line), to)
		DECQ(left)
		JNZ(LabelRef(label))
		if !adds {
			JMP(LabelRef("done"))
		}
	}
	Label("done")
	ADDQ(U8(4), offset)
	ADDQ(U8(4*rank), dst)
	ADDQ(argument("weights"), weight)
	DECQ(voxels)
	JNZ(LabelRef("voxel"))
	VZEROUPPER()
	RET()
}

// transpose turns [line][voxel][Rank] into [line][Rank][voxel]: 4×4 within
// every 128 bits, which hold voxels that are 4 apart.
func transpose(name string, wide int) {
	TEXT(name, NOSPLIT, "func(dst *float32, src *float32, lines int)")
	Pragma("noescape")
	Doc(name + " turns [line][voxel][Rank] into [line][Rank][voxel].")
	dst := Load(Param("dst"), GP64())
	src := Load(Param("src"), GP64())
	lines := Load(Param("lines"), GP64())
	vector := func() reg.VecVirtual {
		if wide == 16 {
			return ZMM()
		}
		return YMM()
	}
	z := [4]reg.VecVirtual{vector(), vector(), vector(), vector()}
	t := [4]reg.VecVirtual{vector(), vector(), vector(), vector()}
	Label("next")
	for half := 0; half < lanes; half += wide {
		for r := 0; r < rank; r += 4 {
			for v := range z {
				VMOVUPS(Mem{Base: src, Disp: 4 * (rank*(half+v) + r)}, z[v].AsX())
				for quarter := 1; quarter < wide/4; quarter++ {
					from := Mem{Base: src, Disp: 4 * (rank*(half+4*quarter+v) + r)}
					if wide == 16 {
						VINSERTF32X4(U8(quarter), from, z[v], z[v])
					} else {
						VINSERTF128(U8(quarter), from, z[v], z[v])
					}
				}
			}
			VUNPCKLPS(z[1], z[0], t[0])
			VUNPCKHPS(z[1], z[0], t[1])
			VUNPCKLPS(z[3], z[2], t[2])
			VUNPCKHPS(z[3], z[2], t[3])
			VUNPCKLPD(t[2], t[0], z[0])
			VUNPCKHPD(t[2], t[0], z[1])
			VUNPCKLPD(t[3], t[1], z[2])
			VUNPCKHPD(t[3], t[1], z[3])
			for v := range z {
				VMOVUPS(z[v], Mem{Base: dst, Disp: row*(r+v) + 4*half})
			}
		}
	}
	ADDQ(U32(line), src)
	ADDQ(U32(line), dst)
	DECQ(lines)
	JNZ(LabelRef("next"))
	VZEROUPPER()
	RET()
}

// positions is for every mask of 8 voxels where the chosen ones are, a byte
// each, and behind that 8 words of −1 and 8 of 0: the masks of the first n.
func positions() Mem {
	at := GLOBL("positions", RODATA|NOPTR)
	for mask := range 256 {
		var chosen uint64
		n := 0
		for v := range 8 {
			if mask>>v&1 != 0 {
				chosen |= uint64(v) << (8 * n)
				n++
			}
		}
		DATA(8*mask, U64(chosen))
	}
	for i := range 8 {
		word := ^uint64(0)
		if i >= 4 {
			word = 0
		}
		DATA(8*(256+i), U64(word))
	}
	return at
}

// width is one set of vectors.
type width struct {
	name      string
	lanes     int
	positions Mem
}

func (w width) vector() reg.VecVirtual {
	if w.lanes == 16 {
		return ZMM()
	}
	return YMM()
}

// entries goes over the bixels in reach of a block and counts its values and
// runs, or writes them.
func (w width) entries(name string, write bool) {
	const counted = "columns *int64, column *int32, lineX *float32, lineY *float32, x *float32, y *float32, "
	const size = "nx int, ny int, pitch int, reach2 float32, inside uint32, first int32)"
	if write {
		TEXT(name, NOSPLIT, "func(value *float32, run *int32, "+counted+"p *float32, q *float32, squares *float32, sums *float32, "+size)
		Pragma("noescape")
		Doc(name + " is valuesGeneric for nx × ny bixels.")
	} else {
		TEXT(name, NOSPLIT, "func("+counted+size)
		Pragma("noescape")
		Doc(name + " is countGeneric for nx × ny bixels.")
	}
	local := AllocLocal(24)
	for half := 0; half < lanes; half += w.lanes {
		w.half(half, write, local)
	}
	VZEROUPPER()
	RET()
}

// argument is a parameter where the caller has put it: there are more of them
// than registers.
func argument(name string) Mem {
	b, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return b.Addr
}

func (w width) half(half int, write bool, local Mem) {
	label := func(s string) string { return s + string(rune('0'+half/8)) }
	lines, lineY, q := local, local.Offset(8), local.Offset(16) // what is left of them
	for _, v := range []struct {
		name string
		at   Mem
	}{{"ny", lines}, {"lineY", lineY}, {"q", q}} {
		if v.name != "q" || write {
			r := GP64()
			MOVQ(argument(v.name), r)
			MOVQ(r, v.at)
		}
	}
	reach, inside := w.vector(), GP32()
	VBROADCASTSS(argument("reach2"), reach)
	MOVL(argument("inside"), inside)
	within := K()
	if w.lanes == 16 {
		KMOVW(inside, within)
	} else {
		SHRL(U8(half), inside)
		ANDL(U32(0xff), inside)
	}
	coordinate := func(name string) reg.VecVirtual {
		at, x := GP64(), w.vector()
		MOVQ(argument(name), at)
		VMOVUPS(Mem{Base: at, Disp: 4 * half}, x)
		return x
	}
	x, y := coordinate("x"), coordinate("y")
	column := Load(Param("column"), GP64())
	lineX := Load(Param("lineX"), GP64())
	var squares, p reg.Register
	if write {
		// Squared distances of all voxels from each line of x.
		squares, p = Load(Param("squares"), GP64()), Load(Param("p"), GP64())
		to, n := GP64(), GP64()
		MOVQ(squares, to)
		MOVQ(argument("nx"), n)
		Label(label("square"))
		d := w.vector()
		VBROADCASTSS(Mem{Base: lineX}, d)
		VSUBPS(d, x, d)
		VMULPS(d, d, d)
		VMOVUPS(d, Mem{Base: to})
		ADDQ(U8(4), lineX)
		ADDQ(U8(row), to)
		DECQ(n)
		JNZ(LabelRef(label("square")))
	}

	Label(label("line"))
	at, dy := GP64(), w.vector()
	MOVQ(lineY, at)
	VBROADCASTSS(Mem{Base: at}, dy)
	VSUBPS(dy, y, dy)
	VMULPS(dy, dy, dy)
	var psi [rank]reg.VecVirtual
	if write {
		MOVQ(q, at)
		for r := range psi {
			psi[r] = w.vector()
			VMOVUPS(Mem{Base: at, Disp: row*r + 4*half}, psi[r])
		}
	}
	i := GP64()
	XORQ(i, i)
	Label(label("bixel"))
	c := GP64()
	MOVLQSX(Mem{Base: column, Index: i, Scale: 4}, c)
	TESTQ(c, c)
	JS(LabelRef(label("next")))
	d := w.vector()
	if write {
		at := GP64()
		MOVQ(i, at)
		SHLQ(U8(6), at)
		VADDPS(Mem{Base: squares, Index: at, Scale: 1}, dy, d)
	} else {
		VBROADCASTSS(Mem{Base: lineX, Index: i, Scale: 4}, d)
		VSUBPS(d, x, d)
		VMULPS(d, d, d)
		VADDPS(d, dy, d)
	}
	mask, chosen := GP32(), K()
	const lessOrEqual = 2
	if w.lanes == 16 {
		VCMPPS(U8(lessOrEqual), reach, d, within, chosen)
		KMOVW(chosen, mask)
		TESTL(mask, mask)
	} else {
		VCMPPS(U8(lessOrEqual), reach, d, d)
		VMOVMSKPS(d, mask)
		ANDL(inside, mask)
	}
	JZ(LabelRef(label("next")))
	all := GP64() // sums of the column
	if write {
		MOVQ(c, all)
		SHLQ(U8(6), all)
		ADDQ(argument("sums"), all)
	}
	SHLQ(U8(columnShift), c)
	ADDQ(argument("columns"), c)
	number, cursor := GP32(), GP64()
	POPCNTL(mask, number)
	MOVQ(Mem{Base: c, Disp: columnValue}, cursor)
	if write {
		sum := w.product(p, i, half, psi)
		order := w.vector()
		if w.lanes == 16 {
			VCOMPRESSPS_Z(sum, chosen, sum)
		} else {
			table := GP64()
			LEAQ(w.positions, table)
			VPMOVZXBD(Mem{Base: table, Index: mask.As64(), Scale: 8}, order)
			VPERMPS(sum, order, sum)
			n := GP64()
			LEAQ(w.positions.Offset(8*256+32), table)
			MOVL(number, n.As32())
			SHLQ(U8(2), n)
			SUBQ(n, table)
			VMOVUPS(Mem{Base: table}, order)
			VANDPS(order, sum, sum)
		}
		total := w.vector()
		VADDPS(Mem{Base: all}, sum, total)
		VMOVUPS(total, Mem{Base: all})
		end := GP64()
		LEAQ(Mem{Base: cursor, Disp: w.lanes}, end)
		CMPQ(end, Mem{Base: c, Disp: columnLimit})
		MOVQ(argument("value"), end)
		LEAQ(Mem{Base: end, Index: cursor, Scale: 4}, end)
		JGT(LabelRef(label("last")))
		VMOVUPS(sum, Mem{Base: end})
		PREFETCHT0(Mem{Base: end, Disp: ahead})
		JMP(LabelRef(label("stored")))
		// The last values of a column: what follows belongs to others.
		Label(label("last"))
		if w.lanes == 16 {
			bits, few := GP32(), K()
			MOVL(I32(-1), bits)
			BZHIL(number, bits, bits)
			KMOVW(bits, few)
			VMOVUPS(sum, few, Mem{Base: end})
		} else {
			VMASKMOVPS(sum, order, Mem{Base: end})
		}
		Label(label("stored"))
	}
	ADDQ(number.As64(), cursor)
	MOVQ(cursor, Mem{Base: c, Disp: columnValue})
	w.runs(label, half, mask, c, write)
	Label(label("next"))
	INCQ(i)
	CMPQ(i, argument("nx"))
	JLT(LabelRef(label("bixel")))
	pitch := Load(Param("pitch"), GP64())
	LEAQ(Mem{Base: column, Index: pitch, Scale: 4}, column)
	ADDQ(U8(4), lineY)
	if write {
		ADDQ(U32(line), q)
	}
	DECQ(lines)
	JNZ(LabelRef(label("line")))
}

// ahead is how far before a column's cursor memory is fetched, bytes.
const ahead = 192

// product is Σ_r p_r·q_r as a balanced tree.
func (w width) product(p, i reg.Register, half int, q [rank]reg.VecVirtual) reg.VecVirtual {
	at := GP64()
	MOVQ(i, at)
	SHLQ(U8(9), at)
	ADDQ(p, at)
	one := func(r int) reg.VecVirtual {
		z := w.vector()
		VMULPS(Mem{Base: at, Disp: row*r + 4*half}, q[r], z)
		return z
	}
	add := func(a, b reg.VecVirtual) reg.VecVirtual {
		VADDPS(b, a, a)
		return a
	}
	four := func(r int) reg.VecVirtual {
		left := add(one(r), one(r+1))
		return add(left, add(one(r+2), one(r+3)))
	}
	left := four(0)
	return add(left, four(4))
}

// runs is Column.runs.
func (w width) runs(label func(string) string, half int, mask, c reg.GPVirtual, write bool) {
	at, end, n, last, fresh := GP32(), GP64(), GP32(), GP64(), GP64()
	MOVL(argument("first"), at)
	if half > 0 {
		ADDL(U8(half), at)
	}
	MOVQ(Mem{Base: c, Disp: columnLast}, last)
	Label(label("run"))
	TZCNTL(mask, n)
	ADDL(n, at)
	SHRXL(n, mask, mask)
	MOVQ(last, end)
	SHRQ(U8(32), end)
	// A new run where the last one ends elsewhere.
	XORQ(fresh, fresh)
	CMPL(end.As32(), at)
	SETNE(fresh.As8())
	CMOVLNE(at, last.As32())
	ADDQ(Mem{Base: c, Disp: columnRun}, fresh)
	MOVQ(fresh, Mem{Base: c, Disp: columnRun})
	MOVL(mask, n)
	NOTL(n)
	TZCNTL(n, n)
	ADDL(n, at)
	SHRXL(n, mask, mask)
	// The run's first voxel below, its end above.
	MOVL(at, end.As32())
	SHLQ(U8(32), end)
	ORQ(end, last)
	if write {
		run := Load(Param("run"), GP64())
		MOVQ(last, Mem{Base: run, Index: fresh, Scale: 8, Disp: -8})
		PREFETCHT0(Mem{Base: run, Index: fresh, Scale: 8, Disp: 64})
	}
	TESTL(mask, mask)
	JNZ(LabelRef(label("run")))
	MOVQ(last, Mem{Base: c, Disp: columnLast})
}
