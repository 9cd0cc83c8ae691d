package machine

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"gonum.org/v1/gonum/integrate/quad"
	"pgregory.net/rapid"
)

// gaussian samples exp(−r²/2σ²)/2πσ², whose integrals are known.
func gaussian(sigma float64) *Radial {
	w := &Radial{}
	for r := 0.0; r < 8*sigma; r += sigma / 50 {
		w.Radius = append(w.Radius, r)
		w.Value = append(w.Value, math.Exp(-r*r/(2*sigma*sigma))/(2*math.Pi*sigma*sigma))
	}
	return w
}

func TestIntegralOfAGaussian(t *testing.T) {
	w := gaussian(3)
	for _, r := range []float64{0, 0.01, 1, 3, 7.77, 20, 1e9} {
		assert.InDelta(t, 1-math.Exp(-r*r/18), w.Integral(r), 1e-4, "radius %g", r)
	}
	w.Core = 0.25
	assert.Equal(t, 0.25, w.Integral(0))
	assert.Equal(t, 0.25, (&Radial{Core: 0.25}).Integral(5))
}

func TestRectangleOfAGaussianIsAProductOfErrorFunctions(t *testing.T) {
	w := gaussian(3)
	rapid.Check(t, func(t *rapid.T) {
		x0 := rapid.Float64Range(-30, 30).Draw(t, "x0")
		y0 := rapid.Float64Range(-30, 30).Draw(t, "y0")
		x1 := x0 + rapid.Float64Range(0, 30).Draw(t, "width")
		y1 := y0 + rapid.Float64Range(0, 30).Draw(t, "height")
		side := func(a, b float64) float64 {
			return (math.Erf(b/(3*math.Sqrt2)) - math.Erf(a/(3*math.Sqrt2))) / 2
		}
		assert.InDelta(t, side(x0, x1)*side(y0, y1), w.Rectangle(x0, x1, y0, y1), 3e-4)
	})
}

func TestCoreIsSharedAmongRectanglesThatMeetOnIt(t *testing.T) {
	w := gaussian(1)
	w.Core = 2
	assert.InDelta(t, 3, w.Rectangle(-20, 20, -20, 20), 1e-3)
	assert.InDelta(t, 1.5, w.Rectangle(0, 20, -20, 20), 1e-3)
	assert.InDelta(t, 0.75, w.Rectangle(0, 20, -20, 0), 1e-3)
	assert.InDelta(t, 0, w.Rectangle(15, 20, -20, 20), 1e-3)
}

// steep goes as 1/r² far out and as 1/r near the axis, like a pencil kernel.
func steep() *Radial {
	w := &Radial{Core: 0.1}
	for _, r := range lateralLattice() {
		x := max(r, lateralFirst/4)
		w.Radius = append(w.Radius, r)
		w.Value = append(w.Value, 1/(x*(1+x)))
	}
	return w
}

func TestPixelsTogetherHoldTheWholeKernel(t *testing.T) {
	for _, w := range []*Radial{gaussian(3), steep()} {
		for _, spacing := range []float64{0.5, 1, 2.5} {
			n := int(w.Radius[len(w.Radius)-1]/spacing) + 2
			pixels := w.Pixels(n, spacing)
			var sum float64
			for j := range n {
				for i := range n {
					times := 4.0
					if i == 0 {
						times /= 2
					}
					if j == 0 {
						times /= 2
					}
					sum += times * pixels[j*n+i]
				}
			}
			assert.InEpsilon(t, w.Integral(math.Inf(1)), sum, 2e-5, "spacing %g", spacing)
		}
	}
}

func TestPixelsAreIntegralsOfTheirSquares(t *testing.T) {
	const n, spacing = 30, 0.7
	w := steep()
	pixels := w.Pixels(n, spacing)
	for j := range n {
		for i := range n {
			x, y := (float64(i)-0.5)*spacing, (float64(j)-0.5)*spacing
			// Away from the axis by brute force; next to it by the polar form,
			// which far out would lose digits.
			want := w.Rectangle(x, x+spacing, y, y+spacing)
			if i > 1 || j > 1 {
				want = quad.Fixed(func(x float64) float64 {
					return quad.Fixed(func(y float64) float64 { return w.walk()(math.Hypot(x, y)) }, y, y+spacing, 30, nil, 0)
				}, x, x+spacing, 30, nil, 0)
			}
			assert.InEpsilon(t, want, pixels[j*n+i], 5e-4, "pixel %d, %d", i, j)
			assert.Equal(t, pixels[j*n+i], pixels[i*n+j])
		}
	}
	assert.Nil(t, w.Pixels(0, 1))
	assert.Nil(t, w.Pixels(3, 0))
	assert.Nil(t, w.Pixels(3, math.NaN()))
}
