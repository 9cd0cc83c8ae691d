package geometry

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/spatial/r3"
)

// square is a square contour about (x, y) at height z.
func square(x, y, side, z float64) Contour {
	h := side / 2
	return Contour{{X: x - h, Y: y - h, Z: z}, {X: x + h, Y: y - h, Z: z}, {X: x + h, Y: y + h, Z: z}, {X: x - h, Y: y + h, Z: z}}
}

func reversed(c Contour) Contour {
	r := make(Contour, len(c))
	for i, p := range c {
		r[len(c)-1-i] = p
	}
	return r
}

// keyhole joins an outer and an inner contour by a channel of the given width.
func keyhole(outer, inner Contour, width float64) Contour {
	var c Contour
	c = append(c, outer...)
	c = append(c, outer[0])
	c = append(c, inner...)
	c = append(c, inner[0])
	if width > 0 {
		c[len(outer)].X += width
		c[len(c)-1].X += width
	}
	return c
}

// stacked repeats contours at z = 1, 3, 5: three slabs of 2 mm.
func stacked(contours ...Contour) *Structure {
	s := &Structure{Name: "S"}
	for _, z := range []float64{1, 3, 5} {
		for _, c := range contours {
			d := make(Contour, len(c))
			for i, p := range c {
				d[i] = r3.Vec{X: p.X, Y: p.Y, Z: z}
			}
			s.Contours = append(s.Contours, d)
		}
	}
	return s
}

func testGrid(t testing.TB, spacing float64, axes [3]r3.Vec) Grid {
	n := int(math.Ceil(80 / spacing))
	g, err := NewGrid(r3.Vec{}, [3]float64{spacing, spacing, spacing}, [3]int{n, n, n}, axes)
	require.NoError(t, err)
	c := g.Point(float64(n-1)/2, float64(n-1)/2, float64(n-1)/2)
	g, err = NewGrid(r3.Scale(-1, c), [3]float64{spacing, spacing, spacing}, [3]int{n, n, n}, axes)
	require.NoError(t, err)
	return g
}

func TestParityOfOnePlane(t *testing.T) {
	outer, inner := square(0, 0, 40, 0), square(0, 0, 20, 0)
	bowtie := Contour{{X: -20, Y: -20}, {X: 20, Y: 20}, {X: 20, Y: -20}, {X: -20, Y: 20}}
	for _, c := range []struct {
		name     string
		contours []Contour
		area     float64 // mm²
		warning  string
	}{
		{"square", []Contour{outer}, 1600, ""},
		{"first corner repeated", []Contour{append(append(Contour{}, outer...), outer[0])}, 1600, ""},
		{"hole", []Contour{outer, inner}, 1200, ""},
		{"hole, other winding", []Contour{outer, reversed(inner)}, 1200, ""},
		{"hole drawn first", []Contour{inner, outer}, 1200, ""},
		{"island in the hole", []Contour{outer, inner, square(0, 0, 10, 0)}, 1300, ""},
		{"keyhole", []Contour{keyhole(outer, inner, 0)}, 1200, ""},
		{"keyhole, other winding", []Contour{keyhole(outer, reversed(inner), 0)}, 1200, ""},
		{"keyhole, open channel", []Contour{keyhole(outer, reversed(inner), 0.01)}, 1200, ""},
		{"two parts", []Contour{square(-15, 0, 10, 0), square(15, 0, 20, 0)}, 500, ""},
		{"parts that touch", []Contour{square(-10, 0, 20, 0), square(10, 0, 20, 0)}, 800, ""},
		{"copy", []Contour{inner, inner}, 400, "copies"},
		{"copy, other winding", []Contour{inner, reversed(inner)}, 400, "copies"},
		{"three copies", []Contour{inner, inner, inner}, 400, "copies"},
		{"crossing", []Contour{square(0, 0, 20, 0), square(10, 10, 20, 0)}, 700, "cross"},
		{"hole through crossing", []Contour{square(-10, 0, 30, 0), square(10, 0, 30, 0), square(0, 0, 8, 0)}, 1500 - 64, "cross"},
		{"bow tie", []Contour{bowtie}, 800, ""},
		{"two points", []Contour{outer, {{X: 1}, {X: 2}}}, 1600, "fewer than three"},
	} {
		for _, spacing := range []float64{1, 2.5, 0.7} {
			m, warnings, err := NewMask(testGrid(t, spacing, IdentityAxes), stacked(c.contours...))
			require.NoError(t, err, c.name)
			tolerance := 1e-3 * 6
			if c.name == "keyhole, open channel" {
				tolerance = 0.3 * 6 // the channel and the slivers that its shifted corners cut off
			}
			assert.InDelta(t, c.area*6, m.Volume()*1000, tolerance, "%s at %g mm", c.name, spacing)
			if c.warning == "" {
				assert.Empty(t, warnings, c.name)
			} else {
				require.NotEmpty(t, warnings, c.name)
				assert.Contains(t, strings.Join(warnings, "\n"), c.warning)
			}
		}
	}
}
