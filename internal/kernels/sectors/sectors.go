// Package sectors spreads energy in a plane of varying density: what a pixel
// emits goes out in narrow sectors and is absorbed along lines through the
// plane, exponentially in the density passed, as in a collapsed cone but in two
// dimensions.
package sectors

import "math"

// Plane is a plane of square pixels, x fastest, and the kernel that spreads in
// it: energy emitted at one point arrives per area as
//
//	Σ_k e_k ρμ_k exp(−μ_k ∫ρ dr)/(2πr),
//
// e_k what is emitted with exponential k, ρ the density.
type Plane struct {
	NX, NY     int
	Directions int       // sectors, a multiple of 8
	Rate       []float64 // μ_k

	lines  []direction
	ratios []float64 // [length][pixel][k]: e^(−x) and (1−e^(−x))/x, x = μ_k ρ length
	way    []float64
}

// direction is a family of lines: one step of ±1 along the main axis and
// shift[i] pixels across after i steps.
type direction struct {
	alongX, backward bool
	shift            []int
	length           int // index of its step length
}

// NewPlane prepares the lines.
func NewPlane(nx, ny, directions int, rate []float64) *Plane {
	p := &Plane{NX: nx, NY: ny, Directions: directions, Rate: rate}
	lengths := map[int]int{}
	for m := range directions {
		sin, cos := math.Sincos(2 * math.Pi * float64(m) / float64(directions))
		d := direction{alongX: math.Abs(cos) > math.Abs(sin)-1e-9}
		main, cross, n := cos, sin, nx
		if !d.alongX {
			main, cross, n = sin, cos, ny
		}
		d.backward = main < 0
		slope := cross / math.Abs(main)
		d.shift = make([]int, n)
		for i := range d.shift {
			d.shift[i] = int(math.Floor(float64(i)*slope + 0.5))
		}
		// Mirror images share a length.
		quarter := directions / 4
		key := min(m%quarter, quarter-m%quarter)
		index, ok := lengths[key]
		if !ok {
			index = len(p.way)
			lengths[key] = index
			p.way = append(p.way, 1/math.Abs(main))
		}
		d.length = index
		p.lines = append(p.lines, d)
	}
	p.ratios = make([]float64, 2*len(p.way)*nx*ny*len(rate))
	return p
}

// Spread adds to absorbed what is absorbed in each pixel of what all pixels
// emit, [pixel][k]. density is the mean of ρ times the side of a pixel, in
// units of 1/μ; it must be positive. What leaves the plane is lost, and so is
// the last millionth of what a line carries.
func (p *Plane) Spread(absorbed, emitted, density []float64) {
	p.prepare(density)
	n := len(p.Rate)
	lit := make([]bool, p.NX*p.NY)
	var most float64
	for i := range lit {
		var sum float64
		for _, e := range emitted[i*n : (i+1)*n] {
			sum += e
		}
		lit[i] = sum > 0
		most = max(most, sum)
	}
	share := 1 / float64(p.Directions)
	least := 1e-6 * most * share
	for _, d := range p.lines {
		p.spread(absorbed, emitted, lit, &d, share, least)
	}
}

// prepare tabulates what each pixel does to what passes it.
func (p *Plane) prepare(density []float64) {
	n, pixels := len(p.Rate), p.NX*p.NY
	for l, way := range p.way {
		out := p.ratios[2*l*pixels*n:]
		for i, rho := range density[:pixels] {
			x0 := rho * way
			for k, mu := range p.Rate {
				x := mu * x0
				e := math.Exp(-x)
				g := 1 - x/2 + x*x/6
				if x > 1e-4 {
					g = (1 - e) / x
				}
				out[2*(i*n+k)], out[2*(i*n+k)+1] = e, g
			}
		}
	}
}

// spread follows the lines of one direction.
func (p *Plane) spread(absorbed, emitted []float64, lit []bool, d *direction, share, least float64) {
	n := len(p.Rate)
	ratios := p.ratios[2*d.length*p.NX*p.NY*n:]
	main, cross, mainStep, crossStep := p.NX, p.NY, 1, p.NX
	if !d.alongX {
		main, cross, mainStep, crossStep = p.NY, p.NX, p.NX, 1
	}
	carried := make([]float64, n)
	last := d.shift[main-1]
	for line := min(0, -last); line < cross+max(0, -last); line++ {
		clear(carried)
		dark := true
		for i := range main {
			c := line + d.shift[i]
			if c < 0 || c >= cross {
				continue
			}
			a := i
			if d.backward {
				a = main - 1 - i
			}
			pixel := a*mainStep + c*crossStep
			if dark && !lit[pixel] {
				continue
			}
			source := emitted[pixel*n : (pixel+1)*n]
			coefficient := ratios[2*pixel*n : 2*(pixel+1)*n]
			carried := carried[:len(source)]
			var before, after float64
			for k, s := range source {
				s *= share
				r := carried[k]
				left := r*coefficient[2*k] + s*coefficient[2*k+1]
				carried[k] = left
				before += r + s
				after += left
			}
			absorbed[pixel] += before - after
			dark = after < least
		}
	}
}
