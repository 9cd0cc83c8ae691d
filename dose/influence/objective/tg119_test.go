package objective_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/dicom"
	"github.com/kerma-rt/kerma/dose"
	"github.com/kerma-rt/kerma/dose/influence"
	"github.com/kerma-rt/kerma/dose/influence/objective"
	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/heterogeneity"
	"github.com/kerma-rt/kerma/internal/shareddata"
)

var (
	_ objective.Operator = (*influence.Matrix)(nil)
	_ objective.Operator = (*influence.Store)(nil)
)

// processor is the seconds of all cores that this process has had.
func processor(t testing.TB) float64 {
	var u unix.Rusage
	require.NoError(t, unix.Getrusage(unix.RUSAGE_SELF, &u))
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// BenchmarkEvaluation is what one step of the minimisation takes on TG-119, nine
// beams on voxels of 3 mm: the dose of the weights, the objectives that matRad
// ships with the phantom and their gradient, and its derivative by the weights.
func BenchmarkEvaluation(b *testing.B) {
	patient, err := dicom.ReadFolder(shareddata.Path(b, "dicom", "tg119"))
	require.NoError(b, err)
	tissue, err := heterogeneity.MatRadCalibration.Apply(patient.CT.Volume, patient.Structures)
	require.NoError(b, err)
	grid, err := geometry.NewGrid(r3.Vec{X: -250, Y: -250, Z: -160.75}, [3]float64{3, 3, 3}, [3]int{167, 167, 108}, geometry.IdentityAxes)
	require.NoError(b, err)
	linac, err := machine.GenericSVD()
	require.NoError(b, err)
	mask := func(name string, g geometry.Grid) *geometry.Mask {
		s, err := patient.Structures.Named(name)
		require.NoError(b, err)
		m, _, err := geometry.NewMask(g, s)
		require.NoError(b, err)
		return m
	}
	onCT := mask("OuterTarget", patient.CT.Volume.Grid)
	var beams []dose.Bixels
	for gantry := 0.0; gantry < 360; gantry += 40 {
		bixels, err := influence.Cover(onCT, 5, geometry.Pose{Position: geometry.HFS, Isocentre: influence.Isocentre(onCT), SAD: linac.SAD, GantryDeg: gantry}, 5)
		require.NoError(b, err)
		beams = append(beams, bixels)
	}
	matrix, err := influence.Compute(b.Context(), influence.Request{Tissue: tissue, Machine: linac, Grid: grid, Beams: beams})
	require.NoError(b, err)
	target, core := objective.RegionOf(mask("OuterTarget", grid)), objective.RegionOf(mask("Core", grid))
	body, err := objective.RegionOf(mask("BODY", grid)).Without(target, core)
	require.NoError(b, err)
	objectives := []objective.Objective{
		objective.SquaredDeviation{Region: target, Dose: objective.Uniform(50), Penalty: 1000},
		objective.SquaredOverdosing{Region: core, Dose: objective.Uniform(25), Penalty: 300},
		objective.SquaredOverdosing{Region: body, Dose: objective.Uniform(30), Penalty: 100},
	}
	weights, slope := make([]float64, matrix.Columns()), make([]float64, matrix.Columns())
	for j := range weights {
		weights[j] = 20
	}
	volume, change := geometry.NewVolume(grid), geometry.NewVolume(grid)
	value := func() {
		clear(change.Data)
		for _, o := range objectives {
			_, err := o.Evaluate(volume, change)
			require.NoError(b, err)
		}
	}
	b.Run("whole", func(b *testing.B) {
		before := processor(b)
		for b.Loop() {
			require.NoError(b, matrix.Multiply(volume.Data, weights))
			value()
			require.NoError(b, matrix.MultiplyTransposed(slope, change.Data))
		}
		b.ReportMetric((processor(b)-before)*1e3/float64(b.N), "cpu-ms/op")
		b.ReportMetric(float64(matrix.Columns()), "bixels")
		b.ReportMetric(float64(matrix.Entries()), "entries")
	})
	b.Run("objectives", func(b *testing.B) {
		for b.Loop() {
			value()
		}
		b.ReportMetric(float64(target.Len()+core.Len()+body.Len()), "voxels")
	})
}
