package gamma

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/geometry"
)

// samePlane is how far two single slices may lie apart, in mm, and still be
// taken for one plane: above the rounding of positions in files, below any
// distance criterion.
const samePlane = 0.01

// place takes a voxel index of the reference to a continuous index of the
// evaluated grid: origin + i·axis[0] + j·axis[1] + k·axis[2].
type place struct {
	origin r3.Vec
	axis   [3]r3.Vec
}

func relate(reference, evaluated geometry.Grid) (place, error) {
	p := place{origin: evaluated.Index(reference.Origin())}
	spacing := evaluated.Spacing()
	for a := range 3 {
		step := r3.Scale(reference.Spacing()[a], reference.Axis(a))
		p.axis[a] = r3.Vec{
			X: r3.Dot(step, evaluated.Axis(0)) / spacing[0],
			Y: r3.Dot(step, evaluated.Axis(1)) / spacing[1],
			Z: r3.Dot(step, evaluated.Axis(2)) / spacing[2],
		}
	}
	for a := range 3 {
		if evaluated.Size()[a] > 1 {
			continue
		}
		near, far := math.Inf(1), 0.0
		for c := range 8 {
			size := reference.Size()
			corner := p.index((size[0]-1)*(c&1), (size[1]-1)*(c>>1&1), (size[2]-1)*(c>>2))
			d := math.Abs(corner[a]) * spacing[a]
			near, far = math.Min(near, d), math.Max(far, d)
		}
		switch {
		case far <= samePlane:
			p.flatten(a)
		case far-near <= samePlane:
			return p, fmt.Errorf("%w: the evaluated dose is one slice, and the reference lies in a parallel plane %.3f mm away", ErrDose, near)
		}
	}
	return p, nil
}

// flatten puts every reference point into the plane of an evaluated grid with
// one voxel along axis a.
func (p *place) flatten(a int) {
	for _, v := range []*r3.Vec{&p.origin, &p.axis[0], &p.axis[1], &p.axis[2]} {
		switch a {
		case 0:
			v.X = 0
		case 1:
			v.Y = 0
		case 2:
			v.Z = 0
		}
	}
}

func (p *place) index(i, j, k int) [3]float64 {
	x, y, z := float64(i), float64(j), float64(k)
	return [3]float64{
		p.origin.X + x*p.axis[0].X + y*p.axis[1].X + z*p.axis[2].X,
		p.origin.Y + x*p.axis[0].Y + y*p.axis[1].Y + z*p.axis[2].Y,
		p.origin.Z + x*p.axis[0].Z + y*p.axis[1].Z + z*p.axis[2].Z,
	}
}

// reachable is the half-open box of evaluated cells within reach (mm) of the
// reference voxels in the box from low to high.
func (p *place) reachable(low, high [3]int, evaluated geometry.Grid, reach float64) (first, end [3]int) {
	for a := range 3 {
		least, most := math.Inf(1), math.Inf(-1)
		for c := range 8 {
			var corner [3]int
			for b := range 3 {
				corner[b] = low[b]
				if c>>b&1 == 1 {
					corner[b] = high[b] - 1
				}
			}
			at := p.index(corner[0], corner[1], corner[2])[a]
			least, most = math.Min(least, at), math.Max(most, at)
		}
		margin := reach/evaluated.Spacing()[a] + 2
		size := float64(evaluated.Size()[a])
		first[a] = int(math.Min(math.Max(least-margin, 0), size))
		end[a] = int(math.Min(math.Max(most+margin, 0), size))
	}
	return first, end
}
