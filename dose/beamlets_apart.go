package dose

import (
	"context"
	"fmt"
	"time"

	"github.com/kerma-rt/kerma/dose/beam"
	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/internal/kernels/beamlet"
	"github.com/kerma-rt/kerma/internal/kernels/parallel"
)

var _ Beamlets = CollapsedCone{}

// Beamlets computes each bixel as a plan of its own, a square field without
// leakage.
func (e CollapsedCone) Beamlets(ctx context.Context, r BeamletRequest) (*BeamletResult, error) {
	return apart(ctx, e, r)
}

// apart is Beamlets by one Compute a bixel.
func apart(ctx context.Context, e Engine, r BeamletRequest) (*BeamletResult, error) {
	began := time.Now()
	j, err := prepareBeamlets(ctx, r)
	if err != nil {
		return nil, err
	}
	at, start, runStart, err := j.count(ctx, func(*bixelField) (func(int, *beamlet.Block, [3]int), func(), error) { return nil, nil, nil })
	if err != nil {
		return nil, err
	}
	value, run, err := j.place(start, runStart)
	if err != nil {
		return nil, err
	}
	if err := j.runs(ctx, at, value, run); err != nil {
		return nil, err
	}
	tight := *r.Machine
	tight.JawTransmission, tight.LeafTransmission = 0, 0
	progress := newProgress(j.columns, j.Progress)
	defer progress.stop()
	result := j.result()
	column := 0
	for _, f := range j.fields {
		for _, centre := range f.Centre {
			one, err := e.Compute(ctx, Request{
				Tissue: j.Tissue, Plan: f.square(centre), Machines: machine.Set{&tight}, Grid: j.Grid, Threads: j.Threads,
			})
			if err != nil {
				return nil, fmt.Errorf("%v, bixel at (%g, %g) mm: %w", f.Beam, centre[0], centre[1], err)
			}
			var whole float64
			for _, d := range one.Dose.Data {
				whole += float64(d)
			}
			of := value[start[column]:start[column+1]]
			n := 0
			for _, r := range run[runStart[column]:runStart[column+1]] {
				n += copy(of[n:], one.Dose.Data[r.First:r.End])
			}
			within := beamlet.Sum(of)
			result.Within, result.Beyond = append(result.Within, within), append(result.Beyond, whole-within)
			result.Provenance.Engine = one.Provenance.Engine
			result.Provenance.Heterogeneity = one.Provenance.Heterogeneity
			column++
			progress.add(1)
		}
	}
	result.Provenance.Elapsed = time.Since(began)
	return result, nil
}

// runs writes which voxels the columns have, and a dose of 0 for each.
func (j *beamletJob) runs(ctx context.Context, at []sizes, value []float32, run []Run) error {
	for i, f := range j.fields {
		none := &beamlet.Functions{PerMM: 1, Components: 1, Node: make([]float32, 2*beamlet.Rank)}
		err := parallel.For(ctx, len(at[i]), j.Threads, func(n int) error {
			w := &beamlet.Writer{Lattice: f.lattice, P: none, Q: none, Columns: at[i][n], Value: value, Run: run, Sums: make([]float32, beamlet.Lanes*len(f.Centre))}
			dark := make([]float32, beamlet.Lanes)
			j.blocks(f, n, func(b *beamlet.Block, _ [3]int) { w.Add(b, dark) })
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// square is the plan that gives one monitor unit through the bixel with that
// centre.
func (f *bixelField) square(centre [2]float64) *beam.Plan {
	p := f.Pose
	point := beam.ControlPoint{
		GantryDeg: p.GantryDeg, CollimatorDeg: p.CollimatorDeg, CouchDeg: p.CouchDeg, PitchDeg: p.PitchDeg, RollDeg: p.RollDeg,
		Isocentre: p.Isocentre,
		Positions: [][]float64{{centre[0] - f.Size/2, centre[0] + f.Size/2}, {centre[1] - f.Size/2, centre[1] + f.Size/2}},
	}
	end := point
	end.Weight = 1
	b := beam.Beam{
		Number: 1, Name: f.Bixels.Name, EnergyMV: f.machine.EnergyMV, FluenceMode: beam.FluenceMode(f.machine.FluenceMode),
		Unit: beam.MonitorUnits, SAD: f.sad, Position: p.Position,
		Devices: []beam.Device{{Kind: beam.JawX, Name: "X"}, {Kind: beam.JawY, Name: "Y"}},
		Points:  []beam.ControlPoint{point, end},
	}
	return &beam.Plan{
		Beams:  []beam.Beam{b},
		Groups: []beam.FractionGroup{{Number: 1, Fractions: 1, Beams: []beam.BeamMeterset{{BeamNumber: 1, Meterset: 1}}}},
	}
}
