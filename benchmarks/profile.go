package benchmarks

import (
	"math"
	"slices"

	"github.com/kerma-rt/kerma/geometry"
)

// Profile is one line across the beam at one depth, through the axis: mean of
// the rows within 5 mm of it.
type Profile struct {
	Along string  `json:"along"` // "x" or "y"
	Depth float64 `json:"depth_mm"`

	Inside            Figure `json:"inside_max_local_percent"`   // signed, over the inner 80 % of the field
	Penumbra          Figure `json:"penumbra_mm"`                // from 80 to 20 % of the dose on the axis, mean of both sides
	ReferencePenumbra Figure `json:"reference_penumbra_mm"`      //
	PenumbraError     Figure `json:"penumbra_difference_mm"`     //
	Shift             Figure `json:"shift_mm"`                   // of the middle between the 50 % points, against the reference
	Width             Figure `json:"width_difference_mm"`        // of the distance between the 50 % points
	Outside           Figure `json:"outside_max_percent"`        // signed, of the reference on the axis, 20 to 50 mm beyond the edge
	OutsideMean       Figure `json:"outside_mean_local_percent"` // of the reference there

	Position  []Figure `json:"position_mm"`
	Reference []Figure `json:"reference"`     // Gy cm²
	Sigma     []Figure `json:"sigma_percent"` // of Reference
	Dose      []Figure `json:"dose"`          // Gy cm²
}

// profileRows is how far from the axis rows are averaged, mm.
const profileRows = 5

// maxProfiles bounds the depths of profiles.
const maxProfiles = 6

// profileDepths are the slices at which profiles are taken: the maximum on the
// axis, 50, 100 and 200 mm below the surface, and the middle of each layer of
// 10 mm or more along the axis; at least 10 mm apart.
func profileDepths(p place, a axis) []int {
	var out []int
	add := func(k int) {
		if len(a.voxels[k]) == 0 || len(out) == maxProfiles {
			return
		}
		for _, other := range out {
			if math.Abs(p.z[other]-p.z[k]) < 10 {
				return
			}
		}
		out = append(out, k)
	}
	layer := 0
	for k := 1; k <= len(p.z); k++ {
		if k < len(p.z) && math.Abs(a.density[k]-a.density[layer]) <= 0.05*max(a.density[k], a.density[layer]) {
			continue
		}
		if p.z[k-1]-p.z[layer] >= 10 && a.density[layer] > leastDensity && k-layer < len(p.z) {
			add((layer + k - 1) / 2)
		}
		layer = k
	}
	surface := 0
	for surface < len(p.z)-1 && len(a.voxels[surface]) == 0 {
		surface++
	}
	if a.reference != nil {
		deepest := surface
		for k, d := range a.reference {
			if d > a.reference[deepest] {
				deepest = k
			}
		}
		add(deepest)
	}
	for _, depth := range []float64{100, 200, 50} {
		k, _ := around(p.z, p.z[surface]+depth, 0)
		if p.z[k] > p.z[surface]+depth/2 {
			add(k)
		}
	}
	slices.Sort(out)
	return out
}

// profile compares one line along x (way 0) or y (way 1) in slice k.
func (r *reference) profile(dose *geometry.Volume, k, way int) Profile {
	p := r.place
	along, across := p.x, p.y
	if way == 1 {
		along, across = p.y, p.x
	}
	z := p.z[k]
	var at [2]float64
	at[0], at[1] = p.axisAt(z)
	step := p.grid.Spacing()[1-way]
	first, end := around(across, at[1-way], max(profileRows, step/2))
	out := Profile{Along: [...]string{"x", "y"}[way], Depth: z}
	images := math.Sqrt(float64(min(2, p.Folded)))
	for i, s := range along {
		var count, reference, evaluated, variance float64
		for j := first; j < end; j++ {
			v := p.grid.Offset(i, j, k)
			if way == 1 {
				v = p.grid.Offset(j, i, k)
			}
			if !p.compared(v) {
				continue
			}
			count++
			evaluated += float64(dose.Data[v])
			if p.Case.Dose != nil {
				d := float64(p.Case.Dose.Data[v])
				reference += d
				sigma := d * float64(p.Case.Sigma.Data[v])
				variance += sigma * sigma
			}
		}
		out.Position = append(out.Position, Figure(s))
		out.Dose = append(out.Dose, Figure(evaluated/count))
		if p.Case.Dose == nil {
			reference = nan
		}
		out.Reference = append(out.Reference, Figure(reference/count))
		out.Sigma = append(out.Sigma, Figure(100*images*math.Sqrt(variance)/reference))
	}
	r.measure(&out, k, at[way], p.Field[way]/2*p.magnification(z), dose)
	return out
}

// measure fills the figures of a profile whose axis is at and whose geometric
// half width is half.
func (r *reference) measure(out *Profile, k int, at, half float64, dose *geometry.Volume) {
	out.Inside, out.Outside, out.OutsideMean = Figure(nan), Figure(nan), Figure(nan)
	onAxis := nan
	if r.axis.reference != nil {
		onAxis = r.axis.reference[k]
	}
	var sum, ofReference float64
	for i, s := range out.Position {
		edge := math.Abs(float64(s)-at) - half
		d, ref := float64(out.Dose[i]), float64(out.Reference[i])
		if diff := d - ref; diff-diff != 0 {
			continue
		} else if edge <= -0.2*half && ref > 0 {
			if e := Figure(100 * diff / ref); !(math.Abs(float64(e)) <= math.Abs(float64(out.Inside))) {
				out.Inside = e
			}
		} else if edge >= 20 && edge <= 50 {
			if e := Figure(100 * diff / onAxis); !(math.Abs(float64(e)) <= math.Abs(float64(out.Outside))) {
				out.Outside = e
			}
			sum += diff
			ofReference += ref
		}
	}
	if ofReference > 0 {
		out.OutsideMean = Figure(100 * sum / ofReference)
	}
	mine := edges(out.Position, out.Dose, at, r.axis.mean(dose)[k])
	theirs := edges(out.Position, out.Reference, at, onAxis)
	out.Penumbra, out.ReferencePenumbra = Figure(mean(mine.penumbra())), Figure(mean(theirs.penumbra()))
	a, b := mine.penumbra(), theirs.penumbra()
	out.PenumbraError = Figure(mean([2]float64{a[0] - b[0], a[1] - b[1]}))
	out.Shift = Figure((mine.left[1]+mine.right[1])/2 - (theirs.left[1]+theirs.right[1])/2)
	out.Width = Figure((mine.right[1] - mine.left[1]) - (theirs.right[1] - theirs.left[1]))
}

// sides are where a profile falls through 80, 50 and 20 % to either side, mm;
// NaN where it does not.
type sides struct{ left, right [3]float64 }

func edges(position, dose []Figure, at, onAxis float64) sides {
	middle := 0
	for i, s := range position {
		if math.Abs(float64(s)-at) < math.Abs(float64(position[middle])-at) {
			middle = i
		}
	}
	fall := func(step int, level float64) float64 {
		for i := middle; i+step >= 0 && i+step < len(dose); i += step {
			a, b := float64(dose[i]), float64(dose[i+step])
			if (a-b)-(a-b) != 0 {
				return nan
			}
			if a >= level && b < level {
				s, t := float64(position[i]), float64(position[i+step])
				return s + (t-s)*(a-level)/(a-b)
			}
		}
		return nan
	}
	var out sides
	for n, share := range [3]float64{0.8, 0.5, 0.2} {
		out.left[n], out.right[n] = fall(-1, share*onAxis), fall(1, share*onAxis)
	}
	return out
}

// penumbra is the distance from 80 to 20 % on either side.
func (s sides) penumbra() [2]float64 {
	return [2]float64{s.left[0] - s.left[2], s.right[2] - s.right[0]}
}

// mean is that of the numbers of a pair that exist.
func mean(pair [2]float64) float64 {
	switch {
	case math.IsNaN(pair[0]):
		return pair[1]
	case math.IsNaN(pair[1]):
		return pair[0]
	}
	return (pair[0] + pair[1]) / 2
}
