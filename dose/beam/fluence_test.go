package beam

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/kerma-rt/kerma/dose/machine"
)

func jaws(x0, x1, y0, y1 float64) ([]Device, [][]float64) {
	return []Device{{Kind: JawX, Name: "ASYMX"}, {Kind: JawY, Name: "ASYMY"}}, [][]float64{{x0, x1}, {y0, y1}}
}

func sum(f *Fluence) float64 {
	var s float64
	for _, v := range f.Value {
		s += v
	}
	return s * f.Spacing * f.Spacing
}

// made is the map of one aperture, not blurred.
func made(t require.TestingT, devices []Device, a Aperture, leak Leakage, margin, spacing float64) *Fluence {
	f, err := NewFluence(devices, []Aperture{a}, leak, margin, spacing, 8)
	require.NoError(t, err)
	f.Add(devices, a, leak)
	return f
}

func TestRectangleHasItsAreaAndItsEdges(t *testing.T) {
	devices, positions := jaws(-30.3, 20.1, -10.05, 44.44)
	f := made(t, devices, Aperture{MU: 3, Positions: positions}, Leakage{}, 2, 0.5)
	assert.InEpsilon(t, 3*50.4*54.49, sum(f), 1e-12)
	at := func(x, y float64) float64 {
		return f.Value[int((y-f.Y)/f.Spacing)*f.NX+int((x-f.X)/f.Spacing)]
	}
	assert.Equal(t, 3.0, at(0.1, 0.1))
	assert.InDelta(t, 3*0.6, at(-30.4, 0), 1e-12)        // −30.5…−30 open from −30.3
	assert.InDelta(t, 3*0.2*0.1, at(20.1, -10.2), 1e-12) // a corner
	assert.Equal(t, 0.0, at(-30.6, 0))
	assert.Equal(t, 0, f.NX%8)
	assert.Zero(t, math.Mod(f.X, 4))
}

// pointwise is the transmission said in the plainest way: a point is open if
// every device is.
func pointwise(devices []Device, positions [][]float64, leak Leakage, x, y float64) float64 {
	share := 1.0
	for d, device := range devices {
		p := positions[d]
		inside, outsideBank := false, true
		u, v := x, y
		if device.Kind == JawY || device.Kind == MLCY {
			u, v = y, x
		}
		if device.Kind == JawX || device.Kind == JawY {
			if !(p[0] < u && u < p[1]) {
				share *= leak.Jaws
			}
			continue
		}
		n := len(device.Boundaries) - 1
		for i := range n {
			if device.Boundaries[i] < v && v < device.Boundaries[i+1] {
				outsideBank = false
				inside = p[i] < u && u < p[i+n]
			}
		}
		switch {
		case outsideBank:
			share = 0
		case !inside:
			share *= leak.Leaves
		}
	}
	return share
}

func TestAnyApertureIsThePointwiseProductOfItsDevices(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// All edges are multiples of 1/8 mm, so the mean of 8×8 points a pixel is exact.
		eighths := func(low, high int, name string) float64 {
			return float64(rapid.IntRange(8*low, 8*high).Draw(t, name)) / 8
		}
		pair := func() (float64, float64) {
			a, b := eighths(-40, 40, "a"), eighths(-40, 40, "b")
			return min(a, b), max(a, b)
		}
		var devices []Device
		var positions [][]float64
		for range rapid.IntRange(1, 4).Draw(t, "devices") {
			kind := DeviceKind(rapid.IntRange(0, 3).Draw(t, "kind"))
			device := Device{Kind: kind, Name: kind.String()}
			n := 1
			if kind == MLCX || kind == MLCY {
				n = rapid.IntRange(1, 5).Draw(t, "leaves")
				edge := eighths(-45, -20, "first")
				for range n + 1 {
					device.Boundaries = append(device.Boundaries, edge)
					edge += eighths(2, 15, "width")
				}
			}
			p := make([]float64, 2*n)
			for i := range n {
				p[i], p[i+n] = pair()
			}
			devices, positions = append(devices, device), append(positions, p)
		}
		limits, limitsAt := jaws(-50, 50, -50, 50) // so that every aperture ends somewhere
		devices, positions = append(devices, limits...), append(positions, limitsAt...)
		leak := Leakage{Leaves: rapid.SampledFrom([]float64{0, 0.02}).Draw(t, "leaves"), Jaws: rapid.SampledFrom([]float64{0, 0.004}).Draw(t, "jaws")}

		f := made(t, devices, Aperture{MU: 1, Positions: positions}, leak, 0, 1)
		random := rand.New(rand.NewPCG(3, 4))
		for range 200 {
			i, j := random.IntN(120), random.IntN(120)
			x0, y0 := -60+float64(i), -60+float64(j)
			var mean float64
			const n = 8
			for b := range n {
				for a := range n {
					mean += pointwise(devices, positions, leak, x0+(float64(a)+0.5)/n, y0+(float64(b)+0.5)/n) / (n * n)
				}
			}
			fi, fj := int(x0-f.X), int(y0-f.Y)
			got := 0.0
			if fi >= 0 && fj >= 0 && fi < f.NX && fj < f.NY {
				got = f.Value[fj*f.NX+fi]
			}
			if math.Abs(got-mean) > 1e-12 {
				t.Fatalf("pixel at (%g, %g): %g, mean of points %g", x0, y0, got, mean)
			}
		}
	})
}

func TestSegmentsAddUp(t *testing.T) {
	devices := []Device{{Kind: MLCX, Name: "MLCX", Boundaries: []float64{-10, 0, 10}}}
	// A window of 7.3 mm that sweeps in steps of 0.25 mm gives the trapezium of
	// its true ramp.
	var apertures []Aperture
	const n = 160
	for i := range n {
		x := -20 + (float64(i)+0.5)*0.25
		apertures = append(apertures, Aperture{MU: 1.0 / n, Positions: [][]float64{{x, x, x + 7.3, x + 7.3}}})
	}
	f, err := NewFluence(devices, apertures, Leakage{}, 0, 1, 1)
	require.NoError(t, err)
	for _, a := range apertures {
		f.Add(devices, a, Leakage{})
	}
	assert.InEpsilon(t, 7.3*20, sum(f), 1e-12)
	for i, v := range f.Value[:f.NX] {
		x := f.X + float64(i) + 0.5
		ramp := min(max((x+20)/40, 0), 1) - min(max((x-7.3+20)/40, 0), 1)
		assert.InDelta(t, ramp, v, 0.125/40+1e-12, "x %g", x)
	}
}

func TestBlurIsTheErrorFunctionAtAnEdge(t *testing.T) {
	const sigma = 2.123
	devices, positions := jaws(-40, 40, -40, 40)
	f := made(t, devices, Aperture{MU: 1, Positions: positions}, Leakage{}, 12, 0.5)
	before := sum(f)
	f.Blur(sigma)
	assert.InEpsilon(t, before, sum(f), 1e-6)
	// Pixels are means: the integral of Φ over the pixel.
	primitive := func(t float64) float64 {
		z := t / sigma
		return t*0.5*math.Erfc(-z/math.Sqrt2) + sigma*math.Exp(-z*z/2)/math.Sqrt(2*math.Pi)
	}
	j := int((0 - f.Y) / f.Spacing)
	for i := range f.NX {
		x := f.X + float64(i)*f.Spacing
		if x > 0 {
			break
		}
		want := (primitive(x+0.5+40) - primitive(x+40)) / 0.5
		assert.InDelta(t, want, f.Value[j*f.NX+i], 2e-6, "x %g", x)
	}
}

func TestProfileMultipliesByRadius(t *testing.T) {
	devices, positions := jaws(-20, 20, -20, 20)
	f := made(t, devices, Aperture{MU: 1, Positions: positions}, Leakage{}, 0, 1)
	f.Shape(machine.Profile{Radius: []float64{0, 10, 20}, Relative: []float64{1, 1, 2}})
	for j := range f.NY {
		for i := range f.NX {
			r := math.Hypot(f.X+float64(i)+0.5, f.Y+float64(j)+0.5)
			want := 1 + min(max((r-10)/10, 0), 1)
			if math.Abs(f.X+float64(i)+0.5) > 20 || math.Abs(f.Y+float64(j)+0.5) > 20 {
				want = 0
			}
			require.InDelta(t, want, f.Value[j*f.NX+i], 1e-12)
		}
	}
}

func TestJawLeakageReachesThePrimaryCollimatorAndNoFurther(t *testing.T) {
	devices, positions := jaws(-50, 50, -50, 50)
	f := made(t, devices, Aperture{MU: 1, Positions: positions}, Leakage{Jaws: 0.01}, 20, 1)
	// open + two jaws' strips + corners behind both
	want := 100.0*100 + 0.01*2*2*150*100 + 0.0001*4*150*150
	assert.InEpsilon(t, want, sum(f), 1e-10)
}

func TestClosedBeamHasNoPixels(t *testing.T) {
	devices, positions := jaws(0, 0, -5, 5)
	f := made(t, devices, Aperture{MU: 1, Positions: positions}, Leakage{}, 5, 1)
	assert.Zero(t, f.NX)
	f.Blur(2)
	f.Shape(machine.Profile{})
	assert.Empty(t, f.Value)
}

func TestImpossibleAperturesAreRefused(t *testing.T) {
	devices, good := jaws(-5, 5, -5, 5)
	leaves := []Device{{Kind: MLCX, Name: "MLCX", Boundaries: []float64{-5, 0, 5}}}
	nan := math.NaN()
	for name, c := range map[string]struct {
		devices  []Device
		aperture Aperture
		leak     Leakage
		spacing  float64
	}{
		"no device":               {nil, Aperture{MU: 1}, Leakage{}, 1},
		"opening without end":     {devices[:1], Aperture{MU: 1, Positions: good[:1]}, Leakage{}, 1},
		"position not a number":   {devices, Aperture{MU: 1, Positions: [][]float64{{nan, 5}, {-5, 5}}}, Leakage{}, 1},
		"infinite position":       {devices, Aperture{MU: 1, Positions: [][]float64{{-5, math.Inf(1)}, {-5, 5}}}, Leakage{}, 1},
		"jaws crossed":            {devices, Aperture{MU: 1, Positions: [][]float64{{5, -5}, {-5, 5}}}, Leakage{}, 1},
		"too far":                 {devices, Aperture{MU: 1, Positions: [][]float64{{-5, 500}, {-5, 5}}}, Leakage{}, 1},
		"device without position": {devices, Aperture{MU: 1, Positions: good[:1]}, Leakage{}, 1},
		"leaf without position":   {leaves, Aperture{MU: 1, Positions: [][]float64{{-5, 5}}}, Leakage{}, 1},
		"MU not a number":         {devices, Aperture{MU: nan, Positions: good}, Leakage{}, 1},
		"leak above one":          {devices, Aperture{MU: 1, Positions: good}, Leakage{Jaws: 2}, 1},
		"spacing zero":            {devices, Aperture{MU: 1, Positions: good}, Leakage{}, 0},
		"spacing tiny":            {devices, Aperture{MU: 1, Positions: good}, Leakage{}, 1e-4},
		"unknown kind":            {[]Device{{Kind: 9}}, Aperture{MU: 1, Positions: good[:1]}, Leakage{}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := NewFluence(c.devices, []Aperture{c.aperture}, c.leak, 10, c.spacing, 1)
			require.ErrorIs(t, err, ErrFluence)
		})
	}
}

func BenchmarkFluenceOfASegment(b *testing.B) {
	var boundaries, low, high []float64
	for y := -200.0; y <= 200; y += 5 {
		boundaries = append(boundaries, y)
	}
	for i := range len(boundaries) - 1 {
		low, high = append(low, -40-float64(i%7)), append(high, 40+float64(i%5))
	}
	devices, positions := jaws(-50, 50, -50, 50)
	devices = append(devices, Device{Kind: MLCX, Boundaries: boundaries})
	a := Aperture{MU: 1, Positions: append(positions, append(low, high...))}
	f, err := NewFluence(devices, []Aperture{a}, Leakage{}, 12, 0.5, 8)
	require.NoError(b, err)
	b.Run("add", func(b *testing.B) {
		for b.Loop() {
			f.Add(devices, a, Leakage{})
		}
	})
	b.Run("add with leakage", func(b *testing.B) {
		leak := Leakage{Jaws: 0.005, Leaves: 0.015}
		f, err := NewFluence(devices, []Aperture{a}, Leakage{}, 53, 0.5, 8)
		require.NoError(b, err)
		for b.Loop() {
			f.Add(devices, a, leak)
		}
	})
	b.Run("blur", func(b *testing.B) {
		for b.Loop() {
			f.Blur(2)
		}
	})
}
