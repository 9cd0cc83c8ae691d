package geometry

import (
	"slices"
	"testing"

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
