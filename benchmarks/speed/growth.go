package speed

import (
	"context"
	"fmt"

	"github.com/kerma-rt/kerma/benchmarks"
	"github.com/kerma-rt/kerma/dose"
)

// Curve is how the time of a job grows with its size, on all threads.
type Curve struct {
	Job    string  `json:"job"`
	By     string  `json:"by"` // what grows
	Points []Point `json:"points"`
}

// Point is one size: medians.
type Point struct {
	Size float64           `json:"size"`
	Wall benchmarks.Figure `json:"wall_s"`
	CPU  benchmarks.Figure `json:"cpu_s"`
	Peak benchmarks.Figure `json:"peak_b"`
}

// curve is a job of several sizes.
type curve struct {
	job, by string
	at      []float64 // what prepare makes each point from
	// prepare makes the run of a point, and tells its size.
	prepare func(ctx context.Context, o Options, at float64) (r run, size float64, err error)
}

var curves = []curve{
	{"pencil beam, generic 6 MV, open 10×10", "dose voxels", []float64{6, 5, 4, 3, 2.5, 2}, func(_ context.Context, o Options, spacing float64) (run, float64, error) {
		m, err := generic6MV()
		if err != nil {
			return run{}, 0, err
		}
		r, err := boxRequest(m, 1, 0, spacing)
		if err != nil {
			return run{}, 0, err
		}
		return computing(dose.PencilBeam{}, r, o.Threads), float64(r.Grid.Len()), nil
	}},
	{"pencil beam, generic 6 MV, open 10×10", "beams", []float64{1, 3, 5, 7, 9}, func(ctx context.Context, o Options, beams float64) (run, float64, error) {
		r, err := field(generic6MV, int(beams), 0)(ctx, o, o.Threads)
		return r, beams, err
	}},
	{"collapsed cone, 96×96×64 voxels of water", "cones (about)", []float64{48, 72, 144, 288, 576}, func(_ context.Context, o Options, directions float64) (run, float64, error) {
		r, err := coneRequest([3]int{96, 96, 64}, false)
		if err != nil {
			return run{}, 0, err
		}
		return computing(dose.CollapsedCone{Directions: int(directions)}, r, o.Threads), directions, nil
	}},
	{"collapsed cone, about 72 directions, water", "dose voxels", []float64{48, 64, 96, 112, 128}, func(_ context.Context, o Options, side float64) (run, float64, error) {
		r, err := coneRequest([3]int{int(side), int(side), int(side)}, false)
		if err != nil {
			return run{}, 0, err
		}
		return computing(dose.CollapsedCone{Directions: 72}, r, o.Threads), float64(r.Grid.Len()), nil
	}},
	{"influence matrix, TG-119", "bixels", []float64{1, 3, 5, 7, 9}, bixels},
	{"gamma 2 %/2 mm", "points", []float64{60, 80, 100, 150, 200}, func(ctx context.Context, o Options, side float64) (run, float64, error) {
		r, err := compared(ctx, [3]int{int(side), int(side), int(0.75 * side)}, 2, 2, o.Threads)
		return r, r.units, err
	}},
}

const growthRepetitions = 3

func (o Options) grow(ctx context.Context, r *Report, c curve) error {
	out := Curve{Job: c.job, By: c.by}
	for _, at := range c.at {
		prepared, size, err := c.prepare(ctx, o, at)
		if err != nil {
			return fmt.Errorf("%s by %s: %w", c.job, c.by, err)
		}
		t, err := measure(ctx, prepared, o.Threads, growthRepetitions)
		if err != nil {
			return fmt.Errorf("%s by %s: %w", c.job, c.by, err)
		}
		out.Points = append(out.Points, Point{Size: size, Wall: t.Wall, CPU: t.CPU(), Peak: t.Peak})
	}
	r.Curves = append(r.Curves, out)
	return nil
}
