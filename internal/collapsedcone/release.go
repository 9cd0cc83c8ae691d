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
)

// Pose is one position of the machine and what passes its collimators.
type Pose struct {
	Frame geometry.Frame
	// Fluence is the map of the isocentre plane, in monitor units, and PerMU
	// the planar fluence there, photons/cm², for one of them.
	Fluence *beam.Fluence
	PerMU   float64
}

// released is what the photons of a few poses set free in the medium: a row for
// each voxel that releases anything.
type released struct {
	box    geometry.Box // of the rows, lattice indices
	source []int32      // row of each voxel of the lattice, −1 without
	rows   int
	ray    []float32 // unit vector of a row, mean over poses, along the axes of the lattice
	// energy is MeV/cm³, for each group to electrons, then for each group the
	// rest, which goes on as photons.
	energy []float32
	tilt   float64 // rad, largest angle of a ray from the axis
}

// Rays of the tables of path lengths, mm.
const raySpacing, rayStep = 2, 1.25

// release fills the rows. With planar fluence Φ in the isocentre plane, photons
// of energy E_b and share n_b, path lengths L_k = ∫ρ c_k dl through each basis
// material, distance a from the source along the axis and obliquity β, a volume
// releases
//
//	Σ_b Φ (SAD/a)²/cosβ · n_b E_b e^(−Σ_k μ_k(E_b) L_k) · μ_b,
//
// of which μen_b to electrons. μ_b, μen_b are those of the mixture in the voxel.
func (c *Calculation) release(ctx context.Context, axis r3.Vec, poses []Pose, s photons, groups []group) (*released, error) {
	m := c.medium
	size := m.Size()
	r := &released{source: make([]int32, m.Len())}
	shadows := make([]shadow, len(poses))
	open := make([][]float32, len(poses)) // mean of the map over each voxel
	for i, p := range poses {
		shadows[i] = shadow{p.Frame.OfGrid(m.Grid), p.Frame.SAD, newSums(p.Fluence)}
		open[i] = make([]float32, m.Len())
	}
	// Which voxels release: numbered slab by slab, so that the order does not
	// depend on who found them.
	count := make([]int, size[2])
	boxes := make([]geometry.Box, size[2])
	err := parallel.For(ctx, size[2], c.threads, func(k int) error {
		for j := range size[1] {
			for i := range size[0] {
				at := m.Offset(i, j, k)
				r.source[at] = -1
				if m.density[at] <= vacuum {
					continue
				}
				for p := range shadows {
					open[p][at] = float32(shadows[p].over(i, j, k))
					if open[p][at] > 0 && r.source[at] < 0 {
						r.source[at] = int32(count[k])
						count[k]++
						boxes[k] = boxes[k].Union(geometry.Box{Low: [3]int{i, j, k}, High: [3]int{i + 1, j + 1, k + 1}})
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	first := make([]int, size[2])
	for k, n := range count {
		first[k] = r.rows
		r.rows += n
		r.box = r.box.Union(boxes[k])
	}
	if r.rows == 0 {
		return r, nil
	}
	g := len(groups)
	r.ray, r.energy = make([]float32, 3*r.rows), make([]float32, 2*g*r.rows)
	k := len(m.part)
	bins := newBins(s, groups, m.materials)
	for p, pose := range poses {
		tables, err := c.pathLengths(ctx, pose)
		if err != nil {
			return nil, err
		}
		affine := shadows[p].affine
		var axes [3]r3.Vec // of the lattice, in the beam frame
		for a := range 3 {
			axes[a] = r3.Unit(affine.Step[a])
		}
		err = parallel.For(ctx, r.box.High[2]-r.box.Low[2], c.threads, func(slab int) error {
			z := slab + r.box.Low[2]
			paths := make([][]float64, k)
			for q := range paths {
				paths[q] = make([]float64, r.box.Size()[0])
			}
			local := make([]float64, k)
			path := make([]float64, k)
			fluence := make([]float64, len(bins.energy))
			for y := r.box.Low[1]; y < r.box.High[1]; y++ {
				from, to := r.extent(m, y, z)
				if from == to {
					continue
				}
				for q := range paths {
					paths[q] = paths[q][:to-from]
					tables[q].Row(paths[q], affine.At(float64(from), float64(y), float64(z)), affine.Step[0])
				}
				for x := from; x < to; x++ {
					at := m.Offset(x, y, z)
					if r.source[at] < 0 {
						continue
					}
					if p == 0 {
						r.source[at] += int32(first[z])
					}
					planar := pose.PerMU * float64(open[p][at])
					if !(planar > 0) {
						continue
					}
					b := affine.At(float64(x), float64(y), float64(z))
					a := pose.Frame.SAD - b.Z
					ray := r3.Unit(r3.Vec{X: b.X, Y: b.Y, Z: -a})
					scale := pose.Frame.SAD / a
					planar *= scale * scale / -ray.Z
					for q := range local {
						local[q] = float64(m.part[q][at])
						path[q] = paths[q][x-from] / 10
					}
					row := int(r.source[at])
					bins.attenuate(fluence, path, planar)
					sum := bins.release(r.energy[2*g*row:][:2*g], fluence, local)
					for d := range 3 {
						r.ray[3*row+d] += float32(sum * r3.Dot(ray, axes[d]))
					}
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	unit := [3]float32{}
	for d := range 3 {
		unit[d] = float32(r3.Dot(axis, m.Axis(d)))
	}
	least := float32(1)
	for row := range r.rows {
		v := r.ray[3*row:][:3]
		n := float32(math.Sqrt(float64(v[0]*v[0] + v[1]*v[1] + v[2]*v[2])))
		if n == 0 {
			copy(v, unit[:])
			continue
		}
		v[0], v[1], v[2] = v[0]/n, v[1]/n, v[2]/n
		least = min(least, v[0]*unit[0]+v[1]*unit[1]+v[2]*unit[2])
	}
	r.tilt = math.Acos(float64(max(least, -1)))
	return r, nil
}

// extent is the range in x of the voxels of a row that release.
func (r *released) extent(m *medium, y, z int) (from, to int) {
	from, to = r.box.Low[0], r.box.High[0]
	row := m.Offset(0, y, z)
	for from < to && r.source[row+from] < 0 {
		from++
	}
	for to > from && r.source[row+to-1] < 0 {
		to--
	}
	return from, to
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
	var tables []*heterogeneity.Depths
	for _, part := range c.medium.part {
		v, err := geometry.VolumeOf(c.medium.Grid, part)
		if err != nil {
			return nil, err
		}
		d, err := heterogeneity.NewDepths(ctx, v, p.Frame, field, raySpacing, rayStep, c.threads)
		if err != nil {
			return nil, err
		}
		tables = append(tables, d)
	}
	return tables, nil
}

// bins are the photons of a beam with what they need of the basis materials.
type bins struct {
	energy []float64   // MeV times photons
	group  []int       // of each bin
	total  [][]float64 // μ, [k][bin], cm²/g
	kerma  [][]float64 // μen
	groups int
}

func newBins(s photons, groups []group, b *basis) *bins {
	out := &bins{groups: len(groups)}
	for g := range groups {
		for _, bin := range groups[g].bins {
			out.energy = append(out.energy, s.energy[bin]*s.number[bin])
			out.group = append(out.group, g)
		}
	}
	for _, a := range b.of {
		var total, kerma []float64
		for g := range groups {
			for _, bin := range groups[g].bins {
				total = append(total, a.Mass(s.energy[bin]))
				kerma = append(kerma, a.MassEnergyAbsorption(s.energy[bin]))
			}
		}
		out.total, out.kerma = append(out.total, total), append(out.kerma, kerma)
	}
	return out
}

// attenuate is the energy fluence (MeV/cm²) of every bin behind the path
// lengths (g/cm²) through the basis materials.
func (b *bins) attenuate(out, path []float64, open float64) {
	clear(out)
	for k, l := range path {
		total := b.total[k][:len(out)]
		for i := range out {
			out[i] -= total[i] * l
		}
	}
	for i, x := range out {
		out[i] = open * b.energy[i] * math.Exp(x)
	}
}

// release adds what the fluence sets free in a volume of the basis densities
// (g/cm³), and returns the sum.
func (b *bins) release(energy []float32, fluence, local []float64) float64 {
	var sum float64
	i := 0
	for g := range b.groups {
		var p, t float64
		for ; i < len(fluence) && b.group[i] == g; i++ {
			var mu, kerma float64
			for k, d := range local {
				mu += d * b.total[k][i]
				kerma += d * b.kerma[k][i]
			}
			p += fluence[i] * kerma
			t += fluence[i] * mu
		}
		energy[g] += float32(p)
		energy[b.groups+g] += float32(t - p)
		sum += t
	}
	return sum
}

// finish turns energy per volume into what cones.Field asks for.
func (r *released) finish(m *medium, axis r3.Vec, b *balance, groups int) {
	unit := [3]float64{r3.Dot(axis, m.Axis(0)), r3.Dot(axis, m.Axis(1)), r3.Dot(axis, m.Axis(2))}
	for at, row := range r.source {
		if row < 0 {
			continue
		}
		v := r.ray[3*row:][:3]
		cos := float64(v[0])*unit[0] + float64(v[1])*unit[1] + float64(v[2])*unit[2]
		i, t := b.at(math.Acos(min(max(cos, -1), 1)))
		e := r.energy[2*groups*int(row):][:2*groups]
		for g := range groups {
			p := b.primary[i][g] + t*(b.primary[i+1][g]-b.primary[i][g])
			s := b.scatter[i][g] + t*(b.scatter[i+1][g]-b.scatter[i][g])
			e[g] /= float32(p) * m.electron[at]
			e[groups+g] /= float32(s) * m.photon[at]
		}
	}
}

// field is the transport problem on a box of the lattice.
func (r *released) field(m *medium, box geometry.Box, groups int) *cones.Field {
	size := box.Size()
	n := box.Len()
	f := &cones.Field{
		Size: size, Electron: make([]float32, 0, n), Photon: make([]float32, 0, n), Source: make([]int32, 0, n),
		Ray: r.ray, Released: r.energy, Groups: groups,
	}
	for a, s := range m.Spacing() {
		f.Spacing[a] = s / 10
	}
	for k := box.Low[2]; k < box.High[2]; k++ {
		for j := box.Low[1]; j < box.High[1]; j++ {
			row := m.Offset(box.Low[0], j, k)
			f.Electron = append(f.Electron, m.electron[row:row+size[0]]...)
			f.Photon = append(f.Photon, m.photon[row:row+size[0]]...)
			f.Source = append(f.Source, r.source[row:row+size[0]]...)
		}
	}
	return f
}
