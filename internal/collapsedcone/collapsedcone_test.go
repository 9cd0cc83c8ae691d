package collapsedcone

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/dose/beam"
	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/heterogeneity"
)

// tank is water, mm in LPS, from the surface y = 0 on, in vacuum.
func tank(t testing.TB, half, depth, spacing float64) *heterogeneity.Tissue {
	t.Helper()
	n := int(math.Round(2 * half / spacing))
	g, err := geometry.NewGrid(r3.Vec{X: -half + spacing/2, Y: spacing / 2, Z: -half + spacing/2}, [3]float64{spacing, spacing, spacing},
		[3]int{n, int(math.Round(depth / spacing)), n}, geometry.IdentityAxes)
	require.NoError(t, err)
	v := geometry.NewVolume(g)
	for i := range v.Data {
		v.Data[i] = 1
	}
	return &heterogeneity.Tissue{Density: v, ElectronDensity: v, Material: make([]uint8, g.Len()), Materials: []string{"water_liquid"}}
}

// open is a square field from a gantry angle, its isocentre at the origin.
func open(t testing.TB, half, gantryDeg float64) Pose {
	t.Helper()
	frame, err := geometry.NewFrame(geometry.Pose{Position: geometry.HFS, SAD: 1000, GantryDeg: gantryDeg})
	require.NoError(t, err)
	devices := []beam.Device{{Kind: beam.JawX, Name: "X"}, {Kind: beam.JawY, Name: "Y"}}
	a := beam.Aperture{MU: 1, Positions: [][]float64{{-half, half}, {-half, half}}}
	f, err := beam.NewFluence(devices, []beam.Aperture{a}, beam.Leakage{}, 0, 1, 1)
	require.NoError(t, err)
	f.Add(devices, a, beam.Leakage{})
	return Pose{Frame: frame, Fluence: f, PerMU: 1e9}
}

// compute is the dose of some poses, each transported by itself.
func compute(t testing.TB, tissue *heterogeneity.Tissue, g geometry.Grid, spectrum string, s Setting, poses ...[]Pose) []float64 {
	t.Helper()
	sp, err := machine.NamedSpectrum(spectrum)
	require.NoError(t, err)
	inside := make([]bool, g.Len())
	for i := range inside {
		inside[i] = true
	}
	c, err := New(context.Background(), tissue, g, inside, []machine.Spectrum{sp}, s)
	require.NoError(t, err)
	for _, p := range poses {
		require.NoError(t, c.Add(context.Background(), 0, p))
	}
	out := make([]float64, g.Len())
	require.NoError(t, c.Dose(context.Background(), out, inside))
	return out
}

func TestTwoGroupsAreEnough(t *testing.T) {
	if testing.Short() {
		t.Skip("compares doses at length; shorter tests run the same code")
	}
	tissue := tank(t, 42, 300, 3)
	g := tissue.Density.Grid
	n := g.Size()
	for _, spectrum := range []string{"mohan1985_6mv", "mohan1985_15mv"} {
		each := compute(t, tissue, g, spectrum, Setting{Directions: 48, Groups: 100}, []Pose{open(t, 30, 0)})
		got := compute(t, tissue, g, spectrum, Setting{Directions: 48, Groups: 2}, []Pose{open(t, 30, 0)})
		var worst float64
		for k := range n[1] {
			at := g.Offset(n[0]/2, k, n[2]/2)
			worst = max(worst, math.Abs(got[at]/each[at]-1))
		}
		t.Logf("%s: axis to 300 mm within %.2f %% of a kernel for each energy", spectrum, 100*worst)
		assert.Less(t, worst, 0.003)
	}
}
