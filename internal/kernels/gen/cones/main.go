// Command cones writes the vector kernels of package cones: the formulas of its
// generic.go, a vector of neighbouring lines at a time.
package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Places in a walk, in words of eight bytes.
const (
	electron = iota + 1
	photon
	energy
	ray
	primary = ray + 3
	scatter = primary + 2
	state   = scatter + 2
	planes  = state + 1
	crossed = planes + 1
	vectors = crossed + 1
	line    = vectors + 1
	nu      = line + 1
	numbers = nu + 1
)

// A plane, and places in numbers.
const (
	planeAt, planeShift, planeFrom, planeLength, planeBytes = 0, 8, 12, 16, 24

	degree, groups, channels, primaries = 3, 2, 10, 5

	argument, length, shares = 0, 4, 6
)

// ahead is how far before its use memory is asked for, in bytes: the planes of a
// chunk are more streams than the hardware follows.
const ahead = 256

var (
	rungs = [channels]int{4, 5, 6, 7, 8, 0, 1, 2, 4, 6}
	first = 0.03125
)

var table Mem // of float32 constants
var places = map[float32]int{}

// constant is the address of a number.
func constant(x float64) Mem {
	return table.Offset(places[float32(x)])
}

func main() {
	ConstraintExpr("!purego")
	table = GLOBL("constants", RODATA|NOPTR)
	add := func(x float64) {
		if _, ok := places[float32(x)]; !ok {
			DATA(4*len(places), F32(x))
			places[float32(x)] = 4 * len(places)
		}
	}
	for _, x := range series {
		add(x)
	}
	add(2)
	add(4 * first)
	for j := range channels {
		add(coefficient(j))
	}
	lanes := GLOBL("lanes", RODATA|NOPTR)
	for i := range 16 {
		DATA(4*i, U32(i))
	}
	write(machine{name: "walkAVX512", bytes: 64, wide: func() reg.VecVirtual { return ZMM() }}, lanes)
	write(machine{name: "walkAVX2", bytes: 32, wide: func() reg.VecVirtual { return YMM() }}, lanes)
	Generate()
}

// series are the coefficients of (x − 1 + e^(−x))/x².
var series = []float64{1.0 / 2, -1.0 / 6, 1.0 / 24, -1.0 / 120, 1.0 / 720}

func coefficient(j int) float64 { return math.Ldexp(first, rungs[j]) }

// machine is a level of vector instructions.
type machine struct {
	name  string
	bytes int // of a vector
	wide  func() reg.VecVirtual
}

func (m machine) avx512() bool { return m.bytes == 64 }

// broadcast is a number from memory in every lane.
func (m machine) broadcast(at Mem) reg.VecVirtual {
	v := m.wide()
	VBROADCASTSS(at, v)
	return v
}

// mulAdd is x = x·y + a, a from memory in every lane.
func (m machine) mulAdd(a Mem, y, x reg.VecVirtual) {
	if m.avx512() {
		VFMADD213PS_BCST(a, y, x)
		return
	}
	VFMADD213PS(m.broadcast(a), y, x)
}

// addTimes is x += y·a, a from memory in every lane.
func (m machine) addTimes(a Mem, y, x reg.VecVirtual) {
	if m.avx512() {
		VFMADD231PS_BCST(a, y, x)
		return
	}
	VFMADD231PS(m.broadcast(a), y, x)
}

// times is x·a, a from memory in every lane.
func (m machine) times(a Mem, x reg.VecVirtual) reg.VecVirtual {
	out := m.wide()
	if m.avx512() {
		VMULPS_BCST(a, x, out)
		return out
	}
	VMULPS(m.broadcast(a), x, out)
	return out
}

// double is q(2x) = q·(2 − q).
func (m machine) double(two, q reg.VecVirtual) {
	d := m.wide()
	VSUBPS(q, two, d)
	VMULPS(d, q, q)
}

// write writes the kernel of one level.
func write(m machine, lanes Mem) {
	TEXT(m.name, NOSPLIT, "func(walk *byte)")
	Pragma("noescape")
	Doc(m.name + fmt.Sprintf(" takes vectors of %d lines through planes; see walk.", m.bytes/4))
	w := Load(Param("walk"), GP64())
	word := func(i int) Mem { return Mem{Base: w, Disp: 8 * i} }
	pointer := func(i int) reg.GPVirtual {
		r := GP64()
		MOVQ(word(i), r)
		return r
	}
	lane := m.wide()
	if m.avx512() {
		VMOVDQU32(lanes, lane)
	} else {
		VMOVDQU(lanes, lane)
	}
	carriedAt, left, i, n := pointer(state), pointer(vectors), pointer(line), pointer(numbers)
	number := func(i int) Mem { return Mem{Base: n, Disp: 4 * i} }
	electrons, photons, out := pointer(electron), pointer(photon), pointer(energy)

	Label("vector")
	var carried [channels]reg.VecVirtual
	place := func(j int) Mem { return Mem{Base: carriedAt, Disp: m.bytes * j} }
	if m.avx512() {
		for j := range carried {
			carried[j] = m.wide()
			VMOVUPS(place(j), carried[j])
		}
	}
	p, more := pointer(planes), pointer(crossed)

	Label("plane")
	u, at := GP64(), GP64()
	MOVLQSX(Mem{Base: p, Disp: planeShift}, u)
	ADDQ(i, u)
	MOVQ(Mem{Base: p, Disp: planeAt}, at)
	ADDQ(u, at)
	voxel := func(base reg.GPVirtual) Mem { return Mem{Base: base, Index: at, Scale: 4} }

	// Lanes in the row, and in the run.
	var row, run reg.VecVirtual // AVX2
	var rowK, runK reg.OpmaskVirtual
	places, relative := m.wide(), m.wide()
	ux := XMM()
	VMOVD(u.As32(), ux)
	VPBROADCASTD(ux, places)
	if m.avx512() {
		rowK, runK = K(), K()
		VPADDD(lane, places, places)
		VPCMPUD_BCST(U8(1), word(nu), places, rowK)
		VPSUBD_BCST(Mem{Base: p, Disp: planeFrom}, places, relative)
		VPCMPUD_BCST(U8(1), Mem{Base: p, Disp: planeLength}, relative, rowK, runK)
	} else {
		row, run = m.wide(), m.wide()
		VPADDD(lane, places, places)
		limit, negative := m.wide(), m.wide()
		VPBROADCASTD(word(nu), limit)
		VPSRAD(U8(31), places, negative)
		VPCMPGTD(places, limit, row) // u < nu
		VPANDN(row, negative, row)   // and not u < 0
		VPBROADCASTD(Mem{Base: p, Disp: planeFrom}, limit)
		VPSUBD(limit, places, relative)
		VPBROADCASTD(Mem{Base: p, Disp: planeLength}, limit)
		VPCMPGTD(relative, limit, run)
		VPSRAD(U8(31), relative, negative)
		VPANDN(run, negative, run)
		VPAND(row, run, run)
	}
	load := func(from Mem, k reg.OpmaskVirtual, v reg.VecVirtual) reg.VecVirtual {
		x := m.wide()
		PREFETCHT0(from.Offset(ahead))
		if m.avx512() {
			VMOVUPS_Z(from, k, x)
		} else {
			VMASKMOVPS(from, v, x)
		}
		return x
	}
	two := m.broadcast(constant(2))
	el, ph := load(voxel(electrons), rowK, row), load(voxel(photons), rowK, row)
	el, ph = m.times(number(length), el), m.times(number(length), ph)

	if m.avx512() {
		KORTESTW(runK, runK)
	} else {
		VPTEST(run, run)
	}
	JNZ(LabelRef("releases"))

	// Nothing is released.
	sum := m.wide()
	VXORPS(sum, sum, sum)
	m.ladder(two, el, ph, func(j int, q reg.VecVirtual) {
		if m.avx512() {
			y := m.wide()
			VMULPS(carried[j], q, y)
			VADDPS(y, sum, sum)
			VSUBPS(y, carried[j], carried[j])
			return
		}
		r, y := m.wide(), m.wide()
		VMOVUPS(place(j), r)
		VMULPS(r, q, y)
		VADDPS(y, sum, sum)
		VSUBPS(y, r, r)
		VMOVUPS(r, place(j))
	})
	JMP(LabelRef("deposit"))

	Label("releases")
	t := m.broadcast(number(argument + 3))
	for a := range 3 {
		x := load(voxel(pointer(ray+a)), runK, run)
		m.addTimes(number(argument+a), x, t)
	}
	var released [2][groups]reg.VecVirtual
	var total [2]reg.VecVirtual
	for c, from := range []int{primary, scatter} {
		total[c] = m.wide()
		VXORPS(total[c], total[c], total[c])
		for g := range groups {
			released[c][g] = load(voxel(pointer(from+g)), runK, run)
		}
	}
	taken := m.wide()
	VXORPS(taken, taken, taken)
	m.ladder(two, el, ph, func(j int, q reg.VecVirtual) {
		kind := j / primaries
		s := m.wide()
		for g := range groups {
			c := shares + (j*groups+g)*(degree+1)
			share := m.broadcast(number(c + degree))
			for d := degree - 1; d >= 0; d-- {
				m.mulAdd(number(c+d), t, share)
			}
			if g == 0 {
				VMULPS(share, released[kind][g], s)
			} else {
				VFMADD231PS(share, released[kind][g], s)
			}
		}
		m.addTimes(constant(coefficient(j)), s, total[kind])
		if m.avx512() {
			VSUBPS(carried[j], s, s)
			VMULPS(q, s, s)
			VADDPS(s, carried[j], carried[j])
		} else {
			VSUBPS(place(j), s, s)
			VMULPS(q, s, s)
			r := m.wide()
			VADDPS(place(j), s, r)
			VMOVUPS(r, place(j))
		}
		VADDPS(s, taken, taken)
	})
	VMULPS(el, total[0], sum)
	VFMADD231PS(ph, total[1], sum)
	VSUBPS(taken, sum, sum)

	Label("deposit")
	before := load(voxel(out), rowK, row)
	m.addTimes(number(length+1), sum, before)
	// Stores under a mask are slow.
	if m.avx512() {
		KORTESTW(rowK, rowK)
		JCC(LabelRef("part"))
	} else {
		all := GP32()
		VMOVMSKPS(row, all)
		CMPL(all, U32(0xff))
		JNE(LabelRef("part"))
	}
	VMOVUPS(before, voxel(out))
	JMP(LabelRef("next"))
	Label("part")
	if m.avx512() {
		VMOVUPS(before, rowK, voxel(out))
	} else {
		VMASKMOVPS(before, row, voxel(out))
	}
	Label("next")
	ADDQ(U8(planeBytes), p)
	DECQ(more)
	JNZ(LabelRef("plane"))

	if m.avx512() {
		for j := range carried {
			VMOVUPS(carried[j], place(j))
		}
	}
	ADDQ(U32(m.bytes*channels), carriedAt)
	ADDQ(U8(m.bytes/4), i)
	DECQ(left)
	JNZ(LabelRef("vector"))
	VZEROUPPER()
	RET()
}

// ladder calls each with 1 − e^(−x) of every channel, from the lengths (g/cm²)
// of electrons and of scattered photons, which it leaves as they are. Primary
// and scatter channels take turns: the steps of either wait for each other.
func (m machine) ladder(two, el, ph reg.VecVirtual, each func(j int, q reg.VecVirtual)) {
	x := [2]reg.VecVirtual{m.times(constant(4*first), el), m.times(constant(first), ph)}
	var p, x2 [2]reg.VecVirtual
	for c := range x {
		p[c], x2[c] = m.broadcast(constant(series[4])), m.wide()
		VMULPS(x[c], x[c], x2[c])
	}
	for i := 3; i >= 0; i-- {
		for c := range x {
			m.mulAdd(constant(series[i]), x[c], p[c])
		}
	}
	for c := range x {
		VFNMADD231PS(x2[c], p[c], x[c])
	}
	rung := [2]int{2, 0}
	for i := range primaries {
		for c := range x {
			j := i + c*primaries
			for ; rung[c] < rungs[j]; rung[c]++ {
				m.double(two, x[c])
			}
			each(j, x[c])
		}
	}
}
