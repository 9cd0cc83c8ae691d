package machine

import (
	"math"
	"sort"

	"gonum.org/v1/gonum/integrate/quad"
)

// Integral is the integral of w over the disc of radius r (mm) in the
// isocentre plane, Core included: 2π ∫_0^r w(r') r' dr' + Core, exact for the
// linear pieces. It is 0 for r ≤ 0 but for Core, and constant beyond the last
// radius.
func (w *Radial) Integral(r float64) float64 {
	return w.cumulative().at(r) + w.Core
}

// Rectangle is the integral of w over x0 ≤ x ≤ x1, y0 ≤ y ≤ y1 (mm, from the
// axis of the kernel), Core included where the axis is inside; on an edge of
// the rectangle half of Core counts, on a corner a quarter.
func (w *Radial) Rectangle(x0, x1, y0, y1 float64) float64 {
	c := w.cumulative()
	sum := c.quadrant(x1, y1) - c.quadrant(x0, y1) - c.quadrant(x1, y0) + c.quadrant(x0, y0)
	share := func(a, b float64) float64 { return (sign(b) - sign(a)) / 2 }
	return sum + w.Core*share(x0, x1)*share(y0, y1)
}

// Pixels returns the integrals of w over n×n square pixels of a side of
// spacing (mm), pixel (i, j) at [j·n+i] centred on (i·spacing, j·spacing): the
// quadrant from which the whole lattice follows by symmetry. Convolved with
// the fluence of pixels they give the dose at pixel centres. Core is in pixel
// (0, 0). It returns nil unless n ≥ 1 and spacing > 0.
func (w *Radial) Pixels(n int, spacing float64) []float64 {
	if n < 1 || !(spacing > 0) || math.IsInf(spacing, 0) {
		return nil
	}
	// Within near pixels of the axis w may be as steep as 1/r and the integral
	// is done in polar coordinates; farther out it is smooth on the scale of a
	// pixel and Gauss points suffice.
	const near = 6
	node, weight := gauss(3)
	c := w.cumulative()
	pixels := make([]float64, n*n)
	half := spacing / 2
	// Integrals up to the corners of the pixels near the axis, which four of
	// them share: corner (i, j) lies at (i − ½, j − ½) pixels.
	var corner [near + 1][near + 1]float64
	for j := range min(n, near) + 1 {
		for i := range j + 1 {
			v := c.quadrant((float64(i)-0.5)*spacing, (float64(j)-0.5)*spacing)
			corner[i][j], corner[j][i] = v, v
		}
	}
	at := w.walk()
	for j := range n {
		for i := j; i < n; i++ { // w is symmetric in x and y
			x, y := float64(i)*spacing, float64(j)*spacing
			var v float64
			switch {
			case math.Hypot(max(x-half, 0), max(y-half, 0)) >= c.reach():
			case i < near:
				v = corner[i+1][j+1] - corner[i][j+1] - corner[i+1][j] + corner[i][j]
			default:
				for a, wa := range weight {
					for b, wb := range weight {
						v += wa * wb * at(math.Hypot(x+half*node[a], y+half*node[b]))
					}
				}
				v *= half * half
			}
			pixels[j*n+i] = v
			pixels[i*n+j] = v
		}
	}
	pixels[0] += w.Core
	return pixels
}

// walk is w(r) by linear interpolation, per mm², fast where one r is near the
// one before.
func (w *Radial) walk() func(r float64) float64 {
	n, i := len(w.Radius), 1
	return func(r float64) float64 {
		if n < 2 || r > w.Radius[n-1] || r < 0 {
			return 0
		}
		// The first radius that is not less than r, but not the very first.
		for w.Radius[i] < r {
			i++
		}
		for i > 1 && w.Radius[i-1] >= r {
			i--
		}
		t := (r - w.Radius[i-1]) / (w.Radius[i] - w.Radius[i-1])
		return w.Value[i-1] + t*(w.Value[i]-w.Value[i-1])
	}
}

// cumulative is the integral of a Radial over discs, without its Core.
type cumulative struct {
	w            *Radial
	sum          []float64 // up to each radius
	node, weight []float64 // Gauss points of a triangle
}

func (w *Radial) cumulative() cumulative {
	c := cumulative{w: w, sum: make([]float64, len(w.Radius))}
	c.node, c.weight = gauss(24)
	for i := 1; i < len(c.sum); i++ {
		c.sum[i] = c.sum[i-1] + c.ring(i, w.Radius[i])
	}
	return c
}

// ring is the integral over the ring from radius i−1 to r inside piece i.
func (c cumulative) ring(i int, r float64) float64 {
	r0, w0 := c.w.Radius[i-1], c.w.Value[i-1]
	slope := (c.w.Value[i] - w0) / (c.w.Radius[i] - r0)
	h := r - r0
	// 2π ∫_0^h (w0 + slope·x)(r0 + x) dx
	return 2 * math.Pi * h * (w0*r0 + h*((w0+slope*r0)/2+h*slope/3))
}

func (c cumulative) reach() float64 {
	if n := len(c.w.Radius); n > 0 {
		return c.w.Radius[n-1]
	}
	return 0
}

func (c cumulative) at(r float64) float64 {
	n := len(c.sum)
	switch {
	case n == 0 || r <= 0:
		return 0
	case r >= c.w.Radius[n-1]:
		return c.sum[n-1]
	}
	i := sort.SearchFloat64s(c.w.Radius, r)
	return c.sum[i-1] + c.ring(i, r)
}

// quadrant is the integral over the rectangle between the axis and the corner
// (x, y), negative where x·y is. In polar coordinates, with C the integral
// over discs, the triangle under the edge at x gives
//
//	1/2π ∫_0^{atan(y/x)} C(x/cosφ) dφ
//
// and the other one the same with x and y exchanged: the singularity on the
// axis is inside C, known exactly.
func (c cumulative) quadrant(x, y float64) float64 {
	s := sign(x) * sign(y)
	if s == 0 {
		return 0
	}
	x, y = math.Abs(x), math.Abs(y)
	return s * (c.triangle(x, y) + c.triangle(y, x)) / (2 * math.Pi)
}

func (c cumulative) triangle(x, y float64) float64 {
	// φ runs over equal steps of asinh(tan φ), which spreads the Gauss points
	// evenly in log r along a slender triangle.
	reach := math.Asinh(y / x)
	var sum float64
	for i, n := range c.node {
		v := reach * (n + 1) / 2
		cosh := math.Cosh(v)
		sum += c.weight[i] * c.at(x*cosh) / cosh
	}
	return sum * reach / 2
}

func sign(x float64) float64 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return 0
}

// gauss returns the Gauss–Legendre nodes on −1…1 and their weights.
func gauss(n int) (node, weight []float64) {
	node, weight = make([]float64, n), make([]float64, n)
	quad.Legendre{}.FixedLocations(node, weight, -1, 1)
	return node, weight
}
