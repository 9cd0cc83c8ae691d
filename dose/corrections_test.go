package dose_test

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/dose"
	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/heterogeneity"
)

// In water every factor is 1. Kernels spread by sectors from pixels of 2 mm are
// another way to the dose: it differs in the penumbra by a fraction of a
// millimetre, and elsewhere by the fit of its exponentials.
func TestCorrectionsAgreeInWater(t *testing.T) {
	if testing.Short() {
		t.Skip("compares doses at length; shorter tests run the same code")
	}
	tissue := box(t, r3.Vec{X: -150, Y: -100, Z: -150}, r3.Vec{X: 150, Y: 150, Z: 150}, 5)
	r := dose.Request{
		Tissue: tissue, Plan: open(40, 100), Machines: machine.Set{generic6(t)},
		Grid: grid(t, r3.Vec{X: -140, Y: -95, Z: -140}, [3]float64{4, 4, 10}, [3]int{71, 61, 29}),
	}
	want := compute(t, dose.PencilBeam{Heterogeneity: heterogeneity.None{}}, r).Dose
	most := largest(want.Data)
	for _, c := range heterogeneity.Corrections() {
		got := compute(t, dose.PencilBeam{Heterogeneity: c}, r).Dose
		n := want.Grid.Size()
		var inside, edge float64
		for i, v := range want.Data {
			p := want.Grid.Point(float64(i%n[0]), float64(i/n[0]%n[1]), float64(i/n[0]/n[1]))
			half := 40 * (1000 + p.Y) / 1000
			off := math.Abs(float64(got.Data[i]-v)) / most
			if min(math.Abs(math.Abs(p.X)-half), math.Abs(math.Abs(p.Z)-half)) < 6 {
				edge = max(edge, off)
			} else {
				inside = max(inside, off)
			}
		}
		t.Logf("%s: within %.3f %% of the maximum, near the edges %.3f %%", c.Name(), 100*inside, 100*edge)
		if _, ok := c.(heterogeneity.Spreading); ok {
			assert.Less(t, inside, 0.02)
			assert.Less(t, edge, 0.07)
			continue
		}
		assert.Less(t, max(inside, edge), 1e-3, c.Name())
	}
}

func TestCorrectionsGoWithThePatientAndTheirBitsWithNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("compares doses at length; shorter tests run the same code")
	}
	r := request(t, generic6(t))
	lying := func(p geometry.PatientPosition) geometry.Frame {
		f, err := geometry.NewFrame(geometry.Pose{Position: p, SAD: 1000})
		require.NoError(t, err)
		return f
	}
	turn := func(v r3.Vec) r3.Vec { return lying(geometry.FFDR).ToPatient(lying(geometry.HFS).ToBeam(v)) }
	move := func(g geometry.Grid) geometry.Grid {
		moved, err := geometry.NewGrid(turn(g.Origin()), g.Spacing(), g.Size(), [3]r3.Vec{turn(g.Axis(0)), turn(g.Axis(1)), turn(g.Axis(2))})
		require.NoError(t, err)
		return moved
	}
	v, err := geometry.VolumeOf(move(r.Tissue.ElectronDensity.Grid), r.Tissue.ElectronDensity.Data)
	require.NoError(t, err)
	body := *r.Tissue.Body
	body.Grid = v.Grid
	there := r
	there.Tissue = &heterogeneity.Tissue{Density: v, ElectronDensity: v, Body: &body}
	there.Grid = move(r.Grid)
	there.Plan = turned(geometry.FFDR, turn(r.Plan.Beams[0].Points[0].Isocentre), 100)
	for _, c := range heterogeneity.Corrections() {
		r.Threads = 1
		want := compute(t, dose.PencilBeam{Heterogeneity: c}, r).Dose.Data
		r.Threads = 3
		require.Equal(t, want, compute(t, dose.PencilBeam{Heterogeneity: c}, r).Dose.Data, "%s on three threads", c.Name())
		got := compute(t, dose.PencilBeam{Heterogeneity: c}, there).Dose.Data
		t.Logf("%s: turned %.1e of the maximum", c.Name(), difference(got, want)/largest(want))
		assert.LessOrEqual(t, difference(got, want), 1e-4*largest(want), c.Name())
	}
}

func TestKernelsAreScaledOnlyWhereASpectrumGivesThem(t *testing.T) {
	r := request(t, svd(t))
	_, err := dose.PencilBeam{Heterogeneity: heterogeneity.DensityScaled{}}.Compute(context.Background(), r)
	require.ErrorIs(t, err, dose.ErrRequest)
	require.ErrorContains(t, err, "spectrum")
	for _, c := range []heterogeneity.Correction{heterogeneity.Batho{}, heterogeneity.ETAR{}} {
		require.Greater(t, largest(compute(t, dose.PencilBeam{Heterogeneity: c}, r).Dose.Data), 0.5)
	}
}
