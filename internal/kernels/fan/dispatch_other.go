//go:build !amd64 || purego

package fan

func blend(out, data []float32, weight *[4]float32, place *[4]int) {
	blendGeneric(out, data, weight, place)
}

func resample(out, column []float32, first, step float32) { resampleGeneric(out, column, first, step) }

func add(out, sums, sample []float32, step float32) { addGeneric(out, sums, sample, step) }

func sample(out, data []float32, size [3]int, line [6]float32) {
	sampleGeneric(out, data, size, &line)
}

func lookUp(out, sums []float32, v *view) { lookUpGeneric(out, sums, v) }

func transpose(dst, src []float32, dstStep, srcStep, n, m int) {
	transposeGeneric(dst, src, dstStep, srcStep, n, m)
}
