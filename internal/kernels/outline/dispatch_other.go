//go:build !amd64 || purego

package outline

func nearest(e *Edge, d []float32, stride, rows, columns int) {
	nearestGeneric(e, d, stride, rows, columns)
}

func roots(d []float32) { rootsGeneric(d) }

func bend(m *Bend, row, a, b, before, after []float32, n int) {
	bendGeneric(m, row, a, b, before, after, n)
}

func end(m *End, row, a, b, before, after []float32, n int) {
	endGeneric(m, row, a, b, before, after, n)
}

func cover(out, low, high, rest []float32, mixed []byte, n int) {
	coverGeneric(out, low, high, rest, mixed, n)
}
