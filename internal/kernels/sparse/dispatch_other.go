//go:build !amd64 || purego

package sparse

func addRuns(y []float64, lo int, value []float32, runs []Run, w float32) int {
	return genericAdd(y, lo, value, runs, w)
}

func dotRuns(sum *[lanes]float64, value []float32, runs []Run, x []float32) int {
	return genericDot(sum, value, runs, x)
}
