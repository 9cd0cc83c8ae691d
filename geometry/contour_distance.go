package geometry

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/spatial/r2"

	"github.com/kerma-rt/kerma/internal/kernels/outline"
)

// distances is the signed distance (mm) from the corners of a raster's cells
// to the boundary of a region, positive inside, cut at ±limit.
type distances struct {
	stride int       // from one row of corners to the next
	data   []float32 // u fastest; rows are followed by columns without meaning
	edge   outline.Edge
}

// row is the distances along row j of corners from column i on.
func (d *distances) row(i, j int) []float32 { return d.data[j*d.stride+i:] }

// fill computes the distances to the given edges of a plane. It looks only at
// corners within limit of an edge, so its time goes with the length of the
// boundary.
func (d *distances) fill(edges []edge, in *parity, r Raster, limit float64, l *lines) {
	nu, nv := r.NU+1, r.NV+1
	d.stride = outline.Padded(nu + outline.Padded(1) - 1)
	d.data = slices.Grow(d.data[:0], d.stride*nv)[:d.stride*nv]
	far := float32(limit * limit)
	for n := copy(d.data, []float32{far}); n < len(d.data); n *= 2 {
		copy(d.data[n:], d.data[:n])
	}
	for _, e := range edges {
		// A long edge is taken in pieces: the corners near each are few.
		du, dv := e.b.X-e.a.X, e.b.Y-e.a.Y
		pieces := math.Ceil(max(math.Abs(du), math.Abs(dv)) / (2 * limit))
		from := e.a
		for k := 1.0; k < pieces; k++ {
			to := r2.Vec{X: e.a.X + k/pieces*du, Y: e.a.Y + k/pieces*dv}
			d.nearest(from, to, r, limit)
			from = to
		}
		d.nearest(from, e.b, r, limit)
	}
	outline.Roots(d.data)
	l.cut(edges, r.V, r.DV, nv)
	for j := range nv {
		l.inside = l.spans(j, in, l.inside)
		row := d.row(0, j)
		for _, s := range l.inside {
			span := row[rasterLine((s[0]-r.U)/r.DU, nu):rasterLine((s[1]-r.U)/r.DU, nu)]
			for i := range span {
				span[i] = -span[i]
			}
		}
	}
}

// nearest lowers the squared distances about one piece of an edge.
func (d *distances) nearest(a, b r2.Vec, r Raster, limit float64) {
	low, high := r2.Vec{X: min(a.X, b.X), Y: min(a.Y, b.Y)}, r2.Vec{X: max(a.X, b.X), Y: max(a.Y, b.Y)}
	i0, i1 := rasterLine((low.X-limit-r.U)/r.DU, r.NU+1), rasterLine((high.X+limit-r.U)/r.DU, r.NU+1)
	j0, j1 := rasterLine((low.Y-limit-r.V)/r.DV, r.NV+1), rasterLine((high.Y+limit-r.V)/r.DV, r.NV+1)
	if i0 >= i1 || j0 >= j1 {
		return
	}
	e := &d.edge
	eu, ev := b.X-a.X, b.Y-a.Y
	*e = outline.Edge{
		U: float32(r.U + float64(i0)*r.DU - a.X), V: float32(r.V + float64(j0)*r.DV - a.Y),
		DU: float32(r.DU), DV: float32(r.DV), EU: float32(eu), EV: float32(ev),
	}
	if l2 := eu*eu + ev*ev; l2 > 0 {
		e.Inverse = float32(1 / l2)
	}
	e.Nearest(d.row(i0, j0), d.stride, j1-j0, i1-i0)
}

// simplify replaces runs of edges, each beginning where the last ends, by one
// edge no corner of the run is further than tolerance (mm) from. The result is
// written over out.
func simplify(out, edges []edge, tolerance float64) []edge {
	const longest = 24 // edges in a run: bounds the time
	out = out[:0]
	for i := 0; i < len(edges); {
		run := edges[i]
		n := 1
		for ; n < longest && i+n < len(edges); n++ {
			next := edges[i+n]
			if next.loop != run.loop || next.a != edges[i+n-1].b || next.b == run.a {
				break
			}
			chord := edge{run.a, next.b, run.loop}
			if !chord.near(edges[i:i+n], tolerance) {
				break
			}
		}
		run.b = edges[i+n-1].b
		out = append(out, run)
		i += n
	}
	return out
}

// near reports whether the ends of all edges lie within tolerance of e.
func (e edge) near(edges []edge, tolerance float64) bool {
	d := r2.Sub(e.b, e.a)
	l2 := r2.Dot(d, d)
	for _, f := range edges {
		p := r2.Sub(f.b, e.a)
		t := min(max(r2.Dot(p, d), 0), l2)
		if l2 > 0 {
			p = r2.Sub(p, r2.Scale(t/l2, d))
		}
		if r2.Dot(p, p) > tolerance*tolerance {
			return false
		}
	}
	return true
}

// rasterLine is the first line at or above x, kept to 0…n.
func rasterLine(x float64, n int) int {
	// Written out: min, max and Ceil of floats look for NaN and the like.
	if !(x > 0) {
		return 0
	}
	if x >= float64(n) {
		return n
	}
	i := int(x)
	if float64(i) < x {
		i++
	}
	return i
}

// positiveArea is the part of a unit cell in which a function that is linear
// along its sides, with the given values at the corners in turn, is ≥ 0.
// Where only two opposite corners are, these are joined.
func positiveArea(a, b, c, d float32) float32 {
	// cut is the triangle at a corner whose neighbours have the other sign,
	// strip the part beside a side whose opposite side has the other sign.
	cut := func(v, before, after float32) float32 { return v / (v - before) * (v / (v - after)) / 2 }
	strip := func(a, a2, b, b2 float32) float32 { return (a/(a-a2) + b/(b-b2)) / 2 }
	// Bits by the sign: branches on it would be guessed wrong half the time.
	outside := func(v float32) uint32 { return math.Float32bits(v+0) >> 31 } // −0 + 0 = 0
	switch 0b1111 ^ (outside(a) | outside(b)<<1 | outside(c)<<2 | outside(d)<<3) {
	case 0b0000:
		return 0
	case 0b0001:
		return cut(a, d, b)
	case 0b0010:
		return cut(b, a, c)
	case 0b0100:
		return cut(c, b, d)
	case 0b1000:
		return cut(d, c, a)
	case 0b0011:
		return strip(a, d, b, c)
	case 0b0110:
		return strip(b, a, c, d)
	case 0b1100:
		return strip(c, b, d, a)
	case 0b1001:
		return strip(d, c, a, b)
	case 0b0101:
		return 1 - cut(b, a, c) - cut(d, c, a)
	case 0b1010:
		return 1 - cut(a, d, b) - cut(c, b, d)
	case 0b1110:
		return 1 - cut(a, d, b)
	case 0b1101:
		return 1 - cut(b, a, c)
	case 0b1011:
		return 1 - cut(c, b, d)
	case 0b0111:
		return 1 - cut(d, c, a)
	}
	return 1
}
