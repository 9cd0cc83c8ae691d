package hugepages

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

const page = 2 << 20

func advise(v []float32) {
	if 4*len(v) < 2*page {
		return
	}
	b := unsafe.Slice((*byte)(unsafe.Pointer(&v[0])), 4*len(v))
	if past := int(uintptr(unsafe.Pointer(&b[0])) % page); past > 0 {
		b = b[page-past:]
	}
	// A kernel without huge pages refuses, and all goes on with small ones.
	_ = unix.Madvise(b[:len(b)/page*page], unix.MADV_HUGEPAGE)
}
