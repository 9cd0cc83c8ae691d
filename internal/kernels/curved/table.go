package curved

import "math"

// table is what a ring of bent paths deposits per g/cm² of its length, for a
// unit released, by F and mass: for spreads·3+1 values of F from 0 to its largest,
// 3, and Radii+1 masses reach·(i/Radii)², by kernel.
type table struct {
	reach   float64 // g/cm²
	kernels int
	value   []float32
}

const spreads = 16

func newTable(kernels []Kernel, low, high, cos float64) table {
	t := table{reach: Reach(kernels), kernels: len(kernels)}
	t.value = make([]float32, (3*spreads+2)*(Radii+2)*len(kernels))
	sin2 := 1 - cos*cos
	for f := range 3*spreads + 1 {
		for g := range kernels {
			k := &kernels[g]
			v := 1 + k.Share*(float64(f)/spreads-1)
			narrow, stretch := 1/math.Sqrt(v), math.Sqrt(cos*cos+sin2/v)
			inner, outer := half(low*narrow), half(high*narrow)
			for i := range Radii {
				x := float64(i) / Radii
				if r := t.reach * x * x * stretch; r < k.Reach {
					t.value[(f*(Radii+2)+i)*t.kernels+g] = float32((k.inside(r, outer) - k.inside(r, inner)) * stretch)
				}
			}
		}
	}
	return t
}

// end is the mass beyond which no kernel deposits more than a share along
// straight paths.
func (t *table) end(share float64) float64 {
	row := t.value[spreads*(Radii+2)*t.kernels:]
	left := make([]float64, t.kernels)
	for i := Radii - 1; i >= 0; i-- {
		x, h := (float64(i)+0.5)/Radii, 1/float64(Radii)
		for g := range left {
			left[g] += float64(row[i*t.kernels+g]+row[(i+1)*t.kernels+g]) / 2 * t.reach * 2 * x * h
			if left[g] > share {
				return t.reach * (x + h/2) * (x + h/2)
			}
		}
	}
	return 0
}

// root is the place of a mass in a row.
func (t *table) root(mass float64) float64 {
	return min(math.Sqrt(mass/t.reach)*Radii, Radii)
}

// straight is what kernels of given energies deposit where F is 1.
func (t *table) straight(x float64, energy []float64) (sum float64) {
	i := int(x)
	fx := x - float64(i)
	row := t.value[(spreads*(Radii+2)+i)*t.kernels:][:2*t.kernels]
	for g, e := range energy {
		a, b := float64(row[g]), float64(row[g+len(energy)])
		sum += e * (a + fx*(b-a))
	}
	return sum
}

// bent is what they deposit for any F.
func (t *table) bent(x, spread float64, energy []float64) (sum float64) {
	i := int(x)
	fx := x - float64(i)
	y := min(spread, 3) * spreads
	j := int(y)
	fy := y - float64(j)
	at := (j*(Radii+2) + i) * t.kernels
	low := t.value[at:][:2*t.kernels]
	high := t.value[at+(Radii+2)*t.kernels:][:2*t.kernels]
	for g, e := range energy {
		h := g + len(energy)
		a := float64(low[g]) + fx*float64(low[h]-low[g])
		b := float64(high[g]) + fx*float64(high[h]-high[g])
		sum += e * (a + fy*(b-a))
	}
	return sum
}
