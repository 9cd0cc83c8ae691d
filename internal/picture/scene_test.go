package picture

import (
	"image"
	"math"
	"testing"

	"github.com/kerma-rt/kerma/geometry"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/spatial/r3"
	"pgregory.net/rapid"
)

// turned are axes far from LPS: rotations about all three directions.
func turned(a, b, c float64) [3]r3.Vec {
	r := func(v r3.Vec) r3.Vec {
		v = r3.NewRotation(a, r3.Vec{X: 1}).Rotate(v)
		v = r3.NewRotation(b, r3.Vec{Y: 1}).Rotate(v)
		return r3.NewRotation(c, r3.Vec{Z: 1}).Rotate(v)
	}
	return [3]r3.Vec{r(r3.Vec{X: 1}), r(r3.Vec{Y: 1}), r(r3.Vec{Z: 1})}
}

// centred is a grid about centre, filled by f of the place in the patient.
func centred(t require.TestingT, centre r3.Vec, spacing [3]float64, size [3]int, axes [3]r3.Vec, f func(r3.Vec) float64) *geometry.Volume {
	origin := centre
	for a := range 3 {
		origin = r3.Sub(origin, r3.Scale(spacing[a]*float64(size[a]-1)/2, axes[a]))
	}
	g, err := geometry.NewGrid(origin, spacing, size, axes)
	require.NoError(t, err)
	v := geometry.NewVolume(g)
	for k := range size[2] {
		for j := range size[1] {
			for i := range size[0] {
				v.Data[g.Offset(i, j, k)] = float32(f(g.Point(float64(i), float64(j), float64(k))))
			}
		}
	}
	return v
}

func water(r3.Vec) float64 { return 0 }

func TestCTIsShownAtItsPlaceInObliqueGridsOfUnequalVoxels(t *testing.T) {
	// Trilinear interpolation is exact for a linear field, so every pixel has
	// a known brightness, whatever the grid.
	centre := r3.Vec{X: 12, Y: -30, Z: 55}
	field := func(p r3.Vec) float64 { return 2*(p.X-12) + 1.5*(p.Y+30) - (p.Z - 55) + 40 }
	rapid.Check(t, func(t *rapid.T) {
		angle := rapid.Float64Range(-3, 3)
		axes := turned(angle.Draw(t, "a"), angle.Draw(t, "b"), angle.Draw(t, "c"))
		ct := centred(t, centre, [3]float64{1.7, 3.1, 5.3}, [3]int{31, 17, 11}, axes, field)
		s, err := NewScene(ct, nil, nil, 0, nil)
		require.NoError(t, err)
		for _, o := range Orientations {
			p := s.Plane(o, centre, 64)
			m := s.Slice(p).CT
			require.Equal(t, image.Rect(0, 0, int(math.Round(p.Width/p.Pixel)), int(math.Round(p.Height/p.Pixel))), m.Bounds())
			seen := 0
			for y := range m.Rect.Dy() {
				for x := range m.Rect.Dx() {
					q := p.Patient(Point{(float64(x) + 0.5) * p.Pixel, (float64(y) + 0.5) * p.Pixel})
					at := ct.Grid.Index(q)
					if at.X < 0 || at.Y < 0 || at.Z < 0 || at.X > 30 || at.Y > 16 || at.Z > 10 {
						continue
					}
					seen++
					want := s.Window.gray(field(q))
					got := m.GrayAt(x, y).Y
					require.InDelta(t, float64(want), float64(got), 1, "%v pixel %d, %d at %v mm", o, x, y, q)
				}
			}
			require.Greater(t, seen, 100)
		}
	})
}

func TestLettersStandWhereThePatientIs(t *testing.T) {
	toward := map[string]r3.Vec{
		"R": {X: -1}, "L": {X: 1}, "A": {Y: -1}, "P": {Y: 1}, "I": {Z: -1}, "S": {Z: 1},
	}
	s, err := NewScene(centred(t, r3.Vec{}, [3]float64{3, 3, 3}, [3]int{20, 20, 20}, geometry.IdentityAxes, water), nil, nil, 0, nil)
	require.NoError(t, err)
	for _, o := range Orientations {
		p := s.Plane(o, r3.Vec{}, 64)
		middle := Point{p.Width / 2, p.Height / 2}
		for n, edge := range []Point{{0, middle.Y}, {p.Width, middle.Y}, {middle.X, 0}, {middle.X, p.Height}} {
			way := r3.Unit(r3.Sub(p.Patient(edge), p.Patient(middle)))
			assert.InDelta(t, 1, r3.Dot(way, toward[o.Letters()[n]]), 1e-9, "%v edge %d is %s", o, n, o.Letters()[n])
		}
		q := r3.Vec{X: 3, Y: -7, Z: 11}
		back := p.Patient(p.Project(q))
		assert.InDelta(t, 0, p.Orientation.Position(p.Corner), 1e-9)
		off := r3.Sub(q, back)
		assert.InDelta(t, math.Abs(o.Position(q)), r3.Norm(off), 1e-9, "projection is along the normal")
	}
}

func TestIsodoseOfARadiallySymmetricDoseIsACircle(t *testing.T) {
	centre := r3.Vec{X: -20, Y: 14, Z: 31}
	dose := func(p r3.Vec) float64 { return 60 - r3.Norm(r3.Sub(p, centre)) } // Gy, 1 Gy/mm
	grids := map[string][3]r3.Vec{"aligned": geometry.IdentityAxes, "oblique": turned(0.3, -0.5, 0.7)}
	for name, axes := range grids {
		ct := centred(t, centre, [3]float64{2, 2, 2}, [3]int{60, 60, 60}, geometry.IdentityAxes, water)
		v := centred(t, centre, [3]float64{1.5, 2, 2.5}, [3]int{81, 61, 49}, axes, dose)
		s, err := NewScene(ct, v, nil, 50, []float64{50, 80, 90})
		require.NoError(t, err)
		require.InDelta(t, 0, r3.Norm(r3.Sub(s.MaxPoint, centre)), 1e-6)
		for _, o := range Orientations {
			p := s.Plane(o, centre, 256)
			slice := s.Slice(p)
			worst := 0.0
			for n, level := range s.Levels {
				radius := 60 - level.Gy
				require.Len(t, slice.Isodoses[n], 1, "%s %v %v %%", name, o, level.Percent)
				line := slice.Isodoses[n][0]
				require.Equal(t, line[0], line[len(line)-1], "closed")
				turn := 0.0
				for m, q := range line {
					at := r3.Sub(p.Patient(q), centre)
					worst = max(worst, math.Abs(r3.Norm(at)-radius))
					if m > 0 {
						a, b := line[m-1], q
						c := p.Project(centre)
						turn += math.Remainder(math.Atan2(b.Y-c.Y, b.X-c.X)-math.Atan2(a.Y-c.Y, a.X-c.X), 2*math.Pi)
					}
				}
				require.InDelta(t, 2*math.Pi, math.Abs(turn), 1e-6, "once around")
			}
			t.Logf("%s %v: radius off by at most %.3f mm", name, o, worst)
			assert.Less(t, worst, 0.25, "%s %v: mm", name, o)
		}
	}
}

func TestIsodosesStayOpenWhereTheDoseGridEnds(t *testing.T) {
	ct := centred(t, r3.Vec{}, [3]float64{2, 2, 2}, [3]int{60, 60, 20}, geometry.IdentityAxes, water)
	slab := centred(t, r3.Vec{}, [3]float64{2, 2, 2}, [3]int{20, 20, 20}, geometry.IdentityAxes, func(p r3.Vec) float64 { return 10 + p.X/10 })
	s, err := NewScene(ct, slab, nil, 10, []float64{100})
	require.NoError(t, err)
	p := s.Plane(Axial, r3.Vec{}, 128)
	lines := s.Slice(p).Isodoses[0]
	require.Len(t, lines, 1)
	for _, q := range lines[0] {
		assert.InDelta(t, 0, p.Patient(q).X, 0.05, "the line x = 0, not the border of the grid")
	}
}

func TestWashIsHiddenBelowTenPercentAndOutsideTheDose(t *testing.T) {
	ct := centred(t, r3.Vec{}, [3]float64{2, 2, 2}, [3]int{60, 60, 20}, geometry.IdentityAxes, water)
	ramp := centred(t, r3.Vec{}, [3]float64{2, 2, 2}, [3]int{40, 20, 20}, geometry.IdentityAxes, func(p r3.Vec) float64 { return max(0, 1+p.X/40) })
	s, err := NewScene(ct, ramp, []geometry.Structure{{Contours: []geometry.Contour{square(0, 0, 50, 0)}}}, 2, nil)
	require.NoError(t, err)
	p := s.Plane(Axial, r3.Vec{}, 128)
	wash := s.Slice(p).Wash
	hidden, shown := 0, 0
	for y := range wash.Rect.Dy() {
		for x := range wash.Rect.Dx() {
			d := s.DoseAt(p.Patient(Point{(float64(x) + 0.5) * 2 * p.Pixel, (float64(y) + 0.5) * 2 * p.Pixel}))
			_, _, _, alpha := wash.At(x, y).RGBA()
			switch {
			case math.IsNaN(d) || d < 0.1*s.Reference:
				hidden++
				require.Zero(t, alpha, "%v Gy", d)
			case d > 0.12*s.Reference:
				shown++
				require.NotZero(t, alpha, "%v Gy", d)
			}
		}
	}
	assert.Greater(t, hidden, 100)
	assert.Greater(t, shown, 100)
}

func TestWashAndLinesAreOrderedByLightness(t *testing.T) {
	w := newWash(DefaultPercent)
	last := -1.0
	for p := 0.0; p <= 105; p++ {
		c := w.at(p)
		y := 0.2126*math.Pow(float64(c.R)/255, 2.2) + 0.7152*math.Pow(float64(c.G)/255, 2.2) + 0.0722*math.Pow(float64(c.B)/255, 2.2)
		assert.Greater(t, y, last-0.002, "%v %%", p)
		last = y
	}
	assert.Equal(t, w.at(105), w.at(200))
}

func TestWindowFollowsWhatIsTreated(t *testing.T) {
	dose := centred(t, r3.Vec{}, [3]float64{4, 4, 4}, [3]int{20, 20, 20}, geometry.IdentityAxes, func(r3.Vec) float64 { return 1 })
	window := func(hu func(r3.Vec) float64) Window {
		ct := centred(t, r3.Vec{}, [3]float64{4, 4, 4}, [3]int{30, 30, 30}, geometry.IdentityAxes, hu)
		s, err := NewScene(ct, dose, nil, 0, nil)
		require.NoError(t, err)
		return s.Window
	}
	soft := window(water)
	assert.Equal(t, [2]float64{400, 40}, [2]float64{soft.Width, soft.Level})
	lung := window(func(p r3.Vec) float64 {
		if p.X > 0 {
			return -800
		}
		return 30
	})
	assert.Equal(t, [2]float64{1600, -400}, [2]float64{lung.Width, lung.Level})
	assert.Contains(t, lung.Reason, "50\u00a0%")
	phantom := window(func(r3.Vec) float64 { return 452 })
	assert.Equal(t, [2]float64{400, 450}, [2]float64{phantom.Width, phantom.Level})
}

func TestImpossibleInputIsRefused(t *testing.T) {
	ct := centred(t, r3.Vec{}, [3]float64{2, 2, 2}, [3]int{9, 9, 9}, geometry.IdentityAxes, water)
	nan := geometry.NewVolume(ct.Grid)
	nan.Data[7] = float32(math.NaN())
	one := geometry.NewVolume(ct.Grid)
	one.Data[3] = 1
	short := &geometry.Volume{Grid: ct.Grid, Data: make([]float32, 3)}
	refused := func(ct, dose *geometry.Volume, st []geometry.Structure, reference float64, percent ...float64) {
		t.Helper()
		_, err := NewScene(ct, dose, st, reference, percent)
		require.ErrorIs(t, err, ErrScene)
	}
	refused(nil, nil, nil, 0)
	refused(short, nil, nil, 0)
	refused(&geometry.Volume{}, nil, nil, 0)
	refused(ct, short, nil, 0)
	refused(ct, nan, nil, 0)
	refused(ct, one, nil, -1)
	refused(ct, one, nil, math.NaN())
	refused(ct, one, nil, math.Inf(1))
	refused(ct, one, nil, 1, 0, 50)
	refused(ct, one, nil, 1, math.NaN())
	refused(ct, one, nil, 1, math.Inf(1))
	refused(ct, one, []geometry.Structure{{Contours: []geometry.Contour{{{X: 1}, {X: math.NaN()}, {Y: 1}}}}}, 1)

	// A dose of nothing is nothing to draw, not an error.
	s, err := NewScene(ct, geometry.NewVolume(ct.Grid), nil, 0, nil)
	require.NoError(t, err)
	assert.Empty(t, s.Levels)
	assert.Nil(t, s.Slice(s.Plane(Axial, r3.Vec{}, 64)).Wash)
}
