package hugepages

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

const page = 2 << 20

func advise(at unsafe.Pointer, bytes int) {
	if bytes < 2*page {
		return
	}
	b := unsafe.Slice((*byte)(at), bytes)
	if past := int(uintptr(at) % page); past > 0 {
		b = b[page-past:]
	}
	// A kernel without huge pages refuses, and all goes on with small ones.
	_ = unix.Madvise(b[:len(b)/page*page], unix.MADV_HUGEPAGE)
}
