package machine

import "sort"

// At is the fluence relative to the axis at radius r (mm) in the isocentre
// plane: linear between the points, constant beyond them, 1 without any.
func (p Profile) At(r float64) float64 {
	n := len(p.Radius)
	i := sort.SearchFloat64s(p.Radius, r)
	switch {
	case n == 0:
		return 1
	case i == 0:
		return p.Relative[0]
	case i == n:
		return p.Relative[n-1]
	}
	t := (r - p.Radius[i-1]) / (p.Radius[i] - p.Radius[i-1])
	return p.Relative[i-1] + t*(p.Relative[i]-p.Relative[i-1])
}
