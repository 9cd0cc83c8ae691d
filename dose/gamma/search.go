package gamma

import (
	"context"
	"math"
	"runtime"

	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/internal/kernels/gammasearch"
	"github.com/kerma-rt/kerma/internal/kernels/parallel"
)

// A searcher finds the least γ² of the points of a row, which lie at
// continuous indices first, first + step, … of the evaluated grid, given their
// doses in Gy and 1/ΔD in 1/Gy. Where gamma2 is not a number there is no
// point; it becomes +Inf where there is no dose in reach. A searcher belongs to
// one goroutine.
type searcher interface {
	Row(first, step [3]float64, dose []float32, scale, gamma2 []float64)
}

// block is how many reference voxels are summed up together. It is fixed, so
// that the order of addition does not depend on the number of goroutines.
const block = 2048

// sum is what one block adds to the result.
type sum struct {
	points, passed, noData int
	total, greatest        float64
}

// search fills r.Gamma where it is not NaN, and the summary.
func (r *Result) search(ctx context.Context, reference, evaluated *geometry.Volume, at place) error {
	low, high, any := r.bounds()
	if !any {
		return ctx.Err()
	}
	n := reference.Grid.Len()
	sums := make([]sum, (n+block-1)/block)
	threads := r.Threads
	if threads == 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	threads = min(threads, len(sums))
	searchers, err := r.searchers(ctx, threads, evaluated, low, high, at)
	if err != nil {
		return err
	}
	idle := make(chan searcher, threads)
	for _, s := range searchers {
		idle <- s
	}
	err = parallel.For(ctx, len(sums), threads, func(b int) error {
		s := <-idle
		defer func() { idle <- s }()
		return r.block(ctx, s, reference, at, b*block, min(n, (b+1)*block), &sums[b])
	})
	if err != nil {
		return err
	}
	r.add(sums)
	for _, s := range searchers {
		if exact, ok := s.(*gammasearch.Search); ok {
			r.Unproven += exact.Unproven
		}
	}
	return nil
}

// searchers prepares one searcher for each goroutine.
func (r *Result) searchers(ctx context.Context, threads int, evaluated *geometry.Volume, low, high [3]int, at place) ([]searcher, error) {
	all := make([]searcher, threads)
	if r.Samples > 0 {
		shells := newShells(r.Criteria, evaluated.Grid)
		for i := range all {
			all[i] = &sampler{shells: shells, evaluated: evaluated}
		}
		return all, nil
	}
	var k [3]float64
	for a, h := range evaluated.Grid.Spacing() {
		k[a] = h / r.Distance
	}
	first, end := at.reachable(low, high, evaluated.Grid, r.reach())
	field := gammasearch.NewField(evaluated.Data, evaluated.Grid.Size(), first, end, k, r.MaxGamma, at.index(0, 0, 0))
	z, last := field.Layers()
	err := parallel.For(ctx, last-z, threads, func(i int) error {
		field.FillSpans(z + i)
		return nil
	})
	if err != nil {
		return nil, err
	}
	enough := 0.0
	if r.StopOncePassed {
		enough = 1
	}
	for i := range all {
		all[i] = gammasearch.New(field, enough)
	}
	return all, nil
}

// block compares the reference voxels from first to end.
func (r *Result) block(ctx context.Context, s searcher, reference *geometry.Volume, at place, first, end int, total *sum) error {
	width := reference.Grid.Size()[0]
	var scale, gamma2 [block]float64
	for i := first; i < end; {
		n := min(end-i, width-i%width)
		if err := ctx.Err(); err != nil {
			return err
		}
		r.row(s, reference, at, i, scale[:n], gamma2[:n], total)
		i += n
	}
	return nil
}

// row compares reference voxels that follow one another along x.
func (r *Result) row(s searcher, reference *geometry.Volume, at place, first int, scale, gamma2 []float64, total *sum) {
	size := reference.Grid.Size()
	gamma, dose := r.Gamma.Data[first:first+len(gamma2)], reference.Data[first:first+len(gamma2)]
	from, to := 0, len(gamma)
	for from < to && gamma[from] != gamma[from] {
		from++
	}
	if from == to {
		return
	}
	for gamma[to-1] != gamma[to-1] {
		to--
	}
	gamma, dose, scale, gamma2 = gamma[from:to], dose[from:to], scale[from:to], gamma2[from:to]
	percent := r.DosePercent / 100
	global := 1 / (percent * r.Normalisation)
	for i, g := range gamma {
		gamma2[i] = float64(g)
		scale[i] = global
		if r.Local {
			scale[i] = 1 / (percent * float64(dose[i]))
		}
	}
	x, yz := (first+from)%size[0], first/size[0]
	s.Row(at.index(x, yz%size[1], yz/size[1]), [3]float64{at.axis[0].X, at.axis[0].Y, at.axis[0].Z}, dose, scale, gamma2)
	for i, g2 := range gamma2 {
		if g2 != g2 {
			continue
		}
		if g2 > math.MaxFloat64 {
			gamma[i] = notANumber
			total.noData++
			continue
		}
		// Written out: min and max of floats look for NaN.
		g := math.Sqrt(g2)
		if g > r.MaxGamma {
			g = r.MaxGamma
		}
		total.points++
		if g <= 1 {
			total.passed++
		}
		total.total += g
		if g > total.greatest {
			total.greatest = g
		}
		gamma[i] = rounded(g)
	}
}

// rounded is gamma as float32, still above 1 if gamma is.
func rounded(gamma float64) float32 {
	g := float32(gamma)
	if gamma > 1 && g <= 1 {
		return math.Nextafter32(1, 2)
	}
	return g
}

// add sums up the blocks in their order.
func (r *Result) add(sums []sum) {
	total := 0.0
	for _, s := range sums {
		r.Points += s.points
		r.Passed += s.passed
		r.NoData += s.noData
		r.Max = math.Max(r.Max, s.greatest)
		total += s.total
	}
	if r.Points > 0 {
		r.Mean = total / float64(r.Points)
		r.PassRate = 100 * float64(r.Passed) / float64(r.Points)
	}
}
