package collapsedcone

import (
	"context"
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/heterogeneity"
	"github.com/kerma-rt/kerma/internal/kernels/parallel"
)

// ErrTooLarge is wrapped by the error about a patient that has too many voxels
// at the spacing of transport.
var ErrTooLarge = errors.New("collapsedcone: too many voxels")

const (
	// widest and narrowest are the limits of the spacing of transport, mm: dose
	// grids outside them are divided or joined.
	widest, narrowest = 3.0, 1.0
	maxVoxels         = 1 << 27
)

// lattice is the grid of transport, whose axes are those of the dose grid: a
// dose voxel holds divide voxels of it along each axis, or its voxels are join
// dose voxels apart.
type lattice struct {
	geometry.Grid
	divide, join [3]int
	low          [3]int // index in the endless lattice of voxel (0, 0, 0)
}

// newLattice lays the lattice over all of the patient (the box of the CT given).
func newLattice(g, ct geometry.Grid, box geometry.Box) (lattice, error) {
	l := lattice{divide: [3]int{1, 1, 1}, join: [3]int{1, 1, 1}}
	spacing := g.Spacing()
	first := g.Origin()
	for a, h := range spacing {
		l.divide[a] = max(1, int(math.Ceil(h/widest-1e-6)))
		l.join[a] = max(1, int(math.Ceil(narrowest/h-1e-6)))
		spacing[a] = h / float64(l.divide[a]) * float64(l.join[a])
		first = r3.Add(first, r3.Scale((1/float64(l.divide[a])-1)/2*h, g.Axis(a)))
	}
	low, high := [3]float64{math.Inf(1), math.Inf(1), math.Inf(1)}, [3]float64{math.Inf(-1), math.Inf(-1), math.Inf(-1)}
	corner := func(c, a int) float64 {
		if c>>a&1 == 0 {
			return float64(box.Low[a]) - 0.5
		}
		return float64(box.High[a]) - 0.5
	}
	for c := range 8 {
		d := r3.Sub(ct.Point(corner(c, 0), corner(c, 1), corner(c, 2)), first)
		for a := range 3 {
			x := r3.Dot(d, g.Axis(a)) / spacing[a]
			low[a], high[a] = min(low[a], x), max(high[a], x)
		}
	}
	size, total := [3]int{}, 1.0
	for a := range 3 {
		// A voxel half inside counts.
		l.low[a] = int(math.Floor(low[a] + 0.5 + 1e-6))
		n := math.Ceil(high[a]+0.5-1e-6) - float64(l.low[a])
		total *= n
		size[a] = int(n)
		first = r3.Add(first, r3.Scale(float64(l.low[a])*spacing[a], g.Axis(a)))
	}
	if !(total <= maxVoxels) {
		return l, fmt.Errorf("%w: %.3g voxels of %g×%g×%g mm in the patient, expected at most %d", ErrTooLarge, total, spacing[0], spacing[1], spacing[2], maxVoxels)
	}
	var err error
	l.Grid, err = geometry.NewGrid(first, spacing, size, g.Axes())
	return l, err
}

// medium is the patient on the lattice.
type medium struct {
	lattice
	materials        *basis
	density          []float32          // g/cm³
	electron, photon []float32          // lengths of electrons and of scattered photons scale with these, g/cm³
	part             []*geometry.Volume // density of each basis material, g/cm³
	toWater          []float32          // dose to water over dose to the medium; nil unless wanted
}

// vacuum (g/cm³) is the least density by which lengths scale.
const vacuum = 1e-6

// newMedium resamples the tissue: to the mean over the voxel of the lattice,
// trilinear between CT voxels where those are larger. All that is kept is a
// density or linear in one, so mass is kept, and a voxel of two materials is the
// mixture of them.
func newMedium(ctx context.Context, t *heterogeneity.Tissue, l lattice, b *basis, spectra []photons, water toWater, threads int) (*medium, error) {
	m := &medium{lattice: l, materials: b}
	m.density = make([]float32, l.Len())
	m.electron, m.photon = make([]float32, l.Len()), make([]float32, l.Len())
	for range b.of {
		m.part = append(m.part, geometry.NewVolume(l.Grid))
	}
	photon, err := photonScaling(t.Materials, spectra)
	if err != nil {
		return nil, err
	}
	if water != nil {
		m.toWater = make([]float32, l.Len())
	}
	ct := t.Density.Grid
	var sub [3]int
	for a := range 3 {
		sub[a] = max(1, int(math.Round(l.Spacing()[a]/ct.Spacing()[a])))
	}
	share := 1 / float64(sub[0]*sub[1]*sub[2])
	size, n := l.Size(), ct.Size()
	err = parallel.For(ctx, size[2], threads, func(k int) error {
		at := l.Offset(0, 0, k)
		mass := make([]float64, len(t.Materials)) // by material
		for j := range size[1] {
			for i := range size[0] {
				clear(mass)
				var wet float64
				for c := range sub[0] * sub[1] * sub[2] {
					off := func(c, a int) float64 { return (float64(c)+0.5)/float64(sub[a]) - 0.5 }
					p := ct.Index(l.Point(
						float64(i)+off(c%sub[0], 0), float64(j)+off(c/sub[0]%sub[1], 1), float64(k)+off(c/sub[0]/sub[1], 2)))
					x, fx, ok := between(p.X, n[0])
					y, fy, ok2 := between(p.Y, n[1])
					z, fz, ok3 := between(p.Z, n[2])
					if !ok || !ok2 || !ok3 {
						continue
					}
					for e := range 8 {
						w := share * pick(fx, e&1) * pick(fy, e>>1&1) * pick(fz, e>>2)
						if w == 0 {
							continue
						}
						v := ct.Offset(x+e&1, y+e>>1&1, z+e>>2)
						d := w * float64(t.Density.Data[v])
						mass[t.Material[v]] += d
						if water != nil {
							wet += d * water.at(t.Material[v], float64(t.Density.Data[v]))
						}
					}
				}
				var density, ph float64
				for q, d := range mass {
					if d == 0 {
						continue
					}
					density += d
					ph += d * photon[q]
					for part, c := range b.coefficient[q] {
						m.part[part].Data[at] += float32(c * d)
					}
				}
				m.density[at] = float32(density)
				m.electron[at], m.photon[at] = float32(max(density, vacuum)), float32(max(ph, vacuum))
				if water != nil && density > 0 {
					m.toWater[at] = float32(wet / density)
				}
				at++
			}
		}
		return nil
	})
	return m, err
}

// between is the voxel at or below index x and the part of the way to the next;
// false outside the n voxels. In the outer half of the first and last voxel
// their value holds.
func between(x float64, n int) (int, float64, bool) {
	const rounding = 1e-6
	if !(x >= -0.5-rounding && x <= float64(n)-0.5+rounding) {
		return 0, 0, false
	}
	x = min(max(x, 0), float64(n-1))
	if r := math.Round(x); math.Abs(x-r) < rounding {
		x = r
	}
	i := int(x)
	return i, x - float64(i), true
}

func pick(f float64, upper int) float64 {
	if upper == 0 {
		return 1 - f
	}
	return f
}
