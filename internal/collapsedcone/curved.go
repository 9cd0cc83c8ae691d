package collapsedcone

import (
	"context"
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/internal/kernels/curved"
	"github.com/kerma-rt/kerma/internal/kernels/parallel"
)

const (
	// blockSide (mm) is about how far apart the points are that stand for what
	// voxels release.
	blockSide = 5
	// faint is the energy of a point over the largest below which it has no bent
	// paths: what passes jaws and leaves goes straight.
	faint = 0.01
)

// bend adds what electrons that are turned deposit beyond what those do that go
// straight; see package curved. Energy is kept.
func (c *Calculation) bend(ctx context.Context, r *released, kernels []curved.Kernel, axis, x, y r3.Vec) error {
	m := c.medium
	points, most, released := r.points(m)
	if len(points) == 0 {
		return nil
	}
	field := &curved.Field{Size: m.Size(), Density: m.electron}
	volume := 1.0
	for a, s := range m.Spacing() {
		field.Spacing[a] = s / 10
		volume *= s / 10
	}
	reach := curved.Reach(kernels)
	evenness := newEvenness(m)
	uneven := points[:0]
	var box geometry.Box
	for _, p := range points {
		var all bool
		if p.Even, all = evenness.within(p.At, reach); all {
			continue
		}
		uneven = append(uneven, p)
		var b geometry.Box
		for a := range 3 {
			b.Low[a] = int(p.At[a])
			b.High[a] = b.Low[a] + 1
		}
		box = box.Union(b)
	}
	if len(uneven) == 0 {
		return nil
	}
	quantum := most / (1 << 40)
	fan := curved.NewFan(field, kernels, c.vector(axis), [2][3]float64{c.vector(x), c.vector(y)}, quantum)
	for a := range 3 {
		far := int(math.Ceil(fan.Longest()/field.Spacing[a])) + 1
		box.Low[a] -= far
		box.High[a] += far
	}
	box = box.Intersect(c.wanted).Intersect(m.Box())
	if box.Empty() {
		return nil
	}
	field.Low, field.High = box.Low, box.High
	sums := make([]curved.Sum, box.Len())
	const batch = 16
	batches := (len(uneven) + batch - 1) / batch
	straight, bent := make([]float64, batches), make([]float64, batches)
	err := parallel.For(ctx, batches, c.threads, func(b int) error {
		straight[b], bent[b] = fan.Add(sums, uneven[b*batch:min((b+1)*batch, len(uneven))])
		return nil
	})
	if err != nil {
		return err
	}
	size := box.Size()
	for i, sum := range sums {
		at := m.Offset(box.Low[0]+i%size[0], box.Low[1]+i/size[0]%size[1], box.Low[2]+i/size[0]/size[1])
		c.energy[at] += float64(sum.Bent-sum.Straight) * quantum / volume
	}
	// What bent paths give off in all is more or less by some 1e-4 of what is
	// released, for a grid of rays is coarse: the cones carry the rest.
	kept := float32(1 - (floats.Sum(bent)-floats.Sum(straight))/released)
	return parallel.For(ctx, m.Size()[2], c.threads, func(k int) error {
		eachRow(&r.straight, k, func(from, to, _ int) {
			for _, primary := range r.straight.Primary {
				for at := from; at < to; at++ {
					primary[at] *= kept
				}
			}
		})
		return nil
	})
}

// vector is a vector along the axes of the lattice.
func (c *Calculation) vector(v r3.Vec) [3]float64 {
	return [3]float64{r3.Dot(v, c.medium.Axis(0)), r3.Dot(v, c.medium.Axis(1)), r3.Dot(v, c.medium.Axis(2))}
}

// points are the releasing voxels in blocks, each at the centre of its energy
// (MeV), the largest energy and that of all voxels.
func (r *released) points(m *medium) (points []curved.Point, most, all float64) {
	var side [3]int
	volume := 1.0
	for a, s := range m.Spacing() {
		side[a] = max(1, int(blockSide/s+0.4))
		volume *= s / 10
	}
	low, high := r.box.Low, r.box.High
	var totals []float64
	for a := range 3 {
		low[a] -= low[a] % side[a]
	}
	for k := low[2]; k < high[2]; k += side[2] {
		for j := low[1]; j < high[1]; j += side[1] {
			for i := low[0]; i < high[0]; i += side[0] {
				b := geometry.Box{Low: [3]int{i, j, k}, High: [3]int{i + side[0], j + side[1], k + side[2]}}
				p, sum := r.point(m, b.Intersect(r.box), volume)
				if sum > 0 {
					p.Turn = i/side[0] + j/side[1] + k/side[2]
					points, totals = append(points, p), append(totals, sum)
					most = max(most, sum)
					all += sum
				}
			}
		}
	}
	bright := points[:0]
	for i, p := range points {
		if totals[i] >= faint*most {
			bright = append(bright, p)
		}
	}
	return bright, most, all
}

// point is what the voxels of a block release to electrons, together.
func (r *released) point(m *medium, b geometry.Box, volume float64) (p curved.Point, sum float64) {
	f := &r.straight
	p.Energy = make([]float64, len(f.Primary))
	for k := b.Low[2]; k < b.High[2]; k++ {
		for j := b.Low[1]; j < b.High[1]; j++ {
			at := m.Offset(b.Low[0], j, k)
			for i := b.Low[0]; i < b.High[0]; i++ {
				var energy float64
				for g, primary := range f.Primary {
					e := float64(primary[at]) * volume
					p.Energy[g] += e
					energy += e
				}
				for a, x := range [3]int{i, j, k} {
					p.At[a] += energy * float64(x)
					p.Ray[a] += energy * float64(f.Ray[a][at])
				}
				sum += energy
				at++
			}
		}
	}
	n := math.Sqrt(p.Ray[0]*p.Ray[0] + p.Ray[1]*p.Ray[1] + p.Ray[2]*p.Ray[2])
	if !(n > 0) {
		return p, 0
	}
	for a := range 3 {
		p.At[a] /= sum
		p.Ray[a] /= n
	}
	return p, sum
}
