package pencil

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kerma-rt/kerma/internal/kernels/simd"
)

func randomMap(random *rand.Rand, x, y, step float64, nx, ny, components int) *Map {
	m := &Map{X: x, Y: y, Step: step, NX: nx, NY: ny, Components: Padded(components)}
	m.Value = make([]float32, nx*ny*m.Components)
	for p := range nx * ny {
		for k := range components {
			m.Value[p*m.Components+k] = random.Float32()
		}
	}
	return m
}

func (m *Map) plain(x, y float64, k int) (float64, bool) {
	x, y = (x-m.X)/m.Step, (y-m.Y)/m.Step
	i, j := math.Floor(x), math.Floor(y)
	if i < 0 || j < 0 || i >= float64(m.NX-1) || j >= float64(m.NY-1) {
		return 0, false
	}
	at := func(i, j float64) float64 { return float64(m.Value[(int(j)*m.NX+int(i))*m.Components+k]) }
	u, v := x-i, y-j
	return (1-v)*((1-u)*at(i, j)+u*at(i+1, j)) + v*((1-u)*at(i, j+1)+u*at(i+1, j+1)), true
}

type table struct {
	depth, scale, value []float64
	components          int
}

func bracket(node []float64, x float64) (int, float64) {
	if len(node) == 1 || x <= node[0] {
		return 0, 0
	}
	for i := range len(node) - 1 {
		if x < node[i+1] {
			return i, (x - node[i]) / (node[i+1] - node[i])
		}
	}
	return len(node) - 2, 1
}

func (t table) plain(d, s float64, k int) float64 {
	i, u := bracket(t.depth, d)
	j, v := bracket(t.scale, s)
	at := func(i, j int) float64 {
		return t.value[(i*len(t.scale)+min(j, len(t.scale)-1))*t.components+k]
	}
	return (1-u)*((1-v)*at(i, j)+v*at(i, j+1)) + u*((1-v)*at(i+1, j)+v*at(i+1, j+1))
}

func randomTable(random *rand.Rand, scales, components int) table {
	t := table{components: components}
	for d := 0.0; d < 300; d += 0.25 + 5*random.Float64()*min(d/30, 1) {
		t.depth = append(t.depth, float64(float32(d)))
	}
	for j := range scales {
		t.scale = append(t.scale, 0.6+0.9*float64(j)/float64(max(scales-1, 1))+0.01*random.Float64())
	}
	for range len(t.depth) * scales * components {
		t.value = append(t.value, random.NormFloat64())
	}
	return t
}

// filled is a row of n values with guards behind it.
func filled(n int, value float32) []float32 {
	v := make([]float32, n+16)
	for i := range v {
		v[i] = value
	}
	return v
}

func TestAddIsThePlainSum(t *testing.T) {
	for _, level := range simd.Available() {
		defer simd.Set(level)()
		random := rand.New(rand.NewPCG(5, 6))
		for _, components := range []int{1, 3, 4, 8, 10} {
			for _, scales := range []int{1, 2, 19} {
				tab := randomTable(random, scales, components)
				f := Field{
					SAD: 1000, Factor: 1.7,
					Map:    randomMap(random, -100, -120, 4, 51, 61, components),
					Depths: NewDepths(tab.depth, tab.scale, tab.value, components),
				}
				for range 40 {
					var l Line
					for a := range 3 {
						l.Origin[a] = 300 * random.NormFloat64()
						l.Step[a] = 6 * random.NormFloat64()
					}
					n := 1 + random.IntN(200)
					dose, depth := filled(n, 0), filled(n, float32(math.NaN()))
					for i := range n {
						depth[i] = 340*random.Float32() - 20
					}
					first, end := f.Span(l, n)
					var deepest float32
					if end > first {
						deepest = f.Add(dose[first:end], depth[first:end], l, first)
					}
					var most float32
					for i := range n {
						x, y, z := l.Origin[0]+float64(i)*l.Step[0], l.Origin[1]+float64(i)*l.Step[1], l.Origin[2]+float64(i)*l.Step[2]
						var want float64
						if i >= first && i < end {
							most = max(most, depth[i])
						}
						if a := 1000 - z; a > 1 && depth[i] >= 0 {
							for k := range components {
								m, _ := f.Map.plain(x*1000/a, y*1000/a, k)
								want += m * tab.plain(float64(depth[i]), a/1000, k)
							}
							want *= 1.7 * (1000 / a) * (1000 / a)
						}
						require.InDelta(t, want, dose[i], 5e-4*max(1, math.Abs(want)), "%v components %d scales %d point %d", level, components, scales, i)
					}
					require.Equal(t, most, deepest)
					for _, guard := range dose[n:] {
						require.Zero(t, guard)
					}
				}
			}
		}
	}
}

func TestEveryLevelAgreesWithTheReference(t *testing.T) {
	random := rand.New(rand.NewPCG(15, 16))
	for _, c := range []struct{ components, scales int }{{3, 1}, {10, 19}, {10, 1}, {2, 3}} {
		tab := randomTable(random, c.scales, c.components)
		f := Field{
			SAD: 1000, Factor: 1, Map: randomMap(random, -100, -120, 0.5, 401, 481, c.components),
			Depths: NewDepths(tab.depth, tab.scale, tab.value, c.components),
		}
		for range 200 {
			var l Line
			for a := range 3 {
				l.Origin[a] = 100 * random.NormFloat64()
				l.Step[a] = 2 * random.NormFloat64()
			}
			first, end := f.Span(l, 1500)
			if first == end {
				continue
			}
			depth := make([]float32, end-first)
			for i := range depth {
				depth[i] = 340*random.Float32() - 20
			}
			want := make([]float32, len(depth))
			r := f.row(l, first)
			deepest := addGeneric(&f, &r, want, depth)
			var most float64
			for _, v := range want {
				most = max(most, math.Abs(float64(v)))
			}
			for _, level := range simd.Available() {
				defer simd.Set(level)()
				got := make([]float32, len(depth))
				require.Equal(t, deepest, f.Add(got, depth, l, first))
				for i := range want {
					require.InDelta(t, want[i], got[i], 1e-5*most, "%v point %d", level, i)
					require.Equal(t, want[i] == 0, got[i] == 0)
				}
			}
		}
	}
}

func TestAddAddsToWhatIsThere(t *testing.T) {
	for _, level := range simd.Available() {
		defer simd.Set(level)()
		random := rand.New(rand.NewPCG(7, 8))
		tab := randomTable(random, 1, 3)
		f := Field{SAD: 1000, Factor: 1, Map: randomMap(random, -20, -20, 1, 41, 41, 3), Depths: NewDepths(tab.depth, tab.scale, tab.value, 3)}
		l := Line{Step: [3]float64{1, 0, 0}}
		once, twice := make([]float32, 19), make([]float32, 19)
		depth := make([]float32, 19)
		f.Add(once, depth, l, 0)
		f.Add(twice, depth, l, 0)
		f.Add(twice, depth, l, 0)
		for i := range once {
			assert.Equal(t, 2*once[i], twice[i])
		}
	}
}

func TestDepthThatIsNoNumberGivesNoDose(t *testing.T) {
	for _, level := range simd.Available() {
		defer simd.Set(level)()
		random := rand.New(rand.NewPCG(7, 8))
		tab := randomTable(random, 1, 1)
		f := Field{SAD: 1000, Factor: 1, Map: randomMap(random, -20, -20, 1, 41, 41, 1), Depths: NewDepths(tab.depth, tab.scale, tab.value, 1)}
		dose := make([]float32, 20)
		depth := make([]float32, 20)
		depth[0], depth[1], depth[18], depth[19] = float32(math.NaN()), -1, float32(math.NaN()), -1
		require.Zero(t, f.Add(dose, depth, Line{}, 0))
		for i, d := range dose {
			require.Equal(t, i == 0 || i == 18, d != d, "%v point %d", level, i)
		}
		assert.Zero(t, dose[1])
		assert.Zero(t, dose[19])
	}
}

// Nodes are found however unevenly they lie.
func TestIntervalIsFoundAmongUnevenNodes(t *testing.T) {
	random := rand.New(rand.NewPCG(17, 18))
	for range 50 {
		node := []float64{random.Float64()}
		for range 1 + random.IntN(300) {
			node = append(node, node[len(node)-1]+Narrowest*2*math.Exp(8*random.Float64()))
		}
		a := newAxis(node)
		for range 1000 {
			x := a.first + (a.last-a.first)*random.Float32()
			if random.IntN(2) == 0 {
				x = float32(node[random.IntN(len(node))])
			}
			i, t0 := a.find(x)
			want := node[i] + float64(t0)*(node[i+1]-node[i])
			require.InDelta(t, x, want, 1e-6*float64(a.last)+1e-6)
			require.True(t, t0 > -0.3 && t0 < 1.3, "%v at %v", t0, x)
		}
	}
}

// BenchmarkAdd has rows as they come in a patient: maps of 240 mm at 0.5 mm.
func BenchmarkAdd(b *testing.B) {
	for _, c := range []struct {
		name               string
		components, scales int
	}{{"3", 3, 1}, {"10×19", 10, 19}} {
		for _, level := range simd.Available() {
			b.Run(fmt.Sprintf("%s/%v", c.name, level), func(b *testing.B) {
				defer simd.Set(level)()
				random := rand.New(rand.NewPCG(9, 10))
				tab := randomTable(random, c.scales, c.components)
				f := Field{SAD: 1000, Factor: 1, Map: randomMap(random, -120, -120, 0.5, 481, 481, c.components), Depths: NewDepths(tab.depth, tab.scale, tab.value, c.components)}
				const n = 200
				dose, depth := make([]float32, n), make([]float32, n)
				for i := range depth {
					depth[i] = float32(i)
				}
				rows := 0
				for b.Loop() {
					y := float64(rows%140) - 70
					z := float64(rows/140%100) - 50
					rows++
					f.Add(dose, depth, Line{Origin: [3]float64{-100, y, z}, Step: [3]float64{1, 0, 0.3}}, 0)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/voxel")
			})
		}
	}
}
