package geometry

import (
	"math"

	"gonum.org/v1/gonum/spatial/r2"
)

// distances is the signed distance (mm) from the corners of a raster's cells
// to the boundary of a region, positive inside, cut at ±limit.
type distances struct {
	limit float32
	data  []float32 // (NU+1)·(NV+1), u fastest
}

// fill computes the distances to the given edges of a plane. It looks only at
// corners within limit of an edge, so its time goes with the length of the
// boundary.
func (d *distances) fill(edges []edge, in *parity, r Raster, limit float64, l *lines) {
	nu, nv := r.NU+1, r.NV+1
	d.limit = float32(limit)
	d.data = append(d.data[:0], make([]float32, nu*nv)...)
	// Squared distances, less the square of the limit so that a fresh array
	// of zeros means "at the limit or beyond".
	cut := float32(limit * limit)
	for _, e := range edges {
		du, dv := e.b.X-e.a.X, e.b.Y-e.a.Y
		l2 := du*du + dv*dv
		lo := rasterLine((min(e.a.Y, e.b.Y)-limit-r.V)/r.DV, nv)
		hi := rasterLine((max(e.a.Y, e.b.Y)+limit-r.V)/r.DV, nv)
		for j := lo; j < hi; j++ {
			v := r.V + float64(j)*r.DV
			// The stretch of the edge within limit of this row.
			t0, t1 := 0.0, 1.0
			if dv != 0 {
				a, b := (v-limit-e.a.Y)/dv, (v+limit-e.a.Y)/dv
				t0, t1 = max(min(a, b), 0), min(max(a, b), 1)
				if t0 > t1 {
					continue
				}
			}
			ua, ub := e.a.X+t0*du, e.a.X+t1*du
			first := rasterLine((min(ua, ub)-limit-r.U)/r.DU, nu)
			last := rasterLine((max(ua, ub)+limit-r.U)/r.DU, nu)
			row := d.data[j*nu : (j+1)*nu]
			for i := first; i < last; i++ {
				pu, pv := r.U+float64(i)*r.DU-e.a.X, v-e.a.Y
				if t := pu*du + pv*dv; t > 0 && l2 > 0 {
					t = min(t/l2, 1)
					pu, pv = pu-t*du, pv-t*dv
				}
				if q := float32(pu*pu+pv*pv) - cut; q < row[i] {
					row[i] = q
				}
			}
		}
	}
	l.cut(edges, r.V, r.DV, nv)
	var spans [][2]float64
	for j := range nv {
		spans = l.spans(j, in, spans)
		row := d.data[j*nu : (j+1)*nu]
		i := 0
		outside := func(to int) {
			for ; i < to; i++ {
				row[i] = -root(row[i], cut)
			}
		}
		for _, s := range spans {
			first := rasterLine((s[0]-r.U)/r.DU, nu)
			last := rasterLine((s[1]-r.U)/r.DU, nu)
			outside(first)
			for ; i < last; i++ {
				row[i] = root(row[i], cut)
			}
		}
		outside(nu)
	}
}

func root(q, cut float32) float32 {
	if q == 0 {
		q = cut
	} else {
		q = max(q+cut, 0)
	}
	return float32(math.Sqrt(float64(q)))
}

// simplify replaces runs of edges, each beginning where the last ends, by one
// edge no corner of the run is further than tolerance (mm) from.
func simplify(edges []edge, tolerance float64) []edge {
	const longest = 24 // edges in a run: bounds the time
	out := make([]edge, 0, len(edges))
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
	return int(math.Ceil(min(max(x, 0), float64(n))))
}

// positiveArea is the part of a unit cell in which a function that is linear
// along its sides, with the given values at the corners in turn, is ≥ 0.
func positiveArea(f [4]float32) float32 {
	in := 0
	for _, v := range f {
		if v >= 0 {
			in++
		}
	}
	switch in {
	case 0:
		return 0
	case 4:
		return 1
	}
	corner := [4][2]float32{{0, 0}, {1, 0}, {1, 1}, {0, 1}}
	var area float32
	var first, last [2]float32
	n := 0
	to := func(p [2]float32) {
		if n == 0 {
			first = p
		} else {
			area += last[0]*p[1] - last[1]*p[0]
		}
		last = p
		n++
	}
	for i, v := range f {
		k := (i + 1) & 3
		if v >= 0 {
			to(corner[i])
		}
		if (v >= 0) != (f[k] >= 0) {
			t := v / (v - f[k])
			to([2]float32{
				corner[i][0] + t*(corner[k][0]-corner[i][0]),
				corner[i][1] + t*(corner[k][1]-corner[i][1]),
			})
		}
	}
	area += last[0]*first[1] - last[1]*first[0]
	return min(max(area/2, 0), 1)
}
