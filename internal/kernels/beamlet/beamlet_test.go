package beamlet

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kerma-rt/kerma/internal/kernels/simd"
)

// scene is bixels of one beam and blocks of voxels.
type scene struct {
	lattice   *Lattice
	p, q      *Functions
	columns   int
	blocks    []Block
	amplitude [][]float32
}

const (
	pitch  = 5
	stride = 10
)

func newFunctions(random *rand.Rand, lines []float32, reach float32, components int) *Functions {
	const step = float64(pitch) / stride
	wide := float64(lines[len(lines)-1]-lines[0]) + float64(reach) + 1
	n := int(math.Ceil(wide/step)) + 1
	f := &Functions{First: -(float64(n) - 0.5) * step, PerMM: 1 / step, Stride: stride, Components: components}
	for range 2 * n * components * Rank {
		f.Node = append(f.Node, float32(random.NormFloat64()))
	}
	return f
}

// newScene draws lattices with holes, blocks that are partly outside and, for
// rows, blocks that continue one another.
func newScene(random *rand.Rand, nx, ny, components, blocks int) *scene {
	s := &scene{lattice: &Lattice{Reach: float32(5 + 50*random.Float64())}}
	x0, y0 := float32(random.NormFloat64()*20), float32(random.NormFloat64()*20)
	for i := range nx {
		s.lattice.X = append(s.lattice.X, x0+float32(i*pitch))
	}
	for j := range ny {
		s.lattice.Y = append(s.lattice.Y, y0+float32(j*pitch))
	}
	for range nx * ny {
		c := int32(-1)
		if random.IntN(5) > 0 {
			c = int32(s.columns)
			s.columns++
		}
		s.lattice.Column = append(s.lattice.Column, c)
	}
	if s.columns == 0 {
		s.lattice.Column[0], s.columns = 0, 1
	}
	s.p = newFunctions(random, s.lattice.X, s.lattice.Reach, 1)
	s.q = newFunctions(random, s.lattice.Y, s.lattice.Reach, components)
	first := int32(random.IntN(100))
	for range blocks {
		b := Block{First: first, Inside: uint16(random.Uint32())}
		if random.IntN(2) == 0 {
			b.Inside = 0xffff
		}
		b.I0, b.J0 = random.IntN(nx), random.IntN(ny)
		b.I1, b.J1 = b.I0+random.IntN(nx-b.I0+1), b.J0+random.IntN(ny-b.J0+1)
		x, y := x0+float32(random.IntN(5*nx)), y0+float32(random.IntN(5*ny))
		for n := range Lanes {
			b.X[n], b.Y[n] = x+3*float32(n), y+float32(n)/7
		}
		s.blocks = append(s.blocks, b)
		amplitude := make([]float32, Lanes*components)
		for n := range amplitude {
			amplitude[n] = random.Float32()
		}
		s.amplitude = append(s.amplitude, amplitude)
		if first += Lanes; random.IntN(3) == 0 {
			first += int32(random.IntN(100))
		}
	}
	return s
}

// count is where the columns of s begin and end.
func (s *scene) count() (columns []Column, values, runs int64) {
	counted := make([]Column, s.columns)
	for i := range counted {
		counted[i].Last = Start
	}
	for i := range s.blocks {
		Count(counted, s.lattice, &s.blocks[i])
	}
	for _, c := range counted {
		columns = append(columns, Column{Value: values, Limit: values + c.Value, Run: runs, Last: Start})
		values += c.Value
		runs += c.Run
	}
	return columns, values, runs
}

const guard = 12345

// write is the matrix of s, with guards behind it.
func (s *scene) write(t testing.TB) ([]float32, []Run, []Column) {
	columns, values, runs := s.count()
	w := &Writer{Lattice: s.lattice, P: s.p, Q: s.q, Columns: columns, Value: make([]float32, values+1), Run: make([]Run, runs+1), Sums: make([]float32, Lanes*s.columns)}
	for i := range w.Value {
		w.Value[i] = guard
	}
	w.Run[runs] = Run{First: guard, End: guard}
	for i := range s.blocks {
		w.Add(&s.blocks[i], s.amplitude[i])
	}
	require.EqualValues(t, guard, w.Value[values], "written behind the end")
	require.Equal(t, Run{First: guard, End: guard}, w.Run[runs], "written behind the end")
	return w.Value[:values], w.Run[:runs], columns
}

func TestEveryLevelGivesTheSameBits(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for n := range 200 {
		s := newScene(random, 1+random.IntN(20), 1+random.IntN(20), 1+random.IntN(11), 1+random.IntN(40))
		restore := simd.Set(simd.Generic)
		value, run, columns := s.write(t)
		restore()
		for _, level := range simd.Available()[1:] {
			restore := simd.Set(level)
			v, r, c := s.write(t)
			restore()
			require.Equal(t, run, r, "%v, scene %d", level, n)
			require.Equal(t, columns, c, "%v, scene %d", level, n)
			require.Equal(t, value, v, "%v, scene %d", level, n)
		}
	}
}

// The reference once more, from the formula, in float64.
func TestValuesAreTheSumOverComponentsAndFunctions(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for range 20 {
		s := newScene(random, 1+random.IntN(12), 1+random.IntN(12), 1+random.IntN(4), 1+random.IntN(20))
		value, run, columns := s.write(t)
		at := func(f *Functions, x float64, c, r int) float64 {
			p := (x - f.First) * f.PerMM
			n := int(p)
			k := func(n int) float64 { return float64(f.Node[(n*f.Components+c)*Rank+r]) }
			return k(n) + (p-float64(n))*(k(n+1)-k(n))
		}
		entry, runs := 0, 0
		for j, y := range s.lattice.Y {
			for i, x := range s.lattice.X {
				column := s.lattice.Column[j*len(s.lattice.X)+i]
				if column < 0 {
					continue
				}
				var voxels []int32
				for b, block := range s.blocks {
					if i < block.I0 || i >= block.I1 || j < block.J0 || j >= block.J1 {
						continue
					}
					for n := range Lanes {
						dx, dy := float64(block.X[n])-float64(x), float64(block.Y[n])-float64(y)
						if block.Inside>>n&1 == 0 || math.Hypot(dx, dy) > float64(s.lattice.Reach) {
							continue
						}
						var want, size float64
						for c := range s.q.Components {
							for r := range Rank {
								one := float64(s.amplitude[b][n*s.q.Components+c]) * at(s.p, dx, 0, r) * at(s.q, dy, c, r)
								want += one
								size += math.Abs(one)
							}
						}
						require.InDelta(t, want, float64(value[entry]), 1e-4*(size+1))
						voxels = append(voxels, block.First+int32(n))
						entry++
					}
				}
				var got []int32
				for ; runs < int(columns[column].Run); runs++ {
					for v := run[runs].First; v < run[runs].End; v++ {
						got = append(got, v)
					}
				}
				require.Equal(t, voxels, got)
			}
		}
		require.Len(t, value, entry)
		require.Len(t, run, runs)
	}
}

func TestRunsAreAsLongAsTheyCanBe(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	s := newScene(random, 10, 10, 1, 60)
	_, run, columns := s.write(t)
	from := int64(0)
	for _, c := range columns {
		for n := from + 1; n < c.Run; n++ {
			assert.Greater(t, run[n].First, run[n-1].End)
		}
		from = c.Run
	}
}

func BenchmarkBlocks(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	s := newScene(random, 18, 19, 3, 1000)
	s.lattice.Reach = 50
	s.p, s.q = newFunctions(random, s.lattice.X, 50, 1), newFunctions(random, s.lattice.Y, 50, 3)
	for i := range s.blocks {
		block := &s.blocks[i]
		block.I0, block.I1, block.J0, block.J1, block.Inside = 0, 18, 0, 19, 0xffff
	}
	columns, values, runs := s.count()
	value, run := make([]float32, values), make([]Run, runs)
	for _, level := range simd.Available() {
		b.Run(fmt.Sprintf("count/%v", level), func(b *testing.B) {
			defer simd.Set(level)()
			for b.Loop() {
				s.count()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(values), "ns/entry")
		})
		b.Run(fmt.Sprintf("write/%v", level), func(b *testing.B) {
			defer simd.Set(level)()
			w := &Writer{Lattice: s.lattice, P: s.p, Q: s.q, Columns: make([]Column, len(columns)), Value: value, Run: run, Sums: make([]float32, Lanes*len(columns))}
			for b.Loop() {
				copy(w.Columns, columns)
				for i := range s.blocks {
					w.Add(&s.blocks[i], s.amplitude[i])
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(values), "ns/entry")
		})
	}
}
