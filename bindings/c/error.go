package main

// #define KERMA_TYPES_ONLY
// #include <stdlib.h>
// #include "kerma.h"
import "C"

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"unsafe"

	"github.com/kerma-rt/kerma/dicom"
	"github.com/kerma-rt/kerma/dose"
	"github.com/kerma-rt/kerma/dose/dvh"
	"github.com/kerma-rt/kerma/dose/gamma"
	"github.com/kerma-rt/kerma/dose/influence"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/internal/calculation"
)

// failure is an error as C sees it.
type failure struct {
	owned
	status  C.kerma_status
	message *C.char
}

// errArgument is wrapped by errors about what C handed over.
var errArgument = errors.New("argument")

// status sorts an error.
func status(err error) C.kerma_status {
	var ambiguous *dicom.AmbiguousError
	var internal panicError
	var errno syscall.Errno
	var large *influence.SizeError
	switch {
	case err == nil:
		return C.KERMA_OK
	case errors.As(err, &internal):
		return C.KERMA_ERROR_INTERNAL
	case errors.Is(err, context.Canceled):
		return C.KERMA_ERROR_CANCELLED
	case errors.Is(err, errArgument), errors.Is(err, calculation.ErrOption), errors.Is(err, dose.ErrRequest),
		errors.Is(err, gamma.ErrCriteria), errors.Is(err, dvh.ErrStatistic), errors.As(err, &large):
		return C.KERMA_ERROR_ARGUMENT
	case errors.As(err, &ambiguous):
		return C.KERMA_ERROR_AMBIGUOUS
	case errors.Is(err, dicom.ErrUnmodelled):
		return C.KERMA_ERROR_UNMODELLED
	case errors.Is(err, dicom.ErrNotFound), errors.Is(err, geometry.ErrStructure):
		return C.KERMA_ERROR_NOT_FOUND
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission), errors.As(err, &errno):
		return C.KERMA_ERROR_SYSTEM
	}
	return C.KERMA_ERROR_INPUT
}

// panicError is a panic that stopped at the edge to C.
type panicError struct{ value any }

func (e panicError) Error() string { return fmt.Sprintf("internal fault: %v", e.value) }

// guard runs f, and gives C its error, if C wants to know. A panic must not
// pass the edge: it would end the caller's program.
func guard(out **C.kerma_error, f func() error) C.kerma_status {
	err := func() (err error) {
		defer func() {
			if v := recover(); v != nil {
				err = panicError{v}
			}
		}()
		return f()
	}()
	if err == nil {
		return C.KERMA_OK
	}
	s := status(err)
	if out != nil {
		e := &failure{status: s}
		e.message = e.text(err.Error())
		*out = (*C.kerma_error)(hand(e))
	}
	return s
}

//export kerma_error_status
func kerma_error_status(e *C.kerma_error) C.kerma_status {
	if f := of[*failure](unsafe.Pointer(e)); f != nil {
		return f.status
	}
	return C.KERMA_OK
}

//export kerma_error_message
func kerma_error_message(e *C.kerma_error) *C.char {
	if f := of[*failure](unsafe.Pointer(e)); f != nil {
		return f.message
	}
	return nil
}

//export kerma_error_free
func kerma_error_free(e *C.kerma_error) { drop(unsafe.Pointer(e)) }
