package speed

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"

	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/dicom"
	"github.com/kerma-rt/kerma/dose/dvh"
	"github.com/kerma-rt/kerma/dose/gamma"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/internal/demo"
	"github.com/kerma-rt/kerma/internal/kernels/parallel"
)

// directions are those of the nine beams of crossing.
var directions = func() (d [9]struct{ sin, cos float64 }) {
	for n := range d {
		d[n].sin, d[n].cos = math.Sincos(2 * math.Pi * float64(n) / 9)
	}
	return d
}()

// crossing is the dose (Gy) of nine coplanar soft-edged beams that cross at the
// origin.
func crossing(p r3.Vec) float64 {
	edge := func(x, half float64) float64 { return 1 / (1 + math.Exp((math.Abs(x)-half)/2.5)) }
	sum := 0.0
	for _, d := range directions {
		across, along := p.X*d.cos+p.Y*d.sin, -p.X*d.sin+p.Y*d.cos
		sum += 2.0 / 9 * edge(across, 35) * math.Exp(-0.004*(along+60))
	}
	return sum * edge(p.Z, 43)
}

// Pair is two doses for the gamma index: crossing beams, and the same moved by
// (1.5, 1, −1) mm, 1.5 % higher, with noise of 0.5 % of 2 Gy.
func Pair(ctx context.Context, size [3]int) (reference, evaluated *geometry.Volume, err error) {
	g, err := centred(size, [3]float64{2.5, 2.5, 2.5})
	if err != nil {
		return nil, nil, err
	}
	reference, evaluated = geometry.NewVolume(g), geometry.NewVolume(g)
	shift := r3.Vec{X: 1.5, Y: 1, Z: -1}
	err = parallel.For(ctx, size[2], 0, func(k int) error {
		noise := rand.New(rand.NewPCG(1, uint64(k)))
		for j := range size[1] {
			for i := range size[0] {
				o, p := g.Offset(i, j, k), g.Point(float64(i), float64(j), float64(k))
				reference.Data[o] = float32(crossing(p))
				evaluated.Data[o] = float32(1.015*crossing(r3.Sub(p, shift)) + 0.005*2*noise.NormFloat64())
			}
		}
		return nil
	})
	return reference, evaluated, err
}

var pairSize = [3]int{200, 200, 150}

// comparison is a job of the gamma index of Pair above 10 % of the maximum.
func comparison(percent, distance float64) func(context.Context, Options, int) (run, error) {
	return func(ctx context.Context, _ Options, threads int) (run, error) {
		return compared(ctx, pairSize, percent, distance, threads)
	}
}

func compared(ctx context.Context, size [3]int, percent, distance float64, threads int) (run, error) {
	reference, evaluated, err := Pair(ctx, size)
	if err != nil {
		return run{}, err
	}
	limit := 0.1 * float64(maximum(reference.Data))
	points := 0
	for _, d := range reference.Data {
		if float64(d) >= limit {
			points++
		}
	}
	criteria := gamma.Criteria{DosePercent: percent, Distance: distance, CutoffPercent: 10, Threads: threads}
	return run{units: float64(points), unit: "points", do: func(ctx context.Context) (func() string, error) {
		result, err := gamma.Compute(ctx, reference, evaluated, criteria)
		return func() string {
			return fmt.Sprintf("%.4f %% of %d points pass, mean %.4f", result.PassRate, result.Points, result.Mean)
		}, err
	}}, nil
}

// histograms is the job of the DVHs of all structures of a patient: those in
// the folder asked for with the dose there, else of the TG-119 phantom in the
// dose of crossing.
func histograms(_ context.Context, o Options, _ int) (run, error) {
	set, volume, err := o.structuresAndDose()
	if err != nil {
		return run{}, err
	}
	drawn := 0
	for _, s := range set.Structures {
		if len(s.Contours) > 0 {
			drawn++
		}
	}
	return run{units: float64(drawn), unit: "structures", do: func(context.Context) (func() string, error) {
		all := dvh.Compute(volume, set)
		return func() string {
			text := ""
			for _, h := range all {
				if h.Volume > 0 {
					text += fmt.Sprintf("%s %.2f cm³ mean %.4f Gy; ", h.Structure, h.Volume, h.Mean())
				}
			}
			return text
		}, nil
	}}, nil
}

func (o Options) structuresAndDose() (*geometry.StructureSet, *geometry.Volume, error) {
	if o.Judged != "" {
		folder, err := dicom.Scan(o.Judged)
		if err != nil {
			return nil, nil, err
		}
		set, err := folder.Structures("")
		if err != nil {
			return nil, nil, err
		}
		d, err := folder.Dose("")
		if err != nil {
			return nil, nil, err
		}
		return set.StructureSet, d.Volume, nil
	}
	patient, err := embedded("tg119")
	if err != nil {
		return nil, nil, err
	}
	g, err := centred([3]int{194, 129, 98}, [3]float64{2.5, 2.5, 3})
	if err != nil {
		return nil, nil, err
	}
	volume := geometry.NewVolume(g)
	n := g.Size()
	for k := range n[2] {
		for j := range n[1] {
			for i := range n[0] {
				volume.Data[g.Offset(i, j, k)] = float32(crossing(g.Point(float64(i), float64(j), float64(k))))
			}
		}
	}
	return patient.Structures, volume, nil
}

// embedded is a patient that comes with Kerma.
func embedded(name string) (*dicom.Patient, error) {
	dir, err := os.MkdirTemp("", "kerma-speed-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := demo.Extract(name, dir); err != nil {
		return nil, err
	}
	return dicom.ReadFolder(dir)
}

func maximum(values []float32) float32 {
	most := float32(0)
	for _, v := range values {
		most = max(most, v)
	}
	return most
}
