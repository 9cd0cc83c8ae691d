package main

// #define KERMA_TYPES_ONLY
// #include <stdlib.h>
// #include "kerma.h"
import "C"

import (
	"runtime"
	"runtime/cgo"
	"unsafe"
)

// owned is what an object answers that must stay where it is: strings in C
// memory and pinned Go memory. Objects embed it.
type owned struct {
	texts []*C.char
	pins  runtime.Pinner
}

// text copies a string to C, for as long as the object lives.
func (o *owned) text(s string) *C.char {
	c := C.CString(s)
	o.texts = append(o.texts, c)
	return c
}

func (o *owned) release() {
	o.pins.Unpin()
	for _, t := range o.texts {
		C.free(unsafe.Pointer(t))
	}
	o.texts = nil
}

// object is what stands behind a pointer that C holds.
type object interface{ release() }

// hand gives an object to C: memory of C's that holds the handle of it.
func hand(o object) unsafe.Pointer {
	p := C.malloc(C.size_t(unsafe.Sizeof(cgo.Handle(0))))
	*(*cgo.Handle)(p) = cgo.NewHandle(o)
	return p
}

// of is the object behind a pointer, nil behind NULL.
func of[T object](p unsafe.Pointer) T {
	if p == nil {
		var none T
		return none
	}
	return (*(*cgo.Handle)(p)).Value().(T)
}

// drop takes an object back from C.
func drop(p unsafe.Pointer) {
	if p == nil {
		return
	}
	h := *(*cgo.Handle)(p)
	h.Value().(object).release()
	h.Delete()
	C.free(p)
}

// at is the i-th of some texts, NULL past the end.
func at(texts []*C.char, i C.int32_t) *C.char {
	if i < 0 || int(i) >= len(texts) {
		return nil
	}
	return texts[i]
}
