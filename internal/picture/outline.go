package picture

import (
	"fmt"
	"math"
	"slices"

	"github.com/kerma-rt/kerma/geometry"
	"gonum.org/v1/gonum/spatial/r3"
)

// stack is the contours of a structure by the parallel planes they were
// drawn in.
type stack struct {
	normal  r3.Vec
	levels  []level // ascending
	spacing float64 // usual distance of neighbouring levels, mm
}

type level struct {
	at       float64 // normal · point, mm
	contours []geometry.Contour
}

const samePlane = 0.05 // mm

// newStack sorts contours into planes. The normal is the one most of the
// drawn area has; contours that are more than 3° off it could not be shown
// truly in one stack: they are left out and counted.
func newStack(st geometry.Structure) (s stack, left int, err error) {
	var area r3.Vec
	for n, c := range st.Contours {
		for _, p := range c {
			if sum := p.X + p.Y + p.Z; math.IsNaN(sum) || math.IsInf(sum, 0) {
				return s, 0, fmt.Errorf("%w: structure %q, contour %d: point %v", ErrScene, st.Name, n, p)
			}
		}
		a := areaVector(c)
		if r3.Dot(a, area) < 0 {
			a = r3.Scale(-1, a)
		}
		area = r3.Add(area, a)
	}
	if r3.Norm(area) == 0 {
		return s, 0, nil // points and lines have no outline
	}
	s.normal = r3.Unit(area)
	for _, c := range st.Contours {
		a := areaVector(c)
		if r3.Norm(a) == 0 {
			continue
		}
		if math.Abs(r3.Dot(r3.Unit(a), s.normal)) < math.Cos(3*math.Pi/180) {
			left++
			continue
		}
		s.levels = append(s.levels, level{r3.Dot(s.normal, centroid(c)), []geometry.Contour{c}})
	}
	slices.SortStableFunc(s.levels, func(a, b level) int {
		switch {
		case a.at < b.at:
			return -1
		case a.at > b.at:
			return 1
		}
		return 0
	})
	merged := s.levels[:0]
	for _, l := range s.levels {
		if n := len(merged); n > 0 && l.at-merged[n-1].at < samePlane {
			merged[n-1].contours = append(merged[n-1].contours, l.contours...)
			continue
		}
		merged = append(merged, l)
	}
	s.levels = merged
	s.spacing = 3 // mm, of a structure drawn in a single plane
	if len(s.levels) > 1 {
		var gaps []float64
		for n := 1; n < len(s.levels); n++ {
			gaps = append(gaps, s.levels[n].at-s.levels[n-1].at)
		}
		slices.Sort(gaps)
		s.spacing = gaps[len(gaps)/2]
	}
	return s, left, nil
}

// areaVector is the area of a planar polygon times its normal, mm².
func areaVector(c geometry.Contour) r3.Vec {
	var a r3.Vec
	for n := 1; n+1 < len(c); n++ {
		a = r3.Add(a, r3.Cross(r3.Sub(c[n], c[0]), r3.Sub(c[n+1], c[0])))
	}
	return r3.Scale(0.5, a)
}

func centroid(c geometry.Contour) r3.Vec {
	var sum r3.Vec
	for _, p := range c {
		sum = r3.Add(sum, p)
	}
	return r3.Scale(1/float64(len(c)), sum)
}

// outline is the edge of the structure in plane p. In a plane parallel to the
// contours it is the nearest contours themselves, within half their spacing;
// otherwise each plane of contours is cut along a line, and the line's signed
// distance to the nearest crossing is interpolated between the planes. The
// ends of the structure, and of parts with more than one plane missing
// between them, reach half a spacing beyond the last contour.
func (s stack) outline(p Plane) []Line {
	if len(s.levels) == 0 {
		return nil
	}
	m := views[p.Orientation].normal
	along := r3.Cross(s.normal, m)
	if r3.Norm(along) < 1e-3 {
		return s.parallel(p)
	}
	along = r3.Unit(along)
	up := r3.Cross(m, along) // in the plane, across the lines

	// Rows of samples, one for each plane of contours, and the ends.
	step := max(p.Pixel, 0.5)
	centre := p.Patient(Point{p.Width / 2, p.Height / 2})
	nx := int(math.Hypot(p.Width, p.Height)/step) + 2
	first := -float64(nx-1) / 2 * step
	var values, heights []float64
	end := func(last []float64, at float64) {
		for _, f := range last {
			values = append(values, min(-math.Abs(f), -1e-9)) // outside, even on an edge
		}
		heights = append(heights, at)
	}
	row := func(n int) []float64 {
		at := s.height(n, centre, up)
		cut := s.levels[n].cut(r3.Add(centre, r3.Scale(at, up)), along, s.normal)
		return signedDistances(cut, first, step, nx, s.spacing)
	}
	beyond := s.spacing / math.Abs(r3.Dot(s.normal, up))
	var before []float64
	for n := range s.levels {
		f, at := row(n), s.height(n, centre, up)
		toward := math.Copysign(beyond, r3.Dot(s.normal, up))
		if n == 0 {
			end(f, at-toward)
		} else if s.levels[n].at-s.levels[n-1].at > 2.1*s.spacing {
			end(before, s.height(n-1, centre, up)+toward)
			end(f, at-toward)
		}
		values, heights = append(values, f...), append(heights, at)
		if n == len(s.levels)-1 {
			end(f, at+toward)
		}
		before = f
	}
	var out []Line
	for _, line := range Isolines(values, nx, 0) {
		for n, q := range line {
			j := min(int(q.Y), len(heights)-2)
			t := q.Y - float64(j)
			h := heights[j]*(1-t) + heights[j+1]*t
			at := r3.Add(centre, r3.Add(r3.Scale(first+q.X*step, along), r3.Scale(h, up)))
			line[n] = p.Project(at)
		}
		out = append(out, line)
	}
	return out
}

// height is where along up, from centre, the picture meets level n.
func (s stack) height(n int, centre, up r3.Vec) float64 {
	return (s.levels[n].at - r3.Dot(s.normal, centre)) / r3.Dot(s.normal, up)
}

func (s stack) parallel(p Plane) []Line {
	at := r3.Dot(s.normal, p.Patient(Point{p.Width / 2, p.Height / 2}))
	best, off := -1, s.spacing/2+samePlane
	for n, l := range s.levels {
		if d := math.Abs(l.at - at); d < off {
			best, off = n, d
		}
	}
	if best < 0 {
		return nil
	}
	var out []Line
	for _, c := range s.levels[best].contours {
		line := make(Line, 0, len(c)+1)
		for _, q := range c {
			line = append(line, p.Project(q))
		}
		out = append(out, append(line, line[0]))
	}
	return out
}

// cut is where a line through the point origin, in the level's plane, crosses
// its contours: distances from origin along the unit vector, mm, ascending.
func (l level) cut(origin, along, normal r3.Vec) []float64 {
	side := r3.Cross(normal, along)
	var out []float64
	for _, c := range l.contours {
		for n, a := range c {
			b := c[(n+1)%len(c)]
			da, db := r3.Dot(side, r3.Sub(a, origin)), r3.Dot(side, r3.Sub(b, origin))
			if (da < 0) == (db < 0) {
				continue
			}
			ta, tb := r3.Dot(along, r3.Sub(a, origin)), r3.Dot(along, r3.Sub(b, origin))
			out = append(out, ta+(tb-ta)*da/(da-db))
		}
	}
	slices.Sort(out)
	return out
}

// signedDistances are those of the samples first + i·step to the nearest
// crossing, positive where an odd number of crossings lies before, at most
// limit.
func signedDistances(crossings []float64, first, step float64, n int, limit float64) []float64 {
	out := make([]float64, n)
	passed := 0
	for i := range out {
		x, d := first+float64(i)*step, limit
		for passed < len(crossings) && crossings[passed] <= x {
			passed++
		}
		if passed > 0 {
			d = min(d, x-crossings[passed-1])
		}
		if passed < len(crossings) {
			d = min(d, crossings[passed]-x)
		}
		if passed%2 == 0 {
			d = -d
		}
		out[i] = d
	}
	return out
}
