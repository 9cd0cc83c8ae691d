package fan

import "math"

// fma is x·y + z, rounded once, as the vector kernels have it: a hair beside a
// node they must fall into the same cell. In float64 the product is exact.
func fma(x, y, z float32) float32 { return float32(float64(x)*float64(y) + float64(z)) }

// split is the whole part of x ≥ 0, and the rest.
func split(x float32) (int, float32) {
	i := int(x)
	return i, x - float32(i)
}

// blendGeneric is Σ_c weight[c]·column_c of the columns that begin at place[c].
func blendGeneric(out, data []float32, weight *[4]float32, place *[4]int) {
	a, b, c, d := data[place[0]:], data[place[1]:], data[place[2]:], data[place[3]:]
	for k := range out {
		out[k] = weight[0]*a[k] + weight[1]*b[k] + weight[2]*c[k] + weight[3]*d[k]
	}
}

// resampleGeneric is a column, linear between its values, at first, first + step, ….
func resampleGeneric(out, column []float32, first, step float32) {
	for j := range out {
		k, t := split(fma(float32(j), step, first))
		out[j] = column[k] + t*(column[k+1]-column[k])
	}
}

// addGeneric copies the sums to out and then adds the samples.
func addGeneric(out, sums, sample []float32, step float32) {
	for j, s := range sums[:len(out)] {
		out[j] = s
		sums[j] = s + step*sample[j]
	}
}

// sampleGeneric is a volume, trilinear between its values, along a line: the
// index of x at its first point and the step of it, then y and z alike.
func sampleGeneric(out, data []float32, size [3]int, line *[6]float32) {
	row, plane := size[0], size[0]*size[1]
	for n := range out {
		i := float32(n)
		x, fx := split(fma(i, line[1], line[0]))
		y, fy := split(fma(i, line[3], line[2]))
		z, fz := split(fma(i, line[5], line[4]))
		out[n] = trilinear(data[x+row*y+plane*z:], row, plane, fx, fy, fz)
	}
}

func trilinear(d []float32, row, plane int, fx, fy, fz float32) float32 {
	lerp := func(n int) float32 { return d[n] + fx*(d[n+1]-d[n]) }
	a, b := lerp(0), lerp(row)
	p, q := lerp(plane), lerp(plane+row)
	a += fy * (b - a)
	p += fy * (q - p)
	return a + fz*(p-a)
}

// lookUpGeneric is the integral at points of a line, all of them in the fan.
func lookUpGeneric(out, sums []float32, v *view) {
	for n := range out {
		i := float32(n)
		a := fma(i, v.fromSourceStep, v.fromSource)
		m := v.sad / a
		u, w := fma(i, v.xStep, v.x)*m, fma(i, v.yStep, v.y)*m
		obliquity := float32(math.Sqrt(float64(1 + v.perSAD2*(u*u+w*w))))
		z := min(max(float32(a-v.near)*v.perA, 0), v.last)
		x, y := float32(u-v.left)*v.perU, float32(w-v.low)*v.perW
		j, k, t := min(max(int32(x), 0), v.lastU), min(max(int32(y), 0), v.lastW), min(int32(z), int32(v.last)-1)
		out[n] = obliquity * trilinear(sums[t*v.plane+j*v.row+k:], int(v.row), int(v.plane), y-float32(k), x-float32(j), z-float32(t))
	}
}

// transposeGeneric is dst[i·dstStep + k] = src[k·srcStep + i] for i < n, k < m.
func transposeGeneric(dst, src []float32, dstStep, srcStep, n, m int) {
	for k := range m {
		for i, v := range src[k*srcStep:][:n] {
			dst[i*dstStep+k] = v
		}
	}
}
