package curved

// way is a straight line from a point, in steps of about a voxel, and at each
// step the bent path to the same place.
type way struct {
	field       *Field
	start       [3]float64 // in voxels, whose corner is whole
	along, side [3]float64 // voxels per cm: along the ray of the photon, and across it
	bend, sin   float64
	step        float64 // cm

	length     float64 // cm, to the middle of the step
	voxel      [3]int
	density    float64 // there, g/cm³
	m0, m1, m2 float64 // ∫ρ l^n dl, l from the end
}

// advance goes on to the middle of the next step; false outside the field.
func (w *way) advance() bool {
	half := w.step / 2
	if w.length == 0 {
		w.length = half
	} else {
		w.grow(half)
		w.length += w.step
	}
	n := w.field.Size
	for a := range 3 {
		x := w.start[a] + w.length*(w.along[a]+w.side[a])
		if x < 0 {
			return false
		}
		if w.voxel[a] = int(x); w.voxel[a] >= n[a] {
			return false
		}
	}
	w.density = float64(w.field.Density[w.voxel[0]+n[0]*(w.voxel[1]+n[1]*w.voxel[2])])
	w.grow(half)
	return true
}

// grow lengthens the line by d of the density at hand.
func (w *way) grow(d float64) {
	rho := w.density
	w.m2 += 2*d*w.m1 + d*d*w.m0 + rho*d*d*d/3
	w.m1 += d*w.m0 + rho*d*d/2
	w.m0 += rho * d
}

// farthest is how far the bent path lies from the straight one, at t = 1 − 1/√3,
// over X.
const farthest = 0.19245

// bent is the mass along the bent path (g/cm², of the length of the straight
// line) and F − 1. It is the straight one plus what the densities beside it
// differ, so layers across the ray give no difference however coarsely it is
// read, and it is not read where both paths are in the same voxels.
func (w *way) bent() (mass, excess float64) {
	l := w.length
	m0, m2 := w.m0, w.m2
	if farthest*w.bend*l*w.sin > w.step/2 {
		n := min(int(l/w.step*2)+2, pathPoints)
		h := 1 / float64(n)
		var d0, d2 float64
		for i := range n {
			t := (float64(i) + 0.5) * h
			v := t + w.bend*((1.5-0.5*t)*t*t-t)
			d := w.at(t*l, v*l) - w.at(t*l, t*l)
			d0 += d
			d2 += d * (1 - t) * (1 - t)
		}
		// Coarse reading must not make mass vanish.
		const least = 0.01
		m0 = max(m0+d0*h*l, least*m0)
		m2 = max(m2+d2*h*l*l*l, least*m2)
	}
	return m0, 3*m2/(m0*l*l) - 1
}

// at is the density so far along and across the ray, which is inside the field
// where the line is: the path runs within the box about it.
func (w *way) at(along, side float64) float64 {
	n := w.field.Size
	i := int(w.start[0] + along*w.along[0] + side*w.side[0])
	j := int(w.start[1] + along*w.along[1] + side*w.side[1])
	k := int(w.start[2] + along*w.along[2] + side*w.side[2])
	return float64(w.field.Density[i+n[0]*(j+n[1]*k)])
}
