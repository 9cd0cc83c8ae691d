package heterogeneity_test

import (
	"strings"
	"testing"

	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/heterogeneity"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/spatial/r3"
)

// block is a cuboid drawn on slices 2 mm apart.
func block(name string, role geometry.Role, low, high r3.Vec) geometry.Structure {
	s := geometry.Structure{Name: name, Role: role}
	for z := low.Z + 1; z < high.Z; z += 2 {
		s.Contours = append(s.Contours, geometry.Contour{
			{X: low.X, Y: low.Y, Z: z}, {X: high.X, Y: low.Y, Z: z}, {X: high.X, Y: high.Y, Z: z}, {X: low.X, Y: high.Y, Z: z},
		})
	}
	return s
}

func TestApplyFollowsTheStructures(t *testing.T) {
	g := grid(t, 2, 40, 40, 20)
	ct := uniform(g, 41)
	body := block("BODY", geometry.External, r3.Vec{X: -20, Y: -20, Z: -16}, r3.Vec{X: 20, Y: 20, Z: 16})
	couch := block("couch", geometry.Support, r3.Vec{X: -36, Y: 24, Z: -16}, r3.Vec{X: 36, Y: 32, Z: 16})
	bolus := block("gel", geometry.Bolus, r3.Vec{X: -20, Y: -30, Z: -16}, r3.Vec{X: 20, Y: -20, Z: 16})
	bolus.RelativeElectronDensity = 1
	metal := block("hip", geometry.Organ, r3.Vec{X: -8, Y: -8, Z: -8}, r3.Vec{X: 8, Y: 8, Z: 8})
	metal.MassDensity = 4.5
	set := &geometry.StructureSet{Structures: []geometry.Structure{metal, couch, body, bolus}}
	tissue, err := heterogeneity.DefaultCalibration.Apply(ct, set)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		p       r3.Vec
		density float64
	}{
		"body": {r3.Vec{X: 15}, 1.05}, "air": {r3.Vec{X: 30}, 0.0012}, "couch": {r3.Vec{Y: 28}, 1.05},
		"bolus": {r3.Vec{Y: -25}, 1}, "metal": {r3.Vec{}, 4.5}, "gap": {r3.Vec{X: 30, Y: -25}, 0.0012},
	} {
		value, inside := tissue.Density.Interpolate(c.p)
		require.True(t, inside)
		require.InDelta(t, c.density, value, 1e-5, name)
	}
	require.NotNil(t, tissue.Body)
	require.Contains(t, strings.Join(tissue.Warnings, "\n"), `bolus "gel" is taken as present in all beams`)

	// The body's own density comes first, whatever its place in the set.
	set.Structures[2].MassDensity = 1
	tissue, err = heterogeneity.DefaultCalibration.Apply(ct, set)
	require.NoError(t, err)
	require.Equal(t, float32(4.5), tissue.Density.At(20, 20, 10))
	require.Equal(t, float32(1), tissue.Density.At(28, 20, 10))

	for _, none := range []*geometry.StructureSet{nil, {}, {Structures: []geometry.Structure{block("PTV", geometry.PTV, r3.Vec{}, r3.Vec{X: 9, Y: 9, Z: 9})}}} {
		tissue, err = heterogeneity.DefaultCalibration.Apply(ct, none)
		require.NoError(t, err)
		require.Nil(t, tissue.Body)
		require.InDelta(t, 1.05, tissue.Density.At(0, 0, 0), 1e-6)
		require.Contains(t, strings.Join(tissue.Warnings, "\n"), "every voxel of the CT counts")
	}
	set.Structures = append(set.Structures, body)
	_, err = heterogeneity.DefaultCalibration.Apply(ct, set)
	require.ErrorIs(t, err, geometry.ErrStructure)
	_, err = heterogeneity.DefaultCalibration.Apply(nil, set)
	require.ErrorIs(t, err, heterogeneity.ErrCT)
}
