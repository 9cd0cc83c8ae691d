package dose

import (
	"math"

	"github.com/kerma-rt/kerma/dose/beam"
	"github.com/kerma-rt/kerma/heterogeneity"
)

// leakLevel is the share of the largest fluence below which a pixel counts as
// closed.
const leakLevel = 0.1

// opening is what is open in a map: the rectangle around it and the radius in
// mm of the circle equivalent to it,
//
//	R = s/√π,  s = 4A/P,
//
// the circle of the same area as the equivalent square of area A and perimeter
// P (Sterling, Perry and Katz 1964, Br J Radiol 37:544). In a modulated field
// both are means over the levels of fluence: A = ∫ φ dx dy and P = ∫ |∂φ/∂x| +
// |∂φ/∂y| dx dy of the fluence above the leakage, of which the latter is exact
// for edges along x and y and up to √2 too long for slanted ones: a field with
// leaves in steps counts as smaller than it is. R is 0 where nothing is open.
func opening(f *beam.Fluence) (radius float64, around heterogeneity.Field) {
	var most float64
	for _, v := range f.Value {
		most = max(most, v)
	}
	closed := leakLevel * most
	value := func(i, j int) float64 {
		if i < 0 || j < 0 || i >= f.NX || j >= f.NY {
			return 0
		}
		return max(f.Value[j*f.NX+i]-closed, 0)
	}
	var area, perimeter float64
	inf := math.Inf(1)
	around = heterogeneity.Field{X0: inf, X1: -inf, Y0: inf, Y1: -inf}
	for j := 0; j <= f.NY; j++ {
		for i := 0; i <= f.NX; i++ {
			v := value(i, j)
			perimeter += math.Abs(v-value(i-1, j)) + math.Abs(v-value(i, j-1))
			if v == 0 {
				continue
			}
			area += v
			x, y := f.X+float64(i)*f.Spacing, f.Y+float64(j)*f.Spacing
			around.X0, around.X1 = min(around.X0, x), max(around.X1, x+f.Spacing)
			around.Y0, around.Y1 = min(around.Y0, y), max(around.Y1, y+f.Spacing)
		}
	}
	if !(area > 0) {
		return 0, heterogeneity.Field{}
	}
	return 4 * area / perimeter * f.Spacing / math.Sqrt(math.Pi), around
}
