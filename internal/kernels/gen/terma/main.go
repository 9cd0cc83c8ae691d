// Command terma writes the vector kernels of package terma: the formulas of its
// generic.go, a vector of neighbouring voxels at a time.
package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Places in arguments, in words of eight bytes, and the size of a slice.
const (
	numbers = iota + 1
	bins
	materials
	path
	local
	fluence
	primary
	scatter
	all
	vectors

	sliceBytes = 24
)

var (
	constants Mem
	places    = map[float32]int{}
)

func constant(x float64) Mem {
	at, ok := places[float32(x)]
	if !ok {
		panic(x)
	}
	return constants.Offset(at)
}

var series = []float64{1, 1, 1.0 / 2, 1.0 / 6, 1.0 / 24, 1.0 / 120, 1.0 / 720}

const ln2, ln2Rest, least = 0.693359375, -2.12194440e-4, -87

func main() {
	ConstraintExpr("!purego")
	constants = GLOBL("constants", RODATA|NOPTR)
	for _, x := range append([]float64{1 / math.Ln2, ln2, ln2Rest, least}, series...) {
		if _, ok := places[float32(x)]; !ok {
			DATA(4*len(places), F32(x))
			places[float32(x)] = 4 * len(places)
		}
	}
	bias := GLOBL("bias", RODATA|NOPTR)
	DATA(0, U32(127))
	write(level{"releaseAVX512", 16, func() reg.VecVirtual { return ZMM() }}, bias)
	write(level{"releaseAVX2", 8, func() reg.VecVirtual { return YMM() }}, bias)
	Generate()
}

type level struct {
	name  string
	lanes int
	wide  func() reg.VecVirtual
}

func (l level) broadcast(at Mem) reg.VecVirtual {
	v := l.wide()
	VBROADCASTSS(at, v)
	return v
}

func (l level) zero() reg.VecVirtual {
	v := l.wide()
	VXORPS(v, v, v)
	return v
}

func write(l level, bias Mem) {
	TEXT(l.name, NOSPLIT, "func(arguments *byte)")
	Pragma("noescape")
	Doc(l.name + fmt.Sprintf(" is what one group releases in vectors of %d voxels; see arguments.", l.lanes))
	a := Load(Param("arguments"), GP64())
	pointer := func(i int) reg.GPVirtual {
		r := GP64()
		MOVQ(Mem{Base: a, Disp: 8 * i}, r)
		return r
	}
	log2e, high, low := l.broadcast(constant(1/math.Ln2)), l.broadcast(constant(ln2)), l.broadcast(constant(ln2Rest))
	at, left := GP64(), pointer(vectors)
	XORQ(at, at)
	voxel := func(base reg.GPVirtual) Mem { return Mem{Base: base, Index: at, Scale: 4} }

	Label("vector")
	sumP, sumT := l.zero(), l.zero()
	n, bin := pointer(numbers), pointer(bins)

	Label("bin")
	energy := l.broadcast(Mem{Base: n})
	ADDQ(U8(4), n)
	x, mu, kerma := l.zero(), l.zero(), l.zero()
	paths, locals, k := pointer(path), pointer(local), pointer(materials)
	Label("material")
	p := GP64()
	total, absorbed := l.broadcast(Mem{Base: n}), l.broadcast(Mem{Base: n, Disp: 4})
	MOVQ(Mem{Base: paths}, p)
	VFNMADD231PS(voxel(p), total, x)
	MOVQ(Mem{Base: locals}, p)
	d := l.wide()
	VMOVUPS(voxel(p), d)
	VFMADD231PS(d, total, mu)
	VFMADD231PS(d, absorbed, kerma)
	ADDQ(U8(8), n)
	ADDQ(U8(sliceBytes), paths)
	ADDQ(U8(sliceBytes), locals)
	DECQ(k)
	JNZ(LabelRef("material"))

	// e^x
	VMAXPS(l.broadcast(constant(least)), x, x)
	whole := l.wide()
	VMULPS(log2e, x, whole)
	if l.lanes == 16 {
		VRNDSCALEPS(U8(0), whole, whole)
	} else {
		VROUNDPS(U8(0), whole, whole)
	}
	VFNMADD231PS(high, whole, x)
	VFNMADD231PS(low, whole, x)
	y := l.broadcast(constant(series[len(series)-1]))
	for i := len(series) - 2; i >= 0; i-- {
		if l.lanes == 16 {
			VFMADD213PS_BCST(constant(series[i]), x, y)
		} else {
			VFMADD213PS(l.broadcast(constant(series[i])), x, y)
		}
	}
	VCVTPS2DQ(whole, whole)
	b := l.wide()
	VPBROADCASTD(bias, b)
	VPADDD(b, whole, whole)
	VPSLLD(U8(23), whole, whole)
	VMULPS(whole, y, y)
	VMULPS(energy, y, y)
	VFMADD231PS(y, kerma, sumP)
	VFMADD231PS(y, mu, sumT)
	DECQ(bin)
	JNZ(LabelRef("bin"))

	f := l.wide()
	VMOVUPS(voxel(pointer(fluence)), f)
	VMULPS(f, sumP, sumP)
	VMULPS(f, sumT, sumT)
	add := func(to int, v reg.VecVirtual) {
		out := voxel(pointer(to))
		s := l.wide()
		VADDPS(out, v, s)
		VMOVUPS(s, out)
	}
	add(primary, sumP)
	add(all, sumT)
	VSUBPS(sumP, sumT, sumT)
	add(scatter, sumT)
	ADDQ(U8(l.lanes), at)
	DECQ(left)
	JNZ(LabelRef("vector"))
	VZEROUPPER()
	RET()
}
