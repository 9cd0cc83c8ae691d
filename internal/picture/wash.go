package picture

import (
	"image/color"
	"math"
	"slices"

	"github.com/mazznoer/colorgrad"
)

// Level is one isodose line.
type Level struct {
	Percent float64 // of the reference dose
	Gy      float64
	Color   color.NRGBA
}

// wash colours dose by percent of the reference dose with one perceptually
// ordered ramp, stretched so that the isodose levels are evenly spaced in it:
// 95, 100 and 105 % differ as clearly as 20 and 50 %.
type wash struct {
	percent []float64 // ascending
	ramp    colorgrad.Gradient
	palette color.Palette
}

// ramp runs from blue over cyan and green to yellow with lightness rising
// evenly in Oklab, so that its order survives colour blindness and print. It
// is viridis in spirit, brighter at the lower end, for lines on a dark scan.
func ramp() colorgrad.Gradient {
	const steps = 16
	var colors []colorgrad.Color
	for n := range steps + 1 {
		t := float64(n) / steps
		colors = append(colors, colorgrad.Oklch(0.55+0.40*t, 0.19, (310-215*t)*math.Pi/180, 1).Clamp())
	}
	g, err := colorgrad.NewGradient().Colors(colors...).Mode(colorgrad.BlendOklab).Build()
	if err != nil {
		panic(err) // a constant ramp
	}
	return g
}

const washSteps = 255 // palette entry 0 is the absence of dose

func newWash(percent []float64) wash {
	w := wash{percent: percent, ramp: ramp()}
	w.palette = color.Palette{color.NRGBA{}}
	for n := range washSteps {
		p := (float64(n) + 0.5) / washSteps * w.top()
		c := w.at(p)
		c.A = uint8(math.Round(255 * 0.5 * min(max((p-Hidden)/(50-Hidden), 0), 1)))
		w.palette = append(w.palette, c)
	}
	return w
}

// top is the percentage at which the palette ends.
func (w wash) top() float64 { return 1.1 * max(w.percent[len(w.percent)-1], 100) }

// index is the palette entry of a percentage; NaN has no dose.
func (w wash) index(percent float64) uint8 {
	if !(percent >= Hidden) {
		return 0
	}
	return 1 + uint8(min(percent/w.top()*washSteps, washSteps-1))
}

// at is the opaque colour of a percentage.
func (w wash) at(percent float64) color.NRGBA {
	n, found := slices.BinarySearch(w.percent, percent)
	t := float64(n)
	switch {
	case found:
	case n == len(w.percent):
		t = float64(n - 1)
	case n == 0:
		t = percent/w.percent[0] - 1
	default:
		t -= (w.percent[n] - percent) / (w.percent[n] - w.percent[n-1])
	}
	t = (t + 1) / float64(len(w.percent)) // 0 for no dose, 1 for the highest level
	r, g, b, _ := w.ramp.At(t).RGBA255()
	return color.NRGBA{r, g, b, 255}
}

// Palette is the colour wash: the colours of washSteps equal steps of dose
// from zero to top (Gy), each with its opacity. It is nil without a dose.
func (s *Scene) Palette() (colors []color.NRGBA, top float64) {
	if len(s.Levels) == 0 {
		return nil, 0
	}
	for _, c := range s.wash.palette[1:] {
		colors = append(colors, c.(color.NRGBA))
	}
	return colors, s.wash.top() / 100 * s.Reference
}
