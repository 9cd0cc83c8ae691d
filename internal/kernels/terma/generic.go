package terma

import "math"

// generic is the reference, for the voxels from the given one on.
func (p *part) generic(from int) {
	for i := from; i < len(p.fluence); i++ {
		var primary, total float32
		for n := p.numbers; len(n) > 0; n = n[1+2*p.materials:] {
			var x, mu, kerma float32
			for k := range p.materials {
				m, e := n[1+2*k], n[2+2*k]
				x -= m * p.path[k][i]
				mu += m * p.local[k][i]
				kerma += e * p.local[k][i]
			}
			f := n[0] * exp(x)
			primary += f * kerma
			total += f * mu
		}
		primary *= p.fluence[i]
		total *= p.fluence[i]
		p.primary[i] += primary
		p.scatter[i] += total - primary
		p.all[i] += total
	}
}

// For exp: e^x = 2^n·e^r, |r| ≤ ln 2/2, in which n·ln 2 is taken from x in two
// parts, the first of which is exact.
const (
	perLn2        = 1 / math.Ln2
	ln2, ln2Rest  = 0.693359375, -2.12194440e-4
	least         = -87
	exponentShift = 23
	exponentBias  = 127
)

// exp is e^x for x ≤ 0, within 2e-7; below −87 it stays.
func exp(x float32) float32 {
	x = max(x, least)
	n := float32(math.RoundToEven(float64(x * perLn2)))
	x = x - n*ln2 - n*ln2Rest
	y := 1 + x*(1+x*(1.0/2+x*(1.0/6+x*(1.0/24+x*(1.0/120+x*(1.0/720))))))
	return y * math.Float32frombits(uint32(int32(n)+exponentBias)<<exponentShift)
}
