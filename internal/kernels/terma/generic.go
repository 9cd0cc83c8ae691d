package terma

import "math"

// release is the reference, for one voxel.
func (s *Spectrum) release(r Row, i int) {
	r.All[i] = 0
	bin := 0
	for g, end := range s.Ends {
		var primary, total float32
		for ; bin < end; bin++ {
			var x, mu, kerma float32
			for k := range s.Total {
				x -= s.Total[k][bin] * r.Path[k][i]
				mu += s.Total[k][bin] * r.Local[k][i]
				kerma += s.Kerma[k][bin] * r.Local[k][i]
			}
			f := s.Energy[bin] * exp(x)
			primary += f * kerma
			total += f * mu
		}
		r.Primary[g][i] += primary * r.Fluence[i]
		r.Scatter[g][i] += (total - primary) * r.Fluence[i]
		r.All[i] += total * r.Fluence[i]
	}
}

// exp is e^x within 2e-7 for x ≤ 0: 2^n times a series over half an octave
// either side.
func exp(x float32) float32 {
	const inverseLn2, high, low = 1 / math.Ln2, 0.693359375, -2.12194440e-4
	x = max(x, -87)
	n := float32(math.RoundToEven(float64(x * inverseLn2)))
	x = x - n*high - n*low
	y := 1 + x*(1+x*(1.0/2+x*(1.0/6+x*(1.0/24+x*(1.0/120+x*(1.0/720))))))
	return y * math.Float32frombits(uint32(int32(n)+127)<<23)
}
