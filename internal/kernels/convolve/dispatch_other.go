//go:build !amd64 || purego

package convolve

func step(dst, src []float32, p pass) { passGeneric(dst, src, p) }
func multiply(dst, a, b []float32)    { multiplyGeneric(dst, a, b) }
func transpose(dst, src []float32)    { transposeGeneric(dst, src) }
