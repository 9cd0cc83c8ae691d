package report

import (
	"math"
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

// palette is that of Okabe and Ito, made for the colour-blind, without black.
var palette = [][3]uint8{
	{0, 114, 178}, {213, 94, 0}, {0, 158, 115}, {204, 121, 167}, {86, 180, 233}, {230, 159, 0}, {240, 228, 66},
}

// dashes tell curves of the same colour apart.
var dashes = [][]int{nil, {8, 4}, {2, 3}, {10, 3, 2, 3}}

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
			color = palette[plain%len(palette)]
			plain++
		}
		dash := dashes[used[color]%len(dashes)]
		used[color]++
		light, dark := legible(color, false), legible(color, true)
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

// The grounds that curves are drawn on; report.css has the same.
var (
	lightGround = [3]uint8{255, 255, 255}
	darkGround  = [3]uint8{23, 29, 37}
)

// legible is the colour, moved towards black or white only as far as needed
// for a contrast of 3 : 1 with the ground (WCAG 2.2, 1.4.11).
func legible(c [3]uint8, dark bool) string {
	ground, toward := lightGround, 0.0
	if dark {
		ground, toward = darkGround, 255.0
	}
	var mixed [3]uint8
	for n := range 21 {
		t := float64(n) / 20
		for a := range 3 {
			mixed[a] = uint8(math.Round(float64(c[a])*(1-t) + toward*t))
		}
		if contrast(mixed, ground) >= 3 {
			break
		}
	}
	return hex(mixed[0], mixed[1], mixed[2])
}

// contrast is the ratio of relative luminances of WCAG.
func contrast(a, b [3]uint8) float64 {
	la, lb := luminance(a), luminance(b)
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

func luminance(c [3]uint8) float64 {
	sum := 0.0
	for a, weight := range [3]float64{0.2126, 0.7152, 0.0722} {
		v := float64(c[a]) / 255
		if v <= 0.04045 {
			v /= 12.92
		} else {
			v = math.Pow((v+0.055)/1.055, 2.4)
		}
		sum += weight * v
	}
	return sum
}
