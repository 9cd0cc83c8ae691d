package pencil

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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

func TestAddIsThePlainSum(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for _, components := range []int{1, 3, 4, 8} {
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
				const n = 200
				dose, depth := make([]float64, n), make([]float64, n)
				for i := range depth {
					depth[i] = 340*random.Float64() - 20
				}
				first, end := f.Span(l, n)
				if end > first {
					f.Add(dose[first:end], depth[first:end], l, first)
				}
				for i := range n {
					x, y, z := l.Origin[0]+float64(i)*l.Step[0], l.Origin[1]+float64(i)*l.Step[1], l.Origin[2]+float64(i)*l.Step[2]
					var want float64
					if a := 1000 - z; a > 1 && depth[i] >= 0 {
						for k := range components {
							m, _ := f.Map.plain(x*1000/a, y*1000/a, k)
							want += m * tab.plain(depth[i], a/1000, k)
						}
						want *= 1.7 * (1000 / a) * (1000 / a)
					}
					require.InDelta(t, want, dose[i], 3e-4*max(1, math.Abs(want)), "components %d scales %d point %d", components, scales, i)
				}
			}
		}
	}
}

func TestAddAddsToWhatIsThere(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	tab := randomTable(random, 1, 3)
	f := Field{SAD: 1000, Factor: 1, Map: randomMap(random, -20, -20, 1, 41, 41, 3), Depths: NewDepths(tab.depth, tab.scale, tab.value, 3)}
	l := Line{Step: [3]float64{1, 0, 0}}
	once, twice := make([]float64, 10), make([]float64, 10)
	depth := make([]float64, 10)
	f.Add(once, depth, l, 0)
	f.Add(twice, depth, l, 0)
	f.Add(twice, depth, l, 0)
	for i := range once {
		assert.Equal(t, 2*once[i], twice[i])
	}
}

func TestDepthThatIsNoNumberGivesNoDose(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	tab := randomTable(random, 1, 1)
	f := Field{SAD: 1000, Factor: 1, Map: randomMap(random, -20, -20, 1, 41, 41, 1), Depths: NewDepths(tab.depth, tab.scale, tab.value, 1)}
	dose := make([]float64, 2)
	f.Add(dose, []float64{math.NaN(), -1}, Line{}, 0)
	assert.True(t, math.IsNaN(dose[0]))
	assert.Zero(t, dose[1])
}

func BenchmarkAdd(b *testing.B) {
	for name, c := range map[string]struct{ components, scales int }{"3": {3, 1}, "8×19": {8, 19}} {
		b.Run(name, func(b *testing.B) {
			random := rand.New(rand.NewPCG(9, 10))
			tab := randomTable(random, c.scales, c.components)
			f := Field{SAD: 1000, Factor: 1, Map: randomMap(random, -120, -120, 0.5, 481, 481, c.components), Depths: NewDepths(tab.depth, tab.scale, tab.value, c.components)}
			const n = 200
			dose, depth := make([]float64, n), make([]float64, n)
			for i := range depth {
				depth[i] = float64(i)
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
