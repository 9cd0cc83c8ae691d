package dvh

import "math"

// Point is one point of a curve.
type Point struct {
	Dose   float64 // Gy
	Volume float64 // cm³ (cumulative) or cm³/Gy (differential)
}

// Cumulative is the volume (cm³) that receives at least each of n + 1 doses,
// evenly spaced from zero, or from the lowest dose if that is negative, to the
// highest. It is nil for an empty histogram or n outside 1…10 000.
func (h *Histogram) Cumulative(n int) []Point {
	if h.Empty() || n < 1 || n > bins {
		return nil
	}
	low := min(h.min, 0)
	curve := make([]Point, n+1)
	for i := range curve {
		gy := low + (h.max-low)*float64(i)/float64(n)
		curve[i] = Point{gy, h.VolumeAt(gy)}
	}
	return curve
}

// Differential is the volume per dose (cm³/Gy) in each of n intervals, evenly
// spaced from the lowest to the highest dose, at their middles. Its integral is
// Inside. It is nil for an empty histogram, n outside 1…10 000, or where all
// receive one dose.
func (h *Histogram) Differential(n int) []Point {
	if h.Empty() || n < 1 || n > bins || !(h.max > h.min) {
		return nil
	}
	width := (h.max - h.min) / float64(n)
	curve := make([]Point, n)
	from := h.Inside()
	for i := range curve {
		to := 0.0
		if i < n-1 {
			to = h.VolumeAt(h.min + width*float64(i+1))
		}
		curve[i] = Point{h.min + width*(float64(i)+0.5), math.Max(from-to, 0) / width}
		from = to
	}
	return curve
}
