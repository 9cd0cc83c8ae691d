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
	Even   float64    // cm, within which density is taken as everywhere the same
	Turn   int        // which rays are followed: those whose number is this modulo Turns
}

// The polar grid in which a point gives off energy: rings between edges (degrees
// from the ray), each with so many rays, of which a point follows one in Turns
// and its neighbours the others. What goes backward is left to straight lines.
var (
	edges  = [...]float64{0, 6, 12, 18, 24, 31, 39, 48, 58, 70, 90}
	counts = [...]int{4, 8, 12, 12, 16, 16, 16, 16, 16, 16}
)

// Turns is how many neighbouring points share the rays of a grid.
const Turns = 2

const (
	straightDeg, bentCos = 60, 0.9 // paths are straight beyond, bent where the cosine is above
	thinnest             = 0.2     // g/cm³ on average, in which electrons are followed to their end
	leftOver             = 1e-3    // of the energy released, which a ring may lose at the end of its rays
)

// Fan is the polar grid for one field and set of kernels.
type Fan struct {
	field   *Field
	kernels []Kernel
	axis    [3]float64
	across  [2][3]float64
	quantum float64
	step    float64 // cm
	longest int     // steps
	rings   [len(counts)]ring
}

// NewFan makes the grid for rays about axis; across are unit vectors at right
// angles to it and to each other. All are along the axes of the field. Sums will
// count in units of quantum.
func NewFan(f *Field, kernels []Kernel, axis [3]float64, across [2][3]float64, quantum float64) *Fan {
	fan := &Fan{field: f, kernels: kernels, axis: axis, across: across, quantum: quantum}
	fan.step = min(f.Spacing[0], f.Spacing[1], f.Spacing[2])
	fan.longest = int(Reach(kernels)/thinnest/fan.step) + 1
	for i := range counts {
		fan.rings[i] = newRing(i, kernels, fan.step, fan.longest)
	}
	return fan
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
func (f *Fan) Longest() float64 { return float64(f.longest) * f.step }

// Sum is the energy of one voxel along straight and along bent paths where they
// differ, in units of a quantum: whole numbers, whose sum does not depend on the
// order in which goroutines add.
type Sum struct{ Straight, Bent int64 }

// Add adds to sums, one for each voxel wanted, what points deposit where bent
// paths are not as straight ones, and returns both totals, outside of what is
// wanted included. Any number of goroutines may add to the same sums.
func (f *Fan) Add(sums []Sum, points []Point) (straight, bent float64) {
	w := f.newWay()
	low, high := f.field.Low, f.field.High
	n := f.field.Size
	for i := range points {
		f.follow(w, &points[i])
		for _, d := range w.deposits {
			straight += d.straight
			bent += d.bent
			at := int(d.voxel)
			x, y, z := at%n[0], at/n[0]%n[1], at/n[0]/n[1]
			if x < low[0] || y < low[1] || z < low[2] || x >= high[0] || y >= high[1] || z >= high[2] {
				continue
			}
			sum := &sums[x-low[0]+(high[0]-low[0])*(y-low[1]+(high[1]-low[1])*(z-low[2]))]
			atomic.AddInt64(&sum.Straight, int64(math.RoundToEven(d.straight/f.quantum)))
			atomic.AddInt64(&sum.Bent, int64(math.RoundToEven(d.bent/f.quantum)))
		}
	}
	return straight, bent
}

// follow finds what a point deposits along straight and along bent paths beyond
// where density is even.
func (f *Fan) follow(w *way, p *Point) {
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
	w.deposits = w.deposits[:0]
	for a := range 3 {
		w.start[a] = p.At[a] + 0.5
	}
	for i := range f.rings {
		r := &f.rings[i]
		for k := p.Turn % Turns; k < len(r.unit); k += Turns {
			unit := r.unit[k]
			for a := range 3 {
				w.along[a] = r.cos * p.Ray[a] / f.field.Spacing[a]
				w.side[a] = r.sin * (unit[0]*across[0][a] + unit[1]*across[1][a]) / f.field.Spacing[a]
			}
			w.send(r, p)
		}
	}
}
