package cones

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// block is a field of voxels with a density each, some of which release, along
// rays from a point 50 cm above the middle.
func block(size [3]int, spacing [3]float64, groups int, at func(i, j, k int) (density float32, releases bool)) *Field {
	f := &Field{Size: size, Spacing: spacing, Groups: groups}
	r := rand.New(rand.NewPCG(1, 2))
	for k := range size[2] {
		for j := range size[1] {
			for i := range size[0] {
				density, releases := at(i, j, k)
				f.Electron = append(f.Electron, density)
				f.Photon = append(f.Photon, 0.9*density)
				if !releases {
					f.Source = append(f.Source, -1)
					continue
				}
				f.Source = append(f.Source, int32(len(f.Ray)/3))
				v := [3]float64{(float64(i-size[0]/2) + 0.3) * spacing[0], float64(j-size[1]/2) * spacing[1], 50 + float64(k)*spacing[2]}
				n := norm(v)
				f.Ray = append(f.Ray, float32(v[0]/n), float32(v[1]/n), float32(v[2]/n))
				for range 2 * groups {
					f.Released = append(f.Released, 0.5+r.Float32())
				}
			}
		}
	}
	return f
}

func norm(v [3]float64) float64 { return math.Sqrt(v[0]*v[0] + v[1]*v[1] + v[2]*v[2]) }

// tilted is a cone whose shares fall with the angle, differently by channel.
func tilted(direction [3]float64, groups int) *Cone {
	n := norm(direction)
	for a := range direction {
		direction[a] /= n
	}
	c := &Cone{Direction: direction, Low: -1, High: 1, Bins: 50}
	for b := range c.Bins {
		for g := range groups {
			for j := range Channels {
				c.Shares = append(c.Shares, float32((1+0.1*float64(b))*(1+0.3*float64(g))/float64(j+1)/Coefficient(j)))
			}
		}
	}
	return c
}

// released is the energy per volume that voxel at gives to channel j, and the
// density by which its length counts.
func (f *Field) released(c *Cone, at, j int) (energy, density float64) {
	density = float64(f.Electron[at])
	if j >= Primary {
		density = float64(f.Photon[at])
	}
	row := f.Source[at]
	if row < 0 {
		return 0, density
	}
	var cos float64
	for a := range 3 {
		cos += float64(f.Ray[3*int(row)+a]) * c.Direction[a]
	}
	bin := min(max(int((cos-c.Low)/(c.High-c.Low)*float64(c.Bins)), 0), c.Bins-1)
	for g := range f.Groups {
		r := f.Released[2*f.Groups*int(row)+g]
		if j >= Primary {
			r = f.Released[2*f.Groups*int(row)+f.Groups+g]
		}
		energy += float64(r) * float64(c.Shares[(bin*f.Groups+g)*Channels+j]) * Coefficient(j) * density
	}
	return energy, density
}

// deposit is what one voxel gets along the lattice line through it, by going
// back along the line voxel by voxel with one exponential at a time in float64:
// the integral over the releasing and the receiving length,
//
//	∫∫ s a e^(−a∫ρ) = s/(a ρ L)·(1−e^(−aρ_s L))·e^(−aD)·(1−e^(−aρ_r L)).
func deposit(f *Field, c *Cone, i, j, k int) float64 {
	s := newSweep(f.Size, f.Spacing, c.Direction)
	w := Dominant(c.Direction, f.Spacing)
	u, v := (w+1)%3, (w+2)%3
	if u > v {
		u, v = v, u
	}
	here := [3]int{i, j, k}
	plane := here[w]
	if s.backward {
		plane = s.nw - 1 - plane
	}
	ou, ov := s.offset(plane)
	var sum float64
	for ch := range Channels {
		a := Coefficient(ch)
		e, d := f.released(c, i+f.Size[0]*(j+f.Size[1]*k), ch)
		x := a * d * s.step
		q := -math.Expm1(-x)
		own := e * (1 - q/x)
		past := 0.0
		for p := plane - 1; p >= 0; p-- {
			pu, pv := s.offset(p)
			at := here
			at[u] += pu - ou
			at[v] += pv - ov
			at[w] = p
			if s.backward {
				at[w] = s.nw - 1 - p
			}
			if at[u] < 0 || at[v] < 0 || at[u] >= f.Size[u] || at[v] >= f.Size[v] {
				break
			}
			r, rho := f.released(c, at[0]+f.Size[0]*(at[1]+f.Size[1]*at[2]), ch)
			y := a * rho * s.step
			sum += r * -math.Expm1(-y) / y * math.Exp(-past) * q
			past += y
		}
		sum += own
	}
	return sum
}

// directions are in every octant and along every axis.
func someDirections() [][3]float64 {
	list := [][3]float64{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {-1, 0, 0}, {0, -1, 0}, {0, 0, -1}}
	for o := range 8 {
		d := [3]float64{0.31, 0.52, 0.8}
		d[0], d[1], d[2] = d[o%3], d[(o+1)%3], d[(o+2)%3]
		for a := range 3 {
			if o>>a&1 == 1 {
				d[a] = -d[a]
			}
		}
		list = append(list, d)
	}
	return list
}

// lump is a block of changing density that releases in most of itself.
func lump(size [3]int, spacing [3]float64) *Field {
	r := rand.New(rand.NewPCG(3, 4))
	return block(size, spacing, 2, func(i, j, k int) (float32, bool) {
		density := float32(1)
		if i > size[0]/3 && k > size[2]/4 {
			density = 0.2 + r.Float32()
		}
		return density, i > 1 && j < size[1]-2 && r.Float32() < 0.8
	})
}

func run(f *Field, c *Cone, rows int) []float32 {
	energy := make([]float32, len(f.Source))
	for r := 0; r < Lines(f, c); r += rows {
		Transport(energy, f, c, r, min(r+rows, Lines(f, c)))
	}
	return energy
}

// Agreement voxel by voxel also says that every voxel is met, and met once.
func TestTransportIsTheSumAlongEveryLine(t *testing.T) {
	size := [3]int{9, 11, 13}
	f := lump(size, [3]float64{0.25, 0.3, 0.4})
	for _, d := range someDirections() {
		c := tilted(d, f.Groups)
		energy := run(f, c, 4)
		var most, worst float64
		for at, e := range energy {
			want := deposit(f, c, at%size[0], at/size[0]%size[1], at/size[0]/size[1])
			most = max(most, want)
			worst = max(worst, math.Abs(float64(e)-want))
		}
		assert.Less(t, worst, 2e-5*most, "direction %v: off by %g of %g", d, worst, most)
	}
}

// leaving is the energy per volume of one voxel that goes out of the block, by
// going on along its line.
func leaving(f *Field, c *Cone, i, j, k int) float64 {
	s := newSweep(f.Size, f.Spacing, c.Direction)
	w := Dominant(c.Direction, f.Spacing)
	u, v := (w+1)%3, (w+2)%3
	if u > v {
		u, v = v, u
	}
	here := [3]int{i, j, k}
	plane := here[w]
	if s.backward {
		plane = s.nw - 1 - plane
	}
	ou, ov := s.offset(plane)
	var sum float64
	for ch := range Channels {
		e, d := f.released(c, i+f.Size[0]*(j+f.Size[1]*k), ch)
		x := Coefficient(ch) * d * s.step
		e *= -math.Expm1(-x) / x
		for p := plane + 1; p < s.nw; p++ {
			pu, pv := s.offset(p)
			at := here
			at[u] += pu - ou
			at[v] += pv - ov
			at[w] = p
			if s.backward {
				at[w] = s.nw - 1 - p
			}
			if at[u] < 0 || at[v] < 0 || at[u] >= f.Size[u] || at[v] >= f.Size[v] {
				break
			}
			_, rho := f.released(c, at[0]+f.Size[0]*(at[1]+f.Size[1]*at[2]), ch)
			e *= math.Exp(-Coefficient(ch) * rho * s.step)
		}
		sum += e
	}
	return sum
}

func TestDepositedAndLeavingMakeUpReleased(t *testing.T) {
	size := [3]int{14, 12, 16}
	f := lump(size, [3]float64{0.25, 0.2, 0.3})
	for _, d := range someDirections() {
		c := tilted(d, f.Groups)
		var deposited, left, released float64
		for at, e := range run(f, c, 5) {
			deposited += float64(e)
			left += leaving(f, c, at%size[0], at/size[0]%size[1], at/size[0]/size[1])
			for j := range Channels {
				r, _ := f.released(c, at, j)
				released += r
			}
		}
		assert.InEpsilon(t, released, deposited+left, 1e-5, "direction %v: %g deposited, %g left", d, deposited, left)
		require.Greater(t, left, 0.01*released)
		require.Greater(t, deposited, 0.1*released)
	}
}

func TestGoldIsCarriedThrough(t *testing.T) {
	// The densest matter there is, along the longest way through a 3 mm voxel.
	size := [3]int{8, 8, 8}
	f := block(size, [3]float64{0.3, 0.3, 0.3}, 1, func(i, j, k int) (float32, bool) { return 22.6, k == 0 })
	c := tilted([3]float64{0.99, 0.995, 1}, 1)
	energy := run(f, c, 3)
	var most, worst float64
	for at, e := range energy {
		want := deposit(f, c, at%8, at/8%8, at/64)
		most = max(most, want)
		worst = max(worst, math.Abs(float64(e)-want))
	}
	assert.Less(t, worst, 0.003*most)
}

func TestStripsDoNotChangeABit(t *testing.T) {
	f := lump([3]int{17, 13, 11}, [3]float64{0.25, 0.25, 0.25})
	for _, d := range someDirections() {
		c := tilted(d, f.Groups)
		want := run(f, c, 1000)
		for _, rows := range []int{1, 2, 5, 8} {
			assert.Equal(t, want, run(f, c, rows), "direction %v, %d rows", d, rows)
		}
	}
}

func TestNothingComesFromNothing(t *testing.T) {
	f := block([3]int{5, 6, 7}, [3]float64{0.25, 0.25, 0.25}, 1, func(i, j, k int) (float32, bool) { return 1, false })
	for _, e := range run(f, tilted([3]float64{1, 2, 3}, 1), 8) {
		require.Zero(t, e)
	}
}

func TestCoefficientsAreTheLadder(t *testing.T) {
	want := []float64{0.5, 1, 2, 4, 8, 0.03125, 0.0625, 0.125, 0.5, 2}
	for j, a := range want {
		assert.Equal(t, a, Coefficient(j))
	}
}
