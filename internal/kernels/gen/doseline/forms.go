package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Integer instructions that AVX-512 has under another name.

func VMOVDQU32or(l level, m Mem, x reg.VecVirtual) {
	if l.lanes == 16 {
		VMOVDQU32(m, x)
	} else {
		VMOVDQU(m, x)
	}
}

func VMOVDQU32store(l level, x reg.VecVirtual, m Mem) {
	if l.lanes == 16 {
		VMOVDQU32(x, m)
	} else {
		VMOVDQU(x, m)
	}
}

// VPCMPEQDor sets all bits: −1.
func VPCMPEQDor(l level, x reg.VecVirtual) {
	if l.lanes == 16 {
		VPTERNLOGD(U8(255), x, x, x)
	} else {
		VPCMPEQD(x, x, x)
	}
}

func allInt(l level, p reg.GPVirtual, field int) reg.VecVirtual {
	x := l.wide()
	VPBROADCASTD(Mem{Base: p, Disp: field}, x)
	return x
}

func lower(l level, x reg.VecVirtual) reg.Register {
	if l.lanes == 16 {
		return x.AsY()
	}
	return x.AsX()
}
