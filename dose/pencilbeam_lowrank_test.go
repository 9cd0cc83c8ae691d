package dose

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/mat"

	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/internal/kernels/beamlet"
)

func bixelMachines(t *testing.T) []*machine.Machine {
	t.Helper()
	svd, err := machine.GenericSVD()
	require.NoError(t, err)
	all := []*machine.Machine{svd}
	for _, name := range []string{"generic_6mv", "generic_18mv"} {
		m, err := machine.Generic(name)
		require.NoError(t, err)
		all = append(all, m)
	}
	return all
}

func TestLowRankBixelIsThatOfItsTables(t *testing.T) {
	for _, m := range bixelMachines(t) {
		for _, size := range []float64{2.5, 5, 10} {
			for _, ssd := range []float64{700, 905, 1000} {
				k, err := newBixelKernel(m, ssd, size, 50)
				require.NoError(t, err)
				p, q := k.functions(1, 1)
				half := len(p.Node) / beamlet.Rank / 2
				row := make([]float64, len(k.tables))
				highest := 0.0
				var at []float64
				for _, d := range []float64{3, 15, 30, 60, 100, 200, 300} {
					m.Pencil.Depth.At(d, 1, row)
					var middle, worst float64
					for c, v := range row {
						middle += v * k.tables[c].At(0, 0)
					}
					highest = max(highest, middle)
					for i := range k.nodes {
						for j := range k.nodes {
							var want, got float64
							for c, v := range row {
								want += v * k.tables[c].At(i, j)
								for r := range beamlet.Rank {
									got += v * float64(p.Node[(half+i)*beamlet.Rank+r]) * float64(q.Node[((half+j)*len(row)+c)*beamlet.Rank+r])
								}
							}
							worst = max(worst, math.Abs(got-want))
						}
					}
					at = append(at, worst)
				}
				for i := range at {
					at[i] /= highest
				}
				t.Logf("%s, bixels of %g mm, SSD %g mm: %.1g of the highest dose", m.Name, size, ssd, at)
				for _, worst := range at {
					assert.Less(t, worst, 1.1e-4)
				}
				if len(m.Pencil.Lateral) == 1 {
					break
				}
			}
		}
	}
}

func TestBixelTablesAreTheirPixelsAddedUp(t *testing.T) {
	for _, m := range bixelMachines(t) {
		k, err := newBixelKernel(m, 900, 5, 30)
		require.NoError(t, err)
		profile := bixelProfile(m.SourceSigma, k.stride, k.pixel)
		n := k.nodes + len(profile)
		w := &m.Pencil.At(900)[0]
		pixels := mat.NewDense(n, n, w.Pixels(n, k.pixel))
		share := func(s int) float64 { return profile[max(s, -1-s)] }
		for _, at := range [][2]int{{0, 0}, {3, 7}, {9, 2}, {20, 20}, {55, 4}} {
			var want float64
			for s := -len(profile); s < len(profile); s++ {
				for u := -len(profile); u < len(profile); u++ {
					i, j := at[0]-s, at[1]-u
					want += share(s) * share(u) * pixels.At(max(i, -i), max(j, -j))
				}
			}
			got := k.tables[0].At(at[0], at[1])
			assert.InDelta(t, want, got, 1e-5*math.Abs(k.tables[0].At(0, 0)), "%s at %v", m.Name, at)
		}
		sum := 0.0
		for _, s := range profile {
			sum += 2 * s
		}
		assert.InDelta(t, float64(k.stride), sum, 1e-6, "a bixel keeps its fluence")
	}
}

func BenchmarkBixelKernel(b *testing.B) {
	for _, read := range []func() (*machine.Machine, error){machine.GenericSVD, func() (*machine.Machine, error) { return machine.Generic("generic_6mv") }} {
		m, err := read()
		require.NoError(b, err)
		b.Run(m.Name, func(b *testing.B) {
			for b.Loop() {
				_, err := newBixelKernel(m, 900, 5, 50)
				require.NoError(b, err)
			}
		})
	}
}
