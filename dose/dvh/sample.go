package dvh

import (
	"fmt"
	"math"

	"golang.org/x/sync/errgroup"
	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/internal/kernels/doseline"
)

const (
	bins      = 10_000  // over the doses in the structure's box: 0.01 % of their range each
	samples   = 300_000 // at least, in a structure of more than 5 cm³
	finest    = 0.25    // mm
	maxRaster = 1 << 24 // cells in a cross-section
	maxLayers = 1 << 20
	surface   = 0.3     // mm; samples that may lie further outside give no lowest or highest dose
	largest   = 1e30    // Gy; greater doses are not sampled in float32
	shares    = 1 << 44 // in the structure's volume: samples are counted in whole shares
)

// compute samples a structure with so many goroutines.
func compute(dose *geometry.Volume, s *geometry.Structure, workers int) Histogram {
	h := Histogram{Structure: s.Name, Number: s.Number}
	solid, warnings, err := geometry.NewSolid(s, dose.Grid)
	h.Warnings = warnings
	if err != nil {
		h.Err = err
		return h
	}
	if solid.Empty() || !(solid.Volume() > 0) {
		return h
	}
	sm := newSampler(dose, solid)
	sm.run(workers)
	sm.fill(&h)
	if h.Outside > 1e-6*h.Volume {
		h.Warnings = append(h.Warnings, fmt.Sprintf("structure %q: %.4g of %.4g cm³ (%.2g %%) lie outside the dose grid and are left out of the dose figures",
			s.Name, h.Outside, h.Volume, 100*h.Outside/h.Volume))
	}
	return h
}

// sampler goes through a solid layer by layer.
type sampler struct {
	dose   *geometry.Volume
	solid  *geometry.Solid
	raster geometry.Raster
	layers []geometry.Layer
	// In dose voxels: the place of solid coordinates zero, and how far a mm
	// along each of them goes.
	origin, perU, perV, perW r3.Vec

	step      r3.Vec  // from one cell of a row to the next, in dose voxels
	axis      int     // of the dose grid that rows run along; −1: none
	vAxis     int     // of the dose grid that rows follow one another along; −1: none
	low, high float64 // Gy, of the dose around the solid
	width     float64 // of a bin, Gy
	share     float64 // mm³
	sliver    float32 // part of a cell below which its sample may lie too far outside

	count       []int64   // shares outside, then in each bin
	outside     int64     // shares
	moment      []float64 // Gy · mm³, of each layer
	inside      int64
	least, most float64    // Gy, of all but slivers
	any         [2]float64 // Gy, of slivers
}

// newSampler chooses the lattice: cubes such that a good number of them fill the
// structure, no larger than the dose's voxels nor finer than a quarter of a
// millimetre.
func newSampler(dose *geometry.Volume, solid *geometry.Solid) *sampler {
	m := &sampler{dose: dose, solid: solid, axis: -1}
	low, high := solid.Bounds()
	axes := solid.Axes()
	spacing := dose.Grid.Spacing()
	step := max(math.Cbrt(solid.Volume()*1000/samples), finest)
	step = min(step, max(spacing[0], finest), max(spacing[1], finest), max(spacing[2], finest))
	for {
		m.place(low, high, axes, step)
		if float64(m.raster.NU)*float64(m.raster.NV) <= maxRaster && (high.Z-low.Z)/step <= maxLayers {
			break
		}
		step *= 1.5
	}
	m.layers = solid.Layers(step, nil)
	m.sliver = float32(min(max(1-surface/step, 0.1), 0.9))
	m.share = solid.Volume() * 1000 / shares
	m.low, m.high = rangeOf(dose, solid)
	// A uniform dose still needs a bin with a width.
	m.width = max((m.high-m.low)/bins, 1e-9*max(math.Abs(m.low), 1e-3))
	if max(math.Abs(m.low), math.Abs(m.high)) > largest {
		m.axis = -1
	}
	m.count = make([]int64, 1+bins)
	m.moment = make([]float64, len(m.layers))
	m.least, m.most = math.Inf(1), math.Inf(-1)
	m.any = [2]float64{math.Inf(1), math.Inf(-1)}
	return m
}

// place lays the raster over the solid's bounds.
func (m *sampler) place(low, high r3.Vec, axes [3]r3.Vec, step float64) {
	g := m.dose.Grid
	cell := func(direction r3.Vec, from, to float64) (n, axis int) {
		axis = -1
		for a := range 3 {
			if math.Abs(r3.Dot(direction, g.Axis(a))) > 1-1e-12 {
				axis = a
			}
		}
		return int(min(math.Ceil((to-from)/step), maxRaster+1)), axis
	}
	r := &m.raster
	r.U, r.V, r.DU, r.DV = low.X, low.Y, step, step
	r.NU, m.axis = cell(axes[0], low.X, high.X)
	r.NV, m.vAxis = cell(axes[1], low.Y, high.Y)
	d := r3.Scale(r.DU, axes[0])
	s := g.Spacing()
	m.step = r3.Vec{X: r3.Dot(d, g.Axis(0)) / s[0], Y: r3.Dot(d, g.Axis(1)) / s[1], Z: r3.Dot(d, g.Axis(2)) / s[2]}
	if m.vAxis < 0 {
		m.axis = -1
	}
	m.origin = g.Index(r3.Vec{})
	for i, to := range [3]*r3.Vec{&m.perU, &m.perV, &m.perW} {
		*to = r3.Sub(g.Index(axes[i]), m.origin)
	}
}

// index is the place of solid coordinates (mm) in dose voxels.
func (m *sampler) index(u, v, w float64) [3]float64 {
	return [3]float64{
		m.origin.X + u*m.perU.X + v*m.perV.X + w*m.perW.X,
		m.origin.Y + u*m.perU.Y + v*m.perV.Y + w*m.perW.Y,
		m.origin.Z + u*m.perU.Z + v*m.perV.Z + w*m.perW.Z,
	}
}

// rangeOf is the least and greatest dose of the voxels around the solid.
func rangeOf(dose *geometry.Volume, solid *geometry.Solid) (least, most float64) {
	g := dose.Grid
	low, high := solid.Bounds()
	size := g.Size()
	lo, hi := size, [3]int{}
	for c := range 8 {
		q := low
		if c&1 != 0 {
			q.X = high.X
		}
		if c&2 != 0 {
			q.Y = high.Y
		}
		if c&4 != 0 {
			q.Z = high.Z
		}
		i := g.Index(solid.Point(q.X, q.Y, q.Z))
		for a, x := range [3]float64{i.X, i.Y, i.Z} {
			n := float64(size[a] - 1)
			// Two voxels to spare: a raster may begin a cell before the bounds.
			lo[a] = min(lo[a], int(min(max(math.Floor(x)-2, 0), n)))
			hi[a] = max(hi[a], int(min(max(math.Ceil(x)+2, 0), n)))
		}
	}
	var all doseline.Range
	for k := lo[2]; k <= hi[2]; k++ {
		for j := lo[1]; j <= hi[1]; j++ {
			at := g.Offset(0, j, k)
			all.Add(dose.Data[at+lo[0] : at+hi[0]+1])
		}
	}
	first, last := all.Ends()
	return float64(first), float64(last)
}

// run samples all layers, a contiguous run of them to each goroutine. Counts
// are whole numbers and moments are kept by layer, so that no sum depends on
// how the layers were shared out.
func (m *sampler) run(workers int) {
	workers = min(workers, len(m.layers))
	parts := make([]*tally, workers)
	var group errgroup.Group
	for w := range workers {
		group.Go(func() error {
			t := m.newTally()
			for i := w * len(m.layers) / workers; i < (w+1)*len(m.layers)/workers; i++ {
				m.moment[i] = t.layer(i)
			}
			parts[w] = t
			return nil
		})
	}
	_ = group.Wait() // no worker fails
	for _, t := range parts {
		t.finish()
		for i, n := range t.count {
			m.count[i] += n
		}
		m.least, m.most = min(m.least, t.least), max(m.most, t.most)
		m.any = [2]float64{min(m.any[0], t.any[0]), max(m.any[1], t.any[1])}
	}
	m.outside = m.count[0]
	for _, n := range m.count[1:] {
		m.inside += n
	}
}

// fill writes the histogram.
func (m *sampler) fill(h *Histogram) {
	cm3 := m.share / 1000
	h.Volume = float64(m.inside+m.outside) * cm3
	h.Outside = float64(m.outside) * cm3
	if m.inside == 0 {
		return
	}
	if m.least > m.most { // nothing but slivers
		m.least, m.most = m.any[0], m.any[1]
	}
	h.min, h.max = m.least, m.most
	sum := 0.0
	for _, x := range m.moment {
		sum += x
	}
	h.mean = min(max(sum/(float64(m.inside)*m.share), h.min), h.max)
	h.low, h.width = m.low, m.width
	h.above = make([]float64, bins+1)
	n := int64(0)
	for i := bins - 1; i >= 0; i-- {
		n += m.count[1+i]
		h.above[i] = float64(n) * cm3
	}
}

// tally is what one goroutine counts.
type tally struct {
	*sampler
	sections    *geometry.Sections
	line        []float32 // dose along a row of voxels
	part        []float32 // of each cell of a row
	bin         []int32   // of the sample in it
	row         doseline.Sampler
	count       []int64
	least, most float64
	any         [2]float64
	perGy       float64
}

func (m *sampler) newTally() *tally {
	t := &tally{
		sampler: m, sections: m.solid.Sections(m.raster), count: make([]int64, 1+bins),
		least: math.Inf(1), most: math.Inf(-1), any: [2]float64{math.Inf(1), math.Inf(-1)},
	}
	t.perGy = 1 / m.width
	if m.axis >= 0 {
		t.line = make([]float32, m.dose.Grid.Size()[m.axis]+1+doseline.Spare)
		t.part, t.bin = make([]float32, doseline.Padded(m.raster.NU)), make([]int32, doseline.Padded(m.raster.NU))
		t.row = doseline.Sampler{Low: float32(m.low), High: float32(m.high), PerGy: float32(t.perGy), Bins: bins, Sliver: m.sliver}
		t.row.Reset()
	}
	return t
}

// finish takes in what the rows were sampled to.
func (t *tally) finish() {
	if t.axis < 0 {
		return
	}
	least, most := t.row.Extremes()
	t.least, t.most = min(t.least, float64(least)), max(t.most, float64(most))
	least, most = t.row.AnyExtremes()
	t.any = [2]float64{min(t.any[0], float64(least)), max(t.any[1], float64(most))}
}

// Samples are shifted within their cells by an additive recurrence of low
// discrepancy in three dimensions, α = (1/g, 1/g², 1/g³) with g⁴ = g + 1: rows
// of samples that lay along the isodoses would all count at one dose, and make
// steps of the histogram.
const (
	alpha1 = 0.8191725133961645
	alpha2 = 0.6710436067037893
	alpha3 = 0.5497004779019703
	golden = 0.6180339887498949 // along a row
)

// shift is term n of the recurrence, −½…½.
func shift(n, alpha float64) float64 {
	x := n * alpha
	return x - math.Floor(x) - 0.5
}

// layer counts the samples of layer number n and returns their Σ dose · volume.
func (t *tally) layer(n int) float64 {
	l, r := t.layers[n], &t.raster
	cover, win := t.sections.At(l.W)
	whole := r.DU * r.DV * l.Thickness / t.share
	sum := 0.0
	for j := win.J0; j < win.J1; j++ {
		row := cover[j*r.NU:]
		i0, i1 := win.I0, win.I1
		for i0+4 <= i1 && row[i0]+row[i0+1]+row[i0+2]+row[i0+3] == 0 {
			i0 += 4
		}
		for i0 < i1 && row[i0] == 0 {
			i0++
		}
		for i1 >= i0+4 && row[i1-4]+row[i1-3]+row[i1-2]+row[i1-1] == 0 {
			i1 -= 4
		}
		for i1 > i0 && row[i1-1] == 0 {
			i1--
		}
		if i0 == i1 {
			continue
		}
		at := float64(n)*1021 + float64(j) // 1021 is prime: layers must not repeat each other's shifts
		u, v := r.U+(float64(i0)+0.5)*r.DU, r.V+(float64(j)+0.5)*r.DV
		v1, w1 := v+shift(at, alpha1)*r.DV, l.W+shift(at, alpha2)*l.Thickness
		phase := at*alpha3 + float64(i0)*golden
		if t.axis >= 0 {
			t.centres(row[i0:i1], t.index(u, v, l.W), l.Thickness)
			t.along(row[i0:], i1-i0, t.index(u, v1, w1), phase, whole)
		} else {
			sum += t.across(row[i0:i1], t.solid.Point(u, v1, w1), phase, whole)
		}
	}
	if t.axis >= 0 {
		sum = t.row.Sum() * whole
	}
	return sum * t.share
}

// take counts one sample and returns dose · shares.
func (t *tally) take(dose float64, part float32, shares int64) float64 {
	// Interpolation may round past the doses it lies between.
	if dose < t.low {
		dose = t.low
	} else if dose > t.high {
		dose = t.high
	}
	i := int((dose - t.low) * t.perGy)
	if i >= bins {
		i = bins - 1
	}
	t.count[1+i] += shares
	if part >= t.sliver {
		if dose < t.least {
			t.least = dose
		}
		if dose > t.most {
			t.most = dose
		}
	} else {
		t.any[0], t.any[1] = min(t.any[0], dose), max(t.any[1], dose)
	}
	return dose * float64(shares)
}

// centres looks for voxel centres in the whole cells of a row. A trilinear dose has
// its least and greatest value there, unless at the structure's surface.
func (t *tally) centres(row []float32, at [3]float64, thickness float64) {
	g := t.dose.Grid
	size, spacing := g.Size(), g.Spacing()
	var voxel [3]int
	for a := range 3 {
		if a == t.axis {
			continue
		}
		reach := thickness
		if a == t.vAxis {
			reach = t.raster.DV
		}
		near := math.Floor(at[a] + 0.5)
		if math.Abs(at[a]-near) > reach/2/spacing[a] || near < 0 || near >= float64(size[a]) {
			return
		}
		voxel[a] = int(near)
	}
	voxel[t.axis] = 0
	voxels := t.dose.Data[g.Offset(voxel[0], voxel[1], voxel[2]):]
	stride := [3]int{1, size[0], size[0] * size[1]}[t.axis]
	start, step := at[t.axis], [3]float64{t.step.X, t.step.Y, t.step.Z}[t.axis]
	end := start + float64(len(row)-1)*step
	n := float64(size[t.axis] - 1)
	first, last := int(min(max(min(start, end), 0), n)), int(min(max(max(start, end)+1, 0), n))
	least, most := float32(t.least), float32(t.most)
	for i := first; i <= last; i++ {
		d := voxels[i*stride]
		if d >= least && d <= most {
			continue
		}
		k := int(math.Floor((float64(i)-start)/step + 0.5)) // the cell that holds the voxel's centre
		if k < 0 || k >= len(row) || row[k] < 0.999 {
			continue
		}
		least, most = min(least, d), max(most, d)
	}
	t.least, t.most = float64(least), float64(most)
}

// across samples a row that runs along no axis of the dose grid.
func (t *tally) across(row []float32, first r3.Vec, phase, whole float64) float64 {
	step := r3.Scale(t.raster.DU, t.solid.Axes()[0])
	sum := 0.0
	for i, part := range row {
		if part == 0 {
			continue
		}
		dose, inside := t.dose.Interpolate(r3.Add(first, r3.Scale(float64(i)+shift(phase+float64(i)*golden, 1), step)))
		shares := int64(float64(part)*whole + 0.5)
		if !inside {
			t.count[0] += shares
			continue
		}
		sum += t.take(dose, part, shares)
	}
	return sum
}

// along samples a row along an axis of the dose grid: the dose is first
// interpolated to the row's line, voxel by voxel, then along it. The row is the
// first cells of what it is given.
func (t *tally) along(cells []float32, n int, at [3]float64, phase, whole float64) {
	row := cells[:n]
	if !t.onGrid(at) {
		for _, part := range row {
			t.count[0] += int64(float64(part)*whole + 0.5)
		}
		return
	}
	step := [3]float64{t.step.X, t.step.Y, t.step.Z}[t.axis]
	last := t.dose.Grid.Size()[t.axis] - 1
	begin := at[t.axis] - 0.5*step
	end := begin + float64(n)*step
	clamp := func(x float64) int { return int(min(max(x, 0), float64(last))) }
	from := clamp(min(begin, end))
	to := min(clamp(max(begin, end))+1, last)
	line := t.blend(at, from, to)

	if len(cells) < doseline.Padded(n) {
		copy(t.part, row)
		cells = t.part
	}
	t.row.Start, t.row.Step = float32(begin-float64(from)), float32(step)
	t.row.Lowest, t.row.Highest = float32(-0.5-float64(from)), float32(float64(last)+0.5-float64(from))
	t.row.Turn = uint32((phase - math.Floor(phase)) * (1 << 32))
	t.row.Row(t.bin, line, cells, n)
	full, count := int64(whole+0.5), t.count
	bins := t.bin[:len(row)]
	for i, part := range row {
		if part == 1 {
			count[bins[i]] += full
		} else {
			count[bins[i]] += int64(float64(part)*whole + 0.5)
		}
	}
}

// onGrid reports whether a row lies within the grid across itself.
func (t *tally) onGrid(at [3]float64) bool {
	for a, n := range t.dose.Grid.Size() {
		if a != t.axis && !(at[a] >= -0.5 && at[a] <= float64(n)-0.5) {
			return false
		}
	}
	return true
}

// blend is the dose on a row's line beside the voxels from…to, and the last
// once more so that it has a right neighbour.
func (t *tally) blend(at [3]float64, from, to int) []float32 {
	size := t.dose.Grid.Size()
	stride := [3]int{1, size[0], size[0] * size[1]}
	// The four lines of voxels around, and their weights.
	var base [4]int
	weight := [4]float32{1, 0, 0, 0}
	lines := 1
	for a := range 3 {
		if a == t.axis {
			continue
		}
		x := min(max(at[a], 0), float64(size[a]-1))
		low := min(int(x), max(size[a]-2, 0))
		part := float32(x - float64(low))
		for k := range lines {
			base[k] += low * stride[a]
			base[k+lines] = base[k]
			weight[k+lines] = weight[k] * part
			weight[k] *= 1 - part
			if size[a] > 1 {
				base[k+lines] += stride[a]
			}
		}
		lines *= 2
	}
	line := t.line[:to-from+2] // at most size+1
	s, data := stride[t.axis], t.dose.Data
	for k := range base {
		base[k] += from * s
	}
	if s == 1 {
		n := to - from + 1
		doseline.Blend(line[:n], data[base[0]:][:n], data[base[1]:][:n], data[base[2]:][:n], data[base[3]:][:n], &weight)
	} else {
		for i := range to - from + 1 {
			line[i] = weight[0]*data[base[0]+i*s] + weight[1]*data[base[1]+i*s] + weight[2]*data[base[2]+i*s] + weight[3]*data[base[3]+i*s]
		}
	}
	line[to-from+1] = line[to-from]
	return line
}
