// Package hugepages asks the operating system for large pages.
package hugepages

import "unsafe"

// Advise asks for pages of 2 MiB under v, which has not been touched yet, where
// the system has them for the asking: the faults of small pages can take longer
// than what is written. Nothing but speed depends on it.
func Advise[T any](v []T) {
	if len(v) > 0 {
		advise(unsafe.Pointer(&v[0]), len(v)*int(unsafe.Sizeof(v[0])))
	}
}
