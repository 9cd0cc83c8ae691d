package picture

import (
	"math"
	"testing"

	"github.com/kerma-rt/kerma/geometry"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/spatial/r3"
)

func square(x, y, side, z float64) geometry.Contour {
	h := side / 2
	return geometry.Contour{{X: x - h, Y: y - h, Z: z}, {X: x + h, Y: y - h, Z: z}, {X: x + h, Y: y + h, Z: z}, {X: x - h, Y: y + h, Z: z}}
}

// ball is a sphere drawn in planes across the third of axes.
func ball(centre r3.Vec, radius, spacing float64, axes [3]r3.Vec) (out []geometry.Contour) {
	for h := -math.Floor(radius/spacing) * spacing; h < radius; h += spacing {
		r := math.Sqrt(max(radius*radius-h*h, 0))
		if r < 1 {
			continue
		}
		var c geometry.Contour
		for n := range 90 {
			sin, cos := math.Sincos(float64(n) * math.Pi / 45)
			p := r3.Add(centre, r3.Scale(h, axes[2]))
			c = append(c, r3.Add(p, r3.Add(r3.Scale(r*cos, axes[0]), r3.Scale(r*sin, axes[1]))))
		}
		out = append(out, c)
	}
	return out
}

func scene(t *testing.T, contours ...geometry.Contour) *Scene {
	t.Helper()
	ct := centred(t, r3.Vec{}, [3]float64{2, 3, 4}, [3]int{80, 54, 40}, geometry.IdentityAxes, water)
	s, err := NewScene(ct, nil, []geometry.Structure{{Name: "S", Contours: contours}}, 0, nil)
	require.NoError(t, err)
	return s
}

func TestContourLandsWhereItIsDrawn(t *testing.T) {
	s := scene(t, square(10, -20, 30, 4), square(10, -20, 40, 8))
	p := s.Plane(Axial, r3.Vec{Z: 4.5}, 128)
	lines := s.Slice(p).Outlines[0]
	require.Len(t, lines, 1)
	require.Len(t, lines[0], 5)
	for n, q := range lines[0] {
		want := square(10, -20, 30, 4)[n%4]
		at := p.Patient(q)
		assert.InDelta(t, want.X, at.X, 1e-9)
		assert.InDelta(t, want.Y, at.Y, 1e-9)
	}
	assert.Empty(t, s.Slice(s.Plane(Axial, r3.Vec{Z: 1.8}, 128)).Outlines[0], "more than half a spacing below the first")
}

func TestCoronalAndSagittalCutsOfABoxReachHalfASliceBeyondItsEnds(t *testing.T) {
	var contours []geometry.Contour
	for z := -12.0; z <= 20; z += 4 {
		contours = append(contours, square(10, -20, 30, z))
	}
	s := scene(t, contours...)
	for o, low := range map[Orientation]r3.Vec{Coronal: {X: -5, Z: -14}, Sagittal: {Y: -35, Z: -14}} {
		high := map[Orientation]r3.Vec{Coronal: {X: 25, Z: 22}, Sagittal: {Y: -5, Z: 22}}[o]
		p := s.Plane(o, r3.Vec{X: 9, Y: -21}, 256)
		lines := s.Slice(p).Outlines[0]
		require.Len(t, lines, 1)
		var b box
		for _, q := range lines[0] {
			at := p.Patient(q)
			switch o {
			case Coronal:
				at.Y = 0
			case Sagittal:
				at.X = 0
			}
			b.add(at)
		}
		assert.InDelta(t, 0, r3.Norm(r3.Sub(b.low, low)), 0.2, "%v low %v", o, b.low)
		assert.InDelta(t, 0, r3.Norm(r3.Sub(b.high, high)), 0.2, "%v high %v", o, b.high)
	}
}

func TestABallIsRoundInEveryPlaneHoweverItWasDrawn(t *testing.T) {
	centre := r3.Vec{X: 5, Y: -8, Z: 3}
	for name, axes := range map[string][3]r3.Vec{"axial": geometry.IdentityAxes, "oblique": turned(0.4, 0.6, -0.2)} {
		s := scene(t, ball(centre, 30, 3, axes)...)
		for _, o := range Orientations {
			p := s.Plane(o, centre, 256)
			lines := s.Slice(p).Outlines[0]
			require.Len(t, lines, 1, "%s %v", name, o)
			worst := 0.0
			for _, q := range lines[0] {
				worst = max(worst, math.Abs(r3.Norm(r3.Sub(p.Patient(q), centre))-30))
			}
			t.Logf("%s %v: %.2f mm", name, o, worst)
			assert.Less(t, worst, 2.0, "%s %v: radius off by more than two thirds of the slice spacing, mm", name, o)
		}
	}
}

func TestHolesAndPartsAreKeptApart(t *testing.T) {
	var contours []geometry.Contour
	for z := -40.0; z <= -20; z += 4 {
		contours = append(contours, square(0, 0, 40, z), square(0, 0, 20, z)) // a tube
	}
	for z := 20.0; z <= 40; z += 4 {
		contours = append(contours, square(0, 0, 40, z))
	}
	s := scene(t, contours...)
	p := s.Plane(Coronal, r3.Vec{}, 256)
	lines := s.Slice(p).Outlines[0]
	require.Len(t, lines, 3, "two walls of the tube and the block")
	for _, line := range lines {
		for _, q := range line {
			assert.Greater(t, math.Abs(p.Patient(q).Z), 17.5, "nothing in the gap")
		}
	}
}

func TestContoursAcrossTheOthersAreNamedNotDrawn(t *testing.T) {
	s := scene(t, square(0, 0, 40, 0), square(0, 0, 40, 4), geometry.Contour{{X: 0}, {X: 10}, {X: 10, Z: 10}})
	require.Len(t, s.Notes, 1)
	assert.Contains(t, s.Notes[0], `"S"`)
	assert.Len(t, s.Slice(s.Plane(Axial, r3.Vec{}, 64)).Outlines[0], 1)
}

func TestPointsAndEmptyStructuresHaveNoOutline(t *testing.T) {
	s := scene(t, geometry.Contour{{X: 1}}, geometry.Contour{}, geometry.Contour{{X: 1}, {X: 2}})
	for _, o := range Orientations {
		assert.Empty(t, s.Slice(s.Plane(o, r3.Vec{}, 64)).Outlines[0])
	}
}
