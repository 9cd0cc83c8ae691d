// Package pencil is the voxel loop of a low-rank pencil beam: for points along
// a line the sum over components of a map value times a depth value,
//
//	D = F · (SAD/a)² Σ_k D_k(d, a/SAD) · M_k(x, y),
//
// with a the distance from the source along the beam axis and (x, y) the
// point's projection on the plane at distance SAD.
package pencil

import "math"

// lane is what the number of components is padded to.
const lane = 4

// Padded is the number of values that n components take in a Map and in
// Depths: the next multiple of four, the rest zero.
func Padded(n int) int { return (n + lane - 1) / lane * lane }

// Map is the values of all components on a lattice of points of the plane:
// point (i, j) at (X + i·Step, Y + j·Step) mm, bilinear between.
type Map struct {
	X, Y, Step float64
	NX, NY     int
	Components int       // as Padded, and as Depths has them
	Value      []float32 // components fastest, then x, then y
}

// Depths is D_k on a lattice of depths and scales, bilinear between and
// constant beyond its ends.
type Depths struct {
	components int // padded
	depth      []float32
	perMM      []float32 // 1/(depth[i+1]−depth[i])
	bin        []uint16  // the interval that the bin begins in; a bin is as wide as the narrowest interval
	perBin     float32
	scale      []float64
	value      []float32 // [depth][scale][component]
}

// NewDepths prepares a table: value holds [depth][scale][component] for
// ascending depths from 0 and ascending scales, at least two depths and no more
// than 65535.
func NewDepths(depth, scale, value []float64, components int) *Depths {
	t := &Depths{components: Padded(components), scale: scale, depth: make([]float32, len(depth)), perMM: make([]float32, len(depth))}
	for i, d := range depth {
		t.depth[i] = float32(d)
	}
	narrowest := math.Inf(1)
	for i := range len(depth) - 1 {
		width := float64(t.depth[i+1]) - float64(t.depth[i])
		t.perMM[i] = float32(1 / width)
		narrowest = min(narrowest, width)
	}
	// Never more bins than a million: then finding the interval takes more
	// than one step, not more memory.
	last := float64(t.depth[len(depth)-1])
	t.perBin = float32(min(1/narrowest, 1e6/last))
	i := 0
	for b := 0; float64(b) <= last*float64(t.perBin)+1; b++ {
		for i < len(depth)-2 && float32(b) >= t.depth[i+1]*t.perBin {
			i++
		}
		t.bin = append(t.bin, uint16(i))
	}
	t.value = make([]float32, len(depth)*len(scale)*t.components)
	for p := range len(depth) * len(scale) {
		for k := range components {
			t.value[p*t.components+k] = float32(value[p*components+k])
		}
	}
	return t
}

// find is the interval of a depth (mm) and the share of the way through it.
func (t *Depths) find(d float32) (int, float32) {
	last := len(t.depth) - 1
	if d >= t.depth[last] {
		return last - 1, 1
	}
	i := int(t.bin[int(d*t.perBin)])
	for i < last-1 && d >= t.depth[i+1] {
		i++
	}
	for i > 0 && d < t.depth[i] {
		i--
	}
	return i, (d - t.depth[i]) * t.perMM[i]
}

// findScale is the same for a scale.
func (t *Depths) findScale(s float64) (int, float32) {
	last := len(t.scale) - 1
	switch {
	case last == 0 || s <= t.scale[0]:
		return 0, 0
	case s >= t.scale[last]:
		return last - 1, 1
	}
	i := min(int((s-t.scale[0])/(t.scale[last]-t.scale[0])*float64(last)), last-1)
	for i < last-1 && s >= t.scale[i+1] {
		i++
	}
	for i > 0 && s < t.scale[i] {
		i--
	}
	return i, float32((s - t.scale[i]) / (t.scale[i+1] - t.scale[i]))
}

// Last is the deepest depth of the table, mm.
func (t *Depths) Last() float64 { return float64(t.depth[len(t.depth)-1]) }

// Line is points in beam coordinates (source at (0, 0, SAD), mm): point i at
// Origin + i·Step.
type Line struct {
	Origin, Step [3]float64
}

// Field is what one pose of the beam gives in one map.
type Field struct {
	SAD    float64 // mm
	Factor float64
	Map    *Map
	Depths *Depths // of the same components as Map
}

// Span is the range first ≤ i < end of the n points of a line that lie before
// the source and project into the map.
func (f *Field) Span(l Line, n int) (first, end int) {
	low, high := 0.0, float64(n-1)
	// Each bound is linear in i: p + i·q ≥ 0.
	clip := func(p, q float64) {
		switch {
		case q > 0:
			low = max(low, -p/q)
		case q < 0:
			high = min(high, -p/q)
		case p < 0:
			high = -1
		}
	}
	a, da := f.SAD-l.Origin[2], -l.Step[2]
	clip(a-1, da) // 1 mm from the source
	m := f.Map
	for axis, from := range [2]float64{m.X, m.Y} {
		to := from + m.Step*float64([2]int{m.NX, m.NY}[axis]-1)
		b, db := l.Origin[axis], l.Step[axis]
		clip(b-from/f.SAD*a, db-from/f.SAD*da)
		clip(to/f.SAD*a-b, to/f.SAD*da-db)
	}
	if m.NX < 2 || m.NY < 2 || !(high >= low) {
		return 0, 0
	}
	return int(math.Ceil(low)), int(math.Floor(high)) + 1
}

// Add adds the dose at the points first…first+len(dose)−1 of a line, which lie
// in Span. A point whose depth (mm of water) is negative is left out; where it
// is not a number, neither is the dose. Add returns the largest depth it met.
func (f *Field) Add(dose, depth []float64, l Line, first int) (deepest float64) {
	k := f.Depths.components
	scales := len(f.Depths.scale)
	lattice := f.Map
	perMM := 1 / lattice.Step
	lastX, lastY := lattice.NX-2, lattice.NY-2
	for n := range dose {
		d64 := depth[n]
		if d64 < 0 {
			continue
		}
		if d64 != d64 {
			dose[n] = math.NaN()
			continue
		}
		if d64 > deepest {
			deepest = d64
		}
		i := float64(first + n)
		a := f.SAD - (l.Origin[2] + i*l.Step[2])
		m := f.SAD / a
		x := ((l.Origin[0]+i*l.Step[0])*m - lattice.X) * perMM
		y := ((l.Origin[1]+i*l.Step[1])*m - lattice.Y) * perMM
		// Span is exact but for rounding, which may put x beyond the last point.
		ix, iy := min(int(x), lastX), min(int(y), lastY)
		u, v := float32(x-float64(ix)), float32(y-float64(iy))
		w11 := u * v
		w10, w01 := u-w11, v-w11
		w00 := 1 - u - w01
		p, row := (iy*lattice.NX+ix)*k, lattice.NX*k
		m0, m1 := lattice.Value[p:p+2*k], lattice.Value[p+row:p+row+2*k]

		q, t := f.Depths.find(float32(d64))
		var sum float32
		if scales == 1 {
			d0 := f.Depths.value[q*k : (q+2)*k]
			for c := 0; c+lane <= k; c += lane {
				a0, a1 := (*[lane]float32)(d0[c:]), (*[lane]float32)(d0[c+k:])
				m00, m10 := (*[lane]float32)(m0[c:]), (*[lane]float32)(m0[c+k:])
				m01, m11 := (*[lane]float32)(m1[c:]), (*[lane]float32)(m1[c+k:])
				for e := range lane {
					sum += (a0[e] + t*(a1[e]-a0[e])) * (w00*m00[e] + w10*m10[e] + w01*m01[e] + w11*m11[e])
				}
			}
		} else {
			r, s := f.Depths.findScale(a / f.SAD)
			o := (q*scales + r) * k
			d0, d1 := f.Depths.value[o:o+2*k], f.Depths.value[o+scales*k:o+scales*k+2*k]
			s11 := s * t
			s10, s01 := s-s11, t-s11
			s00 := 1 - s - s01
			for c := 0; c+lane <= k; c += lane {
				a00, a10 := (*[lane]float32)(d0[c:]), (*[lane]float32)(d0[c+k:])
				a01, a11 := (*[lane]float32)(d1[c:]), (*[lane]float32)(d1[c+k:])
				m00, m10 := (*[lane]float32)(m0[c:]), (*[lane]float32)(m0[c+k:])
				m01, m11 := (*[lane]float32)(m1[c:]), (*[lane]float32)(m1[c+k:])
				for e := range lane {
					sum += (s00*a00[e] + s10*a10[e] + s01*a01[e] + s11*a11[e]) *
						(w00*m00[e] + w10*m10[e] + w01*m01[e] + w11*m11[e])
				}
			}
		}
		dose[n] += f.Factor * m * m * float64(sum)
	}
	return deepest
}
