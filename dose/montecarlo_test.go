package dose_test

import (
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/dose"
	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/heterogeneity"
	"github.com/kerma-rt/kerma/internal/shareddata"
)

// Reference: EGSnrc DOSXYZnrc, 300 mm cubes of water in vacuum, point source at
// 1000 mm from the surface, uniform planar fluence over a square of the surface
// (testdata/montecarlo, made of the full arrays: the mean over the central half
// of the field; profiles also over three slices). Everything is absolute, Gy
// for one photon/cm²: no normalisation.
var waterCases = []struct {
	name, spectrum string
	half, voxel    float64 // mm: half the field, voxel across the beam
}{
	{"water_6mv_10x10", "mohan1985_6mv", 50, 5},
	{"water_6mv_5x5", "mohan1985_6mv", 25, 2.5},
	{"water_15mv_10x10", "mohan1985_15mv", 50, 5},
}

func TestMonteCarloInWater(t *testing.T) {
	if testing.Short() {
		t.Skip("compares doses at length; shorter tests run the same code")
	}
	tissue := box(t, r3.Vec{X: -150, Z: -150}, r3.Vec{X: 150, Y: 300, Z: 150}, 5)
	for _, c := range waterCases {
		t.Run(c.name, func(t *testing.T) {
			spectrum, err := machine.NamedSpectrum(c.spectrum)
			require.NoError(t, err)
			m, err := machine.New(c.name, spectrum, machine.Options{EnergyMV: 6})
			require.NoError(t, err)
			request := dose.Request{Tissue: tissue, Plan: open(c.half, 1), Machines: machine.Set{m}}
			engine := dose.PencilBeam{Heterogeneity: heterogeneity.None{}}

			// Voxels of the central half of the field, mirrored to one quarter.
			n := int(c.half / 2 / c.voxel)
			h := c.voxel / 2
			want := table(t, filepath.Join("testdata", "montecarlo", c.name+"_depth.csv"))
			depth := want["depth_mm"]
			request.Grid = grid(t, r3.Vec{X: h, Y: depth[0], Z: h}, [3]float64{c.voxel, 2.5, c.voxel}, [3]int{n, len(depth), n})
			got := compute(t, engine, request).Dose
			worst, at := 0.0, 0.0
			for k, d := range depth {
				var mean float64
				for j := range n {
					for i := range n {
						mean += float64(got.At(i, k, j)) / float64(n*n)
					}
				}
				off := mean/want["dose_gy_cm2"][k] - 1
				if k%10 == 4 {
					t.Logf("%6.2f mm: %.4e Gy cm², Monte Carlo %.4e: %+.2f %%", d, mean, want["dose_gy_cm2"][k], 100*off)
				}
				if d > 10 && d < 250 && math.Abs(off) > worst {
					worst, at = math.Abs(off), d
				}
			}
			t.Logf("depth dose within %.2f %% of local, worst at %g mm", 100*worst, at)
			assert.Less(t, worst, 0.012)

			profiles := table(t, filepath.Join("testdata", "montecarlo", c.name+"_profiles.csv"))
			x := profiles["x_mm"]
			const sub = 5 // points across a voxel: Monte Carlo scores voxel means
			for _, d := range []float64{26.25, 101.25, 201.25} {
				want := profiles[strconv.FormatFloat(d, 'g', -1, 64)]
				request.Grid = grid(t, r3.Vec{X: x[0] - h + h/sub, Y: d - 2.5, Z: h}, [3]float64{c.voxel / sub, 2.5, c.voxel}, [3]int{sub * len(x), 3, n})
				v := compute(t, engine, request).Dose
				got := make([]float64, len(x))
				for i := range got {
					for s := range sub {
						for k := range 3 {
							for j := range n {
								got[i] += float64(v.At(sub*i+s, k, j)) / float64(sub*3*n)
							}
						}
					}
				}
				edge := c.half * (1000 + d) / 1000
				inside, outside := 0.0, 0.0
				for i, w := range want {
					switch diff := math.Abs(got[i]-w) / want[len(want)/2]; {
					case math.Abs(x[i]) < edge-10:
						inside = max(inside, diff)
					case math.Abs(x[i]) > edge+10:
						outside = max(outside, diff)
					}
				}
				p, q := penumbra(x, got), penumbra(x, want)
				t.Logf("profile at %.2f mm: in the field within %.2f %% of the axis, outside %.2f %%; penumbra 80–20 %% %.2f mm, Monte Carlo %.2f mm", d, 100*inside, 100*outside, p, q)
				assert.Less(t, inside, 0.012)
				assert.Less(t, outside, 0.006)
				assert.InDelta(t, q, p, 0.2)
			}
		})
	}
}

// The same cases voxel by voxel, away from the edges of the field and of the
// phantom; noise of a voxel is 0.4 to 0.8 %.
func TestMonteCarloInWaterVoxelByVoxel(t *testing.T) {
	if testing.Short() {
		t.Skip("compares doses at length; shorter tests run the same code")
	}
	tissue := box(t, r3.Vec{X: -150, Z: -150}, r3.Vec{X: 150, Y: 300, Z: 150}, 5)
	for _, c := range waterCases {
		t.Run(c.name, func(t *testing.T) {
			b, err := os.ReadFile(shareddata.Path(t, "mc", c.name, "dose.npy"))
			require.NoError(t, err)
			want := npy(b)
			spectrum, err := machine.NamedSpectrum(c.spectrum)
			require.NoError(t, err)
			m, err := machine.New(c.name, spectrum, machine.Options{EnergyMV: 6})
			require.NoError(t, err)
			across := int(math.Round(math.Sqrt(float64(len(want) / 120))))
			first := -c.voxel * float64(across-1) / 2
			g := grid(t, r3.Vec{X: first, Y: 1.25, Z: first}, [3]float64{c.voxel, 2.5, c.voxel}, [3]int{across, 120, across})
			got := compute(t, dose.PencilBeam{}, dose.Request{Tissue: tissue, Plan: open(c.half, 1), Machines: machine.Set{m}, Grid: g}).Dose

			most := largest(want)
			for _, part := range []struct {
				name      string
				in        bool
				mean, rms float64 // allowed, of the maximum
			}{{"in the field", true, 0.003, 0.006}, {"outside", false, 0.002, 0.002}} {
				var sum, square, n float64
				for k := range 120 {
					depth := 1.25 + 2.5*float64(k)
					if depth < 10 || depth > 250 {
						continue
					}
					edge := c.half * (1000 + depth) / 1000
					for j := range across {
						for i := range across {
							x, y := math.Abs(first+c.voxel*float64(i)), math.Abs(first+c.voxel*float64(j))
							if r := max(x, y); part.in && r > edge-8 || !part.in && (r < edge+8 || r > edge+60) {
								continue
							}
							// Monte Carlo counts z, y, x with z the depth.
							diff := (float64(got.At(i, k, j)) - float64(want[i+across*(j+across*k)])) / most
							sum += diff
							square += diff * diff
							n++
						}
					}
				}
				t.Logf("%s: mean %+.3f %%, rms %.3f %% of the maximum, %g voxels", part.name, 100*sum/n, 100*math.Sqrt(square/n), n)
				assert.Less(t, math.Abs(sum/n), part.mean)
				assert.Less(t, math.Sqrt(square/n), part.rms)
			}
		})
	}
}

// penumbra is the mean distance on both sides between 80 and 20 % of the value
// in the middle, mm, linear between points.
func penumbra(x, dose []float64) float64 {
	n := len(x)
	middle := (dose[n/2] + dose[n/2-1]) / 2
	at := func(level float64) (left, right float64) {
		for i := 1; i < n; i++ {
			a, b := dose[i-1]/middle-level, dose[i]/middle-level
			if a < 0 && b >= 0 && x[i] < 0 {
				left = x[i-1] - a/(b-a)*(x[i]-x[i-1])
			}
			if a >= 0 && b < 0 && x[i] > 0 {
				right = x[i-1] - a/(b-a)*(x[i]-x[i-1])
			}
		}
		return left, right
	}
	l80, r80 := at(0.8)
	l20, r20 := at(0.2)
	return (l80 - l20 + r20 - r80) / 2
}
