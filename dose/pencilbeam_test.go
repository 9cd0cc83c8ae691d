package dose_test

import (
	"context"
	"encoding/csv"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/dose"
	"github.com/kerma-rt/kerma/dose/beam"
	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/heterogeneity"
)

// box is a block of water, mm in LPS, in vacuum.
func box(t testing.TB, low, high r3.Vec, spacing float64) *heterogeneity.Tissue {
	t.Helper()
	var size [3]int
	for a, d := range [3]float64{high.X - low.X, high.Y - low.Y, high.Z - low.Z} {
		size[a] = int(math.Round(d / spacing))
	}
	h := spacing / 2
	grid, err := geometry.NewGrid(r3.Add(low, r3.Vec{X: h, Y: h, Z: h}), [3]float64{spacing, spacing, spacing}, size, geometry.IdentityAxes)
	require.NoError(t, err)
	v := geometry.NewVolume(grid)
	for i := range v.Data {
		v.Data[i] = 1
	}
	return &heterogeneity.Tissue{Density: v, ElectronDensity: v, Material: make([]uint8, grid.Len()), Materials: []string{"water_liquid"}}
}

// open is a plan of one static beam from the front (gantry 0) with its
// isocentre at the origin, opened by jaws.
func open(half, mu float64) *beam.Plan {
	point := func(weight float64) beam.ControlPoint {
		return beam.ControlPoint{Weight: weight, Positions: [][]float64{{-half, half}, {-half, half}}}
	}
	return &beam.Plan{
		Groups: []beam.FractionGroup{{Number: 1, Fractions: 1, Beams: []beam.BeamMeterset{{BeamNumber: 1, Meterset: mu}}}},
		Beams: []beam.Beam{{
			Number: 1, Name: "open", EnergyMV: 6, Unit: beam.MonitorUnits, SAD: 1000, Position: geometry.HFS,
			Devices: []beam.Device{{Kind: beam.JawX, Name: "ASYMX"}, {Kind: beam.JawY, Name: "ASYMY"}},
			Points:  []beam.ControlPoint{point(0), point(1)},
		}},
	}
}

func grid(t testing.TB, origin r3.Vec, spacing [3]float64, size [3]int) geometry.Grid {
	t.Helper()
	g, err := geometry.NewGrid(origin, spacing, size, geometry.IdentityAxes)
	require.NoError(t, err)
	return g
}

func compute(t testing.TB, e dose.Engine, r dose.Request) *dose.Result {
	t.Helper()
	result, err := e.Compute(context.Background(), r)
	require.NoError(t, err)
	return result
}

// table reads the numbers of a CSV file, a column a name.
func table(t testing.TB, path string) map[string][]float64 {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	require.NoError(t, err)
	columns := map[string][]float64{}
	for _, row := range rows[1:] {
		for i, s := range row {
			v, err := strconv.ParseFloat(s, 64)
			require.NoError(t, err)
			columns[rows[0][i]] = append(columns[rows[0][i]], v)
		}
	}
	return columns
}

func svd(t testing.TB) *machine.Machine {
	t.Helper()
	m, err := machine.GenericSVD()
	require.NoError(t, err)
	return m
}

// Reference: pyRadPlan 0.5.0 and matRad, which agree on the axis to 1e-6, with
// the same machine. Their voxels are points, 2 mm apart. Their fields lie 0.25
// mm off centre in both directions.
func TestOpenFieldsOfThePeersWithTheirMachine(t *testing.T) {
	m := svd(t)
	for _, ssd := range []float64{900, 1000} {
		surface := ssd - 1000 // y of the phantom's front, mm
		tissue := box(t, r3.Vec{X: -160, Y: surface, Z: -40}, r3.Vec{X: 160, Y: surface + 300, Z: 40}, 5)
		for _, half := range []float64{15, 25, 50} {
			name := fmt.Sprintf("ssd%g_%gx%g", ssd, 2*half, 2*half)
			t.Run(name, func(t *testing.T) {
				path := filepath.Join("testdata", "openfields", "pyradplan_"+name)
				// One unit of weight.
				request := dose.Request{Tissue: tissue, Plan: open(half, 1/m.Calibration.FluencePerMU), Machines: machine.Set{m}}

				axis := table(t, path+"_pdd.csv")
				depth, want := axis["depth_mm"], axis["dose_per_unit_weight"]
				request.Grid = grid(t, r3.Vec{X: 0.25, Y: surface + depth[0], Z: 0.25}, [3]float64{2, 2, 2}, [3]int{1, len(depth), 1})
				got := compute(t, dose.PencilBeam{}, request).Dose.Data
				var most, worst float64
				for _, w := range want {
					most = max(most, w)
				}
				for i, w := range want {
					if depth[i] >= 3 {
						worst = max(worst, math.Abs(float64(got[i])-w))
					}
				}
				t.Logf("axis: within %.3f %% of the maximum %.4f", 100*worst/most, most)
				assert.Less(t, worst, 0.001*most)

				profiles := table(t, path+"_profiles.csv")
				x := profiles["x_mm"]
				for _, d := range []float64{50, 100, 200} {
					want := profiles[fmt.Sprintf("dose_d%gmm", d)]
					m := (1000 + surface + d) / 1000
					request.Grid = grid(t, r3.Vec{X: x[0] + 0.25*m, Y: surface + d, Z: 0.25 * m}, [3]float64{2, 2, 2}, [3]int{len(x), 1, 1})
					got := compute(t, dose.PencilBeam{}, request).Dose.Data
					worst, at := 0.0, 0.0
					for i, w := range want {
						if w == 0 || math.Abs(x[i]) > 120*m { // where the peers stop
							continue
						}
						if diff := math.Abs(float64(got[i]) - w); diff > worst {
							worst, at = diff, x[i]
						}
					}
					t.Logf("profile at %g mm: within %.3f %% of the maximum, worst at x = %g mm", d, 100*worst/most, at)
					assert.Less(t, worst, 0.002*most)
				}
			})
		}
	}
}
