package dose_test

import (
	"context"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/dose"
	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/heterogeneity"
)

// BenchmarkCollapsedConeOpenField is one open 100 mm field: CT of 256×256×150
// voxels of 1.95×1.95×3 mm, dose on 2.5 mm over all of it, an elliptic body with
// lungs. Nearly all of the 2.6 million voxels of the box around it release
// something, for jaws leak.
func BenchmarkCollapsedCone(b *testing.B) {
	m, err := machine.Generic("generic_6mv")
	require.NoError(b, err)
	ct := grid(b, r3.Vec{X: -250, Y: -250, Z: -225}, [3]float64{1.9531, 1.9531, 3}, [3]int{256, 256, 150})
	tissue := &heterogeneity.Tissue{
		Density: geometry.NewVolume(ct), Material: make([]uint8, ct.Len()),
		Materials: []string{"air_dry", "muscle_skeletal_icru44", "lung_icru44"},
		Body:      &geometry.Mask{Grid: ct, Box: ct.Box(), Fraction: make([]float32, ct.Len())},
	}
	tissue.ElectronDensity = tissue.Density
	low, high := ct.Size(), [3]int{}
	for k := range ct.Size()[2] {
		for j := range ct.Size()[1] {
			for i := range ct.Size()[0] {
				p, n := ct.Point(float64(i), float64(j), float64(k)), ct.Offset(i, j, k)
				if math.Pow(p.X/190, 2)+math.Pow(p.Y/120, 2) >= 1 {
					tissue.Density.Data[n] = 0.0012
					continue
				}
				tissue.Density.Data[n], tissue.Material[n], tissue.Body.Fraction[n] = 1, 1, 1
				if math.Pow((math.Abs(p.X)-90)/60, 2)+math.Pow(p.Y/80, 2) < 1 {
					tissue.Density.Data[n], tissue.Material[n] = 0.26, 2
				}
				for a, v := range [3]int{i, j, k} {
					low[a], high[a] = min(low[a], v), max(high[a], v+1)
				}
			}
		}
	}
	box := geometry.Box{Low: low, High: high}
	whole := tissue.Body.Fraction
	tissue.Body.Box, tissue.Body.Fraction = box, nil
	for k := low[2]; k < high[2]; k++ {
		for j := low[1]; j < high[1]; j++ {
			tissue.Body.Fraction = append(tissue.Body.Fraction, whole[ct.Offset(low[0], j, k):ct.Offset(high[0], j, k)]...)
		}
	}
	g, err := ct.WithSpacing([3]float64{2.5, 2.5, 2.5})
	require.NoError(b, err)
	request := dose.Request{Tissue: tissue, Plan: open(50, 100), Machines: machine.Set{m}, Grid: g}
	for _, n := range []int{72, 576} {
		b.Run(fmt.Sprint(n, " directions"), func(b *testing.B) {
			best := time.Hour
			for b.Loop() {
				began := time.Now()
				_, err := dose.CollapsedCone{Directions: n}.Compute(context.Background(), request)
				require.NoError(b, err)
				best = min(best, time.Since(began))
			}
			b.ReportMetric(best.Seconds(), "best-s/op")
		})
	}
}
