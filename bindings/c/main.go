// Command c is libkerma, the C interface of Kerma: build it with
// -buildmode=c-shared or c-archive, and see kerma.h for what it offers. The
// exported functions here repeat the declarations of that header; what they
// mean is said there.
package main

// #define KERMA_TYPES_ONLY
// #include "kerma.h"
import "C"

import (
	"github.com/kerma-rt/kerma/internal/kernels/simd"
	"github.com/kerma-rt/kerma/internal/version"
)

func main() {}

// Strings that live as long as the library.
var (
	versionText = C.CString(version.Version)
	simdText    = C.CString(simd.Current().String())
)

//export kerma_abi
func kerma_abi() C.uint32_t { return C.KERMA_ABI }

//export kerma_version
func kerma_version() *C.char { return versionText }

//export kerma_simd
func kerma_simd() *C.char { return simdText }
