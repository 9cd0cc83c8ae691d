package benchmarks_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerma-rt/kerma/benchmarks"
	"github.com/kerma-rt/kerma/dose"
	"github.com/kerma-rt/kerma/dose/gamma"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/heterogeneity"
)

// axis is the mean over the central half of the field at each depth.
func axis(c *benchmarks.Case, v *geometry.Volume) []float64 {
	n, s := v.Grid.Size(), v.Grid.Spacing()
	half := func(axis, field int) (low, high int) {
		count := int(math.Round(c.Field[field] / 2 / s[axis]))
		low = (n[axis] - count) / 2
		return low, low + count
	}
	x0, x1 := half(0, 0)
	y0, y1 := half(1, 1)
	out := make([]float64, n[2])
	for k := range out {
		for j := y0; j < y1; j++ {
			for i := x0; i < x1; i++ {
				out[k] += float64(v.At(i, j, k)) / float64((x1-x0)*(y1-y0))
			}
		}
	}
	return out
}

func TestCorrectionsAgainstMonteCarlo(t *testing.T) {
	cases, err := benchmarks.Cases()
	require.NoError(t, err)
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			request, err := c.Request()
			require.NoError(t, err)
			for _, correction := range heterogeneity.Corrections() {
				t.Run(correction.Name(), func(t *testing.T) {
					result, err := dose.PencilBeam{Heterogeneity: correction}.Compute(t.Context(), request)
					require.NoError(t, err)
					reference, got := c.Scored(c.Dose), c.Scored(result.Dose)
					var pass [2]float64
					for i, criterion := range [2]float64{3, 2} {
						g, err := gamma.Compute(t.Context(), reference, got, gamma.Criteria{DosePercent: criterion, Distance: criterion, CutoffPercent: 10, StopOncePassed: true})
						require.NoError(t, err)
						pass[i] = g.PassRate
					}
					a, b := axis(c, c.Dose), axis(c, result.Dose)
					worst, at := 0.0, 0
					for k := 6; k < len(a)-6; k++ {
						if off := b[k]/a[k] - 1; math.Abs(off) > math.Abs(worst) {
							worst, at = off, k
						}
					}
					t.Logf("%-22s axis %+.1f %% at %.0f mm, 3/3 %.1f %%, 2/2 %.1f %%, %.2f s", correction.Name(), 100*worst, 2.5*float64(at)+1.25, pass[0], pass[1], result.Provenance.Elapsed.Seconds())
					if testing.Verbose() {
						for k := 4; k < len(a); k += 8 {
							t.Logf("   %6.1f %+.1f", 2.5*float64(k)+1.25, 100*(b[k]/a[k]-1))
						}
					}
				})
			}
		})
	}
}
