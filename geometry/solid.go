package geometry

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/spatial/r2"
	"gonum.org/v1/gonum/spatial/r3"
)

// Solid is the body that a structure's contours stand for.
//
// In a plane of contours it is what they enclose by even–odd parity (nested
// contours are holes and islands; copies are dropped, contours that cross are
// united). A plane stands for the slab that reaches half way to its
// neighbours, and half the structure's median plane spacing beyond its first
// and last plane. Within the slabs the outline moves: between two planes the
// signed distance to the outline is interpolated (shape-based interpolation:
// Raya and Udupa, IEEE Trans Med Imaging 9:33, 1990; Herman, Zheng and
// Bucholtz, IEEE Comput Graph Appl 12:69, 1992), linearly and, where the
// planes beyond show a steady curvature, to second order. An outline that
// moves by more than a plane spacing is a step half way between the planes.
//
// A part that does not go on in the next plane, and every part of the first
// and last plane, fills its half spacing: there the distances are extrapolated
// from the planes before, so that a cone stays a cone, a cylinder a cylinder,
// and a sphere closes a little; a part with one plane only keeps its outline.
// Contours drawn on the very ends of a body therefore give a body longer by
// one spacing, as in slabs.
//
// Planes more than twice the median spacing apart are not joined.
//
// Coordinates of a Solid are (u, v, w) in mm along Axes, w across the planes.
// The zero Solid is empty.
type Solid struct {
	axes      [3]r3.Vec
	planes    []plane
	spacing   float64 // median, mm
	intervals []interval
}

// interval is a range of w in which the solid is drawn from the same planes;
// −1 where there is none on that side.
type interval struct {
	low, high    float64
	below, above int
}

const (
	// Outlines that move further than this between two planes, in plane
	// spacings, are steps half way rather than slopes: 45° from the normal.
	stepLimit = 1
	// Distances to the outline are known up to this, in plane spacings.
	distanceLimit = 2
)

// maxGap is the largest distance of planes that are joined, in median spacings.
const maxGap = 2.02

// NewSolid prepares a structure. The grid on which it will be used gives
// in-plane axes where its axes suit the contours, and stands in for the plane
// spacing of a structure with one plane. A structure without contours that
// enclose something gives an empty Solid and a warning. NewSolid fails with
// ErrContour for contours that are not in parallel planes (within 0.1 mm),
// have corners that are not finite, or too many of them.
func NewSolid(s *Structure, grid Grid) (*Solid, []string, error) {
	if err := checkCorners(s); err != nil {
		return nil, nil, err
	}
	empty := func(warnings []string) (*Solid, []string, error) {
		return &Solid{axes: IdentityAxes}, append(warnings, fmt.Sprintf("structure %q is empty: no contour encloses an area", s.Name)), nil
	}
	if !slices.ContainsFunc(s.Contours, func(c Contour) bool { return len(c) > 2 }) {
		return empty(nil)
	}
	axes := IdentityAxes
	if grid.Len() > 0 {
		axes = grid.axes
	}
	axes, err := planeAxes(s, axes)
	if err != nil {
		return nil, nil, err
	}
	loops, warnings, err := outlines(s, axes)
	if err != nil {
		return nil, nil, err
	}
	planes, more, err := planesOf(s.Name, loops)
	if err != nil {
		return nil, nil, err
	}
	warnings = append(warnings, more...)
	if len(planes) == 0 {
		return empty(warnings)
	}
	b := &Solid{axes: axes, planes: planes}
	more, err = b.join(s.Name, grid)
	return b, append(warnings, more...), err
}

// join finds the plane spacing and which planes are neighbours.
func (b *Solid) join(name string, grid Grid) (warnings []string, err error) {
	n := len(b.planes)
	if n == 1 {
		b.spacing = 1
		if grid.Len() > 0 {
			b.spacing = 0
			for a := range 3 {
				b.spacing += math.Abs(r3.Dot(grid.axes[a], b.axes[2])) * grid.spacing[a]
			}
		}
		warnings = append(warnings, fmt.Sprintf("structure %q has one plane of contours: taken as %.4g mm thick", name, b.spacing))
	} else {
		gaps := make([]float64, n-1)
		for i := range gaps {
			gaps[i] = b.planes[i+1].w - b.planes[i].w
		}
		slices.Sort(gaps)
		b.spacing = gaps[(n-2)/2]
	}
	half := b.spacing / 2
	work := maxPairWork
	var m measure
	first := &b.planes[0]
	b.intervals = append(b.intervals, interval{first.w - half, first.w, -1, 0})
	for i := range n - 1 {
		below, above := &b.planes[i], &b.planes[i+1]
		if gap := above.w - below.w; gap > maxGap*b.spacing {
			warnings = append(warnings, fmt.Sprintf("structure %q: no contours from %.4g to %.4g mm, %.3g times its plane spacing: kept as a gap", name, below.w, above.w, gap/b.spacing))
			b.intervals = append(b.intervals,
				interval{below.w, below.w + half, i, -1},
				interval{above.w - half, above.w, -1, i + 1})
			continue
		}
		if err := link(below, above, &work, &m); err != nil {
			return nil, fmt.Errorf("structure %q: %w", name, err)
		}
		b.intervals = append(b.intervals, interval{below.w, above.w, i, i + 1})
	}
	last := &b.planes[n-1]
	b.intervals = append(b.intervals, interval{last.w, last.w + half, n - 1, -1})
	return warnings, nil
}

// Empty reports whether the solid has no inside.
func (b *Solid) Empty() bool { return len(b.planes) == 0 }

// Axes are the unit directions of u, v and w in LPS; they may be left-handed.
func (b *Solid) Axes() [3]r3.Vec { return b.axes }

// Spacing is the median distance of the structure's planes in mm.
func (b *Solid) Spacing() float64 { return b.spacing }

// Bounds are the corners in (u, v, w), mm, of a box that holds the solid.
func (b *Solid) Bounds() (low, high r3.Vec) {
	if b.Empty() {
		return low, high
	}
	lo, hi := b.planes[0].low, b.planes[0].high
	for _, p := range b.planes[1:] {
		lo = r2.Vec{X: min(lo.X, p.low.X), Y: min(lo.Y, p.low.Y)}
		hi = r2.Vec{X: max(hi.X, p.high.X), Y: max(hi.Y, p.high.Y)}
	}
	// A third of the distance limit is how far an end can flare out.
	flare := distanceLimit * b.spacing / 3
	return r3.Vec{X: lo.X - flare, Y: lo.Y - flare, Z: b.intervals[0].low},
		r3.Vec{X: hi.X + flare, Y: hi.Y + flare, Z: b.intervals[len(b.intervals)-1].high}
}

// Layer is a thin slice of a Solid.
type Layer struct {
	W         float64 // middle, mm
	Thickness float64 // mm
}

// Layers cuts the solid into slices about step (mm) thick, at most 1¼, such that no
// plane, no step between planes and none of the given edges (mm, rising) lies
// within a slice. A cross-section at the middle of each stands for it.
func (b *Solid) Layers(step float64, edges []float64) []Layer {
	var layers []Layer
	for _, in := range b.intervals {
		cuts := []float64{in.low, in.high}
		if in.below >= 0 && in.above >= 0 {
			cuts = append(cuts, (in.low+in.high)/2)
		}
		from, _ := slices.BinarySearch(edges, in.low)
		for _, e := range edges[from:] {
			if e >= in.high {
				break
			}
			cuts = append(cuts, e)
		}
		slices.Sort(cuts)
		for i := 1; i < len(cuts); i++ {
			low, d := cuts[i-1], cuts[i]-cuts[i-1]
			if d < 1e-9 {
				continue
			}
			n := max(int(math.Ceil(d/step-0.25)), 1)
			for k := range n {
				layers = append(layers, Layer{low + (float64(k)+0.5)*d/float64(n), d / float64(n)})
			}
		}
	}
	return layers
}

// Volume is the solid's volume in cm³ by the slab rule alone, Σ area · thickness
// over its planes: an estimate for choosing how finely to sample.
func (b *Solid) Volume() float64 {
	sum := 0.0
	for _, in := range b.intervals {
		half := (in.high - in.low) / 2
		if in.below < 0 || in.above < 0 {
			half = in.high - in.low
		}
		for _, p := range []int{in.below, in.above} {
			if p < 0 {
				continue
			}
			for _, area := range b.planes[p].area {
				sum += area * half
			}
		}
	}
	return sum / 1000
}

// Point takes solid coordinates (u, v, w), mm, to LPS, mm.
func (b *Solid) Point(u, v, w float64) r3.Vec {
	return r3.Add(r3.Scale(u, b.axes[0]), r3.Add(r3.Scale(v, b.axes[1]), r3.Scale(w, b.axes[2])))
}
