package influence

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// hugePages asks for pages of 2 MiB where v has not been touched yet: the
// faults of small ones take longer than the dose.
func hugePages(v []float32) {
	const page = 2 << 20
	if len(v) < page {
		return
	}
	b := unsafe.Slice((*byte)(unsafe.Pointer(&v[0])), 4*len(v))
	if past := int(uintptr(unsafe.Pointer(&b[0])) % page); past > 0 {
		b = b[page-past:]
	}
	// Without it everything is as before, but slower.
	_ = unix.Madvise(b[:len(b)/page*page], unix.MADV_HUGEPAGE)
}
