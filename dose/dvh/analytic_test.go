package dvh

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/geometry"
)

// The benchmark after Nelms et al., Med Phys 42:4435 (2015): bodies of radius
// 12 mm and length 24 mm about the origin in the dose 32 Gy + 1 Gy/mm along y
// (AP) or z (SI), with closed forms for every dose–volume figure.
const (
	radius = 12.0
	height = 24.0
)

var bodies = []string{"Sphere", "CylinderZ", "CylinderX", "ConeZ", "ConeX"}

// total is the volume of a body in mm³.
func total(body string) float64 {
	switch body {
	case "Sphere":
		return 4 * math.Pi * radius * radius * radius / 3
	case "CylinderZ", "CylinderX":
		return math.Pi * radius * radius * height
	}
	return math.Pi * radius * radius * height / 3
}

// above is the volume (mm³) of a body with dose ≥ 32 + t Gy.
func above(body, gradient string, t float64) float64 {
	const R, H = radius, height
	if t <= -R {
		return total(body)
	}
	if t >= R {
		return 0
	}
	s := math.Sqrt(R*R - t*t)
	along := body == "CylinderZ" && gradient == "SI" || body == "ConeZ" && gradient == "SI"
	switch {
	case body == "Sphere":
		return math.Pi * (2*R*R*R/3 - R*R*t + t*t*t/3)
	case body == "CylinderZ" && along:
		return math.Pi * R * R * (H/2 - t)
	case body == "CylinderZ", body == "CylinderX":
		return H * (R*R*math.Acos(t/R) - t*s)
	case along:
		return math.Pi * R * R * math.Pow(H/2-t, 3) / (3 * H * H)
	case t < 0:
		return total(body) - above(body, gradient, -t)
	case t == 0:
		return total(body) / 2
	}
	return H / R * (R*R*R/3*math.Acos(t/R) - 2.0/3*t*R*s + t*t*t/3*math.Log((R+s)/t))
}

// doseAt inverts above: the dose that the given percentage receives.
func doseAt(body, gradient string, percent float64) float64 {
	want := percent / 100 * total(body)
	lo, hi := -radius, radius
	for range 100 {
		if m := (lo + hi) / 2; above(body, gradient, m) >= want {
			lo = m
		} else {
			hi = m
		}
	}
	return 32 + lo
}

// meanDose is 32 Gy + ∫ above dt / total − R, by the trapezoid rule.
func meanDose(body, gradient string) float64 {
	const n = 20_000
	sum := 0.0
	for i := range n {
		sum += above(body, gradient, -radius+(float64(i)+0.5)*2*radius/n)
	}
	return 32 - radius + sum*2*radius/n/total(body)
}

// section is a body's cross-section at z: a circle of the exact area as a
// 180-gon, a rectangle, or for ConeX the hyperbola's end of a cone along x.
func section(body string, z float64) geometry.Contour {
	circle := func(r float64) geometry.Contour {
		const n = 180
		r *= math.Sqrt(2 * math.Pi / (n * math.Sin(2*math.Pi/n)))
		var c geometry.Contour
		for i := range n {
			s, co := math.Sincos(2 * math.Pi * float64(i) / n)
			c = append(c, r3.Vec{X: r * co, Y: r * s, Z: z})
		}
		return c
	}
	switch body {
	case "Sphere":
		if math.Abs(z) < radius-1e-9 {
			return circle(math.Sqrt(radius*radius - z*z))
		}
	case "CylinderZ":
		return circle(radius)
	case "ConeZ":
		if r := radius * (height/2 - z) / height; r > 1e-9 {
			return circle(r)
		}
	case "CylinderX":
		if math.Abs(z) < radius-1e-9 {
			w, l := math.Sqrt(radius*radius-z*z), height/2
			return geometry.Contour{{X: -l, Y: -w, Z: z}, {X: l, Y: -w, Z: z}, {X: l, Y: w, Z: z}, {X: -l, Y: w, Z: z}}
		}
	case "ConeX":
		if math.Abs(z) < radius-1e-9 {
			// Radius at x is R (H/2 − x)/H, so |y| ≤ √(radius² − z²) up to where the radius is |z|.
			end := height/2 - math.Abs(z)*height/radius
			const n = 90
			var right, left geometry.Contour
			for i := range n + 1 {
				x := -height/2 + (end+height/2)*math.Sin(math.Pi/2*float64(i)/n)
				r := radius * (height/2 - x) / height
				y := math.Sqrt(max(r*r-z*z, 0))
				right = append(right, r3.Vec{X: x, Y: y, Z: z})
				left = append(left, r3.Vec{X: x, Y: -y, Z: z})
			}
			for i := n; i >= 0; i-- {
				right = append(right, left[i])
			}
			return right
		}
	}
	return nil
}

// contoured is a body drawn every d mm: at the middle of slabs, or ("end") from
// end to end.
func contoured(body string, d float64, end bool) *geometry.Structure {
	s := &geometry.Structure{Name: body}
	first := -height/2 + d/2
	if end {
		first = -height / 2
	}
	for z := first; z <= height/2+1e-9; z += d {
		if c := section(body, z); c != nil {
			s.Contours = append(s.Contours, c)
		}
	}
	return s
}

func gradientDose(t testing.TB, spacing float64, gradient string) *geometry.Volume {
	n := int(60/spacing) + 1
	g, err := geometry.NewGrid(r3.Vec{X: -30, Y: -30, Z: -30}, [3]float64{spacing, spacing, spacing}, [3]int{n, n, n}, geometry.IdentityAxes)
	require.NoError(t, err)
	v := geometry.NewVolume(g)
	for i := range v.Data {
		p := g.Point(float64(i%n), float64(i/n%n), float64(i/n/n))
		if gradient == "AP" {
			v.Data[i] = float32(32 + p.Y)
		} else {
			v.Data[i] = float32(32 + p.Z)
		}
	}
	return v
}

// worst is the greatest absolute error of each kind over the cases.
type worst struct {
	volume, mean, d98, d95, d50, d2, curve float64 // percent, then Gy
}

func (w *worst) add(volume, mean, d98, d95, d50, d2, curve float64) {
	up := func(a *float64, b float64) { *a = max(*a, math.Abs(b)) }
	up(&w.volume, volume)
	up(&w.mean, mean)
	up(&w.d98, d98)
	up(&w.d95, d95)
	up(&w.d50, d50)
	up(&w.d2, d2)
	up(&w.curve, curve)
}

func (w worst) String() string {
	return fmt.Sprintf("volume %.2f %%, Dmean %.3f, D98 %.3f, D95 %.3f, D50 %.3f, D2 %.3f, any dose point %.3f Gy",
		w.volume, w.mean, w.d98, w.d95, w.d50, w.d2, w.curve)
}

// errorsOf compares a histogram with the closed form.
func errorsOf(h Histogram, body, gradient string) (volume, mean, d98, d95, d50, d2, curve float64) {
	at := func(p float64) float64 { return h.DoseAt(p) - doseAt(body, gradient, p) }
	for p := 1.0; p < 100; p++ {
		curve = max(curve, math.Abs(at(p)))
	}
	return 100 * (h.Volume*1000/total(body) - 1), h.Mean() - meanDose(body, gradient), at(98), at(95), at(50), at(2), curve
}

// Contours in the middle of slabs: the goal set for the benchmark, and more
// exact than any of the tools that were tried on it.
func TestAnalyticBodiesWithinTheGoal(t *testing.T) {
	for _, d := range []float64{1, 2, 3} {
		w := sweep(t, d, false, 1, 3)
		t.Logf("%g mm: worst %v", d, w)
		assert.LessOrEqual(t, w.volume, 1.0, "percent of volume, %g mm", d)
		assert.LessOrEqual(t, w.mean, 0.01, "Dmean, %g mm", d)
		assert.LessOrEqual(t, w.d95, 0.24, "D95, %g mm", d)
		assert.LessOrEqual(t, w.d50, 0.05, "D50, %g mm", d)
		assert.LessOrEqual(t, w.d98, 0.3, "D98, %g mm", d)
		assert.LessOrEqual(t, w.d2, 0.3, "D2, %g mm", d)
	}
}

// Contours drawn on the ends of a body: every plane keeps half a spacing on both
// sides, so a cylinder comes out one spacing longer than it is, as documented.
func TestContoursOnTheEndsAddHalfASpacingEach(t *testing.T) {
	for _, d := range []float64{1, 2, 3} {
		h, err := Of(gradientDose(t, 1, "SI"), contoured("CylinderZ", d, true))
		require.NoError(t, err)
		assert.InDelta(t, total("CylinderZ")*(height+d)/height/1000, h.Volume, 0.01)
		w := sweep(t, d, true, 3)
		t.Logf("%g mm, contours on the ends: worst %v", d, w)
		assert.LessOrEqual(t, w.volume, 100*d/height*1.7, "a cone flares on in its last half spacing")
	}
}

// sweep judges every body drawn every d mm, on dose grids of the given spacings.
func sweep(t *testing.T, d float64, end bool, spacings ...float64) (w worst) {
	for _, spacing := range spacings {
		for _, gradient := range []string{"AP", "SI"} {
			dose := gradientDose(t, spacing, gradient)
			for _, body := range bodies {
				h, err := Of(dose, contoured(body, d, end))
				require.NoError(t, err)
				require.Empty(t, h.Warnings)
				w.add(errorsOf(h, body, gradient))
			}
		}
	}
	return w
}

func TestClosedFormsAreTheirOwnQuadrature(t *testing.T) {
	for _, body := range bodies {
		for _, gradient := range []string{"AP", "SI"} {
			for i := -11; i < 12; i += 2 {
				at := float64(i)
				sum := 0.0
				const n = 1000
				for k := range n {
					// Volume with t between at and at+1, in sections across the gradient.
					sum += across(body, gradient, at+(float64(k)+0.5)/n) / n
				}
				assert.InDelta(t, sum, above(body, gradient, at)-above(body, gradient, at+1), 0.05, "%s %s at %g", body, gradient, at)
			}
		}
	}
}

// across is the area of a body's section at distance x from its centre across
// the gradient.
func across(body, gradient string, x float64) float64 {
	const R, H = radius, height
	switch {
	case body == "Sphere":
		return math.Pi * (R*R - x*x)
	case body == "CylinderZ" && gradient == "SI":
		return math.Pi * R * R
	case body == "CylinderZ", body == "CylinderX":
		return 2 * H * math.Sqrt(R*R-x*x)
	case body == "ConeZ" && gradient == "SI":
		r := R * (H/2 - x) / H
		return math.Pi * r * r
	}
	// A cone cut along its axis: ∫ 2 √(r² − x²) dh, r = R (1 − h/H).
	sum := 0.0
	const n = 2000
	for i := range n {
		r := R * (float64(i) + 0.5) / n
		if r > math.Abs(x) {
			sum += 2 * math.Sqrt(r*r-x*x) * H / n
		}
	}
	return sum
}
