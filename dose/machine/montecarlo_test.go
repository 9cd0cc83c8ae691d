package machine

import (
	"encoding/csv"
	"math"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func csvRows(t *testing.T, file string) [][]string {
	t.Helper()
	f, err := os.Open(file)
	require.NoError(t, err)
	defer f.Close()
	in := csv.NewReader(f)
	in.Comment = '#'
	all, err := in.ReadAll()
	require.NoError(t, err)
	return all[1:]
}

func number(t *testing.T, s string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(s, 64)
	require.NoError(t, err)
	return v
}

// openField is the dose at (x, y, z) of a flat water tank with its surface in
// the isocentre plane, for 1 photon/cm² in a square field of half side h there.
func openField(p *Pencil, h, x, y, z float64) float64 {
	const sad = 1000
	s := (sad + z) / sad
	u, v := x/s, y/s
	cos := 1 / math.Sqrt(1+(u*u+v*v)/(sad*sad))
	var sum float64
	for k, d := range p.Depth.At(z/cos, s, make([]float64, p.Depth.Components)) {
		sum += d * p.Lateral[0][k].Rectangle(u-h, u+h, v-h, v+h)
	}
	return sum / (s * s * cos)
}

// waterCases are the cases of testdata/montecarlo_water.csv.
type waterCase struct {
	side, mean, spacing float64 // mm
	pencil              *Pencil
}

func waterCases(t *testing.T) map[string]waterCase {
	cases := map[string]waterCase{}
	for _, r := range csvRows(t, "testdata/montecarlo_water.csv") {
		if _, ok := cases[r[0]]; !ok {
			_, p := derived(t, r[1])
			cases[r[0]] = waterCase{number(t, r[2]), number(t, r[3]), number(t, r[4]), p}
		}
	}
	return cases
}

// Absolute, Gy cm² per photon, nothing normalised. Beyond 250 mm the Monte
// Carlo phantom, which ends at 300 mm, lacks backscatter.
func TestDepthDoseIsThatOfMonteCarlo(t *testing.T) {
	cases := waterCases(t)
	deviation := map[string][]float64{}
	for _, r := range csvRows(t, "testdata/montecarlo_water.csv") {
		c := cases[r[0]]
		z, want, sigma := number(t, r[5]), number(t, r[6]), number(t, r[7])
		var sum, n float64
		for x := c.spacing / 2; x < c.mean; x += c.spacing {
			for y := c.spacing / 2; y <= x; y += c.spacing {
				times := 2.0
				if x == y {
					times = 1
				}
				points := []float64{0} // in the voxel of 2.5 mm
				if z < 20 {
					points = []float64{-0.7217, 0.7217} // of Gauss, where dose bends
				}
				for _, dz := range points {
					sum += times * openField(c.pencil, c.side/2, x, y, z+dz)
					n += times
				}
			}
		}
		ratio := sum / n / want
		t.Logf("%-17s depth %6.2f mm: %.4g Gy cm², Monte Carlo %.4g ± %.2f %%, ratio %.4f", r[0], z, sum/n, want, 100*sigma, ratio)
		if z > 10 && z < 250 {
			assert.InDelta(t, 1, ratio, 0.012, "%s at %g mm", r[0], z)
			deviation[r[0]] = append(deviation[r[0]], ratio-1)
		} else if z <= 10 {
			assert.InDelta(t, 1, ratio, 0.015, "%s at %g mm, build-up", r[0], z)
		}
	}
	for name, d := range deviation {
		var mean, square float64
		for _, x := range d {
			mean += x / float64(len(d))
			square += x * x / float64(len(d))
		}
		t.Logf("%s, 10 … 250 mm: mean %+.2f %%, rms %.2f %%", name, 100*mean, 100*math.Sqrt(square))
		assert.Less(t, math.Abs(mean), 0.006, name)
	}
}

func TestProfileIsThatOfMonteCarlo(t *testing.T) {
	cases := waterCases(t)
	central := map[string]float64{}
	for _, r := range csvRows(t, "testdata/montecarlo_profiles.csv") {
		c := cases[r[0]]
		z, x, want, sigma := number(t, r[1]), number(t, r[2]), number(t, r[3]), number(t, r[4])
		edge := c.side / 2 * (1000 + z) / 1000
		if x > edge+40 { // the phantom's own side, beyond which is vacuum, is not far
			continue
		}
		key := r[0] + r[1]
		if central[key] == 0 {
			central[key] = want
		}
		var sum, n float64
		for y := c.spacing / 2; y < c.mean; y += c.spacing {
			for _, part := range []float64{-0.4, -0.2, 0, 0.2, 0.4} { // of the voxel's width
				sum += openField(c.pencil, c.side/2, x+part*c.spacing, y, z)
				n++
			}
		}
		difference := (sum/n - want) / central[key]
		t.Logf("%-17s depth %g, x %6.2f mm: %.4g Gy cm², Monte Carlo %.4g ± %.2f %%, difference %+.2f %% of the axis", r[0], z, x, sum/n, want, 100*sigma, 100*difference)
		assert.InDelta(t, 0, difference, 0.01+2.5*sigma*want/central[key], "%s at depth %g, x %g mm", r[0], z, x)
	}
}
