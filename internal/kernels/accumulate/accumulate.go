// Package accumulate adds float32 volumes up in float64.
package accumulate

//go:generate go run -C ../gen ./accumulate -out ../accumulate/accumulate_amd64.s -stubs ../accumulate/accumulate_amd64.go -pkg accumulate

// Add adds src to dst, element by element; src must not be longer than dst.
// Every level gives the same bits.
func Add(dst []float64, src []float32) {
	dst = dst[:len(src)]
	done := vector(dst, src)
	generic(dst[done:], src[done:])
}
