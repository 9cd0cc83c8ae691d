//go:build !amd64 || purego

package doseline

func sample(m *Sampler, line, part []float32, bin []int32, padded int) {
	sampleGeneric(m, line, part, bin, padded)
}

func extremes(ends *[2][vector]float32, d []float32) { extremesGeneric(ends, d) }
