package collapsedcone

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/internal/kernels/cones"
)

// The dose by polynomials in the cosine beside that by the shares of every voxel
// as tabulated, in steps that polynomials of any degree smooth. The latter by a
// field with a group for each channel, in which a voxel's release into the
// channel stands ready for each direction.
func TestPolynomialSharesAreGoodEnough(t *testing.T) {
	if testing.Short() {
		t.Skip("compares doses at length; shorter tests run the same code")
	}
	tissue := tank(t, 48, 90, 3)
	g := tissue.Density.Grid
	for _, spectrum := range []string{"mohan1985_6mv", "mohan1985_15mv"} {
		sp, err := machine.NamedSpectrum(spectrum)
		require.NoError(t, err)
		inside := make([]bool, g.Len())
		for i := range inside {
			inside[i] = true
		}
		c, err := New(context.Background(), tissue, g, inside, []machine.Spectrum{sp}, Setting{Directions: 112, Groups: 2})
		require.NoError(t, err)
		require.NoError(t, c.Add(context.Background(), 0, []Pose{open(t, 35, 0)}))
		f := &c.room.straight // as transported
		groups := c.spectra[0].groups
		ds, rings := directions(112)
		fits := make([]polynomials, len(rings))
		for i, r := range rings {
			fits[i], err = r.fit(groups, &c.room.spread)
			require.NoError(t, err)
		}
		exact := &cones.Field{Size: f.Size, High: f.Size, Spacing: f.Spacing, Electron: f.Electron, Photon: f.Photon, Runs: f.Runs, Ray: f.Ray}
		for range cones.Channels {
			exact.Primary = append(exact.Primary, make([]float32, len(f.Electron)))
		}
		exact.Scatter = exact.Primary
		var select1 []float32
		for j := range cones.Channels {
			for g := range cones.Channels {
				one := float32(0)
				if g == j {
					one = 1
				}
				select1 = append(select1, one)
				select1 = append(select1, make([]float32, cones.Degree)...)
			}
		}
		frame := open(t, 35, 0).Frame
		var axes [3][3]float64 // of the beam: x, y and away from the source
		axes[0], axes[1], axes[2] = [3]float64{1, 0, 0}, [3]float64{0, 0, 1}, [3]float64{0, 1, 0}
		require.InDelta(t, -1000, frame.Source().Y, 1e-9)
		got, want := make([]float32, len(f.Electron)), make([]float32, len(f.Electron))
		row := make([]float64, len(groups)*cones.Channels)
		for _, d := range ds {
			var toward [3]float64
			for a := range 3 {
				toward[a] = d.unit[0]*axes[0][a] + d.unit[1]*axes[1][a] + d.unit[2]*axes[2][a]
			}
			if cones.Dominant(toward, f.Spacing) == 0 {
				continue
			}
			p := &fits[d.ring]
			cone := &cones.Cone{Direction: toward, Scale: p.scale, Shift: p.shift, Shares: p.shares}
			for k := range f.Size[2] {
				eachRow(f, k, func(from, to, _ int) {
					for at := from; at < to; at++ {
						var cos float64
						for a := range 3 {
							cos += float64(f.Ray[a][at]) * toward[a]
						}
						rings[d.ring].exact(groups, math.Acos(min(max(cos, -1), 1)), row)
						for j := range cones.Channels {
							from := f.Primary
							if j >= cones.Primary {
								from = f.Scatter
							}
							var sum float64
							for g := range groups {
								sum += row[g*cones.Channels+j] / cones.Coefficient(j) * float64(from[g][at])
							}
							exact.Primary[j][at] = float32(sum)
						}
					}
				})
			}
			cones.Transport(got, f, cone, 0, cones.Lines(f, cone))
			one := &cones.Cone{Direction: toward, Shares: select1}
			cones.Transport(want, exact, one, 0, cones.Lines(exact, one))
		}
		var most, rms, worst, n float64
		for _, e := range want {
			most = max(most, float64(e))
		}
		for at, e := range want {
			if off := math.Abs(float64(got[at]-e)) / most; float64(e) > most/10 {
				rms += off * off
				worst = max(worst, off)
				n++
			}
		}
		rms = math.Sqrt(rms / n)
		t.Logf("%s: rms %.4f %%, largest %.4f %% of the maximum", spectrum, 100*rms, 100*worst)
		assert.Less(t, rms, 5e-4)
		assert.Less(t, worst, 2.5e-3)
	}
}
