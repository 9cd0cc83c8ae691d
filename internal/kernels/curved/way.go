package curved

import "math"

// way is a straight line from a point, in steps of about a voxel, and the bent
// paths to the same places.
type way struct {
	fan         *Fan
	start       [3]float64 // in voxels, whose corner is whole
	along, side [3]float64 // voxels per cm of the line: along the ray of the photon, and across it

	// By step, to its middle: voxel, density there, mass m0 = ∫ρ dl, and ∫ρ l² dl,
	// l from the middle.
	voxel           []int32
	density, m0, m2 []float64
	deposits        []deposit
}

// deposit is the energy of a step along a straight and along a bent path.
type deposit struct {
	voxel          int32
	straight, bent float64
}

func (f *Fan) newWay() *way {
	n := f.longest + 1
	return &way{fan: f, voxel: make([]int32, n), density: make([]float64, n), m0: make([]float64, n), m2: make([]float64, n)}
}

// walk goes along the line until the mass is that of the reach or the field ends,
// and says in how many steps.
func (w *way) walk(reach float64) int {
	h := w.fan.step
	n := w.fan.field.Size
	density := w.fan.field.Density
	var d [3]float64
	for a := range 3 {
		d[a] = (w.along[a] + w.side[a]) * h
	}
	var m0, m1, m2, rho float64
	for k := range w.fan.longest {
		x, y, z := w.start[0]+(float64(k)+0.5)*d[0], w.start[1]+(float64(k)+0.5)*d[1], w.start[2]+(float64(k)+0.5)*d[2]
		if !(x >= 0 && y >= 0 && z >= 0) {
			return k
		}
		i, j, l := int(x), int(y), int(z)
		if i >= n[0] || j >= n[1] || l >= n[2] {
			return k
		}
		at := i + n[0]*(j+n[1]*l)
		// From the middle of the step before: half a step of its density, half one
		// of this one's.
		before := rho
		rho = float64(density[at])
		m2 += h*(2*m1+h*m0) + h*h*h/24*(7*before+rho)
		m1 += h*m0 + h*h/8*(3*before+rho)
		m0 += h / 2 * (before + rho)
		if m0 >= reach {
			return k
		}
		w.voxel[k], w.density[k], w.m0[k], w.m2[k] = int32(at), rho, m0, m2
	}
	return w.fan.longest
}

// differ is how much denser the bent path to step k is than the straight one,
// integrals over t without and with (1−t)². Both are read at the same depths
// along the ray, so layers across it give no difference however coarsely.
func (w *way) differ(r *ring, k int) (d0, d2 float64) {
	n := w.fan.field.Size
	density := w.fan.field.Density
	path := r.paths[k]
	for i := range path {
		p := &path[i]
		// A path may leave the field where the line does not.
		x := min(max(int(w.start[0]+p.along*w.along[0]+p.side*w.side[0]), 0), n[0]-1)
		y := min(max(int(w.start[1]+p.along*w.along[1]+p.side*w.side[1]), 0), n[1]-1)
		z := min(max(int(w.start[2]+p.along*w.along[2]+p.side*w.side[2]), 0), n[2]-1)
		d := float64(density[x+n[0]*(y+n[1]*z)]) - w.density[p.step]
		d0 += d
		d2 += d * p.weight
	}
	return d0 / float64(len(path)), d2 / float64(len(path))
}

// send follows one ray of a ring, from where density is no longer even.
func (w *way) send(r *ring, p *Point) {
	end := w.walk(r.reach)
	k := int(p.Even / w.fan.step)
	for ; k < min(r.first, end); k++ {
		w.deposit(r, p, k, 0, 0)
	}
	if k >= end {
		return
	}
	d0, d2 := w.differ(r, k)
	for k < end {
		next := min(k+max(1, k/between), end-1)
		if next == k {
			w.deposit(r, p, k, d0, d2)
			break
		}
		e0, e2 := w.differ(r, next)
		part := 1 / float64(next-k)
		s0, s2 := (e0-d0)*part, (e2-d2)*part
		for ; k < next; k++ {
			w.deposit(r, p, k, d0, d2)
			d0 += s0
			d2 += s2
		}
		d0, d2 = e0, e2
	}
}

const (
	// least is the part of the mass of the straight line that coarse reading of
	// the bent one must leave.
	least = 0.01
	// same is by how much masses may differ, and F be off 1, to count as the same.
	same = 2e-3
)

// deposit is what a step gets, whose paths differ by so much.
func (w *way) deposit(r *ring, p *Point, k int, d0, d2 float64) {
	m0 := w.m0[k]
	l := (float64(k) + 0.5) * w.fan.step
	mass := max(m0+d0*l, least*m0)
	m2 := max(w.m2[k]+d2*l*l*l, least*w.m2[k])
	here := w.density[k] * r.share
	spread := 3 * m2 / (mass * l * l)
	if math.Abs(d0*l) < same*m0 && math.Abs(spread-1) < same {
		return
	}
	s := here * r.table.straight(r.table.root(m0), p.Energy)
	b := here * r.table.bent(r.table.root(mass), spread, p.Energy)
	w.deposits = append(w.deposits, deposit{w.voxel[k], s, b})
}
