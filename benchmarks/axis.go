package benchmarks

import (
	"math"

	"github.com/kerma-rt/kerma/geometry"
)

// AxisPoint is one depth of the central axis: the mean over the central half
// of the field, both ways.
type AxisPoint struct {
	Depth     float64 `json:"depth_mm"`
	Density   Figure  `json:"density_g_cm3"` // on the axis
	Reference Figure  `json:"reference"`     // Gy cm²
	Sigma     Figure  `json:"sigma_percent"` // of Reference
	Dose      Figure  `json:"dose"`          // Gy cm²
	Error     Figure  `json:"error_percent"` // Dose over Reference, less 1
	Near      bool    `json:"near_interface"`
}

// Axis is how the dose on the central axis compares. The entrance and exit
// faces count as interfaces.
type Axis struct {
	Max        Figure      `json:"max_local_error_percent"` // signed, more than 1 cm from interfaces
	MaxDepth   Figure      `json:"max_local_error_depth_mm"`
	RMS        Figure      `json:"rms_local_error_percent"` // more than 1 cm from interfaces
	Sigma      Figure      `json:"median_sigma_percent"`    // of the reference, more than 1 cm from interfaces
	Everywhere Figure      `json:"max_local_error_everywhere_percent"`
	Where      Figure      `json:"max_local_error_everywhere_depth_mm"`
	Points     []AxisPoint `json:"points"`
}

// axis is what of a case does not depend on the engine: which voxels to
// average at each depth, and what the reference says there.
type axis struct {
	voxels    [][]int
	near      []bool
	density   []float64
	reference []float64 // NaN where there is none
	sigma     []float64 // relative
}

func newAxis(p place) axis {
	n := p.grid.Size()
	a := axis{voxels: make([][]int, n[2]), near: make([]bool, n[2]), density: make([]float64, n[2])}
	var faces []float64
	half := p.grid.Spacing()[2] / 2
	var columns []int // of the slice before
	for k, z := range p.z {
		m := p.magnification(z)
		ax, ay := p.axisAt(z)
		i0, i1 := around(p.x, ax, p.Field[0]/4*m)
		j0, j1 := around(p.y, ay, p.Field[1]/4*m)
		for j := j0; j < j1; j++ {
			for i := i0; i < i1; i++ {
				if v := p.grid.Offset(i, j, k); p.compared(v) {
					a.voxels[k] = append(a.voxels[k], v)
				}
			}
		}
		i0, i1 = around(p.x, ax, p.grid.Spacing()[0]/2)
		j0, j1 = around(p.y, ay, p.grid.Spacing()[1]/2)
		var here []int
		face := k == 0
		for j := j0; j < j1; j++ {
			for i := i0; i < i1; i++ {
				v := p.grid.Offset(i, j, k)
				here = append(here, v)
				a.density[k] += float64(p.Tissue.Density.Data[v]) / float64((i1-i0)*(j1-j0))
			}
		}
		for c := range min(len(here), len(columns)) {
			face = face || p.jump(columns[c], here[c])
		}
		if face {
			faces = append(faces, z-half)
		}
		columns = here
	}
	faces = append(faces, p.z[n[2]-1]+half)
	for k, z := range p.z {
		for _, f := range faces {
			a.near[k] = a.near[k] || math.Abs(z-f) <= interfaceReach
		}
	}
	if p.Dose == nil {
		return a
	}
	a.reference = a.mean(p.Dose)
	for k, voxels := range a.voxels {
		var sum float64
		for _, v := range voxels {
			s := float64(p.Sigma.Data[v]) * float64(p.Dose.Data[v])
			sum += s * s
		}
		// Mirror images are one estimate, so the mean holds fewer than it seems.
		a.sigma = append(a.sigma, math.Sqrt(sum*float64(min(p.Folded, len(voxels))))/(float64(len(voxels))*a.reference[k]))
	}
	return a
}

// around is the range of indices whose centres lie within reach of the place
// at; the nearest one if there is none.
func around(centres []float64, at, reach float64) (first, end int) {
	nearest := 0
	end = -1
	for i, x := range centres {
		if math.Abs(x-at) < math.Abs(centres[nearest]-at) {
			nearest = i
		}
		if math.Abs(x-at) <= reach+1e-6 {
			if end < 0 {
				first = i
			}
			end = i + 1
		}
	}
	if end < 0 {
		return nearest, nearest + 1
	}
	return first, end
}

// mean is a dose on the axis, by depth; NaN where no voxel is compared.
func (a axis) mean(v *geometry.Volume) []float64 {
	out := make([]float64, len(a.voxels))
	for k, voxels := range a.voxels {
		for _, i := range voxels {
			out[k] += float64(v.Data[i])
		}
		out[k] /= float64(len(voxels))
	}
	return out
}

// compare fills an Axis for the dose of an engine by depth.
func (a axis) compare(z, dose []float64) Axis {
	out := Axis{Max: Figure(nan), MaxDepth: Figure(nan), RMS: Figure(nan), Sigma: Figure(nan), Everywhere: Figure(nan), Where: Figure(nan)}
	var squares float64
	var sigmas []float64
	for k, d := range dose {
		p := AxisPoint{Depth: z[k], Density: Figure(a.density[k]), Near: a.near[k], Dose: Figure(d), Reference: Figure(nan), Sigma: Figure(nan), Error: Figure(nan)}
		if a.reference != nil {
			p.Reference, p.Sigma = Figure(a.reference[k]), Figure(100*a.sigma[k])
			p.Error = Figure(100 * (d/a.reference[k] - 1))
		}
		out.Points = append(out.Points, p)
		if e := float64(p.Error); e-e != 0 {
			continue
		}
		larger(&out.Everywhere, &out.Where, p)
		if p.Near {
			continue
		}
		larger(&out.Max, &out.MaxDepth, p)
		squares += float64(p.Error * p.Error)
		sigmas = append(sigmas, float64(p.Sigma))
	}
	if len(sigmas) > 0 {
		out.RMS = Figure(math.Sqrt(squares / float64(len(sigmas))))
		out.Sigma = Figure(quantile(sigmas, 0.5))
	}
	return out
}

func larger(most, where *Figure, p AxisPoint) {
	if !(math.Abs(float64(p.Error)) <= math.Abs(float64(*most))) {
		*most, *where = p.Error, Figure(p.Depth)
	}
}
