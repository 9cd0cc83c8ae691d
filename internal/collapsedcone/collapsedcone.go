// Package collapsedcone is the physics of the collapsed-cone superposition:
// what the photons of a beam release in each voxel, into which directions it
// goes and how far. Package cones carries it.
package collapsedcone

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/heterogeneity"
	"github.com/kerma-rt/kerma/internal/kernels/cones"
	"github.com/kerma-rt/kerma/internal/kernels/curved"
	"github.com/kerma-rt/kerma/internal/kernels/parallel"
	"github.com/kerma-rt/kerma/internal/kernels/terma"
)

// Setting is what the dose is computed with.
type Setting struct {
	Directions int   // about how many cones
	Groups     int   // of photon energies that share a kernel
	ToWater    bool  // dose to water instead of dose to the medium
	Straight   bool  // electrons go on straight lines only
	Threads    int   // goroutines; 0 means one per CPU
	MaxBytes   int64 // of memory; 0 means no limit
	// Done, if set, is told of finished work: 1 a transport along all cones.
	Done func(share float64)
}

// Calculation adds up the dose of beams in one patient.
type Calculation struct {
	setting Setting
	threads int
	medium  *medium
	grid    geometry.Grid
	wanted  geometry.Box // lattice voxels that the dose grid needs
	spectra []quality
	cache   heterogeneity.Cache
	energy  []float64 // deposited, MeV/cm³, by voxel of the lattice
	// For one transport after the other: what is released, and deposited along
	// cones through the straight field and the turned one.
	room                       *released
	deposited, depositedTurned []float32
}

// voxelBytes is what a voxel of the lattice takes at most: densities and sums of
// the patient (28), what it releases and where to, as it lies and turned (76), what
// it gets along both (8), and what bent electrons add (32).
const voxelBytes = 28 + 76 + 8 + 32

// MemoryError says that a patient takes more memory than allowed.
type MemoryError struct{ Needed int64 } // bytes

func (e *MemoryError) Error() string {
	return fmt.Sprintf("collapsedcone: about %d bytes are needed", e.Needed)
}

// quality is what one spectrum needs.
type quality struct {
	groups   []group
	curved   []curved.Kernel // nil if electrons go straight
	spectrum *terma.Spectrum
}

// New prepares the patient. Dose is wanted where inside is true, by voxel of g.
func New(ctx context.Context, t *heterogeneity.Tissue, g geometry.Grid, inside []bool, spectra []machine.Spectrum, s Setting) (*Calculation, error) {
	c := &Calculation{setting: s, threads: s.Threads, grid: g, cache: heterogeneity.Cache{Columns: true}}
	var all []photons
	for _, spectrum := range spectra {
		p := gather(spectrum)
		bins, err := split(p, s.Groups)
		if err != nil {
			return nil, err
		}
		groups, err := kernels(p, bins)
		if err != nil {
			return nil, err
		}
		q := quality{groups: groups}
		if !s.Straight {
			if q.curved, err = curvedKernels(p, bins); err != nil {
				return nil, err
			}
		}
		c.spectra = append(c.spectra, q)
		all = append(all, p)
	}
	b, err := newBasis(t.Materials, all)
	if err != nil {
		return nil, err
	}
	for i := range c.spectra {
		c.spectra[i].spectrum = newSpectrum(all[i], c.spectra[i].groups, b)
	}
	box := t.Density.Grid.Box()
	if t.Body != nil {
		box = t.Body.Box.Intersect(box)
	}
	if box.Empty() {
		return nil, fmt.Errorf("collapsedcone: the body has no voxel")
	}
	l, err := newLattice(g, t.Density.Grid, box)
	if err != nil {
		return nil, err
	}
	if needed := int64(l.Len()) * voxelBytes; s.MaxBytes > 0 && needed > s.MaxBytes {
		return nil, &MemoryError{Needed: needed}
	}
	var water toWater
	if s.ToWater {
		if water, err = newToWater(t.Materials, all); err != nil {
			return nil, err
		}
	}
	if c.medium, err = newMedium(ctx, t, l, b, all, water, s.Threads); err != nil {
		return nil, err
	}
	c.energy = make([]float64, l.Len())
	size := g.Size()
	for k := range size[2] {
		for j := range size[1] {
			row := inside[g.Offset(0, j, k):][:size[0]]
			for i, in := range row {
				if in {
					c.wanted = c.wanted.Union(geometry.Box{Low: [3]int{i, j, k}, High: [3]int{i + 1, j + 1, k + 1}})
				}
			}
		}
	}
	if !c.wanted.Empty() {
		for a := range 3 {
			low, _ := l.of(a, c.wanted.Low[a])
			_, high := l.of(a, c.wanted.High[a]-1)
			c.wanted.Low[a], c.wanted.High[a] = low, high+1
		}
		c.wanted = c.wanted.Intersect(l.Box())
	}
	return c, nil
}

// of is the first and last voxel of the lattice along axis a that dose voxel i
// takes its dose from.
func (l *lattice) of(a, i int) (first, last int) {
	if l.join[a] > 1 {
		first = int(math.Floor(float64(i)/float64(l.join[a]))) - l.low[a]
		return first, first + 1
	}
	first = i*l.divide[a] - l.low[a]
	return first, first + l.divide[a] - 1
}

// weight is the share of the first of them.
func (l *lattice) weight(a, i int) float64 {
	if l.join[a] > 1 {
		x := float64(i) / float64(l.join[a])
		return 1 - (x - math.Floor(x))
	}
	return 1 / float64(l.divide[a])
}

// Add adds the dose of a few poses whose axes are nearly the same: one
// transport, with cones about the axis of the middle one, in which every voxel
// releases along the mean of its rays. spectrum counts those given to New.
func (c *Calculation) Add(ctx context.Context, spectrum int, poses []Pose) error {
	if spectrum < 0 || spectrum >= len(c.spectra) || len(poses) == 0 {
		return fmt.Errorf("collapsedcone: spectrum %d of %d, %d poses", spectrum, len(c.spectra), len(poses))
	}
	q := c.spectra[spectrum]
	frame := poses[len(poses)/2].Frame
	var axis [3]float64
	world := r3.Unit(r3.Sub(frame.Isocentre(), frame.Source()))
	for a := range 3 {
		axis[a] = r3.Dot(world, c.medium.Axis(a))
	}
	r := c.released(len(q.groups))
	if err := c.release(ctx, r, poses, q.spectrum); err != nil {
		return err
	}
	if err := c.gather(ctx, r, axis); err != nil {
		return err
	}
	box := r.box.Union(c.wanted).Intersect(c.medium.Box())
	if r.box.Empty() || c.wanted.Empty() {
		c.done(1)
		return nil
	}
	// Columns of the frame: beam x and y, in lattice axes.
	bx, by := r3.Sub(frame.ToPatient(r3.Vec{X: 1}), frame.Isocentre()), r3.Sub(frame.ToPatient(r3.Vec{Y: 1}), frame.Isocentre())
	if q.curved != nil {
		if err := c.bend(ctx, r, q.curved, world, bx, by); err != nil {
			return err
		}
	}
	ds, rings := directions(c.setting.Directions)
	aim(ds, rings, q.groups)
	fits := make([]polynomials, len(rings))
	for i, ring := range rings {
		var err error
		if fits[i], err = ring.fit(q.groups, &r.spread); err != nil {
			return err
		}
	}
	if err := c.finish(ctx, r, axis, newBalance(q.groups, ds, fits, r.spread.largest), box); err != nil {
		return err
	}

	clear(c.deposited)
	clear(c.depositedTurned)
	for _, d := range ds {
		toward := r3.Add(r3.Add(r3.Scale(d.unit[0], bx), r3.Scale(d.unit[1], by)), r3.Scale(d.unit[2], world))
		p := &fits[d.ring]
		cone := &cones.Cone{Scale: p.scale, Shift: p.shift, Shares: p.shares}
		for a := range 3 {
			cone.Direction[a] = r3.Dot(toward, c.medium.Axis(a))
		}
		f, into := &r.straight, c.deposited
		if cones.Dominant(cone.Direction, f.Spacing) == 0 {
			f, into = &r.turned, c.depositedTurned
			cone.Direction = turned(cone.Direction)
		}
		if err := c.transport(ctx, into, f, cone); err != nil {
			return err
		}
		c.done(1 / float64(len(ds)))
	}
	return c.collect(ctx, box)
}

// released is room for what groups of energies release.
func (c *Calculation) released(groups int) *released {
	if c.room == nil || len(c.room.straight.Primary) != groups {
		c.room = newReleased(c.medium, groups)
		n := c.medium.Len()
		c.deposited, c.depositedTurned = make([]float32, n), make([]float32, n)
	}
	return c.room
}

// collect adds what has been deposited in the box to the energy.
func (c *Calculation) collect(ctx context.Context, box geometry.Box) error {
	size := c.medium.Size()
	return parallel.For(ctx, box.Size()[1], c.threads, func(y int) error {
		y += box.Low[1]
		// Block by block, because the turned axes run across memory.
		const block = 16
		for x0 := box.Low[0]; x0 < box.High[0]; x0 += block {
			for z := box.Low[2]; z < box.High[2]; z++ {
				at := c.medium.Offset(x0, y, z)
				for i := range min(block, box.High[0]-x0) {
					c.energy[at+i] += float64(c.deposited[at+i] + c.depositedTurned[y+size[1]*(z+size[2]*(x0+i))])
				}
			}
		}
		return nil
	})
}

func (c *Calculation) done(share float64) {
	if c.setting.Done != nil {
		c.setting.Done(share)
	}
}

// stripRows is how many rows of lines are one piece of work.
const stripRows = 8

func (c *Calculation) transport(ctx context.Context, energy []float32, f *cones.Field, cone *cones.Cone) error {
	rows := cones.Lines(f, cone)
	strips := (rows + stripRows - 1) / stripRows
	return parallel.For(ctx, strips, c.threads, func(i int) error {
		cones.Transport(energy, f, cone, i*stripRows, min((i+1)*stripRows, rows))
		return nil
	})
}

// grayPerMeVPerGram is 1 MeV/g in Gy.
const grayPerMeVPerGram = 1.602176634e-10

// Dose adds the dose (Gy) of voxels inside to out: the energy
// over the mass of the lattice voxels that a dose voxel consists of.
func (c *Calculation) Dose(ctx context.Context, out []float64, inside []bool) error {
	size := c.grid.Size()
	m := c.medium
	n := m.Size()
	return parallel.For(ctx, size[2], c.threads, func(k int) error {
		for j := range size[1] {
			for i := range size[0] {
				at := c.grid.Offset(i, j, k)
				if !inside[at] {
					continue
				}
				var first, last [3]int
				var w [3]float64
				for a, v := range [3]int{i, j, k} {
					first[a], last[a] = m.of(a, v)
					w[a] = m.weight(a, v)
				}
				share := func(a, v int) float64 {
					if m.join[a] > 1 && v > first[a] {
						return 1 - w[a]
					}
					return w[a]
				}
				var energy, mass float64
				for z := max(first[2], 0); z <= min(last[2], n[2]-1); z++ {
					for y := max(first[1], 0); y <= min(last[1], n[1]-1); y++ {
						for x := max(first[0], 0); x <= min(last[0], n[0]-1); x++ {
							s := share(0, x) * share(1, y) * share(2, z)
							voxel := m.Offset(x, y, z)
							e := s * c.energy[voxel]
							if m.toWater != nil {
								e *= float64(m.toWater[voxel])
							}
							energy += e
							mass += s * float64(m.density[voxel])
						}
					}
				}
				if mass > vacuum {
					out[at] += energy / mass * grayPerMeVPerGram
				}
			}
		}
		return nil
	})
}
