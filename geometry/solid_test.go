package geometry

import (
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/spatial/r3"
	"pgregory.net/rapid"
)

// mapped applies f to every corner.
func mapped(s *Structure, f func(r3.Vec) r3.Vec) *Structure {
	out := &Structure{Name: s.Name}
	for _, c := range s.Contours {
		var d Contour
		for _, p := range c {
			d = append(d, f(p))
		}
		out.Contours = append(out.Contours, d)
	}
	return out
}

// ball is a sphere about c, contoured every d mm at slab middles.
func ball(c r3.Vec, radius, d float64) *Structure {
	s := &Structure{Name: "ball"}
	for z := -radius + d/2; z < radius; z += d {
		r := math.Sqrt(radius*radius - z*z)
		var k Contour
		for i := range 120 {
			sin, cos := math.Sincos(2 * math.Pi * float64(i) / 120)
			k = append(k, r3.Vec{X: c.X + r*cos, Y: c.Y + r*sin, Z: c.Z + z})
		}
		s.Contours = append(s.Contours, k)
	}
	return s
}

func turning(axis r3.Vec, angle float64) func(r3.Vec) r3.Vec {
	return r3.NewRotation(angle, axis).Rotate
}

// Contours in any plane, on a grid in any orientation: the volume and the place
// of the mask stay those of the body.
func TestMaskOfContoursAcrossTheGrid(t *testing.T) {
	body := ball(r3.Vec{X: 5, Y: -3, Z: 2}, 15, 2.5)
	volume := 4 * math.Pi / 3 * 15 * 15 * 15
	grids := map[string][3]r3.Vec{
		"axial":    IdentityAxes,
		"permuted": {{Y: 1}, {Z: 1}, {X: 1}},
		"prone":    {{X: -1}, {Y: -1}, {Z: 1}},
		"oblique":  {turning(r3.Vec{X: 1, Y: 2, Z: 3}, 0.4)(r3.Vec{X: 1}), turning(r3.Vec{X: 1, Y: 2, Z: 3}, 0.4)(r3.Vec{Y: 1}), turning(r3.Vec{X: 1, Y: 2, Z: 3}, 0.4)(r3.Vec{Z: 1})},
	}
	turns := map[string]func(r3.Vec) r3.Vec{
		"axial":    func(p r3.Vec) r3.Vec { return p },
		"sagittal": func(p r3.Vec) r3.Vec { return r3.Vec{X: p.Z, Y: p.X, Z: p.Y} },
		"coronal":  func(p r3.Vec) r3.Vec { return r3.Vec{X: p.X, Y: -p.Z, Z: p.Y} },
		"tilted":   turning(r3.Vec{X: 1}, 0.35),
	}
	for g, axes := range grids {
		for name, turn := range turns {
			t.Run(name+" contours on "+g+" grid", func(t *testing.T) {
				m, warnings, err := NewMask(testGrid(t, 2, axes), mapped(body, turn))
				require.NoError(t, err)
				assert.Empty(t, warnings)
				assert.InEpsilon(t, volume, m.Volume()*1000, 0.006)
				var sum r3.Vec
				total, whole := 0.0, 0
				m.Each(func(i, j, k int, f float32) {
					p := m.Grid.Point(float64(i), float64(j), float64(k))
					sum = r3.Add(sum, r3.Scale(float64(f), p))
					total += float64(f)
					d := r3.Norm(r3.Sub(p, turn(r3.Vec{X: 5, Y: -3, Z: 2})))
					if d < 12.5 {
						assert.Equal(t, float32(1), f, "voxel %.3g mm from the centre", d)
						whole++
					}
					assert.Less(t, d, 18.0)
				})
				assert.Greater(t, whole, 500)
				centre := r3.Scale(1/total, sum)
				assert.Less(t, r3.Norm(r3.Sub(centre, turn(r3.Vec{X: 5, Y: -3, Z: 2}))), 0.05)
			})
		}
	}
}

func TestPlanesOfDifferentNormalsAreRefused(t *testing.T) {
	s := stacked(square(0, 0, 20, 0))
	s.Contours = append(s.Contours, mapped(s, func(p r3.Vec) r3.Vec { return r3.Vec{X: p.Z, Y: p.X, Z: p.Y} }).Contours...)
	_, _, err := NewMask(testGrid(t, 2, IdentityAxes), s)
	require.ErrorIs(t, err, ErrContour)

	s = stacked(square(0, 0, 20, 0))
	s.Contours[1][2].Z += 0.5
	_, _, err = NewMask(testGrid(t, 2, IdentityAxes), s)
	require.ErrorIs(t, err, ErrContour, "a corner out of its plane")
	assert.Contains(t, err.Error(), "contour 1")

	s.Contours[1][2].Z -= 0.42 // rounding in a file
	m, _, err := NewMask(testGrid(t, 2, IdentityAxes), s)
	require.NoError(t, err)
	assert.InDelta(t, 2400, m.Volume()*1000, 20)
}

func TestGapIsKept(t *testing.T) {
	s := &Structure{Name: "S"}
	for _, z := range []float64{0, 3, 6, 15, 18} { // 9 and 12 are missing
		s.Contours = append(s.Contours, square(0, 0, 20, z))
	}
	m, warnings, err := NewMask(testGrid(t, 1, IdentityAxes), s)
	require.NoError(t, err)
	require.Len(t, warnings, 1)
	assert.Contains(t, warnings[0], "kept as a gap")
	assert.InDelta(t, 5*3*400, m.Volume()*1000, 0.01)

	s.Contours[3], s.Contours[4] = square(0, 0, 20, 12), square(0, 0, 20, 15) // only 9 is missing
	m, warnings, err = NewMask(testGrid(t, 1, IdentityAxes), s)
	require.NoError(t, err)
	assert.Empty(t, warnings)
	assert.InDelta(t, (15+3)*400, m.Volume()*1000, 0.01)
}

// Two bodies in one structure, one of them shorter: each keeps its half spacings,
// as it would alone.
func TestPartThatEndsKeepsItsHalfSpacing(t *testing.T) {
	long, short := &Structure{Name: "long"}, &Structure{Name: "short"}
	for z := -15.0; z <= 15; z += 3 {
		long.Contours = append(long.Contours, square(-20, 0, 20, z))
		if math.Abs(z) < 7 {
			short.Contours = append(short.Contours, square(20, 0, 16, z))
		}
	}
	both := &Structure{Name: "both", Contours: append(append([]Contour{}, long.Contours...), short.Contours...)}
	g := testGrid(t, 1.5, IdentityAxes)
	sum := 0.0
	for _, s := range []*Structure{long, short} {
		m, _, err := NewMask(g, s)
		require.NoError(t, err)
		sum += m.Volume()
	}
	m, _, err := NewMask(g, both)
	require.NoError(t, err)
	assert.InDelta(t, 11*3*400+5*3*256, m.Volume()*1000, 0.5)
	assert.InDelta(t, sum, m.Volume(), 1e-4)
}

// A thin wall that shifts from plane to plane by more than its width: to blend
// the planes would lose it.
func TestThinSlantedWallKeepsItsVolume(t *testing.T) {
	s := &Structure{Name: "wall"}
	for i := range 10 {
		x, z := 4*float64(i)-20, 3*float64(i)-15
		s.Contours = append(s.Contours, Contour{{X: x, Y: -20, Z: z}, {X: x + 2, Y: -20, Z: z}, {X: x + 2, Y: 20, Z: z}, {X: x, Y: 20, Z: z}})
	}
	m, _, err := NewMask(testGrid(t, 2, IdentityAxes), s)
	require.NoError(t, err)
	assert.InDelta(t, 10*3*2*40, m.Volume()*1000, 0.1)
}

func TestContourSmallerThanAVoxelIsKept(t *testing.T) {
	m, _, err := NewMask(testGrid(t, 5, IdentityAxes), stacked(square(1, 1, 0.5, 0)))
	require.NoError(t, err)
	assert.InDelta(t, 0.25*6, m.Volume()*1000, 1e-3)
}

func TestOnePlaneIsAsThickAsTheGrid(t *testing.T) {
	m, warnings, err := NewMask(testGrid(t, 2.5, IdentityAxes), &Structure{Contours: []Contour{square(0, 0, 10, 0.3)}})
	require.NoError(t, err)
	require.Len(t, warnings, 1)
	assert.InDelta(t, 250, m.Volume()*1000, 1e-2)
}

func TestMaskIsCutAtTheGrid(t *testing.T) {
	s := stacked(square(40, 0, 40, 0))
	g := testGrid(t, 2, IdentityAxes) // to x = 40
	m, warnings, err := NewMask(g, s)
	require.NoError(t, err)
	assert.Contains(t, strings.Join(warnings, "\n"), "outside the grid")
	assert.InDelta(t, 20*40*6, m.Volume()*1000, 1)
	m, _, err = NewMask(g, stacked(square(400, 0, 40, 0)))
	require.NoError(t, err)
	assert.True(t, m.Box.Empty())
	assert.Zero(t, m.Volume())
	assert.Zero(t, m.At(1, 2, 3))
	m.Each(func(i, j, k int, f float32) { t.Error("no voxel") })
}

// Neighbours that share an edge share out every voxel between them.
func TestNeighboursNeitherOverlapNorGap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := func(name string) float64 { return rapid.Float64Range(-25, 25).Draw(t, name) }
		split := []r3.Vec{{X: x("a"), Y: -30}, {X: x("b"), Y: x("c")}, {X: x("d"), Y: 30}}
		left := Contour{{X: -30, Y: -30}, split[0], split[1], split[2], {X: -30, Y: 30}}
		right := Contour{split[0], {X: 30, Y: -30}, {X: 30, Y: 30}, split[2], split[1]}
		g, err := NewGrid(r3.Vec{X: -35, Y: -35, Z: -1}, [3]float64{2.3, 1.9, 1}, [3]int{31, 37, 9}, IdentityAxes)
		require.NoError(t, err)
		a, _, err := NewMask(g, stacked(left))
		require.NoError(t, err)
		b, _, err := NewMask(g, stacked(right))
		require.NoError(t, err)
		if !rising(split) {
			return // the halves overlap
		}
		whole, _, err := NewMask(g, stacked(square(0, 0, 60, 0)))
		require.NoError(t, err)
		whole.Each(func(i, j, k int, f float32) {
			if d := a.At(i, j, k) + b.At(i, j, k) - f; math.Abs(float64(d)) > 1e-4 {
				t.Fatalf("voxel %d %d %d: %g + %g ≠ %g", i, j, k, a.At(i, j, k), b.At(i, j, k), f)
			}
		})
	})
}

func rising(p []r3.Vec) bool { return p[0].Y < p[1].Y && p[1].Y < p[2].Y }

func TestMaskSameBitsForAnyNumberOfProcessors(t *testing.T) {
	g, s := testGrid(t, 1.7, IdentityAxes), ball(r3.Vec{X: 1}, 20, 3)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	want, _, err := NewMask(g, s)
	require.NoError(t, err)
	for _, n := range []int{2, 5} {
		runtime.GOMAXPROCS(n)
		got, _, err := NewMask(g, s)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
}

func TestHostileContoursEndInBoundedTime(t *testing.T) {
	g := testGrid(t, 1, IdentityAxes)
	with := func(change func(c Contour)) *Structure {
		s := stacked(square(0, 0, 20, 0))
		change(s.Contours[1])
		return s
	}
	zigzag := make(Contour, 500_000)
	for i := range zigzag {
		zigzag[i] = r3.Vec{X: float64(i) * 1e-5, Y: float64(i%2)*40 - 20}
	}
	smooth := make(Contour, 200_000)
	for i := range smooth {
		sin, cos := math.Sincos(2 * math.Pi * float64(i) / 2e5)
		smooth[i] = r3.Vec{X: 20 * cos, Y: 20 * sin}
	}
	many := &Structure{Name: "many"}
	for i := range 3000 {
		many.Contours = append(many.Contours, square(0, 0, 20+float64(i)*1e-3, 0))
	}
	nested, crowded := &Structure{Name: "nested"}, &Structure{Name: "crowded"}
	for i := range 200 {
		nested.Contours = append(nested.Contours, square(0, 0, 1+float64(i)*0.25, 0))
	}
	for i := range 1000 {
		crowded.Contours = append(crowded.Contours, square(float64(i)*0.03, 0, 1+float64(i)*0.05, 0))
	}
	random := make(Contour, 200_000)
	for i := range random {
		random[i] = r3.Vec{X: float64(i*7919%1000)/20 - 25, Y: float64(i*104729%997)/20 - 25}
	}
	for name, c := range map[string]struct {
		s       *Structure
		refused bool
	}{
		"NaN":        {with(func(c Contour) { c[2].X = math.NaN() }), true},
		"infinity":   {with(func(c Contour) { c[2].Y = math.Inf(-1) }), true},
		"1e30":       {with(func(c Contour) { c[2].X = 1e30 }), true},
		"far":        {with(func(c Contour) { c[2].X = 9e5 }), false},
		"zigzag":     {&Structure{Contours: []Contour{zigzag}}, true},
		"random":     {&Structure{Contours: []Contour{random}}, true},
		"smooth":     {&Structure{Contours: []Contour{smooth}}, false},
		"many":       {many, true},
		"nested":     {nested, false},
		"crowded":    {crowded, true},
		"far planes": {&Structure{Contours: []Contour{square(0, 0, 10, -9e5), square(0, 0, 10, 9e5)}}, false},
		"no area":    {&Structure{Contours: []Contour{{{X: 1}, {X: 2}, {X: 3}}}}, false},
		"one point":  {&Structure{Contours: []Contour{{{X: 1}, {X: 1}, {X: 1}, {X: 1}}}}, false},
	} {
		start := time.Now()
		m, _, err := NewMask(g, c.s)
		if c.refused {
			assert.ErrorIs(t, err, ErrContour, name)
		} else if assert.NoError(t, err, name) {
			for _, f := range m.Fraction {
				if !(f >= 0 && f <= 1) {
					t.Fatalf("%s: fraction %g", name, f)
				}
			}
		}
		t.Logf("%s: %v, %v", name, time.Since(start).Round(time.Millisecond), err)
	}
}

func TestExternalIsTheOneBody(t *testing.T) {
	set := func(s ...Structure) *StructureSet { return &StructureSet{Structures: s} }
	for _, c := range []struct {
		set  *StructureSet
		want string
	}{
		{set(Structure{Name: "PTV", Role: PTV}, Structure{Name: "Skin 5mm", Role: External}), "Skin 5mm"},
		{set(Structure{Name: "body"}, Structure{Name: "Outer", Role: External}), "Outer"},
		{set(Structure{Name: "PTV"}, Structure{Name: " BODY "}), " BODY "},
		{set(Structure{Name: "External"}), "External"},
		{set(Structure{Name: "A", Role: External}, Structure{Name: "B", Role: External}), ""},
		{set(Structure{Name: "Skin"}, Structure{Name: "Body"}), ""},
		{set(Structure{Name: "PTV"}), ""},
		{set(), ""},
		{nil, ""},
	} {
		s, err := c.set.External()
		if c.want == "" {
			require.ErrorIs(t, err, ErrStructure)
			continue
		}
		require.NoError(t, err)
		assert.Equal(t, c.want, s.Name)
	}
}

func TestNamedPrefersTheExactName(t *testing.T) {
	s := &StructureSet{Structures: []Structure{{Name: "ptv"}, {Name: "PTV"}, {Name: "Twin", Number: 1}, {Name: "Twin", Number: 2}, {Name: " Heart "}}}
	for name, want := range map[string]string{"ptv": "ptv", "PTV": "PTV", "heart": " Heart "} {
		got, err := s.Named(name)
		require.NoError(t, err, name)
		assert.Equal(t, want, got.Name)
	}
	for _, name := range []string{"Ptv", "Twin", "none", ""} {
		_, err := s.Named(name)
		require.ErrorIs(t, err, ErrStructure, fmt.Sprintf("%q", name))
	}
}

func TestBoxIsHalfOpen(t *testing.T) {
	a := Box{Low: [3]int{1, 2, 3}, High: [3]int{4, 5, 6}}
	assert.Equal(t, 27, a.Len())
	assert.True(t, a.Contains(1, 2, 3))
	assert.True(t, a.Contains(3, 4, 5))
	assert.False(t, a.Contains(4, 4, 5))
	assert.Equal(t, Box{Low: [3]int{3, 3, 3}, High: [3]int{4, 5, 6}}, a.Intersect(Box{Low: [3]int{3, 3, 0}, High: [3]int{9, 9, 9}}))
	assert.True(t, a.Intersect(Box{Low: [3]int{4, 0, 0}, High: [3]int{9, 9, 9}}).Empty())
	assert.Equal(t, Box{Low: [3]int{0, 2, 3}, High: [3]int{4, 5, 9}}, a.Union(Box{Low: [3]int{0, 3, 4}, High: [3]int{2, 4, 9}}))
	assert.Equal(t, a, a.Union(Box{}))
	assert.Zero(t, Box{Low: [3]int{5, 0, 0}, High: [3]int{1, 2, 2}}.Len())
}
