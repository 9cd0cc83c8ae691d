//go:build !amd64 || purego

package doseline

func sample(m *Sampler, line, part []float32, bin []int32, padded int) {
	sampleGeneric(m, line, part, bin, padded)
}

func extremes(ends *[2][vector]float32, d []float32) { extremesGeneric(ends, d) }

func blend(dst, a, b, c, d []float32, weight *[4]float32) int { return 0 }
