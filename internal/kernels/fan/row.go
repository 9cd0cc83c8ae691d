package fan

import "math"

// Row is At for points first, first + step, … of the beam frame, one for each
// place of out. Points beside or behind the source (a ≤ 0) give NaN.
func (f *Fan) Row(out []float32, first, step [3]float64) {
	from, to := f.Span(first, step, len(out))
	nan := float32(math.NaN())
	for n := range from {
		out[n] = nan
	}
	for n := to; n < len(out); n++ {
		out[n] = nan
	}
	if from < to {
		v := f.view(first, step, from)
		lookUp(out[from:to], f.Sums, &v)
	}
}

// Span is the range from ≤ i < to of n points first + i·step that lie on rays
// of the fan.
func (f *Fan) Span(first, step [3]float64, n int) (from, to int) {
	low, high := 0.0, float64(n-1)
	// Each bound is linear in i: p + i·q ≥ 0.
	clip := func(p, q float64) {
		switch {
		case q > 0:
			low = max(low, -p/q)
		case q < 0:
			high = min(high, -p/q)
		case !(p >= 0):
			high = -1
		}
	}
	const beforeSource = 1e-6 // mm
	a, da := f.SAD-first[2], -step[2]
	clip(a-beforeSource, da)
	for c, axis := range [2]Axis{f.U, f.W} {
		// A hundredth of a step is given for rounding at the edges.
		x0, x1 := axis.First-0.01*axis.Step, axis.First+(float64(axis.N)-0.99)*axis.Step
		clip(first[c]-x0/f.SAD*a, step[c]-x0/f.SAD*da)
		clip(x1/f.SAD*a-first[c], x1/f.SAD*da-step[c])
	}
	if !(high >= low) {
		return 0, 0
	}
	return int(math.Ceil(low)), int(math.Floor(high)) + 1
}

// view is what a look-up along a line needs. Point i is fromSource + i·fromSourceStep
// from the source along the axis and (x + i·xStep, y + i·yStep) beside it.
type view struct {
	fromSource, fromSourceStep float32
	x, xStep, y, yStep         float32
	sad                        float32
	left, perU, low, perW      float32
	near, perA, last           float32
	perSAD2                    float32
	row, plane                 int32 // values from one u, one plane to the next
	lastU, lastW               int32 // lower nodes of the last cells
}

func (f *Fan) view(first, step [3]float64, from int) view {
	at := func(c int) float64 { return first[c] + float64(from)*step[c] }
	return view{
		fromSource: float32(f.SAD - at(2)), fromSourceStep: float32(-step[2]),
		x: float32(at(0)), xStep: float32(step[0]), y: float32(at(1)), yStep: float32(step[1]),
		sad: float32(f.SAD), left: float32(f.U.First), perU: float32(f.perU), low: float32(f.W.First), perW: float32(f.perW),
		near: float32(f.A.First), perA: float32(f.perA), last: float32(f.A.N - 1),
		perSAD2: float32(f.perSAD2),
		row:     int32(f.W.N), plane: int32(f.U.N * f.W.N), lastU: int32(f.U.N - 2), lastW: int32(f.W.N - 2),
	}
}
