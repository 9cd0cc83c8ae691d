package main

// #define KERMA_TYPES_ONLY
// #include "kerma.h"
//
// static int kerma_tell(kerma_progress f, double done, void *user) { return f(done, user); }
import "C"

import (
	"context"
	"unsafe"
)

// cancelling ends work from another thread.
type cancelling struct {
	owned
	ctx context.Context
	now context.CancelFunc
}

//export kerma_cancel_new
func kerma_cancel_new() *C.kerma_cancel {
	c := &cancelling{}
	c.ctx, c.now = context.WithCancel(context.Background())
	return (*C.kerma_cancel)(hand(c))
}

//export kerma_cancel_now
func kerma_cancel_now(p *C.kerma_cancel) {
	if c := of[*cancelling](unsafe.Pointer(p)); c != nil {
		c.now()
	}
}

//export kerma_cancel_free
func kerma_cancel_free(p *C.kerma_cancel) { drop(unsafe.Pointer(p)) }

// work is the context of a piece of work that p, if not NULL, cancels.
func work(p *C.kerma_cancel) (context.Context, context.CancelFunc) {
	if c := of[*cancelling](unsafe.Pointer(p)); c != nil {
		return context.WithCancel(c.ctx)
	}
	return context.WithCancel(context.Background())
}

// progress makes a progress function of C one of Go's.
func progress(f C.kerma_progress, user unsafe.Pointer, cancel context.CancelFunc) func(float64) {
	if f == nil {
		return nil
	}
	return func(done float64) {
		if C.kerma_tell(f, C.double(done), user) != 0 {
			cancel()
		}
	}
}
