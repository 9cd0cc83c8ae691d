package machine

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func named(t *testing.T, name string) Spectrum {
	t.Helper()
	s, err := NamedSpectrum(name)
	require.NoError(t, err)
	return s
}

// bruteDisc is the integral of the pencil kernel over the disc of radius R, by
// cutting every element of every point kernel into equal volumes and putting
// each where it lies. It shares with direct only the tables it starts from.
func bruteDisc(t *testing.T, s Spectrum, radius, depth float64) float64 {
	kernels, err := DepositionKernels()
	require.NoError(t, err)
	released, err := newRelease(s, kernels, depth+600)
	require.NoError(t, err)
	const cuts = 10
	var sum float64
	for n, k := range kernels {
		shells := len(k.Radius)
		cos0 := 1.0
		for i, angle := range k.AngleDeg {
			cos1 := math.Cos(angle * math.Pi / 180)
			inner := 0.0
			for j, outer := range k.Radius {
				var f float64
				for c := range k.Fraction {
					f += k.Fraction[c][i*shells+j]
				}
				for a := range cuts {
					cos := cos0 + (cos1-cos0)*(float64(a)+0.5)/cuts
					for b := range cuts {
						rho := inner + (outer-inner)*(float64(b)+0.5)/cuts
						if z := depth - rho*cos; z >= 0 && rho*math.Sqrt(1-cos*cos) <= radius {
							before, after, w := released.at(z)
							sum += f / (cuts * cuts) * ((1-w)*before[n] + w*after[n])
						}
					}
				}
				inner = outer
			}
			cos0 = cos1
		}
	}
	return sum * 1.602176634e-13 / 1e-6 / 100 // MeV/mm³ of water to Gy; mm² to cm²
}

func TestPencilKernelHoldsTheEnergyOfThePointKernels(t *testing.T) {
	s := named(t, "mohan1985_6mv")
	p, _ := derived(t, s.Name)
	for _, radius := range []float64{2, 20, 200} {
		for _, depth := range []float64{15, 100, 300} {
			const steps = 2000
			var sum float64 // 2π ∫ p r dr = 2π ∫ (r p) r d(ln r)
			first, last := math.Log(1e-6), math.Log(radius)
			for i := range steps {
				r := math.Exp(first + (last-first)*(float64(i)+0.5)/steps)
				sum += 2 * math.Pi * p.at(r, depth) * r * (last - first) / steps
			}
			// The brute force spreads energy evenly inside the elements, which
			// shifts it deeper by a share of their thickness.
			assert.InEpsilon(t, bruteDisc(t, s, radius, depth), sum, 0.006, "radius %g, depth %g mm", radius, depth)
		}
	}
}

// The kernel of one monoenergetic bin at a depth beyond the electrons' reach
// falls with the attenuation of that energy when scatter is left out: near the
// axis the ratio of two depths is that of the primary photons.
func TestPencilKernelFallsAsPrimaryPhotonsOnTheAxis(t *testing.T) {
	s, err := NewSpectrum("2 MeV", []float64{1.999}, []float64{2.001}, []float64{1})
	require.NoError(t, err)
	p, err := newDirect(s)
	require.NoError(t, err)
	water, err := AttenuationOf("water_liquid")
	require.NoError(t, err)
	want := math.Exp(-water.Mass(2) * 10) // 100 mm
	assert.InEpsilon(t, want, p.at(0.5, 200)/p.at(0.5, 100), 0.002)
	assert.InEpsilon(t, want, p.at(0.5, 300)/p.at(0.5, 200), 0.002)
}
