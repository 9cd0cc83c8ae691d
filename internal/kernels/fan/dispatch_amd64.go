//go:build !purego

package fan

import "github.com/kerma-rt/kerma/internal/kernels/simd"

// Rows are shorter than a thousand values: no call takes longer than some µs.

// whole is what of n values fills vectors, and whether there are any.
func whole(n int) (int, simd.Level) {
	switch level := simd.Current(); level {
	case simd.AVX512:
		return n &^ 15, level
	case simd.AVX2:
		return n &^ 7, level
	}
	return 0, simd.Generic
}

// number writes the numbers of the first points, their step and the last.
func number(c []float32, n int, level simd.Level) {
	step := 16
	if level == simd.AVX2 {
		step = 8
	}
	for i := range 16 {
		c[i] = float32(min(i, n-1))
	}
	c[16], c[17] = float32(step), float32(n-1)
}

// blend needs out and columns of whole vectors.
func blend(out, data []float32, weight *[4]float32, place *[4]int) {
	switch simd.Current() {
	case simd.AVX512:
		blendAVX512(&out[0], &data[0], &weight[0], &place[0], len(out))
	case simd.AVX2:
		blendAVX2(&out[0], &data[0], &weight[0], &place[0], len(out))
	default:
		blendGeneric(out, data, weight, place)
	}
}

// resample may write a vector beyond out, which has the capacity for it.
func resample(out, column []float32, first, step float32) {
	level := simd.Current()
	if level == simd.Generic {
		resampleGeneric(out, column, first, step)
		return
	}
	c := [20]float32{first, step}
	number(c[2:], len(out), level)
	_ = out[:padded(len(out))]
	if level == simd.AVX512 {
		resampleAVX512(&out[0], &column[0], &c[0], len(out))
		return
	}
	resampleAVX2(&out[0], &column[0], &c[0], len(out))
}

func add(out, sums, sample []float32, step float32) {
	n, level := whole(len(out))
	if n > 0 && level == simd.AVX512 {
		addAVX512(&out[0], &sums[0], &sample[0], step, n)
	} else if n > 0 {
		addAVX2(&out[0], &sums[0], &sample[0], step, n)
	}
	addGeneric(out[n:], sums[n:], sample[n:], step)
}

// sample may write a vector beyond out, which has the capacity for it.
func sample(out, data []float32, size [3]int, line [6]float32) {
	level := simd.Current()
	if level == simd.Generic {
		sampleGeneric(out, data, size, &line)
		return
	}
	var c [24]float32
	copy(c[:], line[:])
	number(c[6:], len(out), level)
	steps := [2]int32{int32(size[0]), int32(size[0] * size[1])}
	_ = out[:padded(len(out))]
	if level == simd.AVX512 {
		sampleAVX512(&out[0], &data[0], &c[0], &steps[0], len(out))
		return
	}
	sampleAVX2(&out[0], &data[0], &c[0], &steps[0], len(out))
}

func lookUp(out, sums []float32, v *view) {
	level := simd.Current()
	if level == simd.Generic {
		lookUpGeneric(out, sums, v)
		return
	}
	c := [34]float32{
		v.fromSource, v.fromSourceStep, v.x, v.xStep, v.y, v.yStep, v.sad, v.left, v.perU, v.low, v.perW,
		v.near, v.perA, v.last, v.perSAD2, 1,
	}
	number(c[16:], len(out), level)
	steps := [5]int32{v.row, v.plane, v.lastU, v.lastW, int32(v.last) - 1}
	run := func(out *float32, n int) {
		if level == simd.AVX512 {
			lookUpAVX512(out, &sums[0], &c[0], &steps[0], n)
			return
		}
		lookUpAVX2(out, &sums[0], &c[0], &steps[0], n)
	}
	n, _ := whole(len(out))
	if n > 0 {
		run(&out[0], n)
	}
	if n < len(out) {
		var rest [lanes]float32
		for i := range 16 {
			c[16+i] = float32(min(n+i, len(out)-1))
		}
		run(&rest[0], 1)
		copy(out[n:], rest[:])
	}
}

func transpose(dst, src []float32, dstStep, srcStep, n, m int) {
	if simd.Current() == simd.Generic || n < 8 || m < 8 {
		transposeGeneric(dst, src, dstStep, srcStep, n, m)
		return
	}
	n8, m8 := n&^7, m&^7
	for k := 0; k < m8; k += 8 {
		transposeAVX2(&dst[k], &src[k*srcStep], dstStep, srcStep, n8/8)
	}
	if n8 < n {
		transposeGeneric(dst[n8*dstStep:], src[n8:], dstStep, srcStep, n-n8, m8)
	}
	if m8 < m {
		transposeGeneric(dst[m8:], src[m8*srcStep:], dstStep, srcStep, n, m-m8)
	}
}
