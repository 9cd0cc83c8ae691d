//go:build !amd64 || purego

package accumulate

func vector([]float64, []float32) int { return 0 }
