package picture

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestIsolinesPassThroughEveryCrossingOnceAndNowhereElse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nx, ny := rapid.IntRange(2, 9).Draw(t, "nx"), rapid.IntRange(2, 9).Draw(t, "ny")
		values := make([]float64, nx*ny)
		for n := range values {
			values[n] = float64(rapid.IntRange(0, 9).Draw(t, "v")) // ties with the level happen
		}
		const level = 5
		segments := 0
		for _, line := range Isolines(values, nx, level) {
			require.GreaterOrEqual(t, len(line), 2)
			segments += len(line) - 1
			closed := line[0] == line[len(line)-1]
			border := func(p Point) bool {
				return p.X == 0 || p.Y == 0 || p.X == float64(nx-1) || p.Y == float64(ny-1)
			}
			if !closed {
				require.True(t, border(line[0]) && border(line[len(line)-1]), "open inside: %v", line)
			}
			for _, p := range line {
				i, j := math.Floor(p.X), math.Floor(p.Y)
				require.True(t, p.X == i || p.Y == j, "on an edge of the lattice: %v", p)
				at := func(i, j float64) float64 {
					return values[int(min(j, float64(ny-1)))*nx+int(min(i, float64(nx-1)))]
				}
				tx, ty := p.X-i, p.Y-j
				v := (1-tx)*(1-ty)*at(i, j) + tx*(1-ty)*at(i+1, j) + (1-tx)*ty*at(i, j+1) + tx*ty*at(i+1, j+1)
				require.InDelta(t, level, v, 1e-9)
			}
		}
		want := 0 // a square has as many pieces as half its crossed edges
		for j := range ny - 1 {
			for i := range nx - 1 {
				corners := []float64{values[j*nx+i], values[j*nx+i+1], values[(j+1)*nx+i+1], values[(j+1)*nx+i]}
				crossed := 0
				for n := range 4 {
					if (corners[n] >= level) != (corners[(n+1)%4] >= level) {
						crossed++
					}
				}
				want += crossed / 2
			}
		}
		require.Equal(t, want, segments)
	})
}

func TestIsolinesLeaveOutWhatIsUnknown(t *testing.T) {
	nan := math.NaN()
	assert.Empty(t, Isolines([]float64{0, nan, 9, 9}, 2, 5))
	assert.Empty(t, Isolines([]float64{0, 9}, 2, 5))
	assert.Empty(t, Isolines(nil, 0, 5))
}

func TestSimplifyKeepsEveryPointWithinTolerance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var line Line
		for n := range rapid.IntRange(0, 40).Draw(t, "n") {
			line = append(line, Point{float64(n), rapid.Float64Range(-1, 1).Draw(t, "y")})
		}
		short := simplify(line, 0.5)
		require.LessOrEqual(t, len(short), len(line))
		for _, p := range line {
			nearest := math.Inf(1)
			for n := 1; n < len(short); n++ {
				nearest = min(nearest, distance(p, short[n-1], short[n]))
			}
			if len(line) > 1 {
				require.LessOrEqual(t, nearest, 0.5)
			}
		}
	})
}
