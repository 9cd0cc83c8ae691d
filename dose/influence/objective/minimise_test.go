package objective

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/optimize"

	"github.com/kerma-rt/kerma/geometry"
)

// sparse is a matrix by columns.
type sparse struct {
	voxels int
	row    [][]int
	value  [][]float64
	broken error
}

func (m *sparse) Voxels() int  { return m.voxels }
func (m *sparse) Columns() int { return len(m.row) }

func (m *sparse) Multiply(dose []float32, weights []float64) error {
	sum := make([]float64, len(dose))
	for j, w := range weights {
		for n, i := range m.row[j] {
			sum[i] += w * m.value[j][n]
		}
	}
	for i, d := range sum {
		dose[i] = float32(d)
	}
	return m.broken
}

func (m *sparse) MultiplyTransposed(gradient []float64, doseGradient []float32) error {
	for j := range gradient {
		gradient[j] = 0
		for n, i := range m.row[j] {
			gradient[j] += float64(doseGradient[i]) * m.value[j][n]
		}
	}
	return m.broken
}

// strip is voxels in a row, and bixels that each give a bell of dose to some of
// them.
func strip(voxels, bixels int, seed uint64) *sparse {
	random := rand.New(rand.NewPCG(seed, 1))
	m := &sparse{voxels: voxels}
	for j := range bixels {
		centre := (float64(j) + random.Float64()) * float64(voxels) / float64(bixels)
		output := 0.9 + 0.2*random.Float64()
		var row []int
		var value []float64
		for i := range voxels {
			x := (float64(i) - centre) / 3
			if v := math.Exp(-x * x / 2); math.Abs(x) < 5 {
				row, value = append(row, i), append(value, v*output)
			}
		}
		m.row, m.value = append(m.row, row), append(m.value, value)
	}
	return m
}

func span(t require.TestingT, g geometry.Grid, from, to int) *Region {
	var voxels []int
	for i := from; i < to; i++ {
		voxels = append(voxels, i)
	}
	r, err := NewRegion(g, voxels)
	require.NoError(t, err)
	return r
}

// organBetween is a plan with an organ amid the target.
func organBetween(t testing.TB) Problem {
	g := row(t, 240)
	return Problem{
		Matrix: strip(240, 80, 5), Grid: g,
		Objectives: []Objective{
			SquaredDeviation{span(t, g, 60, 110), Uniform(50), 1000},
			SquaredDeviation{span(t, g, 130, 180), Uniform(50), 1000},
			SquaredOverdosing{span(t, g, 110, 130), Uniform(20), 300},
			MeanDose{Region: whole(t, g), Penalty: 10},
		},
	}
}

func TestMinimumSatisfiesTheOptimalityConditions(t *testing.T) {
	p := organBetween(t)
	p.Tolerance = 1e-9
	s, err := p.Minimise(t.Context())
	require.NoError(t, err)
	t.Logf("%s after %d iterations: %v", s.Status, len(s.History)-1, s.History[len(s.History)-1])
	gradient := geometry.NewVolume(p.Grid)
	for _, o := range p.Objectives {
		_, err := o.Evaluate(s.Dose, gradient)
		require.NoError(t, err)
	}
	g := make([]float64, len(s.Weights))
	require.NoError(t, p.Matrix.MultiplyTransposed(g, gradient.Data))
	atZero := 0
	for j, w := range s.Weights {
		require.GreaterOrEqual(t, w, 0.0)
		scale := 1e-4 * s.History[0].Gradient
		if w == 0 {
			atZero++
			assert.GreaterOrEqual(t, g[j], -scale, "bixel %d without weight", j)
		} else {
			assert.InDelta(t, 0, g[j], scale, "bixel %d of weight %v", j, w)
		}
	}
	assert.Greater(t, atZero, 10, "bound bixels")
	for i := 1; i < len(s.History); i++ {
		assert.Less(t, s.History[i].Value, s.History[i-1].Value, "iteration %d", i)
	}
	assert.InDelta(t, s.Value, floats.Sum(s.Values), 1e-9*s.Value)
}

// Reference: the L-BFGS of gonum on the square roots of the weights.
func TestMinimumIsThatOfSquareRoots(t *testing.T) {
	p := organBetween(t)
	p.Tolerance = 1e-7
	s, err := p.Minimise(t.Context())
	require.NoError(t, err)

	n := p.Matrix.Columns()
	w, dose, change := make([]float64, n), geometry.NewVolume(p.Grid), geometry.NewVolume(p.Grid)
	evaluate := func(x []float64) float64 {
		for j := range x {
			w[j] = x[j] * x[j]
		}
		require.NoError(t, p.Matrix.Multiply(dose.Data, w))
		clear(change.Data)
		sum := 0.0
		for _, o := range p.Objectives {
			v, err := o.Evaluate(dose, change)
			require.NoError(t, err)
			sum += v
		}
		return sum
	}
	start := make([]float64, n)
	for j := range start {
		start[j] = 5
	}
	other, err := optimize.Minimize(optimize.Problem{
		Func: evaluate,
		Grad: func(grad, x []float64) {
			evaluate(x)
			require.NoError(t, p.Matrix.MultiplyTransposed(grad, change.Data))
			for j := range grad {
				grad[j] *= 2 * x[j]
			}
		},
	}, start, &optimize.Settings{MajorIterations: 3000, Converger: &optimize.FunctionConverge{Relative: 1e-8, Iterations: 20}}, &optimize.LBFGS{})
	t.Logf("projected: %.6f in %d products; square roots: %.6f in %d, %v (%v)", s.Value, s.History[len(s.History)-1].Products, other.F, other.Stats.FuncEvaluations, other.Status, err)
	assert.InEpsilon(t, other.F, s.Value, 1e-4)
}

func TestDosePaintingFollowsThePrescription(t *testing.T) {
	g := row(t, 240)
	painted := geometry.NewVolume(g)
	for i := range painted.Data {
		painted.Data[i] = float32(60 + 15*math.Exp(-math.Pow((float64(i)-120)/15, 2)))
	}
	target := span(t, g, 60, 180)
	p := Problem{Matrix: strip(240, 80, 5), Grid: g, Objectives: []Objective{
		SquaredDeviation{target, Voxelwise(painted), 1000},
		SquaredOverdosing{span(t, g, 0, 50), Uniform(5), 1},
		SquaredOverdosing{span(t, g, 190, 240), Uniform(5), 1},
	}}
	s, err := p.Minimise(t.Context())
	require.NoError(t, err)
	worst := 0.0
	for i := 65; i < 175; i++ {
		worst = max(worst, math.Abs(float64(s.Dose.Data[i]/painted.Data[i])-1))
	}
	t.Logf("%s after %d iterations, %.2f Gy at the peak of %.2f Gy; dose over prescription within %.3f of 1", s.Status, len(s.History)-1, s.Dose.Data[120], painted.Data[120], worst)
	assert.Less(t, worst, 0.03)
}

func TestMinimisingGivesTheSameBitsForAnyNumberOfGoroutines(t *testing.T) {
	p := organBetween(t)
	p.Objectives = append(p.Objectives, EUD{span(t, p.Grid, 110, 130), 0, 4, 1}, MinDVH{span(t, p.Grid, 60, 110), 49, 95, 100})
	s, err := p.Minimise(t.Context())
	require.NoError(t, err)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	again, err := p.Minimise(t.Context())
	require.NoError(t, err)
	assert.Equal(t, s, again)
}

func TestProgressIsTheHistory(t *testing.T) {
	p := organBetween(t)
	var seen []Iteration
	p.Progress = func(i Iteration) { seen = append(seen, i) }
	p.Iterations = 7
	s, err := p.Minimise(t.Context())
	require.NoError(t, err)
	assert.Equal(t, Exhausted, s.Status)
	assert.Equal(t, s.History, seen)
	assert.Len(t, seen, 8)
}

// At a kink no direction leads down, and the one that the derivative shows does not.
func TestKinkEndsTheMinimisation(t *testing.T) {
	p := organBetween(t)
	p.Objectives = []Objective{MeanDose{span(t, p.Grid, 60, 180), 40, false, 1}}
	s, err := p.Minimise(t.Context())
	require.NoError(t, err)
	t.Logf("%s after %d iterations at %.2g Gy", s.Status, len(s.History)-1, s.Value)
	assert.Equal(t, Stalled, s.Status)
	assert.Less(t, s.Value, 0.01)
}

func TestNothingWantedIsNoDose(t *testing.T) {
	p := organBetween(t)
	p.Objectives = []Objective{MeanDose{Region: whole(t, p.Grid), Penalty: 1}}
	s, err := p.Minimise(t.Context())
	require.NoError(t, err)
	assert.Equal(t, Converged, s.Status)
	assert.Zero(t, floats.Sum(s.Weights))
}

func TestStartIsWhereItBegins(t *testing.T) {
	p := organBetween(t)
	first, err := p.Minimise(t.Context())
	require.NoError(t, err)
	p.Start = first.Weights
	again, err := p.Minimise(t.Context())
	require.NoError(t, err)
	assert.Equal(t, first.Value, again.History[0].Value)
	assert.LessOrEqual(t, again.Value, first.Value)
}

func TestCancelledMinimisationReturnsWhatItHas(t *testing.T) {
	p := organBetween(t)
	ctx, cancel := context.WithCancel(t.Context())
	p.Progress = func(i Iteration) {
		if i.Number == 3 {
			cancel()
		}
	}
	s, err := p.Minimise(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.Len(t, s.History, 4)
	assert.Equal(t, s.History[3].Value, s.Value)
	dose := geometry.NewVolume(p.Grid)
	require.NoError(t, p.Matrix.Multiply(dose.Data, s.Weights))
	assert.Equal(t, dose.Data, s.Dose.Data, "dose of the weights returned")

	s, err = p.Minimise(ctx)
	require.ErrorIs(t, err, context.Canceled)
	assert.Nil(t, s)
}

func TestImpossibleProblemsAreRefused(t *testing.T) {
	broken := errors.New("disk")
	for name, change := range map[string]func(p *Problem){
		"no matrix":               func(p *Problem) { p.Matrix = nil },
		"no bixels":               func(p *Problem) { p.Matrix = &sparse{voxels: 240} },
		"another grid":            func(p *Problem) { p.Grid = row(t, 239) },
		"no objectives":           func(p *Problem) { p.Objectives = nil },
		"objective that is nil":   func(p *Problem) { p.Objectives[1] = nil },
		"too few weights":         func(p *Problem) { p.Start = make([]float64, 79) },
		"negative weight":         func(p *Problem) { p.Start = make([]float64, 80); p.Start[3] = -1 },
		"weight that is no num":   func(p *Problem) { p.Start = make([]float64, 80); p.Start[3] = math.NaN() },
		"negative iterations":     func(p *Problem) { p.Iterations = -1 },
		"tolerance that is no nu": func(p *Problem) { p.Tolerance = math.NaN() },
		"no dose": func(p *Problem) {
			p.Matrix = &sparse{voxels: 240, row: make([][]int, 80), value: make([][]float64, 80)}
		},
	} {
		p := organBetween(t)
		change(&p)
		_, err := p.Minimise(t.Context())
		assert.ErrorIs(t, err, ErrProblem, name)
	}
	p := organBetween(t)
	p.Matrix.(*sparse).broken = broken
	_, err := p.Minimise(t.Context())
	require.ErrorIs(t, err, broken)
	p = organBetween(t)
	p.Objectives[2] = SquaredOverdosing{whole(t, row(t, 3)), Uniform(1), 1}
	_, err = p.Minimise(t.Context())
	require.ErrorIs(t, err, ErrObjective)
	require.ErrorContains(t, err, "objective 3")
}
