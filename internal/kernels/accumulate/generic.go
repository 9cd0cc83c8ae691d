package accumulate

// generic is the reference.
func generic(dst []float64, src []float32) {
	for i, x := range src {
		dst[i] += float64(x)
	}
}
