// Package curved carries the energy of primary electrons along bent paths, for
// what this adds to straight lines.
//
// A superposition scales the point kernel of water by the density along the
// straight line from where photons release energy, S, to where it is deposited,
// P. Electrons that end in P have taken another way: they left S about along the
// ray of the photon, and multiple scattering has turned them. For small angles
// (Fermi and Eyges; Eyges 1948, Phys Rev 74:1534), with the first direction
// known and the last one free, the most likely way is
//
//	x(u) = X·(3t² − t³)/2,  t = u/U,
//
// u along the ray, x across it, (U, X) the place of P. Beyond 60° from the ray
// the way is taken as straight, between 26° and 60° as something in between.
// Lengths scale by the density along this way. The order of densities on it
// matters as well, since what turns an electron early moves it farther: with l
// the length from P and L the whole, the lateral variance is that of a uniform
// way of the same mass times
//
//	F = 3·∫ρ l² dl / (L²·∫ρ dl),
//
// 1 wherever density is the same. Only a share f of the spread in angle is
// multiple scattering, the rest is the angle at which electrons are set free, so
// the kernel of water is read at the place whose lateral part is shorter by √v,
// v = 1 + f·(F−1), with the volume that goes with it:
//
//	tan θ′ = tan θ/√v,  r′ = r·√(cos²θ + sin²θ/v),  dr′ dΩ′.
//
// The depth along the ray stays. So in layers, what a point deposits in each of
// them is what it would with straight lines, and dose in a wide field is: as it
// has to be, since there only mass per area matters. F and the way of straight
// lines are exact in any medium; the bent way differs from the straight one only
// by what lies beside it.
package curved

import (
	"math"
	"sync/atomic"
)

// Kernel is the primary part of a point kernel of water.
type Kernel struct {
	Reach float64 // g/cm²; nothing is deposited beyond
	Share float64 // f: part of the spread in angle that is multiple scattering
	// Inside holds the energy deposited per g/cm² of radius inside a half-angle,
	// for a unit released: for Radii+1 radii Reach·(i/Radii)², Angles+1 half-angles
	// θ with tan(θ/2) = w/(1−w), w = j/Angles.
	Inside []float32
}

// The size of the table of a Kernel.
const (
	Radii  = 128
	Angles = 256
)

// between reads the table between two polar angles, whose tangents are given.
func (k *Kernel) between(r, low, high float64) float64 {
	return k.inside(r, half(high)) - k.inside(r, half(low))
}

// half is the tangent of half an angle.
func half(tan float64) float64 { return tan / (1 + math.Sqrt(1+tan*tan)) }

// inside reads the table; tan is that of half the half-angle.
func (k *Kernel) inside(r, tan float64) float64 {
	x := math.Sqrt(r/k.Reach) * Radii
	i := int(x)
	if i >= Radii {
		return 0
	}
	fx := float32(x - float64(i))
	y := tan / (1 + tan) * Angles
	j := min(int(y), Angles-1)
	fy := float32(y - float64(j))
	t := k.Inside[i*(Angles+1)+j:][:Angles+3]
	low := t[0] + fy*(t[1]-t[0])
	high := t[Angles+1] + fy*(t[Angles+2]-t[Angles+1])
	return float64(low + fx*(high-low))
}

// Field is what electrons run through.
type Field struct {
	Size    [3]int
	Spacing [3]float64 // cm
	Density []float32  // g/cm³ of water by which lengths scale, above 0; x fastest
	// Low and High bound the voxels whose energy is wanted.
	Low, High [3]int
}

// Point releases energy.
type Point struct {
	At     [3]float64 // in voxels
	Ray    [3]float64 // unit vector along which photons arrive
	Energy []float64  // released to electrons, by kernel
}

// Sum is the energy of one voxel in units of a quantum: whole numbers, whose sum
// does not depend on the order in which goroutines add.
type Sum struct{ Straight, Curved int64 }

// The polar grid in which a point gives off energy: rings between edges (degrees
// from the ray), each with so many rays. It is its own mirror image across
// either axis and the diagonals. What goes backward is left to straight lines.
var (
	edges  = [...]float64{0, 6, 12, 18, 24, 31, 39, 48, 58, 70, 90}
	counts = [...]int{4, 8, 12, 12, 16, 16, 16, 16, 16, 16}
)

const (
	straightDeg, bentCos = 60, 0.9 // paths are straight beyond, bent where the cosine is above
	pathPoints           = 8       // at which a bent path is read, at most
	thinnest             = 0.2     // g/cm³ on average, in which electrons are followed to their end
	same                 = 1e-3    // of F, by which it may be off 1 and count as 1
	leftOver             = 1e-4    // of the energy released, which a ring may lose at the end of its rays
)

// Fan is the polar grid for one field and set of kernels.
type Fan struct {
	field   *Field
	kernels []Kernel
	axis    [3]float64
	across  [2][3]float64
	quantum float64
	step    float64 // cm
	longest float64 // cm
	rings   [len(counts)]ring
}

// ring is the rays of one polar angle θ.
type ring struct {
	low, high float64 // tan of the edges
	cos, sin  float64
	bend      float64   // from 0, straight, to 1, bent
	profiles  []profile // by kernel
	unit      [][2]float64
}

// profile is what a ring holds of a kernel by radius.
type profile struct {
	reach  float64 // g/cm², beyond which there is next to nothing
	energy [Radii + 1]float64
}

// NewFan makes the grid for rays about axis; across are unit vectors at right
// angles to it and to each other. All are along the axes of the field. Sums will
// count in units of quantum.
func NewFan(f *Field, kernels []Kernel, axis [3]float64, across [2][3]float64, quantum float64) *Fan {
	fan := &Fan{field: f, kernels: kernels, axis: axis, across: across, quantum: quantum}
	fan.step = min(f.Spacing[0], f.Spacing[1], f.Spacing[2])
	fan.longest = Reach(kernels) / thinnest
	const degree = math.Pi / 180
	straight := math.Cos(straightDeg * degree)
	for i, n := range counts {
		r := &fan.rings[i]
		r.low, r.high = math.Tan(edges[i]*degree), math.Tan(edges[i+1]*degree)
		r.cos = (math.Cos(edges[i]*degree) + math.Cos(edges[i+1]*degree)) / 2
		r.sin = math.Sqrt(1 - r.cos*r.cos)
		r.bend = min(max((r.cos-straight)/(bentCos-straight), 0), 1)
		for k := range n {
			sin, cos := math.Sincos(2 * math.Pi * (float64(k) + 0.5) / float64(n))
			r.unit = append(r.unit, [2]float64{cos, sin})
		}
		for k := range kernels {
			r.profiles = append(r.profiles, newProfile(&kernels[k], r.low, r.high))
		}
	}
	return fan
}

func newProfile(k *Kernel, low, high float64) profile {
	p := profile{}
	for i := range Radii {
		x := float64(i) / Radii
		p.energy[i] = k.between(k.Reach*x*x, low, high)
	}
	left := 0.0
	for i := Radii - 1; i >= 0; i-- {
		x, h := (float64(i)+0.5)/Radii, 1/float64(Radii)
		p.reach = k.Reach * (x + h/2) * (x + h/2)
		if left += (p.energy[i] + p.energy[i+1]) / 2 * k.Reach * 2 * x * h; left > leftOver {
			break
		}
	}
	return p
}

// at reads the profile of a kernel.
func (p *profile) at(r float64, k *Kernel) float64 {
	x := math.Sqrt(r/k.Reach) * Radii
	i := int(x)
	if i >= Radii {
		return 0
	}
	return p.energy[i] + (x-float64(i))*(p.energy[i+1]-p.energy[i])
}

// Reach is how far electrons of any of the kernels come, g/cm².
func Reach(kernels []Kernel) float64 {
	var reach float64
	for _, k := range kernels {
		reach = max(reach, k.Reach)
	}
	return reach
}

// Longest is how far rays go at most, cm.
func (f *Fan) Longest() float64 { return f.longest }

// Add adds to sums, one for each voxel wanted, what a point deposits along
// straight and along bent paths, and returns both totals, outside of what is
// wanted included. Any number of goroutines may add to the same sums.
func (f *Fan) Add(sums []Sum, p *Point) (straight, curved float64) {
	// The axes across the beam, turned with the ray.
	var cos float64
	var dot [2]float64
	for a := range 3 {
		cos += f.axis[a] * p.Ray[a]
		dot[0] += f.across[0][a] * p.Ray[a]
		dot[1] += f.across[1][a] * p.Ray[a]
	}
	var across [2][3]float64
	for e := range across {
		for a := range 3 {
			across[e][a] = f.across[e][a] - dot[e]/(1+cos)*(f.axis[a]+p.Ray[a])
		}
	}
	for i := range f.rings {
		r := &f.rings[i]
		for _, unit := range r.unit {
			w := way{field: f.field, bend: r.bend, sin: r.sin, step: f.step}
			for a := range 3 {
				w.start[a] = p.At[a] + 0.5
				w.along[a] = r.cos * p.Ray[a] / f.field.Spacing[a]
				w.side[a] = r.sin * (unit[0]*across[0][a] + unit[1]*across[1][a]) / f.field.Spacing[a]
			}
			s, c := f.send(sums, p, r, &w)
			straight += s
			curved += c
		}
	}
	return straight, curved
}

// send follows one ray of a ring.
func (f *Fan) send(sums []Sum, p *Point, r *ring, w *way) (straight, curved float64) {
	low, high := f.field.Low, f.field.High
	for w.length < f.longest && w.advance() {
		mass, excess := w.bent()
		here := w.density * f.step / float64(len(r.unit))
		var s, c float64
		live := false
		for g := range f.kernels {
			k, profile := &f.kernels[g], &r.profiles[g]
			if w.m0 >= profile.reach && mass >= profile.reach {
				continue
			}
			live = true
			here := profile.at(w.m0, k) * p.Energy[g]
			s += here
			if mass == w.m0 && math.Abs(excess) < same {
				c += here
				continue
			}
			v := 1 + k.Share*excess
			stretch := math.Sqrt(r.cos*r.cos + r.sin*r.sin/v)
			if mass*stretch < k.Reach {
				narrow := 1 / math.Sqrt(v)
				c += k.between(mass*stretch, r.low*narrow, r.high*narrow) * stretch * p.Energy[g]
			}
		}
		if !live {
			break
		}
		s *= here
		c *= here
		straight += s
		curved += c
		i, j, k := w.voxel[0]-low[0], w.voxel[1]-low[1], w.voxel[2]-low[2]
		if i >= 0 && j >= 0 && k >= 0 && w.voxel[0] < high[0] && w.voxel[1] < high[1] && w.voxel[2] < high[2] {
			sum := &sums[i+(high[0]-low[0])*(j+(high[1]-low[1])*k)]
			atomic.AddInt64(&sum.Straight, int64(math.RoundToEven(s/f.quantum)))
			atomic.AddInt64(&sum.Curved, int64(math.RoundToEven(c/f.quantum)))
		}
	}
	return straight, curved
}
