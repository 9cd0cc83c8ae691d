package cones

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/kerma-rt/kerma/internal/kernels/simd"
)

// block is a field of voxels with a density each, some of which release, along
// rays from a point 50 cm above the middle.
func block(size [3]int, spacing [3]float64, groups int, at func(i, j, k int) (density float32, releases bool)) *Field {
	f := &Field{Size: size, High: size, Spacing: spacing, Primary: make([][]float32, groups), Scatter: make([][]float32, groups), Runs: make([]Run, size[1]*size[2])}
	r := rand.New(rand.NewPCG(1, 2))
	for k := range size[2] {
		for j := range size[1] {
			for i := range size[0] {
				density, releases := at(i, j, k)
				f.Electron = append(f.Electron, density)
				f.Photon = append(f.Photon, 0.9*density)
				v := [3]float64{(float64(i-size[0]/2) + 0.3) * spacing[0], float64(j-size[1]/2) * spacing[1], 50 + float64(k)*spacing[2]}
				for a := range v {
					f.Ray[a] = append(f.Ray[a], float32(v[a]/norm(v)))
				}
				for g := range groups {
					var p, s float32
					if releases {
						p, s = 0.5+r.Float32(), 0.5+r.Float32()
					}
					f.Primary[g], f.Scatter[g] = append(f.Primary[g], p), append(f.Scatter[g], s)
				}
				run := &f.Runs[j+size[1]*k]
				if releases && run.To == 0 {
					run.From = int32(i)
				}
				if releases {
					run.To = int32(i + 1)
				}
			}
		}
	}
	// What lies outside the runs must not be read.
	for row, run := range f.Runs {
		for i := range size[0] {
			if i < int(run.From) || i >= int(run.To) {
				at := i + size[0]*row
				for a := range 3 {
					f.Ray[a][at] = float32(math.NaN())
				}
				for g := range groups {
					f.Primary[g][at], f.Scatter[g][at] = float32(math.NaN()), float32(math.NaN())
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
	c := &Cone{Direction: direction, Scale: 0.8, Shift: 0.1}
	for j := range Channels {
		for g := range groups {
			for n := range Degree + 1 {
				c.Shares = append(c.Shares, float32((1+0.1*float64(n))*(1+0.3*float64(g))/float64(j+1)/Coefficient(j)))
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
	run := f.Runs[at/f.Size[0]]
	if i := int32(at % f.Size[0]); i < run.From || i >= run.To {
		return 0, density
	}
	t := c.Shift
	for a := range 3 {
		t += c.Scale * float64(f.Ray[a][at]) * c.Direction[a]
	}
	groups := len(f.Primary)
	for g := range groups {
		r := f.Primary[g][at]
		if j >= Primary {
			r = f.Scatter[g][at]
		}
		for n, share := range c.Shares[(j*groups+g)*(Degree+1):][:Degree+1] {
			energy += float64(r) * float64(share) * math.Pow(t, float64(n)) * Coefficient(j) * density
		}
	}
	return energy, density
}

// deposit is what one voxel gets along the lattice line through it, by going
// back along the line voxel by voxel with one exponential at a time in float64:
// the integral over the releasing and the receiving length,
//
//	∫∫ s a e^(−a∫ρ) = s/(a ρ L)·(1−e^(−aρ_s L))·e^(−aD)·(1−e^(−aρ_r L)).
func deposit(f *Field, c *Cone, i, j, k int) float64 {
	s := newSweep(f, c.Direction)
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
	list := [][3]float64{{0, 1, 0}, {0, 0, 1}, {0, -1, 0}, {0, 0, -1}}
	for o := range 8 {
		d := [3]float64{0.31, 0.52, 0.8}
		if o%3 == 1 {
			d = [3]float64{0.52, 0.8, 0.31}
		}
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
	energy := make([]float32, len(f.Electron))
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
		c := tilted(d, len(f.Primary))
		for _, level := range simd.Available() {
			restore := simd.Set(level)
			energy := run(f, c, 4)
			restore()
			var most, worst float64
			for at, e := range energy {
				want := deposit(f, c, at%size[0], at/size[0]%size[1], at/size[0]/size[1])
				most = max(most, want)
				worst = max(worst, math.Abs(float64(e)-want))
			}
			assert.Less(t, worst, 2e-5*most, "%v, direction %v: off by %g of %g", level, d, worst, most)
		}
	}
}

// leaving is the energy per volume of one voxel that goes out of the block, by
// going on along its line.
func leaving(f *Field, c *Cone, i, j, k int) float64 {
	s := newSweep(f, c.Direction)
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
		c := tilted(d, len(f.Primary))
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
		c := tilted(d, len(f.Primary))
		want := run(f, c, 1000)
		for _, rows := range []int{1, 2, 5, 8} {
			assert.Equal(t, want, run(f, c, rows), "direction %v, %d rows", d, rows)
		}
	}
}

func TestEveryLevelIsTheReference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var size [3]int
		var direction [3]float64
		for a := range 3 {
			size[a] = rapid.IntRange(1, 40).Draw(t, "size")
			direction[a] = rapid.Float64Range(-1, 1).Draw(t, "direction")
		}
		direction[0] *= 0.7
		if m := max(math.Abs(direction[1]), math.Abs(direction[2])); m < 0.1 || m < math.Abs(direction[0]) {
			direction[1+rapid.IntRange(0, 1).Draw(t, "axis")] = 1
		}
		seed := rapid.Uint64().Draw(t, "seed")
		r := rand.New(rand.NewPCG(seed, 1))
		part := rapid.Float64Range(0, 1).Draw(t, "part")
		f := block(size, [3]float64{0.3, 0.3, 0.3}, rapid.IntRange(1, 3).Draw(t, "groups"), func(i, j, k int) (float32, bool) {
			return float32(math.Exp(3*r.NormFloat64() - 2)), r.Float64() < part
		})
		for at, d := range f.Electron {
			f.Electron[at], f.Photon[at] = min(d, 22), min(d, 22)
		}
		c := tilted(direction, len(f.Primary))
		restore := simd.Set(simd.Generic)
		want := run(f, c, 1000)
		restore()
		rows := rapid.IntRange(1, 9).Draw(t, "rows")
		// Where all matter is thin, what stays is the small difference of what is
		// released and what goes on, which then sets the scale.
		var most float64
		for at, e := range want {
			var all float64
			for j := range Channels {
				e, _ := f.released(c, at, j)
				all += e
			}
			most = max(most, float64(e), all/20)
		}
		for _, level := range simd.Available() {
			restore := simd.Set(level)
			got := run(f, c, rows)
			restore()
			for at := range got {
				if math.Abs(float64(got[at]-want[at])) > 1e-5*most || (got[at] == 0) != (want[at] == 0) {
					t.Fatalf("%v, voxel %d: %g, reference %g, maximum %g", level, at, got[at], want[at], most)
				}
			}
		}
	})
}

func TestWrongFieldsAreRefused(t *testing.T) {
	f := lump([3]int{5, 6, 7}, [3]float64{0.25, 0.25, 0.25})
	energy := make([]float32, len(f.Electron))
	assert.Panics(t, func() { Transport(energy[1:], f, tilted([3]float64{0, 0, 1}, 2), 0, 1) })
	assert.Panics(t, func() { Transport(energy, f, tilted([3]float64{0, 0, 1}, 1), 0, 1) })
	assert.Panics(t, func() { Transport(energy, f, tilted([3]float64{1, 0, 0}, 2), 0, 1) })
}

func TestTurnedRunsHoldTheSameVoxels(t *testing.T) {
	size := [3]int{7, 9, 5}
	r := rand.New(rand.NewPCG(5, 6))
	runs, turned := make([]Run, size[1]*size[2]), make([]Run, size[2]*size[0])
	for i := range runs {
		from := r.Int32N(7)
		runs[i] = Run{from, from + r.Int32N(8-from)}
	}
	TurnRuns(turned, runs, size, 0, 2)
	TurnRuns(turned, runs, size, 2, 5)
	for k := range size[2] {
		for i := range size[0] {
			var want Run
			for j := range size[1] {
				if run := runs[j+size[1]*k]; i >= int(run.From) && i < int(run.To) {
					if want.To == 0 {
						want.From = int32(j)
					}
					want.To = int32(j + 1)
				}
			}
			assert.Equal(t, want, turned[k+size[2]*i])
		}
	}
}

func TestTurnedTwiceMoreIsTheSame(t *testing.T) {
	size := [3]int{19, 35, 7}
	src := make([]float32, size[0]*size[1]*size[2])
	for i := range src {
		src[i] = float32(i)
	}
	got := src
	for range 3 {
		next := make([]float32, len(src))
		Turn(next, got, size, 0, 3)
		Turn(next, got, size, 3, size[2])
		if size[0] == 19 {
			assert.Equal(t, src[4+19*(30+35*5)], next[30+35*(5+7*4)])
		}
		size, got = [3]int{size[1], size[2], size[0]}, next
	}
	assert.Equal(t, src, got)
}

// What happens in a box is what happens in a field of its own.
func TestLinesStayInTheBox(t *testing.T) {
	size, low, high := [3]int{40, 19, 23}, [3]int{5, 3, 6}, [3]int{37, 17, 20}
	f := lump(size, [3]float64{0.25, 0.25, 0.3})
	part := &Field{Size: [3]int{high[0] - low[0], high[1] - low[1], high[2] - low[2]}, Spacing: f.Spacing, Primary: make([][]float32, 2), Scatter: make([][]float32, 2)}
	part.High = part.Size
	cut := func(dst *[]float32, src []float32) {
		for k := low[2]; k < high[2]; k++ {
			for j := low[1]; j < high[1]; j++ {
				row := size[0] * (j + size[1]*k)
				*dst = append(*dst, src[row+low[0]:row+high[0]]...)
			}
		}
	}
	cut(&part.Electron, f.Electron)
	cut(&part.Photon, f.Photon)
	for a := range 3 {
		cut(&part.Ray[a], f.Ray[a])
	}
	for g := range 2 {
		cut(&part.Primary[g], f.Primary[g])
		cut(&part.Scatter[g], f.Scatter[g])
	}
	for k := low[2]; k < high[2]; k++ {
		for j := low[1]; j < high[1]; j++ {
			from, to := f.Runs[j+size[1]*k].in(low[0], high[0])
			part.Runs = append(part.Runs, Run{int32(from), int32(to)})
		}
	}
	f.Low, f.High = low, high
	for _, d := range someDirections() {
		c := tilted(d, 2)
		whole, want := run(f, c, 4), run(part, c, 4)
		var got []float32
		cut(&got, whole)
		assert.Equal(t, want, got, "direction %v", d)
		var sum, inside float64
		for _, e := range whole {
			sum += float64(e)
		}
		for _, e := range got {
			inside += float64(e)
		}
		assert.InDelta(t, inside, sum, 1e-9*sum)
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
