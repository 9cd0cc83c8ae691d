package dose

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kerma-rt/kerma/dose/beam"
	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/internal/kernels/pencil"
)

// bilinear is the value of component c at (x, y), as the voxel loop reads it.
func bilinear(m *pencil.Map, x, y float64, c int) float64 {
	x, y = (x-m.X)/m.Step, (y-m.Y)/m.Step
	i, j := int(x), int(y)
	at := func(i, j int) float64 { return float64(m.Value[(j*m.NX+i)*m.Components+c]) }
	u, v := x-float64(i), y-float64(j)
	return (1-v)*((1-u)*at(i, j)+u*at(i+1, j)) + v*((1-u)*at(i, j+1)+u*at(i+1, j+1))
}

func covers(m *pencil.Map, x, y float64) bool {
	return m.NX > 0 && x >= m.X && y >= m.Y && x < m.X+float64(m.NX-1)*m.Step && y < m.Y+float64(m.NY-1)*m.Step
}

// For a rectangular field and a point source φ ⊗ w_k is the integral of w_k
// over the rectangle as seen from the point: an exact reference, behind which
// fine pixels, the split of the kernel, the coarse plane and the leakage stand.
func TestFineEnough(t *testing.T) {
	if testing.Short() {
		t.Skip("compares doses at length; shorter tests run the same code")
	}
	generic, err := machine.Generic("generic_6mv")
	require.NoError(t, err)
	svd, err := machine.GenericSVD()
	require.NoError(t, err)
	type field struct{ x0, x1, y0, y1 float64 }
	for _, c := range []struct {
		name        string
		machine     *machine.Machine
		field       field
		leak, sigma float64
		edge        float64 // allowed within 3 mm of an edge, of the axis
		elsewhere   float64
	}{
		// A step of the fluence is known to half a pixel, 0.25 mm.
		{"spectrum", generic, field{-50, 50, -50, 50}, 0, 0, 0.08, 5e-4},
		{"spectrum, edges inside pixels", generic, field{-20.2, 34.87, -11.13, 17.7}, 0, 0, 0.08, 1e-3},
		{"spectrum, leaking jaws", generic, field{-20.2, 34.87, -11.13, 17.7}, 0.02, 0, 0.08, 1e-3},
		// A real source blurs it to 40 % of the axis a mm: 1 % is 0.025 mm.
		{"spectrum, blurred", generic, field{-20.2, 34.87, -40, 40}, 0, 1, 0.012, 1e-3},
		{"spectrum, wide", generic, field{-180, 180, -190, 150}, 0, 0, 0.15, 1.5e-3},
		{"SVD", svd, field{-50, 50, -25, 25}, 0, 0, 0.5, 1e-3},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := *c.machine
			m.JawTransmission, m.LeafTransmission, m.SourceSigma = c.leak, 0, c.sigma
			segment := beam.Segment{MU: 1, Apertures: []beam.Aperture{{MU: 1, Positions: [][]float64{{c.field.x0, c.field.x1}, {c.field.y0, c.field.y1}}}}}
			d := &delivery{
				Beam:    &beam.Beam{Devices: []beam.Device{{Kind: beam.JawX}, {Kind: beam.JawY}}},
				machine: &m, segments: []beam.Segment{segment},
			}
			maps, err := newFluenceMaps(d)
			require.NoError(t, err)
			maps.begin(nil, 2)
			require.NoError(t, maps.prepare(t.Context(), 0, 1, []float64{900}))
			var e exposure
			e.fit(maps)
			require.NoError(t, e.expose(t.Context(), &segment, 900, 0))
			fine, coarse := &e.near, &e.around

			lateral := m.Pencil.At(900)
			depths := make([][]float64, 0)
			for _, z := range []float64{5, 20, 100, 250} {
				depths = append(depths, m.Pencil.Depth.At(z, 1, make([]float64, len(lateral))))
			}
			exact := func(x, y float64, k int) float64 {
				w := &lateral[k]
				f := c.field
				in := w.Rectangle(f.x0-x, f.x1-x, f.y0-y, f.y1-y)
				if c.leak == 0 {
					return in
				}
				l := c.leak
				wx := w.Rectangle(f.x0-x, f.x1-x, -200-y, 200-y)
				wy := w.Rectangle(-200-x, 200-x, f.y0-y, f.y1-y)
				all := w.Rectangle(-200-x, 200-x, -200-y, 200-y)
				return (1-l)*(1-l)*in + l*(1-l)*(wx+wy) + l*l*all
			}
			// blurred is exact along x, far from the edges in y.
			blurred := func(x, y float64, k int) float64 {
				if c.sigma == 0 || min(math.Abs(x-c.field.x0), math.Abs(x-c.field.x1)) > 8 {
					return exact(x, y, k)
				}
				var sum, weight float64
				for i := -30; i <= 30; i++ {
					u := float64(i) / 6
					g := math.Exp(-u * u / 2)
					weight += g
					sum += g * exact(x+c.sigma*u, y, k)
				}
				return sum / weight
			}
			dose := func(value func(k int) float64, z int) float64 {
				var sum float64
				for k := range lateral {
					sum += depths[z][k] * value(k)
				}
				return sum
			}
			cx, cy := (c.field.x0+c.field.x1)/2, (c.field.y0+c.field.y1)/2
			var worstEdge, worst float64
			for i := range 100 {
				for _, slope := range []float64{0.013, 0.71} {
					if c.sigma > 0 && slope > 0.1 {
						continue
					}
					r := float64(i) * 2.17
					x, y := cx+r, cy+slope*r
					lattice := fine
					if !covers(fine, x, y) {
						lattice = coarse
					}
					if !covers(lattice, x, y) || max(math.Abs(x), math.Abs(y)) > 185 && c.leak > 0 {
						continue
					}
					edge := min(math.Abs(x-c.field.x1), math.Abs(y-c.field.y1)) < 3
					for z := range depths {
						full := dose(func(k int) float64 { return exact(cx, cy, k) }, z)
						off := dose(func(k int) float64 { return bilinear(lattice, x, y, k) - blurred(x, y, k) }, z) / full
						if edge {
							worstEdge = max(worstEdge, math.Abs(off))
						} else {
							if math.Abs(off) > c.elsewhere {
								t.Errorf("(%.2f, %.2f) mm, depth %d: %.3f %% of the axis off", x, y, z, 100*off)
							}
							worst = max(worst, math.Abs(off))
						}
					}
				}
			}
			t.Logf("of the axis: %.3f %% within 3 mm of an edge, %.4f %% elsewhere; maps %d² at %g mm, %d²", 100*worstEdge, 100*worst, fine.NX, fine.Step, coarse.NX)
			assert.Less(t, worstEdge, c.edge)
		})
	}
}

func TestSplitKernelsAddUp(t *testing.T) {
	m, err := machine.Generic("generic_6mv")
	require.NoError(t, err)
	for k := range m.Pencil.Lateral[0] {
		w := &m.Pencil.Lateral[0][k]
		near, far := split(w)
		for _, r := range []float64{0.01, 1, 3.9, 4.1, 10.123, 23.99, 24.01, 80, 390} {
			assert.InDelta(t, w.Integral(r), near.Integral(r)+far.Integral(r), 1e-9*math.Abs(w.Integral(400))+1e-12)
		}
		assert.Equal(t, near.Integral(windowLast), near.Integral(1000), "the near part ends at %d mm", windowLast)
	}
}

// BenchmarkMapsOfASegment is all that an arc does for one sample before its
// voxels: fluence, blur, and the convolutions, 100 mm field.
func BenchmarkMapsOfASegment(b *testing.B) {
	for _, load := range []struct {
		name string
		of   func() (*machine.Machine, error)
	}{
		{"SVD", machine.GenericSVD},
		{"generic", func() (*machine.Machine, error) { return machine.Generic("generic_6mv") }},
	} {
		b.Run(load.name, func(b *testing.B) {
			m, err := load.of()
			require.NoError(b, err)
			segment := beam.Segment{MU: 1, Apertures: []beam.Aperture{{MU: 1, Positions: [][]float64{{-50, 50}, {-50, 50}}}}}
			d := &delivery{
				Beam:    &beam.Beam{Devices: []beam.Device{{Kind: beam.JawX}, {Kind: beam.JawY}}},
				machine: m, segments: []beam.Segment{segment},
			}
			maps, err := newFluenceMaps(d)
			require.NoError(b, err)
			maps.begin(nil, 2)
			require.NoError(b, maps.prepare(b.Context(), 0, 1, []float64{900}))
			var e exposure
			e.fit(maps)
			for b.Loop() {
				require.NoError(b, e.expose(b.Context(), &segment, 900, 0))
			}
		})
	}
}
