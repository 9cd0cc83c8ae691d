package verdict

import (
	"context"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/benchmarks/phantom"
	"github.com/kerma-rt/kerma/dose"
	"github.com/kerma-rt/kerma/dose/beam"
	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/heterogeneity"
)

// phantomSpacing is that of the dose grid in phantoms, mm.
const phantomSpacing = 8

// phantoms irradiates the reference phantoms as patients: what a monitor unit
// is, on which side a beam enters, and whether the two engines, which share no
// transport, agree where a physicist would put a chamber.
func phantoms(ctx context.Context, o Options) ([]Row, error) {
	scaled, err := heterogeneity.CorrectionNamed("density-scaled")
	if err != nil {
		return nil, err
	}
	cone, pencil := o.engine(dose.CollapsedCone{}), o.engine(dose.PencilBeam{})
	var rows []Row
	some, err := calibration(ctx, o, cone, pencil)
	rows = append(rows, some...)
	if err != nil {
		return rows, err
	}
	// The reference of the comparison is never wrapped: a wrong engine must not
	// be its own witness.
	witness := dose.PencilBeam{Heterogeneity: scaled}
	for _, c := range []struct {
		name  string
		plans []string // empty: all
	}{
		{"mppg", []string{"5.4 small MLC", "5.6 off axis", "5.8 oblique"}},
		{"lung-slab", nil}, {"bone-slab", nil}, {"half-lung", nil}, {"thorax", nil},
	} {
		e, err := phantom.Named(c.name)
		if err != nil {
			return rows, err
		}
		p, err := e.Make()
		if err != nil {
			return rows, err
		}
		for _, plan := range p.Plans {
			if len(c.plans) > 0 && !slices.Contains(c.plans, plan.Label) || len(o.Plans) > 0 && !slices.Contains(o.Plans, plan.Label) {
				continue
			}
			some, err := agree(ctx, o, p, plan, cone, witness)
			rows = append(rows, some...)
			if err != nil {
				return rows, fmt.Errorf("%s, %s: %w", c.name, plan.Label, err)
			}
		}
	}
	return rows, nil
}

// request is a plan on a phantom.
func request(o Options, p *phantom.Phantom, plan *beam.Plan) (dose.Request, error) {
	var r dose.Request
	tissue, err := heterogeneity.DefaultCalibration.Apply(p.CT, p.Structures)
	if err != nil {
		return r, err
	}
	body, err := p.Structures.External()
	if err != nil {
		return r, err
	}
	grid, err := p.CT.Grid.Around(body, phantomSpacing, 0)
	if err != nil {
		return r, err
	}
	machines, err := machine.GenericSet()
	if err != nil {
		return r, err
	}
	return dose.Request{Tissue: tissue, Plan: plan, Machines: machines, Grid: grid, Threads: o.Threads}, nil
}

// calibration holds a monitor unit against its definition: 100 MU give 1 Gy at
// the depth of maximum of a 100 mm field, SSD 1000 mm.
func calibration(ctx context.Context, o Options, engines ...dose.Engine) ([]Row, error) {
	e, err := phantom.Named("water-tank")
	if err != nil {
		return nil, err
	}
	p, err := e.Make()
	if err != nil {
		return nil, err
	}
	m, err := machine.Generic("generic_6mv")
	if err != nil {
		return nil, err
	}
	plan := *p.Plans[2] // 100 mm
	plan.Beams = append([]beam.Beam(nil), plan.Beams...)
	points := append([]beam.ControlPoint(nil), plan.Beams[0].Points...)
	for i := range points {
		points[i].Isocentre = r3.Vec{Y: -150} // on the surface: SSD 1000 mm
	}
	plan.Beams[0].Points = points
	r, err := request(o, p, &plan)
	if err != nil {
		return nil, err
	}
	var rows []Row
	for _, engine := range engines {
		result, err := engine.Compute(ctx, r)
		if err != nil {
			return rows, err
		}
		// At 100 mm, where the grid does not matter.
		got, _ := result.Dose.Interpolate(r3.Vec{Y: -50})
		depth, _ := m.Reference()
		want := 100 * m.Calibration.GyPerMU * m.OnAxis(100, 1000, 100) / m.OnAxis(100, 1000, depth)
		rows = append(rows, within("phantoms", "water-tank: 100 MU, 100 mm field, SSD 1000 mm, depth 100 mm, "+engine.Name(), "the machine's calibration and depth dose", "definition of the monitor unit", 100*(got/want-1), "%", o.Tolerances.Water.Axis))
		// Where the field is: half of the dose, 1100 mm from the source.
		left, right := edges(result.Dose, got)
		rows = append(rows,
			within("phantoms", "water-tank: middle of the 100 mm field at 100 mm depth, "+engine.Name(), "geometry", "the beam's axis", (left+right)/2, "mm", 1),
			within("phantoms", "water-tank: width of the 100 mm field at 100 mm depth, less 110 mm, "+engine.Name(), "geometry", "divergence", right-left-110, "mm", 2))
	}
	return rows, nil
}

// edges are the places along x, at 100 mm depth in the tank, where the dose passes
// half of that on the axis.
func edges(v *geometry.Volume, axis float64) (left, right float64) {
	half := func(direction float64) float64 {
		last := axis
		for x := 0.0; x < 150; x += 0.5 {
			d, inside := v.Interpolate(r3.Vec{X: direction * x, Y: -50})
			if !inside {
				break
			}
			if d < axis/2 {
				return direction * (x - 0.5*(axis/2-d)/(last-d))
			}
			last = d
		}
		return math.NaN()
	}
	return half(-1), half(1)
}

// agree compares the engines at the points of a plan, and says where beams enter.
func agree(ctx context.Context, o Options, p *phantom.Phantom, plan *beam.Plan, cone dose.Engine, witness dose.Engine) ([]Row, error) {
	r, err := request(o, p, plan)
	if err != nil {
		return nil, err
	}
	ours, err := cone.Compute(ctx, r)
	if err != nil {
		return nil, err
	}
	theirs, err := witness.Compute(ctx, r)
	if err != nil {
		return nil, err
	}
	limit := o.Tolerances.Slab.Axis
	if p.Name == "mppg" {
		limit = o.Tolerances.Water.Axis
	}
	var rows []Row
	maximum := highest(theirs.Dose)
	at := plateau(theirs.Dose, maximum)
	a, _ := ours.Dose.Interpolate(at)
	b, _ := theirs.Dose.Interpolate(at)
	row := within("phantoms", fmt.Sprintf("%s, %s: dose at (%.0f, %.0f, %.0f) mm", p.Name, plan.Label, at.X, at.Y, at.Z), "density-scaled pencil beam", p.Source, 100*(a/b-1), "%", limit)
	rows = append(rows, row)
	if plan.Label == "2 oblique" { // gantry 90°: from the patient's left (IEC 61217)
		left, _ := ours.Dose.Interpolate(r3.Vec{X: 120})
		right, _ := ours.Dose.Interpolate(r3.Vec{X: -120})
		rows = append(rows, least("phantoms", "thorax: gantry 90° enters from the left, dose there over dose opposite", "IEC 61217", "definition of the gantry angle", left/right, "", 1.5))
	}
	return rows, nil
}

func highest(v *geometry.Volume) float64 {
	var m float32
	for _, d := range v.Data {
		m = max(m, d)
	}
	return float64(m)
}

// plateau is a place where a chamber would stand: of the voxels of 60 to 90 % of
// the maximum, those whose neighbours differ by less than 8 % (by less than 30 %
// where there are none), the one nearest to their middle.
func plateau(v *geometry.Volume, maximum float64) r3.Vec {
	for _, steep := range []float64{0.08, 0.3} {
		var flat []r3.Vec
		var sum r3.Vec
		size := v.Grid.Size()
		for k := 2; k < size[2]-2; k++ {
			for j := 2; j < size[1]-2; j++ {
				for i := 2; i < size[0]-2; i++ {
					if d := float64(v.At(i, j, k)); d >= 0.6*maximum && d <= 0.9*maximum && steepest(v, i, j, k) < steep*d {
						p := v.Grid.Point(float64(i), float64(j), float64(k))
						flat = append(flat, p)
						sum = r3.Add(sum, p)
					}
				}
			}
		}
		if len(flat) == 0 {
			continue
		}
		middle := r3.Scale(1/float64(len(flat)), sum)
		best := flat[0]
		for _, p := range flat {
			if r3.Norm(r3.Sub(p, middle)) < r3.Norm(r3.Sub(best, middle)) {
				best = p
			}
		}
		return best
	}
	return r3.Vec{}
}

// steepest is the largest difference to the voxels two steps away.
func steepest(v *geometry.Volume, i, j, k int) float64 {
	most := 0.0
	for _, s := range [][3]int{{2, 0, 0}, {-2, 0, 0}, {0, 2, 0}, {0, -2, 0}, {0, 0, 2}, {0, 0, -2}} {
		most = max(most, math.Abs(float64(v.At(i+s[0], j+s[1], k+s[2]))-float64(v.At(i, j, k))))
	}
	return most
}
