package geometry

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// What is drawn of a body whose parts begin and end anywhere does not hang on
// the sections drawn before.
func TestSectionsDoNotDependOnThoseBefore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &Structure{Name: "parts"}
		for part := range 3 {
			for k := range 12 {
				if rapid.IntRange(0, 4).Draw(t, "drawn") > 0 {
					side := rapid.Float64Range(4, 16).Draw(t, "side")
					s.Contours = append(s.Contours, square(20*float64(part), 0, side, 2*float64(k)))
				}
			}
		}
		solid, _, err := NewSolid(s, Grid{})
		require.NoError(t, err)
		if solid.Empty() {
			return
		}
		r := Raster{U: -12, V: -12, DU: 0.9, DV: 0.8, NU: 70, NV: 30}
		inOrder := solid.Sections(r)
		for _, layer := range solid.Layers(0.5, nil) {
			got, window := inOrder.At(layer.W)
			want, same := solid.Sections(r).At(layer.W)
			require.Equal(t, same, window)
			require.True(t, slices.Equal(want, got), "at w = %g mm", layer.W)
		}
	})
}

// Of a linear function the part of a cell is exact; zero of either sign counts
// as inside.
func TestPositiveAreaOfALinearFunction(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := func(name string) float32 { return float32(rapid.Float64Range(-2, 2).Draw(t, name)) }
		a, b, c := x("a"), x("b"), x("c")
		const n = 200
		inside := 0
		for j := range n {
			for i := range n {
				if a*(float32(i)+0.5)/n+b*(float32(j)+0.5)/n+c >= 0 {
					inside++
				}
			}
		}
		assert.InDelta(t, float64(inside)/(n*n), positiveArea(c, c+a, c+a+b, c+b), 0.012)
	})
	zero := float32(math.Copysign(0, -1))
	assert.EqualValues(t, 1, positiveArea(zero, 1, 1, 1))
	assert.EqualValues(t, 1, positiveArea(zero, zero, 0, zero))
	assert.EqualValues(t, 0.5, positiveArea(1, 1, -1, -1))
	assert.EqualValues(t, 0.75, positiveArea(1, -1, 1, -1), "opposite corners are joined")
}
