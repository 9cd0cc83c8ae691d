package geometry

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"

	"gonum.org/v1/gonum/spatial/r2"
	"gonum.org/v1/gonum/spatial/r3"
)

// ErrContour is wrapped by errors about contours that enclose no definite
// region: coordinates that are not numbers, corners out of the plane, planes
// that are not parallel, or more detail than any scanner resolves.
var ErrContour = errors.New("geometry: bad contour")

const (
	planeTolerance = 0.1     // mm; how far corners of one plane may lie apart along its normal
	farthest       = 1e6     // mm; no patient reaches this far
	maxCorners     = 1 << 21 // of a structure
	maxLoops       = 1024    // contours in one plane
	maxCrossings   = 500     // mean number of edges that a line through a plane meets
	maxPairWork    = 1 << 27 // edges looked at while contours are compared
	pairWork       = 1000    // what comparing two contours costs besides, in edges
)

// edge is one side of a polygon, in the plane's coordinates (mm).
type edge struct {
	a, b r2.Vec
	loop int32
}

// loop is one contour in its plane.
type loop struct {
	contour   int // position in Structure.Contours
	w         float64
	points    []r2.Vec
	edges     []edge
	low, high r2.Vec
	area      float64 // mm², by even–odd parity
	group     int32   // loops of one group are united; groups combine by parity
	part      int     // loops that overlap belong to one part
}

// newLoop prepares the corners of one contour. Sides that the contour walks
// twice, such as the channel of a keyhole, enclose nothing by parity; they are
// taken out so that they do not count as boundary.
func newLoop(contour int, w float64, points []r2.Vec, seen *hashes) loop {
	l := loop{contour: contour, w: w, points: points, low: points[0], high: points[0]}
	for _, p := range points {
		l.low = r2.Vec{X: min(l.low.X, p.X), Y: min(l.low.Y, p.Y)}
		l.high = r2.Vec{X: max(l.high.X, p.X), Y: max(l.high.Y, p.Y)}
	}
	n := len(points)
	l.edges = make([]edge, n)
	twice := false
	seen.reset(n)
	from := rounded(points[n-1])
	for i, p := range points {
		to := rounded(p)
		l.edges[(i+n-1)%n] = edge{a: points[(i+n-1)%n], b: p}
		twice = seen.add(sideOf(from, to).hash()) || twice
		from = to
	}
	if !twice {
		return l
	}
	times := make(map[side]int, len(points))
	for _, e := range l.edges {
		times[sideOf(rounded(e.a), rounded(e.b))]++
	}
	kept := l.edges[:0]
	for _, e := range l.edges {
		if k := sideOf(rounded(e.a), rounded(e.b)); times[k]%2 == 1 {
			times[k] = 0 // the rest of an odd number of passes cancels
			kept = append(kept, e)
		}
	}
	l.edges = kept
	return l
}

// side is an edge without direction, its corners rounded to 0.1 µm so that
// corners written twice are one.
type side [4]int64

func rounded(p r2.Vec) [2]int64 {
	const perMm = 1e4
	return [2]int64{int64(math.RoundToEven(p.X * perMm)), int64(math.RoundToEven(p.Y * perMm))}
}

func sideOf(a, b [2]int64) side {
	if a[0] > b[0] || a[0] == b[0] && a[1] > b[1] {
		a, b = b, a
	}
	return side{a[0], a[1], b[0], b[1]}
}

// hashes is a set of hashes, with open addressing.
type hashes struct {
	table []uint64
}

// reset empties the set, for n hashes to come.
func (h *hashes) reset(n int) {
	size := 1 << bits.Len(uint(2*n))
	h.table = slices.Grow(h.table[:0], size)[:size]
	clear(h.table)
}

// add reports whether the hash was there before.
func (h *hashes) add(x uint64) bool {
	if x == 0 {
		x = 1 // zero is an empty place
	}
	mask := uint64(len(h.table) - 1)
	for i := x & mask; ; i = (i + 1) & mask {
		switch h.table[i] {
		case 0:
			h.table[i] = x
			return false
		case x:
			return true
		}
	}
}

// hash is equal for equal sides: most contours walk none twice, and need no map.
func (s side) hash() uint64 {
	h := uint64(0)
	for _, x := range s {
		h = (h + uint64(x)) * 0x9E3779B97F4A7C15
		h ^= h >> 29
	}
	return h
}

// outlines turns the contours of a structure into loops in planes across
// normal, in the order of their planes. Corners come in the coordinates
// (u, v, w) along axes, w along the normal axes[2].
func outlines(s *Structure, axes [3]r3.Vec) (loops []loop, warnings []string, err error) {
	short := 0
	var seen hashes
	for c, contour := range s.Contours {
		points := make([]r2.Vec, 0, len(contour))
		low, high := math.Inf(1), math.Inf(-1)
		for _, p := range contour {
			w := r3.Dot(p, axes[2])
			low, high = min(low, w), max(high, w)
			q := r2.Vec{X: r3.Dot(p, axes[0]), Y: r3.Dot(p, axes[1])}
			if n := len(points); n == 0 || points[n-1] != q {
				points = append(points, q)
			}
		}
		if n := len(points); n > 1 && points[0] == points[n-1] {
			points = points[:n-1]
		}
		if len(points) < 3 {
			short++
			continue
		}
		if high-low > 2*planeTolerance {
			return nil, nil, fmt.Errorf("%w: structure %q, contour %d: corners %.3g mm apart along the normal (%.4g, %.4g, %.4g) of the structure's planes",
				ErrContour, s.Name, c, high-low, axes[2].X, axes[2].Y, axes[2].Z)
		}
		loops = append(loops, newLoop(c, (low+high)/2, points, &seen))
	}
	if short > 0 {
		warnings = append(warnings, fmt.Sprintf("structure %q: %d contours of fewer than three corners skipped", s.Name, short))
	}
	slices.SortStableFunc(loops, func(a, b loop) int { return cmp.Compare(a.w, b.w) })
	return loops, warnings, nil
}

// checkCorners fails for corners that are not finite, too far away or too many.
func checkCorners(s *Structure) error {
	n := 0
	for c, contour := range s.Contours {
		n += len(contour)
		if n > maxCorners {
			return fmt.Errorf("%w: structure %q has more than %d corners", ErrContour, s.Name, maxCorners)
		}
		for i, p := range contour {
			if !finite(p) || math.Abs(p.X) > farthest || math.Abs(p.Y) > farthest || math.Abs(p.Z) > farthest {
				return fmt.Errorf("%w: structure %q, contour %d, corner %d: (%g, %g, %g) mm", ErrContour, s.Name, c, i, p.X, p.Y, p.Z)
			}
		}
	}
	return nil
}

// planeAxes chooses the coordinates of a structure's planes: in-plane u and v,
// normal w. The axes of the grid come first, then those of the patient, where
// all contours lie across one of them; else the mean normal of the contours.
func planeAxes(s *Structure, grid [3]r3.Vec) ([3]r3.Vec, error) {
	for _, axes := range [][3]r3.Vec{grid, IdentityAxes} {
		for _, a := range []int{2, 1, 0} {
			if s.across(axes[a]) {
				switch a {
				case 0:
					return [3]r3.Vec{axes[1], axes[2], axes[0]}, nil
				case 1:
					return [3]r3.Vec{axes[0], axes[2], axes[1]}, nil
				}
				return axes, nil
			}
		}
	}
	normal, ok := s.meanNormal()
	if !ok {
		return grid, fmt.Errorf("%w: structure %q: contours enclose no area", ErrContour, s.Name)
	}
	u := r3.Cross(r3.Vec{X: 1}, normal)
	if math.Abs(normal.X) > 0.7 {
		u = r3.Cross(r3.Vec{Y: 1}, normal)
	}
	u = r3.Unit(u)
	return [3]r3.Vec{u, r3.Cross(normal, u), normal}, nil
}

// across reports whether every contour lies in a plane across the normal.
func (s *Structure) across(normal r3.Vec) bool {
	for _, contour := range s.Contours {
		low, high := math.Inf(1), math.Inf(-1)
		for _, p := range contour {
			w := r3.Dot(p, normal)
			low, high = min(low, w), max(high, w)
			if high-low > 2*planeTolerance {
				return false
			}
		}
	}
	return true
}

// meanNormal adds up the normals of the triangles from each contour's first
// corner, turned to one side: a bow tie has a normal although its signed area
// is zero.
func (s *Structure) meanNormal() (r3.Vec, bool) {
	var sum r3.Vec
	for _, contour := range s.Contours {
		for i := 2; i < len(contour); i++ {
			n := r3.Cross(r3.Sub(contour[i-1], contour[0]), r3.Sub(contour[i], contour[0]))
			if r3.Dot(n, sum) < 0 {
				n = r3.Scale(-1, n)
			}
			sum = r3.Add(sum, n)
		}
	}
	if l := r3.Norm(sum); l > 1e-6 {
		return r3.Scale(1/l, sum), true
	}
	return r3.Vec{}, false
}
