package verdict

import (
	"context"
	"fmt"

	"github.com/kerma-rt/kerma/benchmarks/phantom"
	"github.com/kerma-rt/kerma/dose"
	"github.com/kerma-rt/kerma/dose/dvh"
	"github.com/kerma-rt/kerma/dose/influence"
	"github.com/kerma-rt/kerma/dose/influence/objective"
	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/dose/quality"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/heterogeneity"
)

// optimised plans the C-shape of TG-119 from nine directions and holds it against
// the goals of the report.
func optimised(ctx context.Context, o Options) ([]Row, error) {
	e, err := phantom.Named("tg119-c-shape")
	if err != nil {
		return nil, err
	}
	p, err := e.Make()
	if err != nil {
		return nil, err
	}
	tissue, err := heterogeneity.DefaultCalibration.Apply(p.CT, p.Structures)
	if err != nil {
		return nil, err
	}
	linac, err := machine.Generic("generic_6mv")
	if err != nil {
		return nil, err
	}
	const voxel = 4 // mm
	grid, err := p.CT.Grid.WithSpacing([3]float64{voxel, voxel, voxel})
	if err != nil {
		return nil, err
	}
	masks := map[string]*geometry.Mask{}
	for _, name := range []string{"PTV", "Core", "BODY"} {
		s, err := p.Structures.Named(name)
		if err != nil {
			return nil, err
		}
		if masks[name], _, err = geometry.NewMask(grid, s); err != nil {
			return nil, err
		}
	}
	engine, ok := o.engine(dose.PencilBeam{}).(dose.Beamlets)
	if !ok {
		return nil, fmt.Errorf("the engine gives no dose of single bixels")
	}
	var beams []dose.Bixels
	for gantry := 0.0; gantry < 360; gantry += 40 {
		pose := geometry.Pose{Position: geometry.HFS, Isocentre: influence.Isocentre(masks["PTV"]), SAD: linac.SAD, GantryDeg: gantry}
		b, err := influence.Cover(masks["PTV"], 5, pose, 5)
		if err != nil {
			return nil, err
		}
		beams = append(beams, b)
	}
	matrix, err := influence.Compute(ctx, influence.Request{Engine: engine, Tissue: tissue, Machine: linac, Grid: grid, Beams: beams, Threads: o.Threads})
	if err != nil {
		return nil, err
	}
	target, core := objective.RegionOf(masks["PTV"]), objective.RegionOf(masks["Core"])
	body, err := objective.RegionOf(masks["BODY"]).Without(target, core)
	if err != nil {
		return nil, err
	}
	solution, err := objective.Problem{Matrix: matrix, Grid: grid, Objectives: []objective.Objective{
		objective.SquaredDeviation{Region: target, Dose: objective.Uniform(52.5), Penalty: 3000},
		objective.MinDVH{Region: target, Dose: 52, Volume: 98, Penalty: 10000},
		objective.SquaredOverdosing{Region: core, Dose: objective.Uniform(22), Penalty: 300},
		objective.SquaredOverdosing{Region: body, Dose: objective.Uniform(30), Penalty: 30},
	}}.Minimise(ctx)
	if err != nil {
		return nil, err
	}
	histograms := dvh.Compute(solution.Dose, p.Structures)
	var rows []Row
	for _, t := range quality.Templates() {
		if t.Name != e.Goals {
			continue
		}
		for _, g := range t.Check(histograms, 0) {
			row := Row{Group: "tg119", Checked: "C-shape by the optimiser: " + g.Structure + " " + g.Statistic, Against: "planning goal", Source: "AAPM TG-119", Unit: g.Unit, Error: g.Why}
			if g.Value != nil {
				row.Figure = *g.Value
			}
			if g.AtLeast != nil {
				row.Low = at(*g.AtLeast)
			} else {
				row.High = at(*g.AtMost)
			}
			rows = append(rows, row)
		}
	}
	return rows, nil
}
