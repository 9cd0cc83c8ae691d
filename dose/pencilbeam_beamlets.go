package dose

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"gonum.org/v1/gonum/floats"

	"github.com/kerma-rt/kerma/dose/beam"
	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/heterogeneity"
	"github.com/kerma-rt/kerma/internal/kernels/beamlet"
	"github.com/kerma-rt/kerma/internal/kernels/parallel"
	"github.com/kerma-rt/kerma/internal/kernels/pencil"
	"github.com/kerma-rt/kerma/internal/version"
)

var _ Beamlets = PencilBeam{}

// Beamlets computes bixels by the pencil beams of Compute, each a square of
// fluence that is blurred by the source and as high as the machine's profile
// at its middle; see bixelKernel. Leakage is not part of a bixel. The factor
// of a Factored correction is that of the field that all bixels of a beam open
// together. With a Spreading correction each bixel is a field of its own, which
// takes some thousand times as long.
func (e PencilBeam) Beamlets(ctx context.Context, r BeamletRequest) (*BeamletResult, error) {
	if e.Heterogeneity == nil {
		e.Heterogeneity = heterogeneity.EquivalentPathLength{}
	}
	if _, ok := e.Heterogeneity.(heterogeneity.Spreading); ok {
		return apart(ctx, e, r)
	}
	began := time.Now()
	j, err := prepareBeamlets(ctx, r)
	if err != nil {
		return nil, err
	}
	m := r.Machine
	p := &pencilJob{job: j.job, correction: e.Heterogeneity, cache: &heterogeneity.Cache{Columns: true}, tables: map[*machine.Machine]*pencil.Depths{}, ratios: map[*machine.Machine]heterogeneity.TissueRatios{}}
	table, err := p.table(m)
	if err != nil {
		return nil, err
	}
	p.progress = newProgress(2*len(j.fields)*j.slabs(), j.Progress)
	defer p.progress.stop()

	seen := map[*bixelField]*sight{}
	at, start, runStart, err := j.count(ctx, func(f *bixelField) (func(int, *beamlet.Block, [3]int), func(), error) {
		s, err := p.sight(ctx, j, f)
		if err != nil {
			return nil, nil, err
		}
		seen[f] = s
		return s.add, s.rays.free, nil
	})
	if err != nil {
		return nil, err
	}
	for _, f := range j.fields {
		p.warnKernel(f.delivery, seen[f].deepest(), table)
	}
	value, run, err := j.place(start, runStart)
	if err != nil {
		return nil, err
	}
	result := j.result()
	kernels, err := j.kernels(ctx)
	if err != nil {
		return nil, err
	}
	for i, f := range j.fields {
		w := &bixelWriter{beamletJob: j, field: f, table: table, sight: seen[f], at: at[i], kernel: kernels[i], value: value, run: run, progress: p.progress}
		within, err := w.write(ctx)
		if err != nil {
			return nil, fmt.Errorf("%v: %w", f.Beam, err)
		}
		beyond, err := p.beyond(ctx, j, f, table)
		if err != nil {
			return nil, fmt.Errorf("%v: %w", f.Beam, err)
		}
		result.Within, result.Beyond = append(result.Within, within...), append(result.Beyond, beyond...)
	}
	result.Provenance.Engine = e.Name()
	result.Provenance.Heterogeneity = e.Heterogeneity.Name()
	result.Provenance.Elapsed = time.Since(began)
	return result, nil
}

// kernels is that of each field. Fields of one size and nearly one source–skin
// distance share theirs.
func (j *beamletJob) kernels(ctx context.Context) ([]*bixelKernel, error) {
	type key struct {
		ssd  int
		size float64
	}
	first := map[key]int{}
	shared, own := make([]int, len(j.fields)), []int{}
	m := j.request.Machine
	for i, f := range j.fields {
		is := key{m.Pencil.Index(f.kernelSSD()), f.Size}
		if _, ok := first[is]; !ok {
			first[is] = i
			own = append(own, i)
		}
		shared[i] = first[is]
	}
	all := make([]*bixelKernel, len(j.fields))
	err := parallel.For(ctx, len(own), j.Threads, func(n int) (err error) {
		f := j.fields[own[n]]
		all[own[n]], err = newBixelKernel(m, f.kernelSSD(), f.Size, j.request.Reach)
		return err
	})
	for i := range all {
		all[i] = all[shared[i]]
	}
	return all, err
}

// result is what is known without the dose.
func (j *beamletJob) result() *BeamletResult {
	m := j.request.Machine
	r := &BeamletResult{Warnings: append(j.warnings, m.Notes...)}
	for _, f := range j.fields {
		r.Beams = append(r.Beams, BeamResult{Number: f.Number, Name: f.Bixels.Name, MU: 1, Machine: m.Name, SSD: f.ssd})
	}
	r.Provenance = Provenance{Version: version.Version, Machines: []string{m.Name + " " + m.Hash}, Grid: j.Grid, Calibration: j.Tissue.Calibration}
	return r
}

// sight is the depths, and factors where there are any, of the voxels that
// bixels reach: for each slab one after the other those of its blocks. It is
// all that is kept of a correction until there is memory for the columns.
type sight struct {
	rays          *rays
	affine        geometry.Affine
	depth, factor [][]float32
	fault         []error
}

// sight prepares what add needs.
func (p *pencilJob) sight(ctx context.Context, j *beamletJob, f *bixelField) (*sight, error) {
	var water heterogeneity.Water
	if _, ok := p.correction.(heterogeneity.Factored); ok {
		water = p.openWater(f.machine, f.open())
	}
	rays, err := p.rays(ctx, f.frame, &f.around, water, fieldRays, fieldStep)
	if err != nil {
		return nil, err
	}
	return &sight{rays: rays, affine: f.affine, depth: make([][]float32, j.slabs()), factor: make([][]float32, j.slabs()), fault: make([]error, j.slabs())}, nil
}

func (s *sight) add(slab int, b *beamlet.Block, voxel [3]int) {
	first, step := s.affine.At(float64(voxel[0]), float64(voxel[1]), float64(voxel[2])), s.affine.Step[0]
	if s.depth[slab] == nil {
		s.depth[slab] = make([]float32, 0, 1<<13)
	}
	at := len(s.depth[slab])
	s.depth[slab] = slices.Grow(s.depth[slab], beamlet.Lanes)[:at+beamlet.Lanes]
	depth := s.depth[slab][at:]
	s.rays.Row32(depth, first, step)
	for v, d := range depth {
		if b.Inside>>v&1 == 0 {
			depth[v] = 0
		} else if !(d >= 0) {
			s.fault[slab] = fmt.Errorf("dose: voxel (%d, %d, %d) lies at a depth of %v mm", voxel[0]+v, voxel[1], voxel[2], d)
		}
	}
	if s.rays.factors == nil {
		return
	}
	var factor [beamlet.Lanes]float64
	s.rays.factors.Row(factor[:], first, step)
	for v, c := range factor {
		if b.Inside>>v&1 == 0 {
			c = 0
		} else if !(c >= 0) {
			s.fault[slab] = fmt.Errorf("dose: voxel (%d, %d, %d) has a correction factor of %v", voxel[0]+v, voxel[1], voxel[2], c)
		}
		s.factor[slab] = append(s.factor[slab], float32(c))
	}
}

// deepest is the largest depth, mm.
func (s *sight) deepest() float64 {
	var most float32
	for _, slab := range s.depth {
		for _, d := range slab {
			most = max(most, d)
		}
	}
	return float64(most)
}

// bixelWriter writes the columns of one beam.
type bixelWriter struct {
	*beamletJob
	field    *bixelField
	table    *pencil.Depths
	sight    *sight
	at       sizes
	kernel   *bixelKernel
	value    []float32
	run      []Run
	progress *progress

	along, across *beamlet.Functions
	profile       []float32 // by column; nil where it is flat
	pool          sync.Pool // of *beamlet.Writer, whose memory is used again
}

// write returns the sum of every column.
func (w *bixelWriter) write(ctx context.Context) ([]float64, error) {
	f := w.field
	w.along, w.across = w.kernel.functions(len(f.lattice.X), len(f.lattice.Y))
	if len(f.machine.Profile.Radius) > 0 {
		for _, c := range f.Centre {
			w.profile = append(w.profile, float32(f.machine.Profile.At(math.Hypot(c[0], c[1]))))
		}
	}
	sums := make([][]float64, len(w.at))
	err := parallel.For(ctx, len(w.at), w.Threads, func(n int) error {
		if err := w.sight.fault[n]; err != nil {
			return err
		}
		sums[n] = w.slab(n)
		w.progress.add(1)
		return nil
	})
	if err != nil {
		return nil, err
	}
	total := make([]float64, len(f.Centre))
	for _, slab := range sums {
		floats.Add(total, slab)
	}
	return total, nil
}

// kernelSSD is the source–skin distance whose kernels a beam takes, mm.
func (f *bixelField) kernelSSD() float64 {
	if math.IsNaN(f.ssd) {
		return f.sad // as for a plan
	}
	return f.ssd
}

// slab writes the columns of one slab and returns their sums.
func (w *bixelWriter) slab(n int) []float64 {
	f, step, k := w.field, w.field.affine.Step[0], w.across.Components
	to, ok := w.pool.Get().(*beamlet.Writer)
	if !ok {
		to = &beamlet.Writer{Lattice: f.lattice, P: w.along, Q: w.across, Value: w.value, Run: w.run}
	}
	defer w.pool.Put(to)
	to.Columns = append(to.Columns[:0], w.at[n]...)
	columns := to.Columns
	to.Sums = slices.Grow(to.Sums[:0], beamlet.Lanes*len(columns))[:beamlet.Lanes*len(columns)]
	clear(to.Sums)
	amplitude := make([]float32, beamlet.Lanes*k)
	unit := f.machine.Calibration.FluencePerMU
	at := 0
	w.blocks(f, n, func(b *beamlet.Block, voxel [3]int) {
		z := f.affine.At(float64(voxel[0]), float64(voxel[1]), float64(voxel[2])).Z
		for v, d := range w.sight.depth[n][at : at+beamlet.Lanes] {
			a := f.sad - z - float64(v)*step.Z
			m := f.sad / a
			scale := unit * m * m
			if w.sight.factor[n] != nil {
				scale *= float64(w.sight.factor[n][at+v])
			}
			of := amplitude[v*k : (v+1)*k]
			w.table.At(of, float64(d), a/f.sad)
			for c := range of {
				of[c] *= float32(scale)
			}
		}
		at += beamlet.Lanes
		to.Add(b, amplitude)
	})
	sums := make([]float64, len(columns))
	for c := range columns {
		for _, v := range to.Sums[c*beamlet.Lanes : (c+1)*beamlet.Lanes] {
			sums[c] += float64(v)
		}
		if w.profile != nil {
			value := w.value[w.at[n][c].Value:columns[c].Value]
			for i := range value {
				value[i] *= w.profile[c]
			}
			sums[c] *= float64(w.profile[c])
		}
	}
	return sums
}

// open is the fluence of all bixels together.
func (f *bixelField) open() *beam.Fluence {
	margin := blurMargin * f.machine.SourceSigma
	n := int(math.Ceil(f.Size / finePixel))
	pixel := f.Size / float64(n)
	edge := int(math.Ceil(margin / pixel))
	nx, ny := len(f.lattice.X), len(f.lattice.Y)
	m := &beam.Fluence{
		X: float64(f.lattice.X[0]) - f.Size/2 - float64(edge)*pixel, Y: float64(f.lattice.Y[0]) - f.Size/2 - float64(edge)*pixel,
		Spacing: pixel, NX: nx*n + 2*edge, NY: ny*n + 2*edge,
	}
	m.Value = make([]float64, m.NX*m.NY)
	for y := range ny * n {
		for x := range nx * n {
			if f.all[y/n*nx+x/n] >= 0 {
				m.Value[(edge+y)*m.NX+edge+x] = 1
			}
		}
	}
	m.Blur(f.machine.SourceSigma)
	m.Shape(f.machine.Profile)
	return m
}
