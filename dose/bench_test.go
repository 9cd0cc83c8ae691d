package dose_test

import (
	"context"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/dose"
	"github.com/kerma-rt/kerma/dose/beam"
	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/heterogeneity"
)

// BenchmarkPencilBeamSevenFields is a whole job: CT of 512×512×150 voxels of
// 0.98×0.98×3 mm, dose on 2.5 mm over all of it, seven 100 mm fields through an
// elliptic body with lungs.
func BenchmarkPencilBeamSevenFields(b *testing.B) {
	m, err := machine.Generic("generic_6mv")
	require.NoError(b, err)
	ct := grid(b, r3.Vec{X: -250, Y: -250, Z: -225}, [3]float64{0.9766, 0.9766, 3}, [3]int{512, 512, 150})
	density := geometry.NewVolume(ct)
	body := &geometry.Mask{Grid: ct, Box: ct.Box(), Fraction: make([]float32, ct.Len())}
	for k := range 150 {
		for j := range 512 {
			for i := range 512 {
				p := ct.Point(float64(i), float64(j), float64(k))
				n := ct.Offset(i, j, k)
				if math.Pow(p.X/190, 2)+math.Pow(p.Y/120, 2) < 1 {
					density.Data[n], body.Fraction[n] = 1, 1
					if math.Pow((math.Abs(p.X)-90)/60, 2)+math.Pow(p.Y/80, 2) < 1 {
						density.Data[n] = 0.26
					}
				}
			}
		}
	}
	tissue := &heterogeneity.Tissue{Density: density, ElectronDensity: density, Body: body}
	plan := open(50, 100)
	one := plan.Beams[0]
	plan.Beams, plan.Groups[0].Beams = nil, nil
	for i := range 7 {
		b := one
		b.Number = i + 1
		b.Points = append([]beam.ControlPoint(nil), one.Points...)
		for p := range b.Points {
			b.Points[p].GantryDeg = float64(i) * 360 / 7
		}
		plan.Beams = append(plan.Beams, b)
		plan.Groups[0].Beams = append(plan.Groups[0].Beams, beam.BeamMeterset{BeamNumber: b.Number, Meterset: 100})
	}
	g, err := ct.WithSpacing([3]float64{2.5, 2.5, 2.5})
	require.NoError(b, err)
	for b.Loop() {
		_, err := dose.PencilBeam{}.Compute(context.Background(), dose.Request{Tissue: tissue, Plan: plan, Machines: machine.Set{m}, Grid: g})
		require.NoError(b, err)
	}
	if status, err := os.ReadFile("/proc/self/status"); err == nil {
		for line := range strings.Lines(string(status)) {
			if kB, ok := strings.CutPrefix(line, "VmHWM:"); ok {
				v, _ := strconv.ParseFloat(strings.Fields(kB)[0], 64)
				b.ReportMetric(v/1024, "MB-peak")
			}
		}
	}
	b.ReportMetric(float64(g.Len()), "voxels")
}
