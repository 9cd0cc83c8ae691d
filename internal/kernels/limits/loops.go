package limits

// loops are the loops of one instruction set. Lengths are multiples of 128.
type loops struct {
	fma    func(x, y float32, n int) float32 // n turns of acc ← x·acc + y, |x| < 1
	turn   int                               // operations of a turn
	read   func(p []float32) float32
	fill   func(p []float32)
	copy   func(dst, src []float32)
	triad  func(dst, a, b []float32) // dst ← a·a + b
	gather func(table []float32, index []int32) float32
	pairs  func(table []float32, index []int32) float32 // table[i] and table[i+1]
}

// generic are the loops in plain Go.
var generic = loops{
	fma: func(x, y float32, n int) float32 {
		a, b, c, d := y, y, y, y
		for range n {
			a, b, c, d = x*a+y, x*b+y, x*c+y, x*d+y
		}
		return a + b + c + d
	},
	turn: 4 * 2,
	read: func(p []float32) float32 {
		var a, b, c, d float32
		for ; len(p) >= 4; p = p[4:] {
			a, b, c, d = a+p[0], b+p[1], c+p[2], d+p[3]
		}
		return a + b + c + d
	},
	fill: func(p []float32) {
		for i := range p {
			p[i] = 1 // zeros would be the runtime's memclr
		}
	},
	copy: func(dst, src []float32) { copy(dst, src) },
	triad: func(dst, a, b []float32) {
		dst, b = dst[:len(a)], b[:len(a)]
		for i, x := range a {
			dst[i] = x*x + b[i]
		}
	},
	gather: func(table []float32, index []int32) float32 {
		var a, b float32
		for ; len(index) >= 2; index = index[2:] {
			a, b = a+table[index[0]], b+table[index[1]]
		}
		return a + b
	},
	pairs: func(table []float32, index []int32) float32 {
		var a, b float32
		for _, i := range index {
			a, b = a+table[i], b+table[i+1]
		}
		return a + b
	},
}
