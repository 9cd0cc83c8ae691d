package objective

import (
	"context"
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"

	"github.com/kerma-rt/kerma/geometry"
)

// ErrProblem is wrapped by errors about problems that cannot be posed.
var ErrProblem = errors.New("objective: impossible problem")

// Operator takes bixel weights to dose and derivatives back; influence.Matrix is
// one.
type Operator interface {
	Voxels() int  // of the dose grid
	Columns() int // bixels
	// Multiply sets dose (Gy, one a voxel) to what weights (MU, one a bixel)
	// give together.
	Multiply(dose []float32, weights []float64) error
	// MultiplyTransposed sets gradient (one a bixel) to the derivative by the
	// weights of what has the derivative doseGradient by the dose.
	MultiplyTransposed(gradient []float64, doseGradient []float32) error
}

// Problem asks for the weights w ≥ 0 that make the sum of the objectives of the
// dose smallest: fluence-map optimisation.
type Problem struct {
	Matrix     Operator
	Grid       geometry.Grid // of the dose: influence.Matrix.Grid
	Objectives []Objective

	// Start is the first weights, MU, none negative. Without them all bixels
	// start alike, at the weight that makes the objectives smallest.
	Start []float64

	Iterations int     // at most; 0: 500
	Tolerance  float64 // converged when 5 iterations gain less than this share of the value; 0: 1e-3

	// Progress, if set, is called after each iteration from the goroutine of
	// Minimise.
	Progress func(Iteration)
}

// Iteration is one step towards the minimum.
type Iteration struct {
	Number   int     // from 0, the start
	Value    float64 // of all objectives together
	Gradient float64 // largest component that the bounds leave, value per MU
	Products int     // dose computations so far
}

// Status is why a minimisation came to its end.
type Status string

const (
	Converged Status = "converged"                // a smaller value is not worth the way
	Exhausted Status = "iteration limit reached"  // the last iterations still gained
	Stalled   Status = "no further descent found" // as at a kink, or at the precision of the dose
)

// Solution is the weights found and what they do.
type Solution struct {
	Weights []float64        // MU, one a bixel, none negative
	Dose    *geometry.Volume // of these weights, Gy
	Value   float64          // of all objectives together
	Values  []float64        // of each objective
	Status  Status
	History []Iteration
}

const (
	defaultIterations = 500
	defaultTolerance  = 1e-3
	gainOver          = 5  // iterations
	pairs             = 20 // of steps and gradient changes remembered
)

// Minimise solves a problem by limited-memory BFGS with projection on the bounds
// (Bertsekas, SIAM J Control Optim 20 (1982) 221; Schmidt, Kim and Sra, in
// Optimization for Machine Learning, MIT Press 2011, ch. 11): weights at zero that
// the gradient would make negative stay there, the others take a quasi-Newton step
// among themselves (two-loop recursion, Nocedal, Math Comp 35 (1980) 773), what
// becomes negative is set to zero, and the step is halved until the value has
// fallen enough (Armijo).
//
// gonum/optimize, on which this would rest, knows no bounds. Its L-BFGS on the
// square roots of the weights finds the same minimum in more products with the
// matrix, and cannot leave a weight of zero; the tests compare the two. On TG-119
// this takes no more products than L-BFGS-B (Byrd et al., SIAM J Sci Comput 16
// (1995) 1190), of which no kept Go module without Fortran was to be had.
//
// For convex objectives the minimum is the global one; with MinDVH, MaxDVH or EUD
// it may be local. The result does not depend on the number of goroutines. When
// ctx is done, Minimise returns its error together with the best weights so far
// (nil before the first dose).
func (p Problem) Minimise(ctx context.Context) (*Solution, error) {
	m, err := p.prepare(ctx)
	if err != nil {
		return nil, err
	}
	s := &Solution{Weights: m.w, Dose: m.dose, Values: m.values}
	for n := 0; ; n++ {
		s.Value = m.value
		s.History = append(s.History, Iteration{Number: n, Value: m.value, Gradient: m.slope(), Products: m.products})
		if p.Progress != nil {
			p.Progress(s.History[n])
		}
		if s.Status = m.finished(s.History); s.Status != "" {
			return s, nil
		}
		moved, err := m.step(ctx)
		if err != nil {
			return s, err
		}
		if !moved {
			s.Status = Stalled
			return s, nil
		}
	}
}

// minimiser is the state between iterations.
type minimiser struct {
	Problem
	w, g         []float64        // weights and derivative by them
	dose, change *geometry.Volume // of w, and the derivative by it
	value        float64
	values       []float64
	products     int

	trialW      []float64
	trialDose   *geometry.Volume
	trialValues []float64
	free        []bool
	direction   []float64
	memory      memory
}

func (p Problem) prepare(ctx context.Context) (*minimiser, error) {
	if p.Iterations == 0 {
		p.Iterations = defaultIterations
	}
	if p.Tolerance == 0 {
		p.Tolerance = defaultTolerance
	}
	switch {
	case p.Matrix == nil || p.Matrix.Columns() == 0:
		return nil, fmt.Errorf("%w: no bixels", ErrProblem)
	case p.Matrix.Voxels() != p.Grid.Len():
		return nil, fmt.Errorf("%w: matrix of %d voxels for a grid of %d", ErrProblem, p.Matrix.Voxels(), p.Grid.Len())
	case len(p.Objectives) == 0:
		return nil, fmt.Errorf("%w: no objectives", ErrProblem)
	case p.Iterations < 0 || !(p.Tolerance > 0) || math.IsInf(p.Tolerance, 0):
		return nil, fmt.Errorf("%w: %d iterations, tolerance %v", ErrProblem, p.Iterations, p.Tolerance)
	case p.Start != nil && len(p.Start) != p.Matrix.Columns():
		return nil, fmt.Errorf("%w: %d weights to start from for %d bixels", ErrProblem, len(p.Start), p.Matrix.Columns())
	}
	for i, o := range p.Objectives {
		if o == nil {
			return nil, fmt.Errorf("%w: objective %d is nil", ErrProblem, i+1)
		}
	}
	for i, w := range p.Start {
		if !(w >= 0) || math.IsInf(w, 0) {
			return nil, fmt.Errorf("%w: weight %d starts at %v", ErrProblem, i, w)
		}
	}
	n := p.Matrix.Columns()
	m := &minimiser{
		Problem: p,
		w:       make([]float64, n), g: make([]float64, n),
		dose: geometry.NewVolume(p.Grid), change: geometry.NewVolume(p.Grid), trialDose: geometry.NewVolume(p.Grid),
		values: make([]float64, len(p.Objectives)), trialValues: make([]float64, len(p.Objectives)),
		trialW: make([]float64, n), free: make([]bool, n), direction: make([]float64, n),
	}
	if p.Start != nil {
		copy(m.trialW, p.Start)
	} else if err := m.level(ctx); err != nil {
		return nil, err
	}
	value, err := m.try(ctx)
	if err != nil {
		return nil, err
	}
	return m, m.accept(ctx, value)
}

// level puts the weight that suits best when all bixels have the same into
// trialW, to a few percent: the zero of the derivative along (1, 1, …). This takes
// one product.
func (m *minimiser) level(ctx context.Context) error {
	for i := range m.trialW {
		m.trialW[i] = 1
	}
	if err := m.multiply(ctx, m.dose, m.trialW); err != nil {
		return err
	}
	slope := func(w float64) (float64, error) {
		for i, d := range m.dose.Data {
			m.trialDose.Data[i] = float32(w) * d
		}
		if _, err := m.evaluate(ctx, m.trialDose); err != nil {
			return 0, err
		}
		sum := 0.0
		for i, g := range m.change.Data {
			sum += float64(g) * float64(m.dose.Data[i])
		}
		return sum, nil
	}
	most := float32(0)
	for _, d := range m.dose.Data {
		most = max(most, d)
	}
	if !(most > 0) {
		return fmt.Errorf("%w: no bixel gives any dose", ErrProblem)
	}
	// From a milligray upwards until more is worse, then between.
	low, high := 0.0, 1e-3/float64(most)
	for range 12 {
		s, err := slope(high)
		if err != nil {
			return err
		}
		if s >= 0 {
			break
		}
		low, high = high, 4*high
	}
	for range 6 {
		middle := (low + high) / 2
		s, err := slope(middle)
		if err != nil {
			return err
		}
		if s < 0 {
			low = middle
		} else {
			high = middle
		}
	}
	for i := range m.trialW {
		m.trialW[i] = high
	}
	return nil
}

func (m *minimiser) multiply(ctx context.Context, dose *geometry.Volume, w []float64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.products++
	return m.Matrix.Multiply(dose.Data, w)
}

// evaluate is the value of a dose; its derivative goes into change.
func (m *minimiser) evaluate(ctx context.Context, dose *geometry.Volume) (float64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	clear(m.change.Data)
	sum := 0.0
	for i, o := range m.Objectives {
		v, err := o.Evaluate(dose, m.change)
		if err != nil {
			return 0, fmt.Errorf("objective %d: %w", i+1, err)
		}
		m.trialValues[i] = v
		sum += v
	}
	return finite("sum of the objectives", sum)
}

// try is the value at trialW.
func (m *minimiser) try(ctx context.Context) (float64, error) {
	if err := m.multiply(ctx, m.trialDose, m.trialW); err != nil {
		return 0, err
	}
	return m.evaluate(ctx, m.trialDose)
}

// accept makes the weights tried last the current ones, unless it fails.
func (m *minimiser) accept(ctx context.Context, value float64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := m.Matrix.MultiplyTransposed(m.g, m.change.Data); err != nil {
		return err
	}
	if _, err := finite("derivative by the weights", floats.Norm(m.g, 1)); err != nil {
		return err
	}
	copy(m.w, m.trialW)
	copy(m.dose.Data, m.trialDose.Data)
	copy(m.values, m.trialValues)
	m.value = value
	return nil
}

// slope is the largest derivative along which the bounds allow to descend.
func (m *minimiser) slope() float64 {
	most := 0.0
	for i, g := range m.g {
		if m.w[i] > 0 || g < 0 {
			most = max(most, math.Abs(g))
		}
	}
	return most
}

func (m *minimiser) finished(history []Iteration) Status {
	n := len(history) - 1
	switch {
	case history[n].Gradient == 0:
		return Converged
	case n >= gainOver && history[n-gainOver].Value-history[n].Value <= m.Tolerance*math.Abs(history[n].Value):
		return Converged
	case n >= m.Iterations:
		return Exhausted
	}
	return ""
}

// step goes to smaller values; moved is false where none are found.
func (m *minimiser) step(ctx context.Context) (moved bool, err error) {
	m.aim()
	value, err := m.search(ctx)
	if err == nil && value >= m.value && m.memory.n > 0 {
		m.memory.n = 0 // what is remembered misleads: try steepest descent
		m.aim()
		value, err = m.search(ctx)
	}
	if err != nil || value >= m.value {
		return false, err
	}
	s, y := m.memory.next(len(m.w))
	floats.SubTo(s, m.trialW, m.w)
	copy(y, m.g)
	if err := m.accept(ctx, value); err != nil {
		return false, err
	}
	floats.SubTo(y, m.g, y)
	m.memory.keep(s, y)
	return true, nil
}

// aim sets direction.
func (m *minimiser) aim() {
	// Weights near zero that want to fall count as bound too: among the free ones
	// they would let the steps of all be no longer than their own.
	near := 1e-3 * floats.Sum(m.w) / float64(len(m.w))
	for i, g := range m.g {
		m.free[i] = m.w[i] > near || g < 0
	}
	m.memory.direction(m.direction, m.g, m.free)
	if m.memory.n == 0 {
		// Nothing is known of the curvature: change the weights by a tenth.
		if size := floats.Norm(m.direction, 2); size > 0 {
			floats.Scale(0.1*max(floats.Norm(m.w, 2), 1e-6)/size, m.direction)
		}
	}
	for i, free := range m.free {
		if !free {
			m.direction[i] = -m.w[i]
		}
	}
}

// search tries ever smaller steps along direction, bent at the bounds, until the
// value has fallen by a fair share of what the derivative promises. It returns
// the value at trialW, not below the current one when nothing was found.
func (m *minimiser) search(ctx context.Context) (float64, error) {
	const fair, trials = 1e-4, 20
	length := 1.0
	for range trials {
		promise := 0.0
		for i, d := range m.direction {
			m.trialW[i] = max(m.w[i]+length*d, 0)
			promise += m.g[i] * (m.trialW[i] - m.w[i])
		}
		if promise >= 0 { // bent too much
			length /= 2
			continue
		}
		value, err := m.try(ctx)
		if err != nil {
			return 0, err
		}
		if value < m.value && value <= m.value+fair*promise {
			return value, nil
		}
		// The minimum of the parabola through both values and the derivative.
		length *= min(max(promise/2/(promise-(value-m.value)), 0.1), 0.5)
	}
	return m.value, nil
}
