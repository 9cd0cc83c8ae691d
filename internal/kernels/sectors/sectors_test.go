package sectors

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEveryLineOfADirectionCoversEveryPixelOnce(t *testing.T) {
	p := NewPlane(13, 9, 16, []float64{1})
	for m, d := range p.lines {
		seen := make([]int, p.NX*p.NY)
		main, cross := p.NX, p.NY
		if !d.alongX {
			main, cross = p.NY, p.NX
		}
		last := d.shift[main-1]
		for line := min(0, -last); line < cross+max(0, -last); line++ {
			for i := range main {
				if c := line + d.shift[i]; c >= 0 && c < cross {
					seen[i*cross+c]++
				}
			}
		}
		for _, n := range seen {
			require.Equal(t, 1, n, "direction %d", m)
		}
	}
	require.Len(t, p.way, 3)
}

// A wide uniform emission comes back as it went out: Σ_k e_k absorbed a pixel.
func TestUniformEmissionIsAbsorbedWhereItIs(t *testing.T) {
	p := NewPlane(61, 61, 16, []float64{1, 0.3})
	emitted, density := make([]float64, 61*61*2), make([]float64, 61*61)
	for i := range density {
		density[i] = 2
		emitted[2*i], emitted[2*i+1] = 0.7, 0.3
	}
	absorbed := make([]float64, 61*61)
	p.Spread(absorbed, emitted, density)
	require.InDelta(t, 1, absorbed[30*61+30], 1e-6)
}

// One pixel: the energy in discs follows 1 − e^(−μρr), the whole is conserved,
// and mirror images are equal to the bit.
func TestOnePixelSpreadsAsTheKernelSays(t *testing.T) {
	const n, mu, rho = 101, 0.1, 0.8
	p := NewPlane(n, n, 16, []float64{mu})
	emitted, density := make([]float64, n*n), make([]float64, n*n)
	for i := range density {
		density[i] = rho
	}
	emitted[n/2*n+n/2] = 1
	absorbed := make([]float64, n*n)
	p.Spread(absorbed, emitted, density)
	var total float64
	disc := map[int]float64{10: 0, 25: 0}
	for j := range n {
		for i := range n {
			v := absorbed[j*n+i]
			total += v
			require.InDelta(t, v, absorbed[i*n+j], 1e-15)
			require.InDelta(t, v, absorbed[j*n+n-1-i], 1e-15)
			for r := range disc {
				if math.Hypot(float64(i-n/2), float64(j-n/2)) < float64(r)+0.5 {
					disc[r] += v
				}
			}
		}
	}
	require.InDelta(t, -math.Expm1(-mu*rho*54), total, 0.01)
	for r, v := range disc {
		t.Logf("disc of %d pixels: %.4f, expected %.4f", r, v, -math.Expm1(-mu*rho*(float64(r)+0.5)))
		require.InDelta(t, -math.Expm1(-mu*rho*(float64(r)+0.5)), v, 0.02)
	}
}
