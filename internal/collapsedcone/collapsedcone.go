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
	"github.com/kerma-rt/kerma/internal/kernels/parallel"
)

// Setting is what the dose is computed with.
type Setting struct {
	Directions int  // about how many cones
	Groups     int  // of photon energies that share a kernel
	ToWater    bool // dose to water instead of dose to the medium
	Threads    int  // goroutines; 0 means one per CPU
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
	energy  []float64 // deposited, MeV/cm³, by voxel of the lattice
}

// quality is what one spectrum needs.
type quality struct {
	photons photons
	groups  []group
}

// New prepares the patient. Dose is wanted where inside is true, by voxel of g.
func New(ctx context.Context, t *heterogeneity.Tissue, g geometry.Grid, inside []bool, spectra []machine.Spectrum, s Setting) (*Calculation, error) {
	c := &Calculation{setting: s, threads: s.Threads, grid: g}
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
		c.spectra = append(c.spectra, quality{p, groups})
		all = append(all, p)
	}
	b, err := newBasis(t.Materials, all)
	if err != nil {
		return nil, err
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
	axis := r3.Unit(r3.Sub(frame.Isocentre(), frame.Source()))
	r, err := c.release(ctx, axis, poses, q.photons, q.groups)
	if err != nil {
		return err
	}
	box := r.box.Union(c.wanted).Intersect(c.medium.Box())
	if r.rows == 0 || c.wanted.Empty() {
		c.done(1)
		return nil
	}
	ds := directions(c.setting.Directions)
	spread := r.tilt + 0.01
	r.finish(c.medium, axis, newBalance(q.groups, ds, spread), len(q.groups))

	// Cones along x run on a copy whose first axis is y: lines then lie side by
	// side in memory.
	straight := r.field(c.medium, box, len(q.groups))
	turned := turn(straight)
	deposited, deposited2 := make([]float32, box.Len()), make([]float32, box.Len())
	// Columns of the frame: beam x, y and the axis, in lattice axes.
	bx, by := r3.Sub(frame.ToPatient(r3.Vec{X: 1}), frame.Isocentre()), r3.Sub(frame.ToPatient(r3.Vec{Y: 1}), frame.Isocentre())
	for _, d := range ds {
		world := r3.Add(r3.Add(r3.Scale(d.unit[0], bx), r3.Scale(d.unit[1], by)), r3.Scale(d.unit[2], axis))
		var unit [3]float64
		for a := range 3 {
			unit[a] = r3.Dot(world, c.medium.Axis(a))
		}
		f, into := straight, deposited
		if cones.Dominant(unit, straight.Spacing) == 0 {
			f, into = turned, deposited2
			unit = [3]float64{unit[1], unit[2], unit[0]}
		}
		if err := c.transport(ctx, into, f, d.cone(q.groups, spread, unit)); err != nil {
			return err
		}
		c.done(1 / float64(len(ds)))
	}
	size := box.Size()
	return parallel.For(ctx, size[2], c.threads, func(k int) error {
		for j := range size[1] {
			out := c.energy[c.medium.Offset(box.Low[0], box.Low[1]+j, box.Low[2]+k):][:size[0]]
			in := deposited[size[0]*(j+size[1]*k):][:size[0]]
			for i := range out {
				out[i] += float64(in[i] + deposited2[j+size[1]*(k+size[2]*i)])
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

// turn is the field with its axes in the order y, z, x.
func turn(f *cones.Field) *cones.Field {
	n := len(f.Source)
	nx, ny, nz := f.Size[0], f.Size[1], f.Size[2]
	t := &cones.Field{
		Size: [3]int{ny, nz, nx}, Spacing: [3]float64{f.Spacing[1], f.Spacing[2], f.Spacing[0]},
		Electron: make([]float32, n), Photon: make([]float32, n), Source: make([]int32, n),
		Released: f.Released, Groups: f.Groups, Ray: make([]float32, len(f.Ray)),
	}
	at := 0
	for k := range nz {
		for j := range ny {
			for i := range nx {
				to := j + ny*(k+nz*i)
				t.Electron[to], t.Photon[to], t.Source[to] = f.Electron[at], f.Photon[at], f.Source[at]
				at++
			}
		}
	}
	for r := 0; r < len(f.Ray); r += 3 {
		t.Ray[r], t.Ray[r+1], t.Ray[r+2] = f.Ray[r+1], f.Ray[r+2], f.Ray[r]
	}
	return t
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
