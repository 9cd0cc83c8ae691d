package benchmarks

import (
	"math"

	"github.com/kerma-rt/kerma/geometry"
)

// interfaceReach is how far from an interface a voxel counts as next to it, mm.
const interfaceReach = 10

// place is where the voxels of a case lie, in its own coordinates (mm), and
// how they lie to the beam and to the interfaces of the phantom.
type place struct {
	*Case
	grid    geometry.Grid
	x, y, z []float64 // voxel centres along each axis
}

func newPlace(c *Case) place {
	p := place{Case: c, grid: c.Tissue.Density.Grid}
	n := p.grid.Size()
	for i := range n[0] {
		p.x = append(p.x, p.grid.Point(float64(i), 0, 0).X)
	}
	for j := range n[1] {
		p.y = append(p.y, -p.grid.Point(0, float64(j), 0).Z)
	}
	for k := range n[2] {
		p.z = append(p.z, p.grid.Point(0, 0, float64(k)).Y)
	}
	return p
}

// magnification is the width of the field at depth z for its width at z = 0.
func (p place) magnification(z float64) float64 { return (p.SSD + z) / p.SSD }

// axisAt is where the axis crosses the plane of depth z.
func (p place) axisAt(z float64) (x, y float64) {
	m := p.magnification(z)
	return p.Source[0] * (1 - m), p.Source[1] * (1 - m)
}

// aim is where the ray through a point crosses the plane z = 0.
func (p place) aim(x, y, z float64) (u, v float64) {
	m := p.magnification(z)
	return p.Source[0] + (x-p.Source[0])/m, p.Source[1] + (y-p.Source[1])/m
}

// outside is how far a point lies beyond the edge of the geometric field in
// the plane of its depth, negative inside.
func (p place) outside(x, y, z float64) float64 {
	u, v := p.aim(x, y, z)
	a, b := math.Abs(u)-p.Field[0]/2, math.Abs(v)-p.Field[1]/2
	if a > 0 && b > 0 {
		return math.Hypot(a, b) * p.magnification(z)
	}
	return max(a, b) * p.magnification(z)
}

// compared says whether a voxel is dense enough for its dose to be compared.
func (p place) compared(i int) bool { return p.Tissue.Density.Data[i] > leastDensity }

// jump says whether an interface lies between two neighbouring voxels: another
// material, or another density by more than 5 %. Air does not count as a
// medium: all air is one.
func (p place) jump(a, b int) bool {
	da, db := float64(p.Tissue.Density.Data[a]), float64(p.Tissue.Density.Data[b])
	if da <= leastDensity && db <= leastDensity {
		return false
	}
	return p.Tissue.Material[a] != p.Tissue.Material[b] || math.Abs(da-db) > 0.05*max(da, db)
}

// nearInterface marks the voxels within 1 cm of an interface along x, y or z.
// The entrance and exit faces of the grid count, its sides do not: no beam
// passes there.
func (p place) nearInterface() []bool {
	near := make([]bool, p.grid.Len())
	n, s := p.grid.Size(), p.grid.Spacing()
	stride := [3]int{1, n[0], n[0] * n[1]}
	for a := range 3 {
		b, c := (a+1)%3, (a+2)%3
		reach := int(math.Floor(interfaceReach/s[a] + 0.5 + 1e-9)) // voxels whose centre is that near a face
		for j := range n[b] {
			for k := range n[c] {
				first := j*stride[b] + k*stride[c]
				mark := func(from, to int) {
					for i := max(from, 0); i < min(to, n[a]); i++ {
						near[first+i*stride[a]] = true
					}
				}
				for i := range n[a] - 1 {
					if v := first + i*stride[a]; p.jump(v, v+stride[a]) {
						mark(i+1-reach, i+1+reach)
					}
				}
				if a == 2 {
					mark(0, reach)
					mark(n[a]-reach, n[a])
				}
			}
		}
	}
	return near
}
