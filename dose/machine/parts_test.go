package machine

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPartsAddUpToThePencilKernel(t *testing.T) {
	for _, name := range []string{"mohan1985_6mv", "mohan1985_15mv"} {
		s, err := NamedSpectrum(name)
		require.NoError(t, err)
		primary, scatter, err := (&Quality{Spectrum: s}).Parts()
		require.NoError(t, err)
		p, err := newDirect(s)
		require.NoError(t, err)
		for i, d := range primary.Depth {
			for _, r := range []float64{5, 15, 30, 56, 100, 200} {
				var want float64
				const n = 400
				for j := range n {
					x := r * (float64(j) + 0.5) / n
					want += 2 * math.Pi * p.at(x, d) * r / n
				}
				var got float64
				for _, part := range []*PencilPart{primary, scatter} {
					for k, mu := range part.Rate {
						got -= part.Integral[i] * part.Share[i*len(part.Rate)+k] * math.Expm1(-mu*r)
					}
				}
				off := got/want - 1
				if d == 15 || d == 100 || d == 300 {
					t.Logf("%s, depth %g mm, disc of %g mm: %+.2f %%", name, d, r, 100*off)
				}
				if d >= 10 && d <= 300 {
					assert.InDelta(t, 0, off, 0.02, "depth %g, radius %g", d, r)
				}
			}
		}
	}
}
