package cones

import "sync"

// chunk is how many planes lines are taken through at once: what they carry
// stays in registers meanwhile.
const chunk = 16

// plane is where a row of lines crosses one plane: line i meets the voxel
// u = i + shift of the row of voxels that starts at offset at. The layout is
// known to the vector kernels.
type plane struct {
	at           int64
	shift        int32
	from, length int32 // of the voxels u that release
	_            int32
}

// walk is a row of lines on its way through a few planes. The layout is known
// to the vector kernels, which get the address of start: eight bytes each.
type walk struct {
	start                    byte
	electron, photon, energy *float32
	ray                      [3]*float32
	primary, scatter         [2]*float32
	state                    *float32 // [vector][Channels][lanes], of the first vector
	planes                   *plane
	crossed                  int // planes
	vectors                  int
	line                     int // the first one of the first vector
	nu                       int
	numbers                  *float32 // numbers of the cone, as cone.numbers lays them out
}

// interval is the lines low ≤ i < high.
type interval struct{ low, high int }

func (a interval) union(b interval) interval {
	switch {
	case a.low >= a.high:
		return b
	case b.low >= b.high:
		return a
	}
	return interval{min(a.low, b.low), max(a.high, b.high)}
}

// strip is what a range of rows of lines needs on its way.
type strip struct {
	state []float32
	live  []interval // of lines that may carry anything, by row
}

var strips = sync.Pool{New: func() any { return new(strip) }}

// prepare clears room for rows of lines.
func (s *strip) prepare(rows, values int) {
	if cap(s.state) < values {
		s.state = make([]float32, values)
	}
	s.state = s.state[:values]
	clear(s.state)
	if cap(s.live) < rows {
		s.live = make([]interval, rows)
	}
	s.live = s.live[:rows]
	clear(s.live)
}

// Transport adds to energy (per volume, in the unit of Primary times density)
// what the field deposits along one cone, for the rows of lines from low to
// high of Lines. Ranges that do not overlap touch different voxels, so they may
// run at once. Every voxel gets at most one addition per cone, so the sum does
// not depend on how rows are split. Axis 0 must not be the dominant one: a
// direction along it goes through the field turned.
func Transport(energy []float32, f *Field, c *Cone, low, high int) {
	f.check(energy, c)
	s := newSweep(f, c.Direction)
	step, lanes := kernel(f)
	lowU, highU, lowV, _ := s.lines()
	vectors := (highU - lowU + lanes - 1) / lanes
	perRow := vectors * lanes * Channels
	t := strips.Get().(*strip)
	defer strips.Put(t)
	t.prepare(high-low, (high-low)*perRow)
	numbers := c.numbers(s.step, len(f.Primary))
	shifts := make([][2]int, s.nw)
	for p := range shifts {
		shifts[p][0], shifts[p][1] = s.offset(p)
	}
	var planes [chunk]plane
	for first := 0; first < s.nw; first += chunk {
		for row := low; row < high; row++ {
			live := &t.live[row-low]
			var within interval // lines inside the grid in any of the planes
			n := 0
			for p := first; p < min(first+chunk, s.nw); p++ {
				v := row + lowV + shifts[p][1]
				if v < 0 || v >= s.nv {
					continue
				}
				w := p
				if s.backward {
					w = s.nw - 1 - p
				}
				at, shift := s.first+v*s.strideV+w*s.strideW, lowU+shifts[p][0]
				from, to := f.Runs[at/f.Size[0]].in(f.Low[0], f.High[0])
				planes[n] = plane{at: int64(at), shift: int32(shift), from: int32(from), length: int32(to - from)}
				n++
				within = within.union(interval{-shift, s.nu - shift})
				*live = live.union(interval{from - shift, to - shift})
			}
			a := max(live.low, within.low) / lanes
			b := (min(live.high, within.high) + lanes - 1) / lanes
			if n == 0 || a >= b {
				continue
			}
			step(energy, f, numbers, t.state[(row-low)*perRow+a*lanes*Channels:(row-low+1)*perRow], planes[:n], a*lanes, b-a, s.nu)
		}
	}
}

// check panics where a slice is short or the direction lies along axis 0: the
// kernels do not look.
func (f *Field) check(energy []float32, c *Cone) {
	n := f.Size[0] * f.Size[1] * f.Size[2]
	for a := range 3 {
		if f.Low[a] < 0 || f.Low[a] >= f.High[a] || f.High[a] > f.Size[a] {
			panic("cones: lines run through a box outside the field")
		}
	}
	groups := len(f.Primary)
	short := min(len(energy), len(f.Electron), len(f.Photon), len(f.Ray[0]), len(f.Ray[1]), len(f.Ray[2])) < n
	for g := range groups {
		short = short || min(len(f.Primary[g]), len(f.Scatter[g])) < n
	}
	if short || len(f.Scatter) != groups || len(f.Runs) < f.Size[1]*f.Size[2] || len(c.Shares) != Channels*groups*(Degree+1) {
		panic("cones: field or cone of the wrong size")
	}
	if Dominant(c.Direction, f.Spacing) == 0 {
		panic("cones: a direction along the first axis")
	}
}

// The numbers of a cone: the scaled direction and the shift of the argument of
// its shares, the length of a step and its inverse, then the shares.
const (
	argument = 0
	length   = 4
	shares   = 6
)

func (c *Cone) numbers(step float64, groups int) []float32 {
	n := make([]float32, 0, shares+len(c.Shares))
	for _, d := range c.Direction {
		n = append(n, float32(c.Scale*d))
	}
	n = append(n, float32(c.Shift), float32(step), float32(1/step))
	return append(n, c.Shares...)
}
