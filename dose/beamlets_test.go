package dose

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/heterogeneity"
	"github.com/kerma-rt/kerma/internal/kernels/parallel"
	"github.com/kerma-rt/kerma/internal/kernels/pencil"
)

// lungSlab is 200 mm of water with a slab of lung, on voxels of 4 mm.
func lungSlab(t testing.TB) *heterogeneity.Tissue {
	t.Helper()
	g, err := geometry.NewGrid(r3.Vec{X: -98, Y: -98, Z: -98}, [3]float64{4, 4, 4}, [3]int{50, 50, 50}, geometry.IdentityAxes)
	require.NoError(t, err)
	v := geometry.NewVolume(g)
	lung := make([]uint8, g.Len())
	for i := range v.Data {
		v.Data[i] = 1
		if y := i / 50 % 50; y >= 15 && y < 25 {
			v.Data[i], lung[i] = 0.25, 1
		}
	}
	return &heterogeneity.Tissue{ElectronDensity: v, Density: v, Material: lung, Materials: []string{"water_liquid", "lung_inflated_icru44"}}
}

// cross is bixels on a lattice with holes.
func cross(size float64) Bixels {
	b := Bixels{Pose: geometry.Pose{Position: geometry.HFS, GantryDeg: 25, CouchDeg: 10, CollimatorDeg: 15}, Size: size}
	for i := -4; i <= 4; i++ {
		for j := -3; j <= 3; j++ {
			if i*i+j*j < 18 && (i != 1 || j != 1) {
				b.Centre = append(b.Centre, [2]float64{float64(i) * size, float64(j) * size})
			}
		}
	}
	return b
}

// columns is what an engine places.
type columns struct {
	value           []float32
	run             []Run
	start, runStart []int64
	result          *BeamletResult
}

func beamlets(t testing.TB, e Beamlets, r BeamletRequest) *columns {
	t.Helper()
	c := &columns{}
	r.Place = func(start, runStart []int64) ([]float32, []Run, error) {
		c.start, c.runStart = start, runStart
		c.value, c.run = make([]float32, start[len(start)-1]), make([]Run, runStart[len(runStart)-1])
		return c.value, c.run, nil
	}
	var err error
	c.result, err = e.Beamlets(t.Context(), r)
	require.NoError(t, err)
	return c
}

// times is the dose (Gy) of columns with weights.
func (c *columns) times(weights []float64, voxels int) []float64 {
	dose := make([]float64, voxels)
	for j, w := range weights {
		value := c.value[c.start[j]:c.start[j+1]]
		for _, r := range c.run[c.runStart[j]:c.runStart[j+1]] {
			for v := r.First; v < r.End; v++ {
				dose[v] += w * float64(value[v-r.First])
			}
			value = value[r.End-r.First:]
		}
	}
	return dose
}

// Reference: the same bixels from their tables, without low rank, one by one.
func TestColumnsAreTheTablesOfTheirBixels(t *testing.T) {
	tissue := lungSlab(t)
	random := rand.New(rand.NewPCG(1, 9))
	for _, m := range bixelMachines(t) {
		m := *m
		m.Profile = machine.Profile{Radius: []float64{0, 30}, Relative: []float64{1, 1.1}}
		for _, correction := range []heterogeneity.Correction{heterogeneity.EquivalentPathLength{}, heterogeneity.ModifiedBatho{}} {
			b := cross(5)
			weights := make([]float64, len(b.Centre))
			for i := range weights {
				weights[i] = random.Float64() / m.Calibration.FluencePerMU
			}
			r := BeamletRequest{Tissue: tissue, Machine: &m, Beams: []Bixels{b}, Reach: 50}
			c := beamlets(t, PencilBeam{Heterogeneity: correction}, r)
			grid := tissue.ElectronDensity.Grid
			got := c.times(weights, grid.Len())

			r.Place = func(_, _ []int64) ([]float32, []Run, error) { return nil, nil, nil }
			j, err := prepareBeamlets(t.Context(), r)
			require.NoError(t, err)
			p := &pencilJob{job: j.job, correction: correction, tables: map[*machine.Machine]*pencil.Depths{}, ratios: map[*machine.Machine]heterogeneity.TissueRatios{}}
			f := j.fields[0]
			s, err := p.sight(t.Context(), j, f)
			require.NoError(t, err)
			kernel, err := newBixelKernel(&m, f.kernelSSD(), 5, 50)
			require.NoError(t, err)
			n := grid.Size()
			want := make([]float64, grid.Len())
			require.NoError(t, parallel.For(t.Context(), n[2], 0, func(z int) error {
				of := make([]float64, len(kernel.tables))
				for v := grid.Offset(0, 0, z); v < grid.Offset(0, 0, z+1); v++ {
					x, y, a := f.frame.Project(grid.Point(float64(v%n[0]), float64(v/n[0]%n[1]), float64(z)))
					d := s.rays.At(x, y, a)
					if math.IsNaN(d) {
						continue // beyond all
					}
					m.Pencil.Depth.At(d, min(max(a/f.sad, m.Pencil.Depth.Scale[0]), m.Pencil.Depth.Scale[len(m.Pencil.Depth.Scale)-1]), of)
					factor := f.sad * f.sad / (a * a)
					if s.rays.factors != nil {
						factor *= s.rays.factors.At(x, y, a)
					}
					for i, centre := range b.Centre {
						u, w := math.Abs(x-centre[0]), math.Abs(y-centre[1])
						if math.Hypot(u, w) > 50 {
							continue
						}
						want[v] += weights[i] * m.Calibration.FluencePerMU * factor * m.Profile.At(math.Hypot(centre[0], centre[1])) * kernel.direct(of, u, w)
					}
				}
				return nil
			}))
			most, worst := 0.0, 0.0
			for v, w := range want {
				most = max(most, w)
				worst = max(worst, math.Abs(w-got[v]))
			}
			t.Logf("%s, %s: at most %.1g of the maximum", m.Name, correction.Name(), worst/most)
			assert.Less(t, worst/most, 1e-4)
		}
	}
}

// direct is the dose at (x, y) ≥ 0 for depth functions, bilinear in the tables.
func (k *bixelKernel) direct(of []float64, x, y float64) (sum float64) {
	at := func(x float64) (low, high int, t float64) {
		p := x/k.pixel - 0.5
		i := int(math.Floor(p))
		return max(i, -1-i), i + 1, p - float64(i)
	}
	i0, i1, s := at(x)
	j0, j1, t := at(y)
	for c, d := range of {
		v := k.tables[c]
		sum += d * ((1-s)*((1-t)*v.At(i0, j0)+t*v.At(i0, j1)) + s*((1-t)*v.At(i1, j0)+t*v.At(i1, j1)))
	}
	return sum
}

// The same field in one piece, by the same engine: exact but for how a voxel
// takes the mean over fluence and where electrons are followed finely.
func TestBixelsOneByOneAddUpToTheirField(t *testing.T) {
	if testing.Short() {
		t.Skip("compares doses at length; shorter tests run the same code")
	}
	tissue := lungSlab(t)
	m, err := machine.Generic("generic_6mv")
	require.NoError(t, err)
	grid, err := tissue.ElectronDensity.Grid.WithSpacing([3]float64{8, 8, 8})
	require.NoError(t, err)
	for _, e := range []Beamlets{CollapsedCone{Directions: 48}, PencilBeam{Heterogeneity: heterogeneity.DensityScaled{}}} {
		b := Bixels{Pose: geometry.Pose{Position: geometry.HFS, GantryDeg: 25}, Size: 20, Centre: [][2]float64{{-10, 10}, {10, 10}}}
		c := beamlets(t, e, BeamletRequest{Tissue: tissue, Machine: m, Grid: grid, Beams: []Bixels{b}, Reach: 45})
		got := c.times([]float64{1, 1}, grid.Len())
		whole := Bixels{Pose: b.Pose, Size: 20, Centre: b.Centre[:1]}
		f := &bixelField{Bixels: &whole, delivery: &delivery{machine: m, sad: m.SAD}}
		plan := f.square([2]float64{0, 10})
		plan.Beams[0].Points[0].Positions[0] = []float64{-20, 20}
		tight := *m
		tight.JawTransmission, tight.LeafTransmission = 0, 0
		field, err := e.Compute(t.Context(), Request{Tissue: tissue, Plan: plan, Machines: machine.Set{&tight}, Grid: grid})
		require.NoError(t, err)
		most, worst, sum, kept := 0.0, 0.0, 0.0, 0.0
		for v, d := range field.Dose.Data {
			most, sum, kept = max(most, float64(d)), sum+float64(d), kept+got[v]
			if got[v] > 0 {
				worst = max(worst, math.Abs(float64(d)-got[v]))
			}
		}
		lost := 0.0
		for j, b := range c.result.Beyond {
			lost += b
			assert.InEpsilon(t, b+c.result.Within[j], sum/2, 0.05, "two halves of one field")
		}
		t.Logf("%s: at most %.2g of the maximum; %.4f Gy of %.4f kept, %.4f lost", e.Name(), worst/most, kept, sum, lost)
		assert.Less(t, worst/most, 0.03)
		assert.InEpsilon(t, sum, kept+lost, 0.005)
	}
}

func TestImpossibleBixelsAreRefused(t *testing.T) {
	tissue := lungSlab(t)
	m := bixelMachines(t)[0]
	for name, change := range map[string]func(r *BeamletRequest){
		"no tissue":               func(r *BeamletRequest) { r.Tissue = nil },
		"no machine":              func(r *BeamletRequest) { r.Machine = nil },
		"no beams":                func(r *BeamletRequest) { r.Beams = nil },
		"no bixels":               func(r *BeamletRequest) { r.Beams[0].Centre = nil },
		"no place":                func(r *BeamletRequest) { r.Place = nil },
		"reach nowhere":           func(r *BeamletRequest) { r.Reach = 0 },
		"reach not a number":      func(r *BeamletRequest) { r.Reach = math.NaN() },
		"negative threads":        func(r *BeamletRequest) { r.Threads = -1 },
		"bixels of no size":       func(r *BeamletRequest) { r.Beams[0].Size = 0 },
		"a bixel off the lattice": func(r *BeamletRequest) { r.Beams[0].Centre[1][0] += 1 },
		"a bixel twice":           func(r *BeamletRequest) { r.Beams[0].Centre[1] = r.Beams[0].Centre[0] },
		"a bixel nowhere":         func(r *BeamletRequest) { r.Beams[0].Centre[1][0] = math.NaN() },
		"a bixel far away":        func(r *BeamletRequest) { r.Beams[0].Centre[1][1] = 400 },
		"another distance":        func(r *BeamletRequest) { r.Beams[0].Pose.SAD = 800 },
		"no kernel": func(r *BeamletRequest) {
			bare := *r.Machine
			bare.Pencil = nil
			r.Machine = &bare
		},
	} {
		r := BeamletRequest{Tissue: tissue, Machine: m, Beams: []Bixels{cross(5)}, Reach: 50, Place: func(_, _ []int64) ([]float32, []Run, error) {
			t.Errorf("%s: asks for memory", name)
			return nil, nil, nil
		}}
		change(&r)
		_, err := PencilBeam{}.Beamlets(t.Context(), r)
		assert.ErrorIs(t, err, ErrRequest, name)
	}
	r := BeamletRequest{Tissue: tissue, Machine: m, Beams: []Bixels{cross(5)}, Reach: 50}
	r.Beams[0].Pose.Position = ""
	r.Place = func(_, _ []int64) ([]float32, []Run, error) { return nil, nil, nil }
	_, err := PencilBeam{}.Beamlets(t.Context(), r)
	assert.ErrorIs(t, err, geometry.ErrPose)
	r.Beams[0].Pose.Position = geometry.HFS
	_, err = PencilBeam{}.Beamlets(t.Context(), r)
	assert.Error(t, err, "memory of another size")
}
