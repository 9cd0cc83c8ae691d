package cones

// line is what one lattice line carries, energy per area.
type line struct {
	carried [Channels]float32
	live    bool // anything at all
}

// Transport adds to energy (per volume, in the unit of Released times density)
// what the field deposits along one cone, for the rows of lines from low to
// high of Lines. Ranges that do not overlap touch different voxels, so they may
// run at once. Every voxel gets exactly one addition per cone, so the sum does
// not depend on how rows are split.
func Transport(energy []float32, f *Field, c *Cone, low, high int) {
	s := newSweep(f.Size, f.Spacing, c.Direction)
	if low >= high {
		return
	}
	lines := make([]line, (high-low)*s.nu)
	t := stepper{field: f, cone: c, energy: energy, step: float32(s.step), perStep: float32(1 / s.step), low: float32(c.Low)}
	if c.High > c.Low {
		t.bins = float32(float64(c.Bins) / (c.High - c.Low))
	}
	for a := range 3 {
		t.direction[a] = float32(c.Direction[a])
	}
	ou, ov := 0, 0
	for plane := range s.nw {
		pu, pv := ou, ov
		ou, ov = s.offset(plane)
		du, dv := ou-pu, ov-pv
		w := plane
		if s.backward {
			w = s.nw - 1 - plane
		}
		for r := low; r < high; r++ {
			v := wrap(r+ov, s.nv)
			row := lines[(r-low)*s.nu:][:s.nu]
			start := wrap(-ou, s.nu) // the line at u = 0
			if from := v - dv; from < 0 || from >= s.nv {
				clear(row) // these lines enter the grid here
			} else {
				for u := 0; u < min(du, s.nu); u++ {
					row[wrap(u-ou, s.nu)] = line{}
				}
				for u := s.nu - 1; u >= max(s.nu+du, 0); u-- {
					row[wrap(u-ou, s.nu)] = line{}
				}
			}
			at := v*s.strideV + w*s.strideW
			t.row(row[start:], at, s.strideU)
			t.row(row[:start], at+(s.nu-start)*s.strideU, s.strideU)
		}
	}
}

// stepper takes lines through the next voxel each.
type stepper struct {
	field         *Field
	cone          *Cone
	energy        []float32
	direction     [3]float32
	step, perStep float32 // length in a voxel, cm, and its inverse
	low, bins     float32 // lowest cosine, and bins per unit of it
}

// row steps lines through the voxels at, at + stride, …
func (t *stepper) row(lines []line, at, stride int) {
	f := t.field
	for i := range lines {
		l := &lines[i]
		if source := f.Source[at]; source >= 0 {
			t.energy[at] += t.release(&l.carried, f.Electron[at]*t.step, f.Photon[at]*t.step, int(source))
			l.live = true
		} else if l.live {
			t.energy[at] += t.pass(&l.carried, f.Electron[at]*t.step, f.Photon[at]*t.step)
		}
		at += stride
	}
}

// series is p = x − 1 + e^(−x) = x²/2 − x³/6 + … for small x.
func series(x float32) float32 {
	return 0.5 * x * x * (1 - x*(1.0/3)*(1-x*0.25*(1-x*0.2*(1-x*(1.0/6)))))
}

// pass takes a line through a voxel that releases nothing; lengths in g/cm². It
// is energy per length, as release.
func (t *stepper) pass(r *[Channels]float32, electron, photon float32) float32 {
	x := electron * (First * 4)
	q := x - series(x) // rung 2
	q *= 2 - q
	var sum float32
	for j := range Primary { // rungs 4 to 8
		q *= 2 - q
		y := r[j] * q
		r[j] -= y
		sum += y
	}
	x = photon * First
	q = x - series(x) // rung 0
	y := r[Primary] * q
	r[Primary] -= y
	sum += y
	q *= 2 - q
	y = r[Primary+1] * q
	r[Primary+1] -= y
	sum += y
	q *= 2 - q
	y = r[Primary+2] * q
	r[Primary+2] -= y
	sum += y
	q *= 2 - q
	q *= 2 - q
	y = r[Primary+3] * q
	r[Primary+3] -= y
	sum += y
	q *= 2 - q
	q *= 2 - q
	y = r[Primary+4] * q
	r[Primary+4] -= y
	sum += y
	return sum * t.perStep
}

// release takes a line through a voxel that releases row source.
func (t *stepper) release(r *[Channels]float32, electron, photon float32, source int) float32 {
	f := t.field
	g := f.Groups
	ray := f.Ray[3*source:][:3]
	cos := ray[0]*t.direction[0] + ray[1]*t.direction[1] + ray[2]*t.direction[2]
	bin := min(max(int((cos-t.low)*t.bins), 0), t.cone.Bins-1)
	released := f.Released[2*g*source:][:2*g]
	shares := t.cone.Shares[bin*g*Channels:][:g*Channels]
	var s [Channels]float32
	for k := range g {
		p, q := released[k], released[g+k]
		a := (*[Channels]float32)(shares[k*Channels:])
		s[0] += p * a[0]
		s[1] += p * a[1]
		s[2] += p * a[2]
		s[3] += p * a[3]
		s[4] += p * a[4]
		s[5] += q * a[5]
		s[6] += q * a[6]
		s[7] += q * a[7]
		s[8] += q * a[8]
		s[9] += q * a[9]
	}
	x := electron * (First * 4)
	p := series(x)
	q := x - p // rung 2
	p, q = 2*p+q*q, q*(2-q)
	var sum float32
	for j := range Primary { // rungs 4 to 8
		p, q = 2*p+q*q, q*(2-q)
		sum += r[j]*q + s[j]*p
		r[j] += q * (s[j] - r[j])
	}
	x = photon * First
	p = series(x)
	q = x - p
	for j := Primary; j < Channels; j++ { // rungs 0, 1, 2, 4, 6
		sum += r[j]*q + s[j]*p
		r[j] += q * (s[j] - r[j])
		p, q = 2*p+q*q, q*(2-q)
		if j > Primary+1 {
			p, q = 2*p+q*q, q*(2-q)
		}
	}
	return sum * t.perStep
}
