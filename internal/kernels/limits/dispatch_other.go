//go:build !amd64 || purego

package limits

import "github.com/kerma-rt/kerma/internal/kernels/simd"

func of(simd.Level) loops { return generic }
