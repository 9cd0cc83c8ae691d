package verdict

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/dose/gamma"
	"github.com/kerma-rt/kerma/geometry"
)

// gammas holds the gamma index against closed forms: a ramp of dose along x, the
// evaluated one higher by a constant, has
//
//	γ = |δ| / √(ΔD² + (g·Δd)²)
//
// with g the gradient, away from the edges (the nearest point of a plane in the
// space of dose and distance).
func gammas(ctx context.Context, o Options) ([]Row, error) {
	g, err := geometry.NewGrid(r3.Vec{}, [3]float64{2, 2.5, 3}, [3]int{60, 12, 10}, geometry.IdentityAxes)
	if err != nil {
		return nil, err
	}
	var rows []Row
	for _, c := range []struct{ gradient, offset, percent, distance float64 }{
		{0, 0.03, 3, 3}, {0.02, 0.05, 3, 2}, {0.05, -0.08, 2, 2}, {0.2, 0.1, 1, 1}, {0.01, 0, 2, 2},
	} {
		reference, evaluated := geometry.NewVolume(g), geometry.NewVolume(g)
		for i := range reference.Data {
			x := 2 * float64(i%60)
			reference.Data[i] = float32(10 + c.gradient*x)
			evaluated.Data[i] = float32(10 + c.gradient*x + c.offset)
		}
		const normalisation = 10 // Gy
		found, err := gamma.Compute(ctx, reference, evaluated, gamma.Criteria{DosePercent: c.percent, Distance: c.distance, Normalisation: normalisation, Threads: o.Threads, MaxGamma: 3})
		if err != nil {
			return rows, err
		}
		want := math.Abs(c.offset) / math.Hypot(normalisation*c.percent/100, c.gradient*c.distance)
		worst := 0.0
		for k := range 10 {
			for j := range 12 {
				for i := 10; i < 50; i++ {
					worst = max(worst, math.Abs(float64(found.Gamma.At(i, j, k))-want))
				}
			}
		}
		rows = append(rows, within("gamma", fmt.Sprintf("γ %g %%/%g mm of a ramp of %g Gy/mm raised by %g Gy, largest deviation from %.6f", c.percent, c.distance, c.gradient, c.offset, want),
			"closed form", "Low et al., Med Phys 25 (1998) 656", worst, "", 2e-5)) // doses are float32
	}
	return rows, nil
}
