package collapsedcone

import (
	"context"
	"math"

	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/dose/beam"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/heterogeneity"
	"github.com/kerma-rt/kerma/internal/kernels/cones"
	"github.com/kerma-rt/kerma/internal/kernels/parallel"
	"github.com/kerma-rt/kerma/internal/kernels/terma"
)

// Pose is one position of the machine and what passes its collimators.
type Pose struct {
	Frame geometry.Frame
	// Fluence is the map of the isocentre plane, in monitor units, and PerMU
	// the planar fluence there, photons/cm², for one of them.
	Fluence *beam.Fluence
	PerMU   float64
}

// released is what the photons of a few poses set free in the medium, and the
// room for its transport: as it lies, and with the axes in the order y, z, x, in
// which lines along x lie side by side in memory.
type released struct {
	straight, turned cones.Field
	box              geometry.Box // of what releases, lattice indices
	spread           spread       // of its rays about the axis
}

// newReleased makes room for groups of energies.
func newReleased(m *medium, groups int) *released {
	r := &released{}
	n, size := m.Len(), m.Size()
	for _, f := range []*cones.Field{&r.straight, &r.turned} {
		for a, s := range m.Spacing() {
			f.Size[a], f.Spacing[a] = size[a], s/10
		}
		for a := range 3 {
			f.Ray[a] = make([]float32, n)
		}
		for range groups {
			f.Primary, f.Scatter = append(f.Primary, make([]float32, n)), append(f.Scatter, make([]float32, n))
		}
	}
	r.straight.Electron, r.straight.Photon = m.electron, m.photon
	r.straight.Runs = make([]cones.Run, size[1]*size[2])
	t := &r.turned
	t.Size, t.Spacing = turned(t.Size), turned(t.Spacing)
	t.Runs = make([]cones.Run, size[2]*size[0])
	t.Electron, t.Photon = make([]float32, n), make([]float32, n)
	cones.Turn(t.Electron, m.electron, size, 0, size[2])
	cones.Turn(t.Photon, m.photon, size, 0, size[2])
	return r
}

// turned is values by axis in the order y, z, x.
func turned[T any](v [3]T) [3]T { return [3]T{v[1], v[2], v[0]} }

// volumes are the arrays of a field that change with the beam.
func volumes(f *cones.Field) [][]float32 {
	return append(append(f.Ray[:len(f.Ray):len(f.Ray)], f.Primary...), f.Scatter...)
}

// Rays of the tables of path lengths, mm.
const raySpacing, rayStep = 2, 2

// release fills in what poses release. With planar fluence Φ in the isocentre
// plane, photons of energy E_b and share n_b, path lengths L_k = ∫ρ c_k dl
// through each basis material, distance a from the source along the axis and
// obliquity β, a volume releases
//
//	Σ_b Φ (SAD/a)²/cosβ · n_b E_b e^(−Σ_k μ_k(E_b) L_k) · μ_b,
//
// of which μen_b to electrons. μ_b, μen_b are those of the mixture in the voxel.
// Rays are left as sums over the poses, weighted by what is released.
func (c *Calculation) release(ctx context.Context, r *released, poses []Pose, s *terma.Spectrum) error {
	m := c.medium
	size := m.Size()
	f := &r.straight
	for _, v := range volumes(f) {
		clear(v)
	}
	clear(f.Runs)
	for _, pose := range poses {
		tables, err := c.pathLengths(ctx, pose)
		if err != nil {
			return err
		}
		sh, err := newShadow(ctx, pose, m, c.threads)
		if err != nil {
			return err
		}
		var source [3]float64 // in voxels, from the centre of the first
		for a := range 3 {
			source[a] = r3.Dot(r3.Sub(pose.Frame.Source(), m.Origin()), m.Axis(a)) / m.Spacing()[a]
		}
		err = parallel.For(ctx, size[2], c.threads, func(z int) error {
			row := newRow(f, len(tables), size[0])
			for y := range size[1] {
				c.releaseRow(row, f, y, z, sh, pose.PerMU, source, tables, s)
			}
			return ctx.Err()
		})
		if err != nil {
			return err
		}
		for _, t := range tables {
			t.Free()
		}
	}
	return nil
}

// row is room for the voxels of one.
type row struct {
	open []float32
	terma.Row
}

func newRow(f *cones.Field, materials, size int) *row {
	r := &row{open: make([]float32, size)}
	r.Fluence, r.All = make([]float32, size), make([]float32, size)
	r.Path, r.Local = make([][]float32, materials), make([][]float32, materials)
	for k := range materials {
		r.Path[k] = make([]float32, size)
	}
	r.Primary, r.Scatter = make([][]float32, len(f.Primary)), make([][]float32, len(f.Primary))
	return r
}

// releaseRow adds what one pose releases in a row of voxels.
func (c *Calculation) releaseRow(r *row, f *cones.Field, y, z int, sh *shadow, perMU float64, source [3]float64, tables []*heterogeneity.Depths, s *terma.Spectrum) {
	m := c.medium
	first := m.Offset(0, y, z)
	size := m.Size()[0]
	from, to := size, 0
	for x := range size {
		r.open[x] = 0
		if m.density[first+x] <= vacuum {
			continue
		}
		if r.open[x] = float32(sh.over(x, y, z)); r.open[x] > 0 {
			from, to = min(from, x), x+1
		}
	}
	if from >= to {
		return
	}
	run := &f.Runs[first/size]
	if run.From < run.To {
		*run = cones.Run{From: min(run.From, int32(from)), To: max(run.To, int32(to))}
	} else {
		*run = cones.Run{From: int32(from), To: int32(to)}
	}
	n := to - from
	first += from
	for k, table := range tables {
		path := r.Path[k][:n]
		table.Row32(path, sh.affine.At(float64(from), float64(y), float64(z)), sh.affine.Step[0])
		for i := range path {
			path[i] /= 10
			if !(r.open[from+i] > 0) {
				path[i] = 0 // the table may end before
			}
		}
		r.Local[k] = m.part[k].Data[first:]
	}
	// From the source to each voxel, along the axes of the lattice and of the beam.
	spacing := m.Spacing()
	v := [3]float64{0, (float64(y) - source[1]) * spacing[1], (float64(z) - source[2]) * spacing[2]}
	start := sh.sad - sh.affine.At(0, float64(y), float64(z)).Z
	for i := range n {
		x := float64(from + i)
		v[0] = (x - source[0]) * spacing[0]
		a := start - x*sh.affine.Step[0].Z
		length := math.Sqrt(v[0]*v[0] + v[1]*v[1] + v[2]*v[2])
		// (SAD/a)²/cosβ
		r.Fluence[i] = float32(perMU * sh.sad * sh.sad * length / (a * a * a) * float64(r.open[from+i]))
	}
	for g := range f.Primary {
		r.Primary[g], r.Scatter[g] = f.Primary[g][first:], f.Scatter[g][first:]
	}
	s.Release(&r.Row, n)
	for i := range n {
		v[0] = (float64(from+i) - source[0]) * spacing[0]
		w := float64(r.All[i]) / math.Sqrt(v[0]*v[0]+v[1]*v[1]+v[2]*v[2])
		for d := range 3 {
			f.Ray[d][first+i] += float32(w * v[d])
		}
	}
}

// gather makes the rays unit vectors, and tells the box of what releases and the
// spread of its rays about an axis (along the axes of the lattice).
func (c *Calculation) gather(ctx context.Context, r *released, axis [3]float64) error {
	size := c.medium.Size()
	f := &r.straight
	boxes, largest, weight := make([]geometry.Box, size[2]), make([]float64, size[2]), make([][spreadBins]float64, size[2])
	err := parallel.For(ctx, size[2], c.threads, func(k int) error {
		eachRow(f, k, func(from, to, j int) {
			boxes[k] = boxes[k].Union(geometry.Box{Low: [3]int{from % size[0], j, k}, High: [3]int{(to-1)%size[0] + 1, j + 1, k + 1}})
			for at := from; at < to; at++ {
				v := [3]float64{float64(f.Ray[0][at]), float64(f.Ray[1][at]), float64(f.Ray[2][at])}
				n := math.Sqrt(v[0]*v[0] + v[1]*v[1] + v[2]*v[2])
				if n == 0 { // a hole in the run
					v, n = axis, 1
				}
				for a := range 3 {
					f.Ray[a][at] = float32(v[a] / n)
				}
				largest[k] = max(largest[k], chord(f, at, axis))
			}
		})
		return nil
	})
	if err != nil {
		return err
	}
	r.box, r.spread = geometry.Box{}, spread{}
	for k := range size[2] {
		r.box = r.box.Union(boxes[k])
		r.spread.largest = max(r.spread.largest, largest[k])
	}
	r.spread.largest = min(r.spread.largest+0.01, 2)
	err = parallel.For(ctx, size[2], c.threads, func(k int) error {
		eachRow(f, k, func(from, to, _ int) {
			for at := from; at < to; at++ {
				bin := min(int(chord(f, at, axis)/r.spread.largest*spreadBins), spreadBins-1)
				for g := range f.Primary {
					weight[k][bin] += float64(f.Primary[g][at])
				}
			}
		})
		return nil
	})
	for k := range weight {
		for b, w := range weight[k] {
			r.spread.weight[b] += w
		}
	}
	return err
}

// eachRow calls for the offsets from ≤ at < to of what releases in each row j of
// plane k.
func eachRow(f *cones.Field, k int, do func(from, to, j int)) {
	for j := range f.Size[1] {
		row := j + k*f.Size[1]
		if run := f.Runs[row]; run.From < run.To {
			do(int(run.From)+row*f.Size[0], int(run.To)+row*f.Size[0], j)
		}
	}
}

// chord is the distance of the ends of a voxel's ray and a unit vector,
// 2 sin(γ/2).
func chord(f *cones.Field, at int, axis [3]float64) float64 {
	cos := float64(f.Ray[0][at])*axis[0] + float64(f.Ray[1][at])*axis[1] + float64(f.Ray[2][at])*axis[2]
	return math.Sqrt(max(2*(1-cos), 0))
}

// finish turns energy per volume into what cones.Field asks for, and turns the
// field.
func (c *Calculation) finish(ctx context.Context, r *released, axis [3]float64, b *balance, box geometry.Box) error {
	m := c.medium
	size := m.Size()
	f, t := &r.straight, &r.turned
	f.Low, f.High = box.Low, box.High
	t.Low, t.High = turned(box.Low), turned(box.High)
	return parallel.For(ctx, size[2], c.threads, func(k int) error {
		eachRow(f, k, func(from, to, _ int) {
			for at := from; at < to; at++ {
				i, part := b.at(chord(f, at, axis))
				for g := range f.Primary {
					p := b.primary[i][g] + part*(b.primary[i+1][g]-b.primary[i][g])
					s := b.scatter[i][g] + part*(b.scatter[i+1][g]-b.scatter[i][g])
					f.Primary[g][at] /= float32(p) * m.electron[at]
					f.Scatter[g][at] /= float32(s) * m.photon[at]
				}
			}
		})
		cones.TurnRuns(t.Runs, f.Runs, size, k, k+1)
		for a := range 3 {
			cones.Turn(t.Ray[a], f.Ray[(a+1)%3], size, k, k+1)
		}
		for g := range f.Primary {
			cones.Turn(t.Primary[g], f.Primary[g], size, k, k+1)
			cones.Turn(t.Scatter[g], f.Scatter[g], size, k, k+1)
		}
		return nil
	})
}

// pathLengths tabulates ∫ρ c_k dl, in mm·g/cm³, where the map of a pose and the
// lattice meet.
func (c *Calculation) pathLengths(ctx context.Context, p Pose) ([]*heterogeneity.Depths, error) {
	f := p.Fluence
	// A voxel at the edge has its centre beyond the map.
	margin := 2 * widest
	field := heterogeneity.Field{
		X0: f.X - margin, X1: f.X + float64(f.NX)*f.Spacing + margin,
		Y0: f.Y - margin, Y1: f.Y + float64(f.NY)*f.Spacing + margin,
	}
	// Nor is anything wanted beside the shadow of the lattice.
	size := c.medium.Size()
	shadow := heterogeneity.Field{X0: math.Inf(1), X1: math.Inf(-1), Y0: math.Inf(1), Y1: math.Inf(-1)}
	affine := p.Frame.OfGrid(c.medium.Grid)
	for n := range 8 {
		b := affine.At(float64(size[0]*(n&1))-0.5, float64(size[1]*(n>>1&1))-0.5, float64(size[2]*(n>>2))-0.5)
		scale := p.Frame.SAD / max(p.Frame.SAD-b.Z, 1)
		shadow.X0, shadow.X1 = min(shadow.X0, b.X*scale), max(shadow.X1, b.X*scale)
		shadow.Y0, shadow.Y1 = min(shadow.Y0, b.Y*scale), max(shadow.Y1, b.Y*scale)
	}
	field.X0, field.X1 = max(field.X0, shadow.X0-raySpacing), min(field.X1, shadow.X1+raySpacing)
	field.Y0, field.Y1 = max(field.Y0, shadow.Y0-raySpacing), min(field.Y1, shadow.Y1+raySpacing)
	if field.X0 > field.X1 || field.Y0 > field.Y1 {
		field = heterogeneity.Field{} // they do not meet
	}
	beam := heterogeneity.Beam{Frame: p.Frame, Field: field, Spacing: raySpacing, Step: rayStep, Threads: c.threads, Cache: &c.cache}
	var tables []*heterogeneity.Depths
	for _, part := range c.medium.part {
		d, err := beam.DepthsOf(ctx, part)
		if err != nil {
			return nil, err
		}
		tables = append(tables, d)
	}
	return tables, nil
}

// newSpectrum is the photons of groups with what they need of the basis
// materials.
func newSpectrum(p photons, groups []group, b *basis) *terma.Spectrum {
	var energy []float64
	var ends []int
	for _, g := range groups {
		for _, bin := range g.bins {
			energy = append(energy, p.energy[bin]*p.number[bin])
		}
		ends = append(ends, len(energy))
	}
	var total, kerma [][]float64
	for _, a := range b.of {
		var t, k []float64
		for _, g := range groups {
			for _, bin := range g.bins {
				t = append(t, a.Mass(p.energy[bin]))
				k = append(k, a.MassEnergyAbsorption(p.energy[bin]))
			}
		}
		total, kerma = append(total, t), append(kerma, k)
	}
	return terma.New(energy, ends, total, kerma)
}
