package phantom

import (
	"math"

	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/geometry"
)

// corners is the number of corners that stand for a circle: its area is right
// to 0.03 %.
const corners = 144

// box is the outline of a cuboid, mm.
func box(x0, x1, y0, y1, z0, z1 float64) func(float64) []geometry.Contour {
	return between(z0, z1, func(z float64) []geometry.Contour {
		return []geometry.Contour{{{X: x0, Y: y0, Z: z}, {X: x1, Y: y0, Z: z}, {X: x1, Y: y1, Z: z}, {X: x0, Y: y1, Z: z}}}
	})
}

// between cuts an outline off outside of z0 … z1.
func between(z0, z1 float64, f func(float64) []geometry.Contour) func(float64) []geometry.Contour {
	return func(z float64) []geometry.Contour {
		if z < z0 || z > z1 {
			return nil
		}
		return f(z)
	}
}

// ellipse is the outline of an ellipse with the half axes a and b.
func ellipse(x, y, a, b, z float64) geometry.Contour {
	c := make(geometry.Contour, corners)
	for i := range c {
		s, k := math.Sincos(2 * math.Pi * float64(i) / corners)
		c[i] = r3.Vec{X: x + a*k, Y: y + b*s, Z: z}
	}
	return c
}

// cylinder is the outline of an elliptic cylinder along z.
func cylinder(x, y, a, b, z0, z1 float64) func(float64) []geometry.Contour {
	return between(z0, z1, func(z float64) []geometry.Contour { return []geometry.Contour{ellipse(x, y, a, b, z)} })
}

// ellipsoid is the outline of an ellipsoid with the half axes a, b and c.
func ellipsoid(x, y, z0, a, b, c float64) func(float64) []geometry.Contour {
	return func(z float64) []geometry.Contour {
		s := 1 - (z-z0)*(z-z0)/(c*c)
		if s <= 0.0025 { // a point to the scanner
			return nil
		}
		return []geometry.Contour{ellipse(x, y, a*math.Sqrt(s), b*math.Sqrt(s), z)}
	}
}

// cone is the outline of a circular cone along z with its tip at z1.
func cone(radius, z0, z1 float64) func(float64) []geometry.Contour {
	return func(z float64) []geometry.Contour {
		r := radius * (z1 - z) / (z1 - z0)
		if z < z0 || r <= 0.05*radius {
			return nil
		}
		return []geometry.Contour{ellipse(0, 0, r, r, z)}
	}
}

// arch is the outline of a sector of a ring that opens towards posterior by an
// angle (degrees).
func arch(inner, outer, openDeg, z0, z1 float64) func(float64) []geometry.Contour {
	return between(z0, z1, func(z float64) []geometry.Contour {
		var c geometry.Contour
		half := (360 - openDeg) / 2 * math.Pi / 180
		at := func(r float64, i int) {
			angle := half * (2*float64(i)/corners - 1) // from anterior
			s, k := math.Sincos(angle)
			c = append(c, r3.Vec{X: r * s, Y: -r * k, Z: z})
		}
		for i := range corners + 1 {
			at(outer, i)
		}
		for i := corners; i >= 0; i-- {
			at(inner, i)
		}
		return []geometry.Contour{c}
	})
}
