package machine

import (
	"math"
	"runtime"
	"slices"
	"sync"
)

// direct is the pencil kernel of a spectrum in water, p(r, d): the dose at
// depth d (mm) along a pencil and at the perpendicular distance r (mm) from
// it, for one photon. Water fills the half-space d > 0. With T_k the energy
// released along the pencil (see release) and h_k the share of it that point
// kernel k deposits per volume,
//
//	p(r, d) = 1/ρ_w Σ_k ∫_0^∞ T_k(t) h_k(√(r²+(d−t)²), θ) dt,  tanθ = r/(d−t)
//
// It falls as 1/r towards the axis, so r·p is tabulated. A depth below 0 is in
// front of the surface, where backscatter arrives.
type direct struct {
	radius []float64 // mm; ascending by one ratio
	depth  []float64 // mm, ascending
	value  []float64 // r·p, Gy/(photons/cm²)/mm, [depth][radius]
}

// The lattice of p: from where r·p no longer changes to the reach of the point
// kernels, and to more depth than a patient has.
const (
	directRadiusFirst = 0.002
	directRadiusRatio = 1.06
	directRadiusLast  = 590
	deepest           = 600 // mm of water
	shallowest        = -240
)

// depthLattice is fine in the build-up: linear interpolation on it errs by
// less than 1e-3 of the maximum at the surface and 1e-4 beyond.
func depthLattice() []float64 {
	var d []float64
	for _, part := range []struct{ end, step float64 }{{2, 0.125}, {5, 0.25}, {10, 0.5}, {40, 1}, {60, 2.5}, {deepest, 5}} {
		for x := lastOr(d, -part.step) + part.step; x <= part.end; x += part.step {
			d = append(d, x)
		}
	}
	return d
}

func lastOr(x []float64, otherwise float64) float64 {
	if len(x) == 0 {
		return otherwise
	}
	return x[len(x)-1]
}

// newDirect tabulates p.
func newDirect(s Spectrum) (*direct, error) {
	kernels, err := loadKernels()
	if err != nil {
		return nil, err
	}
	points := make([]*smoothKernel, len(kernels))
	for i, k := range kernels {
		if points[i], err = k.smooth(); err != nil {
			return nil, err
		}
	}
	reach := points[0].reach
	released, err := newRelease(s, kernels, deepest+reach)
	if err != nil {
		return nil, err
	}
	p := &direct{}
	for r := directRadiusFirst; r < directRadiusLast; r *= directRadiusRatio {
		p.radius = append(p.radius, r)
	}
	for _, d := range depthLattice()[1:] {
		if d <= -shallowest {
			p.depth = append(p.depth, -d)
		}
	}
	slices.Reverse(p.depth)
	p.depth = append(p.depth, depthLattice()...)
	p.value = make([]float64, len(p.depth)*len(p.radius))

	// One column of the table a radius, each written by one goroutine alone.
	var work sync.WaitGroup
	next := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		work.Go(func() {
			for i := range next {
				p.fill(i, points, released)
			}
		})
	}
	for i := range p.radius {
		next <- i
	}
	close(next)
	work.Wait()
	return p, nil
}

// fill computes the column of one radius. With z = d−t the point kernel needs
// to be known along the line at distance r only once for all depths.
func (p *direct) fill(column int, points []*smoothKernel, released *release) {
	r := p.radius[column]
	edge := lineEdges(r, points[0], p.depth)
	node, weight := gauss(2)
	type sample struct{ z, cellEnd float64 }
	var line []sample
	var share []float64 // of point kernel k, per mm³ times the width of the sample, [sample][k]
	for i := 1; i < len(edge); i++ {
		half := (edge[i] - edge[i-1]) / 2
		for g, n := range node {
			z := edge[i-1] + half*(1+n)
			rho := math.Hypot(r, z)
			u := 1 - z/rho
			cone := points[0].cone(u)
			line = append(line, sample{z, edge[i]})
			for _, k := range points {
				share = append(share, half*weight[g]*k.density(rho, u, cone)/(2*math.Pi*rho*rho))
			}
		}
	}
	n := len(points)
	for row, d := range p.depth {
		var sum float64
		for i, s := range line {
			if s.cellEnd > d+1e-9 { // released in front of the surface; so is all the rest
				break
			}
			before, after, t := released.at(d - s.z)
			var a, b float64
			for k, h := range share[i*n : (i+1)*n] {
				a += h * before[k]
				b += h * after[k]
			}
			sum += a + t*(b-a)
		}
		const mm2PerCm2 = 100 // fluence is per cm², the kernel per mm²
		p.value[row*len(p.radius)+column] = r * sum * grayPerMeVPerMM3 / mm2PerCm2
	}
}

// lineEdges cuts the line at distance r from the point of release, −reach … z
// … reach, into cells on which the integrand is smooth: at every tabulated
// depth, where water begins; at the cone edges; and finely against |z| and r.
func lineEdges(r float64, k *smoothKernel, depth []float64) []float64 {
	end := math.Sqrt(k.reach*k.reach - r*r)
	edge := []float64{-end, 0, end}
	for z := r / 4; z < end; z = max(z+r/4, z*1.25) {
		edge = append(edge, z, -z)
	}
	for _, u := range k.edge[1 : len(k.edge)-1] {
		cos := 1 - u
		if z := r * cos / math.Sqrt((1-cos)*(1+cos)); math.Abs(z) < end {
			edge = append(edge, z)
		}
	}
	for _, d := range depth {
		if math.Abs(d) < end {
			edge = append(edge, d)
		}
	}
	slices.Sort(edge)
	return slices.CompactFunc(edge, func(a, b float64) bool { return math.Abs(b-a) < 1e-9 })
}

// at is r·p(r, d) by cubic interpolation in log r and d; r below the table has
// the value at its end, where r·p no longer changes, and beyond it there is no
// dose.
func (p *direct) at(r, d float64) float64 {
	if r >= p.radius[len(p.radius)-1] {
		return 0
	}
	x := max(math.Log(r/p.radius[0])/math.Log(directRadiusRatio), 0)
	i := min(max(int(x)-1, 0), len(p.radius)-4)
	wr := lagrange([4]float64{0, 1, 2, 3}, x-float64(i))
	j, _ := slices.BinarySearch(p.depth, d)
	j = min(max(j-2, 0), len(p.depth)-4)
	wd := lagrange([4]float64(p.depth[j:j+4]), min(max(d, p.depth[0]), deepest))
	var sum float64
	for b := range wd {
		row := p.value[(j+b)*len(p.radius)+i:]
		sum += wd[b] * (wr[0]*row[0] + wr[1]*row[1] + wr[2]*row[2] + wr[3]*row[3])
	}
	return max(sum, 0)
}

// lagrange returns the weights of four points for the cubic through them at x.
func lagrange(node [4]float64, x float64) (w [4]float64) {
	for i := range w {
		w[i] = 1
		for j := range w {
			if j != i {
				w[i] *= (x - node[j]) / (node[i] - node[j])
			}
		}
	}
	return w
}
