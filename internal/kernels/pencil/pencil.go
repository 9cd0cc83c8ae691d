// Package pencil is the voxel loop of a low-rank pencil beam: for points along
// a line the sum over components of a map value times a depth value,
//
//	D = F · (SAD/a)² Σ_k D_k(d, a/SAD) · M_k(x, y),
//
// with a the distance from the source along the beam axis and (x, y) the
// point's projection on the plane at distance SAD.
package pencil

import "math"

//go:generate go run -C ../gen ./pencil -out ../pencil/pencil_amd64.s -stubs ../pencil/pencil_amd64.go -pkg pencil

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
	components   int // padded
	depth, scale axis
	value        []float32 // [depth][scale][component]
	mask         []int32   // −1 for each component, and zeros up to whole vectors
}

// Narrowest is the least distance of two depths (mm) or scales of a table.
const Narrowest = 1e-3

// NewDepths prepares a table: value holds [depth][scale][component] for
// ascending depths from 0 and ascending scales, at least Narrowest apart: at
// least two depths and no more than 65535.
func NewDepths(depth, scale, value []float64, components int) *Depths {
	t := &Depths{components: Padded(components), depth: newAxis(depth), scale: newAxis(scale)}
	const lanes = 16
	t.mask = make([]int32, (t.components+lanes-1)/lanes*lanes)
	for k := range t.components {
		t.mask[k] = -1
	}
	t.value = make([]float32, len(depth)*len(scale)*t.components)
	for p := range len(depth) * len(scale) {
		for k := range components {
			t.value[p*t.components+k] = float32(value[p*components+k])
		}
	}
	return t
}

func (t *Depths) scales() int { return len(t.value) / t.components / (len(t.depth.interval)/4 + 1) }

// Last is the deepest depth of the table, mm.
func (t *Depths) Last() float64 { return float64(t.depth.last) }

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
func (f *Field) Add(dose, depth []float32, l Line, first int) (deepest float32) {
	r := f.row(l, first)
	depth = depth[:len(dose)]
	done, deepest := vector(f, &r, dose, depth)
	if done == len(dose) {
		return deepest
	}
	r.from(done)
	return max(deepest, addGeneric(f, &r, dose[done:], depth[done:]))
}
