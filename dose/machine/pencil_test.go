package machine

import (
	"math"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/spatial/r3"
)

// directSquare is the dose on the axis of a square of half side h in the
// isocentre plane, for 1 photon/cm², by the direct kernel in polar coordinates.
func directSquare(p *direct, h, depth, s, sad float64) float64 {
	node, weight := gauss(12)
	var sum float64
	for i, n := range node {
		phi := math.Pi / 8 * (1 + n)
		const steps = 500
		first, last := math.Log(1e-6), math.Log(h/math.Cos(phi))
		for j := range steps {
			rho := math.Exp(first + (last-first)*(float64(j)+0.5)/steps)
			sum += math.Pi * weight[i] * p.divergent(rho, depth, s*sad, sad) * rho * rho * (last - first) / steps
		}
	}
	return sum
}

// onAxis is the same by the low-rank form.
func (p *Pencil) onAxis(h, depth, s float64) float64 {
	var sum float64
	for k, d := range p.Depth.At(depth, s, make([]float64, p.Depth.Components)) {
		sum += d * p.Lateral[0][k].Rectangle(-h, h, -h, h)
	}
	return sum / (s * s)
}

type both struct {
	exact  *direct
	pencil *Pencil
}

// derive keeps what tests share, as deriving takes most of a second.
var derive = struct {
	sync.Mutex
	done map[string]both
}{done: map[string]both{}}

func derived(t *testing.T, name string) (*direct, *Pencil) {
	t.Helper()
	derive.Lock()
	defer derive.Unlock()
	b, ok := derive.done[name]
	if !ok {
		var err error
		b.exact, err = newDirect(named(t, name))
		require.NoError(t, err)
		b.pencil, err = newPencil(b.exact, 1000)
		require.NoError(t, err)
		derive.done[name] = b
	}
	return b.exact, b.pencil
}

func TestLowRankAgreesWithTheDirectKernel(t *testing.T) {
	for _, name := range []string{"mohan1985_6mv", "alirogers2012_varian_18mv"} {
		exact, p := derived(t, name)
		var worst float64
		for _, ssd := range []float64{800, 1150} {
			for _, h := range []float64{5, 15, 50, 200} {
				largest := 0.0
				for d := 5.0; d < 60; d += 2.5 {
					largest = max(largest, p.onAxis(h, d, (ssd+d)/1000))
				}
				// Off the lattices on purpose.
				for _, d := range []float64{0, 0.9, 2.2, 7.1, 15.3, 33.3, 51, 76, 102, 153, 203, 252, 312} {
					s := (ssd + d) / 1000
					want, got := directSquare(exact, h, d, s, 1000), p.onAxis(h, d, s)
					worst = max(worst, math.Abs(got-want)/largest)
					assert.InDelta(t, want, got, 1e-3*largest, "%s, SSD %g, side %g, depth %g mm: %.4g %% of the maximum", name, ssd, 2*h, d, 100*(got-want)/largest)
				}
			}
		}
		t.Logf("%s: worst difference %.3f %% of the maximum of the field", name, 100*worst)
	}
}

// The penumbra: a field with one straight edge at x = u, all else far away.
func TestLowRankKeepsThePenumbra(t *testing.T) {
	for _, name := range []string{"mohan1985_6mv", "alirogers2012_varian_18mv"} {
		exact, p := derived(t, name)
		for _, d := range []float64{5, 15, 52, 102, 203, 302} {
			s := (900 + d) / 1000
			edge := func(u float64) (want, got float64) {
				const steps = 3000
				first, last := math.Log(1e-6), math.Log(lateralLast)
				for j := range steps {
					rho := math.Exp(first + (last-first)*(float64(j)+0.5)/steps)
					inside := 1 - math.Acos(min(max(u/rho, -1), 1))/math.Pi
					want += 2 * math.Pi * inside * exact.divergent(rho, d, s*1000, 1000) * rho * rho * (last - first) / steps
				}
				for k, v := range p.Depth.At(d, s, make([]float64, p.Depth.Components)) {
					got += v * p.Lateral[0][k].Rectangle(-lateralLast, u, -lateralLast, lateralLast) / (s * s)
				}
				return want, got
			}
			inside, _ := edge(lateralLast)
			for _, u := range []float64{-50, -20, -10, -5, -2, -1, -0.3, 0.3, 1, 2, 5, 10, 20, 50} {
				want, got := edge(u)
				assert.InDelta(t, want, got, 1e-3*inside, "%s, depth %g, %g mm inside the edge: %.4g %% of the open field", name, d, u, 100*(got-want)/inside)
			}
		}
	}
}

// rayByRay is the dose at isocentre-plane position x and depth z of a flat
// tank, summed over the pencils of a square of half side h, each with its own
// direction, foot and depth.
func rayByRay(p *direct, h, x, z, ssd, sad float64) float64 {
	point := r3.Scale((ssd+z)/sad, r3.Vec{X: x, Z: sad})
	const turns, steps = 48, 250
	first, last := math.Log(1e-6), math.Log(2*h)
	var sum float64
	for i := range turns {
		sin, cos := math.Sincos((float64(i) + 0.5) / turns * 2 * math.Pi)
		for j := range steps {
			rho := math.Exp(first + (last-first)*(float64(j)+0.5)/steps)
			at := r3.Vec{X: x + rho*cos, Y: rho * sin, Z: sad}
			if math.Abs(at.X) > h || math.Abs(at.Y) > h {
				continue
			}
			ray := r3.Unit(at)
			r := r3.Norm(r3.Cross(point, ray))
			sum += p.at(r, r3.Dot(point, ray)-ssd/ray.Z) / r * rho * rho
		}
	}
	return sum * (last - first) / steps * 2 * math.Pi / turns
}

func TestOffAxisDoseIsThatOfEveryPencilInItsOwnDirection(t *testing.T) {
	const ssd, sad, h = 900, 1000, 200
	exact, p := derived(t, "mohan1985_6mv")
	for _, z := range []float64{15, 100, 200} {
		for x, tolerance := range map[float64]float64{0: 0.001, 50: 0.001, 100: 0.002, 150: 0.004} {
			s := (ssd + z) / sad
			cos := 1 / math.Sqrt(1+x*x/(sad*sad))
			var got float64
			for k, d := range p.Depth.At(z/cos, s, make([]float64, p.Depth.Components)) {
				got += d * p.Lateral[0][k].Rectangle(x-h, x+h, -h, h)
			}
			got /= s * s * cos
			want := rayByRay(exact, h, x, z, ssd, sad)
			assert.InEpsilon(t, want, got, tolerance, "depth %g mm, %g mm off axis: ratio %.4f", z, x, got/want)
		}
	}
}

func TestPencilIsTheSameWhateverTheGoroutines(t *testing.T) {
	exact, p := derived(t, "alirogers2012_varian_18mv")
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	again, err := newDirect(named(t, "alirogers2012_varian_18mv"))
	require.NoError(t, err)
	assert.Equal(t, exact, again)
	q, err := newPencil(again, 1000)
	require.NoError(t, err)
	assert.Equal(t, p, q)
}

func TestDepthTableOutsideItsLatticeHasNoAnswer(t *testing.T) {
	table := DepthTable{Components: 2, Depth: []float64{0, 10}, Scale: []float64{0.9, 1.1}, Value: []float64{1, 2, 3, 4, 5, 6, 7, 8}}
	assert.InDeltaSlice(t, []float64{4, 5}, table.At(5, 1, make([]float64, 2)), 1e-12)
	assert.InDeltaSlice(t, []float64{7, 8}, table.At(10, 1.1, make([]float64, 2)), 1e-12)
	for _, x := range [][2]float64{{-0.1, 1}, {10.1, 1}, {5, 0.8}, {5, 1.2}, {math.NaN(), 1}, {5, math.NaN()}} {
		for _, v := range table.At(x[0], x[1], make([]float64, 2)) {
			assert.True(t, math.IsNaN(v), "%v", x)
		}
	}
}
