package report

import (
	"math"

	"github.com/kerma-rt/kerma/internal/page"
)

// chart is the curves on one common set of doses, as the plot wants them.
type chart struct {
	Dose   []float64 `json:"dose"` // Gy
	Curves []trace   `json:"curves"`
}

type trace struct {
	Name   string    `json:"name"`
	Light  string    `json:"light"` // colour on a light ground
	Dark   string    `json:"dark"`  // and on a dark one
	Dash   []int     `json:"dash"`
	Volume []float64 `json:"volume"` // percent
}

// figures is a row of the DVH table.
type figures struct {
	Name, Light, Dark                              string
	Volume, Min, Mean, Max, D98, D95, D50, D2, V20 string
}

// chartSteps is how many doses the plot has: finer than its pixels.
const chartSteps = 600

func chartOf(curves []Curve) (*chart, []figures) {
	if len(curves) == 0 {
		return nil, nil
	}
	top := 0.0
	for _, c := range curves {
		if n := len(c.Points); n > 0 {
			top = max(top, c.Points[n-1][0])
		}
	}
	var out *chart
	if top > 0 {
		out = &chart{}
		for n := range chartSteps + 1 {
			out.Dose = append(out.Dose, round(top*float64(n)/chartSteps, 4))
		}
	}
	var rows []figures
	plain, used := 0, map[[3]uint8]int{}
	for _, c := range curves {
		color := c.Color
		if color == ([3]uint8{}) {
			color = page.Palette[plain%len(page.Palette)]
			plain++
		}
		dash := page.Dashes[used[color]%len(page.Dashes)]
		used[color]++
		light, dark := page.Legible(color, false), page.Legible(color, true)
		rows = append(rows, figures{
			c.Name, light, dark, number(c.VolumeCm3, 2),
			number(c.Min, 2), number(c.Mean, 2), number(c.Max, 2),
			number(c.D98, 2), number(c.D95, 2), number(c.D50, 2), number(c.D2, 2), number(c.V20, 1),
		})
		if out != nil && len(c.Points) > 0 {
			out.Curves = append(out.Curves, trace{c.Name, light, dark, dash, resample(c.Points, out.Dose)})
		}
	}
	return out, rows
}

// resample is the curve at the given doses: linear between its points, its
// first volume before them, nothing beyond them.
func resample(points [][2]float64, dose []float64) []float64 {
	out := make([]float64, len(dose))
	n := 0
	for i, d := range dose {
		for n < len(points) && points[n][0] < d {
			n++
		}
		switch {
		case n == len(points):
			out[i] = 0
			if d-points[n-1][0] < 1e-3 {
				out[i] = points[n-1][1] // the last point itself, rounded
			}
		case n == 0:
			out[i] = points[0][1]
		default:
			a, b := points[n-1], points[n]
			out[i] = a[1] + (b[1]-a[1])*(d-a[0])/(b[0]-a[0])
		}
		out[i] = round(out[i], 2)
	}
	return out
}

func round(v float64, decimals int) float64 {
	s := math.Pow10(decimals)
	return math.Round(v*s) / s
}
