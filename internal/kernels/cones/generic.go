package cones

// generic takes lines through planes, one after the other: the reference.
func generic(energy []float32, f *Field, numbers, state []float32, planes []plane, line, lines, nu int) {
	step, perStep := numbers[length], numbers[length+1]
	for l := range lines {
		carried := (*[Channels]float32)(state[l*Channels:])
		for _, p := range planes {
			u := line + l + int(p.shift)
			if u < 0 || u >= nu {
				continue
			}
			at := int(p.at) + u
			var set [Channels]float32
			if u >= int(p.from) && u < int(p.from+p.length) {
				f.set(&set, numbers, at)
			}
			energy[at] += perStep * advance(carried, &set, f.Electron[at]*step, f.Photon[at]*step)
		}
	}
}

// set is what a voxel sets free into each channel, over a_j.
func (f *Field) set(out *[Channels]float32, numbers []float32, at int) {
	a := numbers[argument:]
	t := f.Ray[0][at]*a[0] + f.Ray[1][at]*a[1] + f.Ray[2][at]*a[2] + a[3]
	share := numbers[shares:]
	for j := range out {
		for g := range f.Primary {
			released := f.Primary[g][at]
			if j >= Primary {
				released = f.Scatter[g][at]
			}
			out[j] += released * (share[0] + t*(share[1]+t*(share[2]+t*share[3])))
			share = share[Degree+1:]
		}
	}
}

// series is 1 − e^(−x) for small x.
func series(x float32) float32 {
	return x - x*x*(1.0/2-x*(1.0/6-x*(1.0/24-x*(1.0/120-x*(1.0/720)))))
}

// advance takes a line through a voxel of the given lengths (g/cm²) and tells
// what it leaves there, energy per area: what is released less what the line
// takes up, which in thin matter has an absolute error of a rounding of these,
// far below what comes from before.
func advance(carried, set *[Channels]float32, electron, photon float32) float32 {
	var taken, released, sum float32
	q := series(electron * (First * 4)) // rung 2
	q *= 2 - q
	for j := range Primary { // rungs 4 to 8
		q *= 2 - q
		y := q * (set[j] - carried[j])
		carried[j] += y
		taken += y
		released += set[j] * coefficients[j]
	}
	sum = electron * released
	released = 0
	q = series(photon * First) // rung 0
	rung := 0
	for j := Primary; j < Channels; j++ {
		for ; rung < rungs[j]; rung++ {
			q *= 2 - q
		}
		y := q * (set[j] - carried[j])
		carried[j] += y
		taken += y
		released += set[j] * coefficients[j]
	}
	return sum + photon*released - taken
}
