package pencil

import "math"

// row is what is the same for all points of a row: point i is
// fromSource + i·fromSourceStep from the source along the axis, and its
// projection lies (x + i·xStep)·SAD/a − left nodes to the right of the first
// of the map, and likewise above it.
type row struct {
	fromSource, fromSourceStep  float32
	x, xStep, y, yStep          float32
	sad, left, low              float32
	factor                      float32
	deepest, perDepthBin        float32
	perSAD                      float32
	smallest, largest, perScale float32
	start                       float32 // number of the first point
}

func (f *Field) row(l Line, first int) row {
	m, t := f.Map, f.Depths
	per := 1 / m.Step
	at := func(c int) float64 { return l.Origin[c] + float64(first)*l.Step[c] }
	return row{
		fromSource: float32(f.SAD - at(2)), fromSourceStep: float32(-l.Step[2]),
		x: float32(at(0) * per), xStep: float32(l.Step[0] * per),
		y: float32(at(1) * per), yStep: float32(l.Step[1] * per),
		sad: float32(f.SAD), left: float32(m.X * per), low: float32(m.Y * per),
		factor:  float32(f.Factor),
		deepest: t.depth.last, perDepthBin: t.depth.perBin,
		perSAD:   float32(1 / f.SAD),
		smallest: t.scale.first, largest: t.scale.last, perScale: t.scale.perBin,
	}
}

// from lets the row begin n points later.
func (r *row) from(n int) { r.start += float32(n) }

// fma is x·y + z, rounded once, as the vector kernels have it: a hair beside a
// node they must fall into the same cell. In float64 the product is exact.
func fma(x, y, z float32) float32 { return float32(float64(x)*float64(y) + float64(z)) }

// addGeneric is the reference of Add.
func addGeneric(f *Field, r *row, dose, depth []float32) (deepest float32) {
	m, t := f.Map, f.Depths
	k, scales := t.components, t.scales()
	for n, d := range depth {
		if d < 0 {
			continue
		}
		if d != d {
			dose[n] = float32(math.NaN())
			continue
		}
		deepest = max(deepest, d)
		i := r.start + float32(n)
		a := fma(i, r.fromSourceStep, r.fromSource)
		scale := r.sad / a
		x, y := fma(fma(i, r.xStep, r.x), scale, -r.left), fma(fma(i, r.yStep, r.y), scale, -r.low)
		// Span is exact but for rounding, which may put x beyond the last point.
		ix, iy := min(max(int(x), 0), m.NX-2), min(max(int(y), 0), m.NY-2)
		u, v := x-float32(ix), y-float32(iy)
		p := (iy*m.NX + ix) * k
		m0, m1 := m.Value[p:p+2*k], m.Value[p+m.NX*k:p+m.NX*k+2*k]

		q, s := t.depth.find(min(d, t.depth.last))
		o, w, next := q*scales*k, float32(0), 0
		if scales > 1 {
			var b int
			b, w = t.scale.find(min(max(float32(a*r.perSAD), r.smallest), r.largest))
			o, next = o+b*k, k
		}
		d0, d1 := t.value[o:], t.value[o+scales*k:]
		var sum float32
		for c := range k {
			a, b := d0[c]+s*(d1[c]-d0[c]), d0[c+next]+s*(d1[c+next]-d0[c+next])
			low, high := m0[c]+v*(m1[c]-m0[c]), m0[c+k]+v*(m1[c+k]-m0[c+k])
			sum += (a + w*(b-a)) * (low + u*(high-low))
		}
		dose[n] += r.factor * (scale * scale) * sum
	}
	return deepest
}
