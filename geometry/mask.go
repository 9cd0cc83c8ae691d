package geometry

import (
	"fmt"
	"math"
	"runtime"

	"golang.org/x/sync/errgroup"
	"gonum.org/v1/gonum/spatial/r3"
)

// Mask is the part of each voxel of a grid that lies inside a structure, kept
// only for the box of voxels that the structure touches.
type Mask struct {
	Grid     Grid
	Box      Box       // the voxels that Fraction covers
	Fraction []float32 // 0…1, x fastest within Box
}

// NewMask finds the part of each voxel that lies inside the structure, taken
// as the body that Solid describes. The contours need not lie in planes of the
// grid nor be parallel to them. What lies outside the grid is left out with a
// warning.
func NewMask(grid Grid, structure *Structure) (*Mask, []string, error) {
	solid, warnings, err := NewSolid(structure, grid)
	if err != nil {
		return nil, nil, err
	}
	m := &Mask{Grid: grid}
	if solid.Empty() {
		return m, warnings, nil
	}
	box, cut := boxOf(solid, grid)
	if cut {
		warnings = append(warnings, fmt.Sprintf("structure %q reaches outside the grid: cut at its edge", structure.Name))
	}
	if box.Empty() {
		return m, warnings, nil
	}
	m.Box = box
	m.Fraction = make([]float32, box.Len())
	for a := range 3 {
		if math.Abs(r3.Dot(solid.axes[2], grid.axes[a])) > 1-1e-12 {
			m.layered(solid, a)
			return m, warnings, nil
		}
	}
	if err := m.oblique(solid); err != nil {
		return nil, nil, fmt.Errorf("structure %q: %w", structure.Name, err)
	}
	return m, warnings, nil
}

// boxOf is the box of voxels around a solid, and whether the grid cuts it.
func boxOf(s *Solid, g Grid) (box Box, cut bool) {
	low, high := s.Bounds()
	lo := [3]float64{math.Inf(1), math.Inf(1), math.Inf(1)}
	hi := [3]float64{math.Inf(-1), math.Inf(-1), math.Inf(-1)}
	for c := range 8 {
		q := low
		if c&1 != 0 {
			q.X = high.X
		}
		if c&2 != 0 {
			q.Y = high.Y
		}
		if c&4 != 0 {
			q.Z = high.Z
		}
		i := g.Index(s.Point(q.X, q.Y, q.Z))
		for a, x := range [3]float64{i.X, i.Y, i.Z} {
			lo[a], hi[a] = min(lo[a], x), max(hi[a], x)
		}
	}
	for a := range 3 {
		// Bounds reach beyond the contours by what an end may flare: only
		// what lies further out is surely cut.
		slack := distanceLimit * s.spacing / g.spacing[a]
		n := float64(g.size[a])
		cut = cut || lo[a] < -0.5-slack || hi[a] > n-0.5+slack
		box.Low[a] = int(min(max(math.Floor(lo[a]+0.5), 0), n))
		box.High[a] = int(min(max(math.Ceil(hi[a]+0.5), 0), n))
	}
	if box.Empty() {
		return Box{}, cut
	}
	return box, cut
}

// layersPerVoxel is how finely a voxel is cut across the contour planes.
const layersPerVoxel = 2

// layered fills the mask where the contour planes lie across grid axis a: the
// raster of the sections is the voxels themselves.
func (m *Mask) layered(s *Solid, a int) {
	g, size := m.Grid, m.Box.Size()
	b, c := (a+1)%3, (a+2)%3
	if b > c {
		b, c = c, b
	}
	edge := func(axis int, index float64) float64 { // of the box, mm
		return r3.Dot(g.origin, g.axes[axis]) + (index-0.5)*g.spacing[axis]
	}
	raster := Raster{
		U: edge(b, float64(m.Box.Low[b])), V: edge(c, float64(m.Box.Low[c])),
		DU: g.spacing[b], DV: g.spacing[c],
		NU: size[b], NV: size[c],
	}
	edges := make([]float64, size[a]+1)
	for k := range edges {
		edges[k] = edge(a, float64(m.Box.Low[a]+k))
	}
	// Layers of voxel plane k are layers[start[k]:start[k+1]].
	layers := s.Layers(g.spacing[a]/layersPerVoxel, edges)
	start := make([]int, size[a]+1)
	n := 0
	for k, e := range edges {
		for n < len(layers) && layers[n].W < e {
			n++
		}
		start[k] = n
	}
	stride := [3]int{1, size[0], size[0] * size[1]}
	var group errgroup.Group
	workers := min(runtime.GOMAXPROCS(0), size[a])
	for w := range workers {
		group.Go(func() error {
			sections := s.Sections(raster)
			for k := w * size[a] / workers; k < (w+1)*size[a]/workers; k++ {
				for _, layer := range layers[start[k]:start[k+1]] {
					cover, win := sections.At(layer.W)
					part := float32(layer.Thickness / g.spacing[a])
					for j := win.J0; j < win.J1; j++ {
						at := k*stride[a] + j*stride[c]
						for i := win.I0; i < win.I1; i++ {
							m.Fraction[at+i*stride[b]] += part * cover[j*raster.NU+i]
						}
					}
				}
				m.settle(k, a)
			}
			return nil
		})
	}
	_ = group.Wait() // no worker fails
}

// settle takes rounding off the sums of voxel plane k across axis a.
func (m *Mask) settle(k, a int) {
	const rounding = 1e-5
	size := m.Box.Size()
	low, high := [3]int{}, size
	low[a], high[a] = k, k+1
	for z := low[2]; z < high[2]; z++ {
		for y := low[1]; y < high[1]; y++ {
			row := m.Fraction[size[0]*(y+size[1]*z):]
			for x := low[0]; x < high[0]; x++ {
				switch f := row[x]; {
				case f > 1-rounding:
					row[x] = 1
				case f < rounding:
					row[x] = 0
				}
			}
		}
	}
}

// samplesPerVoxel is how many sections and cells lie across a voxel's shortest
// side where the contour planes are oblique to the grid.
const samplesPerVoxel = 4

// maxSamples bounds the work of an oblique mask.
const maxSamples = 1 << 33

// oblique fills the mask where the contour planes lie across no grid axis: by
// a lattice of small cells in the solid's own planes, each counted in the
// voxel that holds its centre. The share of a voxel's cells that are inside
// is its fraction, so that voxels deep inside come out whole.
func (m *Mask) oblique(s *Solid) error {
	g, size := m.Grid, m.Box.Size()
	step := min(g.spacing[0], g.spacing[1], g.spacing[2]) / samplesPerVoxel
	low, high := s.Bounds()
	// All cells of every voxel touched must be counted: go out by a voxel's diagonal.
	out := math.Sqrt(g.spacing[0]*g.spacing[0] + g.spacing[1]*g.spacing[1] + g.spacing[2]*g.spacing[2])
	low, high = r3.Sub(low, r3.Vec{X: out, Y: out, Z: out}), r3.Add(high, r3.Vec{X: out, Y: out, Z: out})
	nu, nv := math.Ceil((high.X-low.X)/step), math.Ceil((high.Y-low.Y)/step)
	if nu*nv > 1<<26 || nu*nv*(high.Z-low.Z)/step > maxSamples {
		return fmt.Errorf("%w: %.4g×%.4g×%.4g mm cannot be sampled every %.3g mm", ErrContour, high.X-low.X, high.Y-low.Y, high.Z-low.Z, step)
	}
	r := Raster{U: low.X, V: low.Y, DU: step, DV: step, NU: int(nu), NV: int(nv)}
	whole := make([]float32, len(m.Fraction)) // all cells of a voxel, as thickness in mm
	sections := s.Sections(r)
	du := g.along(s.axes[0], step)
	// Rows are shifted by up to half a cell, evenly (fractions of n/g, n/g² with
	// g³ = g + 1): one lattice direction may run along the grid, and its cells
	// must not all lie to the same side of the voxels' faces.
	n := 0.0
	shift := func(alpha float64) float64 { return n*alpha - math.Floor(n*alpha) - 0.5 }
	for _, layer := range s.layersBetween(low.Z, high.Z, step) {
		cover, _ := sections.At(layer.W)
		thick := float32(layer.Thickness)
		for j := range r.NV {
			n++
			p := g.Index(s.Point(r.U+(0.5+shift(0.7548776662466927))*step, r.V+(float64(j)+0.5+shift(0.5698402909980532))*step, layer.W))
			for i, c := range cover[j*r.NU : (j+1)*r.NU] {
				x := int(math.Floor(p.X+float64(i)*du.X+0.5)) - m.Box.Low[0]
				y := int(math.Floor(p.Y+float64(i)*du.Y+0.5)) - m.Box.Low[1]
				z := int(math.Floor(p.Z+float64(i)*du.Z+0.5)) - m.Box.Low[2]
				if x < 0 || y < 0 || z < 0 || x >= size[0] || y >= size[1] || z >= size[2] {
					continue
				}
				at := x + size[0]*(y+size[1]*z)
				whole[at] += thick
				m.Fraction[at] += thick * c
			}
		}
	}
	for i, w := range whole {
		if w > 0 {
			m.Fraction[i] = min(m.Fraction[i]/w, 1)
		}
	}
	for k := range size[2] {
		m.settle(k, 2)
	}
	return nil
}

// layersBetween are the solid's layers and, between and beyond them, empty
// ones, from low to high.
func (b *Solid) layersBetween(low, high, step float64) []Layer {
	var all []Layer
	empty := func(to float64) {
		if n := int(math.Ceil((to-low)/step - 1e-6)); n > 0 {
			d := (to - low) / float64(n)
			for k := range n {
				all = append(all, Layer{low + (float64(k)+0.5)*d, d})
			}
		}
	}
	for _, l := range b.Layers(step, nil) {
		empty(l.W - l.Thickness/2)
		all = append(all, l)
		low = l.W + l.Thickness/2
	}
	empty(high)
	return all
}

// along is a step (mm) along a direction, in voxels.
func (g Grid) along(direction r3.Vec, step float64) r3.Vec {
	return r3.Vec{
		X: r3.Dot(direction, g.axes[0]) / g.spacing[0] * step,
		Y: r3.Dot(direction, g.axes[1]) / g.spacing[1] * step,
		Z: r3.Dot(direction, g.axes[2]) / g.spacing[2] * step,
	}
}

// Volume is the volume inside the structure and the grid in cm³.
func (m *Mask) Volume() float64 {
	sum := 0.0
	for _, f := range m.Fraction {
		sum += float64(f)
	}
	return sum * m.Grid.VoxelVolume()
}

// At is the part of voxel (i, j, k) inside the structure, 0…1; zero outside
// the grid.
func (m *Mask) At(i, j, k int) float32 {
	if !m.Box.Contains(i, j, k) {
		return 0
	}
	size := m.Box.Size()
	return m.Fraction[i-m.Box.Low[0]+size[0]*(j-m.Box.Low[1]+size[1]*(k-m.Box.Low[2]))]
}

// Row is the fractions of the voxels (Box.Low[0]…Box.High[0]−1, j, k), nil
// where the box has none.
func (m *Mask) Row(j, k int) []float32 {
	if !m.Box.Contains(m.Box.Low[0], j, k) {
		return nil
	}
	size := m.Box.Size()
	at := size[0] * (j - m.Box.Low[1] + size[1]*(k-m.Box.Low[2]))
	return m.Fraction[at : at+size[0]]
}

// Each calls f for every voxel that the structure touches, x fastest.
func (m *Mask) Each(f func(i, j, k int, fraction float32)) {
	for k := m.Box.Low[2]; k < m.Box.High[2]; k++ {
		for j := m.Box.Low[1]; j < m.Box.High[1]; j++ {
			for i, x := range m.Row(j, k) {
				if x > 0 {
					f(m.Box.Low[0]+i, j, k, x)
				}
			}
		}
	}
}
