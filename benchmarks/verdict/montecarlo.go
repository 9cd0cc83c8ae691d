package verdict

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/kerma-rt/kerma/benchmarks"
	"github.com/kerma-rt/kerma/dose"
	"github.com/kerma-rt/kerma/heterogeneity"
)

// passRates are what the collapsed cone is to reach at 2 %/2 mm, by the kind of
// case; and the density-scaled pencil beam at 3 %/3 mm.
func passRate(name string) float64 {
	switch {
	case strings.HasPrefix(name, "water_"):
		return 99
	case name == "lung_6mv_10x10", strings.HasPrefix(name, "bone_"):
		return 98
	case strings.HasPrefix(name, "lung_15mv"), strings.HasPrefix(name, "multilayer"):
		return 95
	}
	return 96
}

// monteCarlo compares the engines with the Monte Carlo cases that come with the
// library, absolutely.
func monteCarlo(ctx context.Context, o Options) ([]Row, error) {
	cases, err := benchmarks.Cases()
	if err != nil {
		return nil, err
	}
	scaled, err := heterogeneity.CorrectionNamed("density-scaled")
	if err != nil {
		return nil, err
	}
	methods := []benchmarks.Method{
		{Engine: o.engine(dose.CollapsedCone{})},
		{Engine: o.engine(dose.PencilBeam{Heterogeneity: scaled}), Heterogeneity: scaled.Name()},
	}
	report, err := benchmarks.Run(ctx, cases, methods, benchmarks.Options{Threads: o.Threads})
	if err != nil {
		return nil, err
	}
	var rows []Row
	for _, x := range report.Results {
		cone := x.Engine == (dose.CollapsedCone{}).Name()
		name := x.Case + ", " + x.Engine
		if !cone {
			name += " " + x.Heterogeneity
		}
		row := func(what string, figure float64, unit string) Row {
			return Row{
				Group: "mc", Checked: name + ": " + what, Against: "Monte Carlo", Figure: figure, Unit: unit,
				Source: "docs/validation.md, cases", Error: x.Error,
			}
		}
		if x.Error != "" {
			rows = append(rows, row("dose", 0, ""))
			continue
		}
		limits := o.Tolerances.Slab
		if strings.HasPrefix(x.Case, "water_") {
			limits = o.Tolerances.Water
		}
		if cone {
			r := row("γ 2 %/2 mm", x.Gamma[2].PassRate, "%")
			r.Low = at(passRate(x.Case))
			r.Plot = axis(x)
			rows = append(rows, r)
		}
		r := row("γ 3 %/3 mm", x.Gamma[0].PassRate, "%")
		r.Low = at(98)
		if !cone {
			r.Low = at(95)
		}
		rows = append(rows, r)
		if !cone {
			continue
		}
		r = row(fmt.Sprintf("central axis, more than 1 cm from interfaces, at %.0f mm", float64(x.Axis.MaxDepth)), float64(x.Axis.Max), "% of local dose")
		r.Low, r.High, r.Source = at(-limits.Axis), at(limits.Axis), o.Tolerances.Source
		r.Explained = fmt.Sprintf("noise of the reference there %.1f %%", float64(x.Axis.Sigma))
		r.Plot = axis(x)
		rows = append(rows, r)
		var worst, penumbra float64
		for _, p := range x.Profiles {
			if math.Abs(float64(p.Inside)) > math.Abs(worst) {
				worst = float64(p.Inside)
			}
			if math.Abs(float64(p.PenumbraError)) > math.Abs(penumbra) {
				penumbra = float64(p.PenumbraError)
			}
		}
		r = row("profiles inside the field", worst, "% of local dose")
		r.Low, r.High, r.Source = at(-limits.Inside), at(limits.Inside), o.Tolerances.Source
		rows = append(rows, r)
		r = row("penumbra 80 … 20 %", penumbra, "mm")
		r.Low, r.High, r.Source = at(-limits.Penumbra), at(limits.Penumbra), o.Tolerances.Source
		rows = append(rows, r)
	}
	return rows, nil
}

// axis is the depth dose of a result.
func axis(x *benchmarks.Result) *Plot {
	p := &Plot{X: "depth (mm)", Y: "dose (Gy cm²)", ReferenceName: "Monte Carlo"}
	for _, a := range x.Axis.Points {
		p.Reference = append(p.Reference, [2]float64{a.Depth, float64(a.Reference)})
		p.Kerma = append(p.Kerma, [2]float64{a.Depth, float64(a.Dose)})
	}
	return p
}
