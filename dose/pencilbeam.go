package dose

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/heterogeneity"
	"github.com/kerma-rt/kerma/internal/kernels/parallel"
	"github.com/kerma-rt/kerma/internal/kernels/pencil"
	"github.com/kerma-rt/kerma/internal/version"
)

// PencilBeam computes dose, to water unless the correction says otherwise, by
// pencil beams in low-rank form (Bortfeld, Schlegel and Rhein 1993, Med Phys
// 20:311):
//
//	D(P) = MU · Φ₁ · (SAD/a)² Σ_k D_k(d, a/SAD) · (φ ⊗ w_k)(x, y),
//
// Φ₁ the machine's fluence per monitor unit, φ the relative fluence in the
// isocentre plane, a the distance of P from the source along the beam axis,
// (x, y) its projection on the isocentre plane, and d its depth in water as the
// correction for heterogeneity sees it. The fluence is convolved once for each
// component; a voxel is then a look-up. Media beside a ray are taken to be the
// medium on it: near the borders of lung and bone the dose is off by several
// per cent. A Spreading correction (heterogeneity.DensityScaled) does not take
// them so: it spreads the kernels of a machine's spectrum through the media,
// and takes several times as long.
type PencilBeam struct {
	Heterogeneity heterogeneity.Correction // nil: heterogeneity.EquivalentPathLength
	ArcStepDeg    float64                  // most that an arc moves within a sample, degrees; 0: 2
}

// Name is "pencil-beam".
func (PencilBeam) Name() string { return "pencil-beam" }

// Compute returns the dose of the whole course; see Engine. It fails with
// ErrRequest, with the errors of package beam about the plan and of package
// machine about a beam without its machine, and with the error of ctx.
func (e PencilBeam) Compute(ctx context.Context, r Request) (*Result, error) {
	began := time.Now()
	if e.Heterogeneity == nil {
		e.Heterogeneity = heterogeneity.EquivalentPathLength{}
	}
	j, err := prepare(ctx, r, e.ArcStepDeg)
	if err != nil {
		return nil, err
	}
	p := &pencilJob{
		job: j, correction: e.Heterogeneity, dose: geometry.NewVolume(j.Grid),
		tables: map[*machine.Machine]*pencil.Depths{},
		ratios: map[*machine.Machine]heterogeneity.TissueRatios{},
		parts:  map[*machine.Machine]*pencilParts{},
	}
	segments := 0
	for _, d := range j.beams {
		segments += len(d.segments)
	}
	p.progress = newProgress(segments*j.Grid.Size()[2], j.Progress)
	defer p.progress.stop()

	for i := range j.beams {
		if err := p.beam(ctx, &j.beams[i]); err != nil {
			return nil, fmt.Errorf("%v: %w", j.beams[i].Beam, err)
		}
	}

	result, err := j.course(p.dose)
	if err != nil {
		return nil, err
	}
	result.Provenance.Engine = e.Name()
	result.Provenance.Version = version.Version
	result.Provenance.Heterogeneity = e.Heterogeneity.Name()
	result.Provenance.Elapsed = time.Since(began)
	return result, nil
}

// pencilJob is one pencil beam calculation under way.
type pencilJob struct {
	*job
	correction heterogeneity.Correction
	dose       *geometry.Volume // Gy a fraction
	tables     map[*machine.Machine]*pencil.Depths
	ratios     map[*machine.Machine]heterogeneity.TissueRatios
	parts      map[*machine.Machine]*pencilParts
	maps       *fluenceMaps // of the last beam
	progress   *progress
}

// beam adds the dose of one beam, pose by pose.
func (p *pencilJob) beam(ctx context.Context, d *delivery) error {
	table, err := p.table(d.machine)
	if err != nil {
		return err
	}
	maps, err := newFluenceMaps(d, p.Threads, p.maps)
	if err != nil {
		return err
	}
	p.maps = maps
	spreading, spreads := p.correction.(heterogeneity.Spreading)
	var deepest float64
	for i, segment := range d.segments {
		frame := d.frames[i]
		if spreads {
			reached, err := p.spread(ctx, spreading, frame, maps, &segment)
			if err != nil {
				return fmt.Errorf("control point %d: %w", segment.Point, err)
			}
			deepest = max(deepest, reached)
			continue
		}
		ssd := skin(p.Tissue, frame)
		if math.IsNaN(ssd) {
			ssd = d.sad // the axis passes the body by; what it hits lies near the isocentre plane
		}
		fine, coarse, err := maps.of(ctx, &segment, ssd)
		if err != nil {
			return fmt.Errorf("control point %d: %w", segment.Point, err)
		}
		factor := d.machine.Calibration.FluencePerMU
		field := pencil.Field{SAD: d.sad, Factor: factor, Map: fine, Depths: table}
		around := pencil.Field{SAD: d.sad, Factor: factor, Map: coarse, Depths: table}
		reached, err := p.voxels(ctx, frame, p.water(d.machine, maps), &field, &around)
		if err != nil {
			return fmt.Errorf("control point %d: %w", segment.Point, err)
		}
		deepest = max(deepest, reached)
	}
	if deepest > table.Last() {
		p.warnings = append(p.warnings, fmt.Sprintf("%v: depths to %.0f mm of water; beyond %.0f mm the dose is taken as at that depth", d.Beam, deepest, table.Last()))
	}
	if known := d.machine.Pencil.Depth.Scale; len(known) > 1 {
		first, last := known[0]*d.sad, known[len(known)-1]*d.sad
		if near, far := reach(p.Grid, d.frames); near < first || far > last {
			p.warnings = append(p.warnings, fmt.Sprintf("%v: the dose grid reaches from %.0f to %.0f mm from the source; kernels are known from %.0f to %.0f mm and taken as at the nearer end beyond",
				d.Beam, near, far, first, last))
		}
	}
	return nil
}

// reach is how near to the source and how far from it, along the beam axis in
// mm, the voxel centres of g lie in any of the frames.
func reach(g geometry.Grid, frames []geometry.Frame) (near, far float64) {
	near, far = math.Inf(1), math.Inf(-1)
	n := g.Size()
	for _, f := range frames {
		m := f.OfGrid(g)
		for c := range 8 {
			b := m.At(float64((n[0]-1)*(c&1)), float64((n[1]-1)*(c>>1&1)), float64((n[2]-1)*(c>>2)))
			near, far = min(near, f.SAD-b.Z), max(far, f.SAD-b.Z)
		}
	}
	return near, far
}

// Rays of the depth tables, mm: close together where dose is high.
const (
	fieldRays, fieldStep   = 2, 2
	aroundRays, aroundStep = 6, 4
)

// voxels adds the dose of one pose: from field where its map reaches, around
// it from the other. Every voxel is written by one goroutine, pose after pose.
func (p *pencilJob) voxels(ctx context.Context, frame geometry.Frame, water heterogeneity.Water, field, around *pencil.Field) (deepest float64, err error) {
	near, err := p.rays(ctx, frame, field.Map, water, fieldRays, fieldStep)
	if err != nil {
		return 0, err
	}
	far, err := p.rays(ctx, frame, around.Map, water, aroundRays, aroundStep)
	if err != nil {
		return 0, err
	}
	size, affine := p.Grid.Size(), frame.OfGrid(p.Grid)
	slabs := make([]float32, size[2])
	err = parallel.For(ctx, size[2], p.Threads, func(k int) error {
		depth, part32, fresh := make([]float64, size[0]), make([]float32, size[0]), make([]float32, size[0])
		for y := range size[1] {
			row := p.Grid.Offset(0, y, k)
			first, end := extent(p.inside[row : row+size[0]])
			if first == end {
				continue
			}
			origin := affine.At(0, float64(y), float64(k))
			line := pencil.Line{
				Origin: [3]float64{origin.X, origin.Y, origin.Z},
				Step:   [3]float64{affine.Step[0].X, affine.Step[0].Y, affine.Step[0].Z},
			}
			add := func(f *pencil.Field, r *rays, from, to int) {
				if from >= to || r == nil {
					return
				}
				part := depth[:to-from]
				start := affine.At(float64(from), float64(y), float64(k))
				r.Row(part, start, affine.Step[0])
				for i := range part {
					part32[i] = float32(part[i])
					if !p.inside[row+from+i] {
						part32[i] = -1
					}
				}
				dose := p.dose.Data[row+from : row+to]
				if r.factors == nil {
					slabs[k] = max(slabs[k], f.Add(dose, part32[:len(part)], line, from))
					return
				}
				water := fresh[:len(part)]
				clear(water)
				slabs[k] = max(slabs[k], f.Add(water, part32[:len(part)], line, from))
				r.factors.Row(part, start, affine.Step[0])
				for i, d := range water {
					if d != 0 {
						dose[i] += d * float32(part[i])
					}
				}
			}
			a, b := around.Span(line, size[0])
			a, b = max(a, first), min(b, end)
			c, d := field.Span(line, size[0])
			c, d = max(c, first), min(d, end)
			if c >= d {
				c, d = b, b
			}
			add(around, far, a, c)
			add(field, near, c, d)
			add(around, far, d, b)
		}
		p.progress.add(1)
		return nil
	})
	for _, d := range slabs {
		deepest = max(deepest, float64(d))
	}
	return deepest, err
}

// extent is the range from the first to the last voxel of a row inside.
func extent(inside []bool) (first, end int) {
	end = len(inside)
	for first < end && !inside[first] {
		first++
	}
	for end > first && !inside[end-1] {
		end--
	}
	return first, end
}

// beamOf is what a correction looks along: where both a map and the dose grid
// reach; false where they do not meet.
func (p *pencilJob) beamOf(frame geometry.Frame, m *pencil.Map, rays, step float64) (heterogeneity.Beam, bool) {
	if m.NX == 0 {
		return heterogeneity.Beam{}, false
	}
	seen := shadow(p.Grid, frame)
	field := heterogeneity.Field{
		X0: max(m.X, seen.X0), X1: min(m.X+float64(m.NX-1)*m.Step, seen.X1),
		Y0: max(m.Y, seen.Y0), Y1: min(m.Y+float64(m.NY-1)*m.Step, seen.Y1),
	}
	b := heterogeneity.Beam{Tissue: p.Tissue, Frame: frame, Field: field, Spacing: rays, Step: step, Threads: p.Threads}
	return b, field.X0 <= field.X1 && field.Y0 <= field.Y1
}

// shadow is the rectangle of the isocentre plane on which the voxel centres of
// g project; all of the plane where g reaches to beside the source.
func shadow(g geometry.Grid, f geometry.Frame) heterogeneity.Field {
	inf := math.Inf(1)
	s := heterogeneity.Field{X0: inf, X1: -inf, Y0: inf, Y1: -inf}
	n, m := g.Size(), f.OfGrid(g)
	for c := range 8 {
		b := m.At(float64((n[0]-1)*(c&1)), float64((n[1]-1)*(c>>1&1)), float64((n[2]-1)*(c>>2)))
		a := f.SAD - b.Z
		if a <= 1 {
			return heterogeneity.Field{X0: -inf, X1: inf, Y0: -inf, Y1: inf}
		}
		x, y := b.X*f.SAD/a, b.Y*f.SAD/a
		s.X0, s.X1, s.Y0, s.Y1 = min(s.X0, x), max(s.X1, x), min(s.Y0, y), max(s.Y1, y)
	}
	return s
}

// table prepares the depth functions of a machine, once.
func (p *pencilJob) table(m *machine.Machine) (*pencil.Depths, error) {
	if t := p.tables[m]; t != nil {
		return t, nil
	}
	if m.Pencil == nil {
		return nil, fmt.Errorf("%w: machine %q has no pencil kernel", ErrRequest, m.Name)
	}
	d := &m.Pencil.Depth
	ascending := len(d.Depth) >= 2 && len(d.Depth) <= math.MaxUint16 && d.Depth[0] == 0 && len(d.Scale) >= 1
	for i := 1; i < len(d.Depth); i++ {
		ascending = ascending && float32(d.Depth[i]) > float32(d.Depth[i-1])
	}
	for i := 1; i < len(d.Scale); i++ {
		ascending = ascending && d.Scale[i] > d.Scale[i-1]
	}
	complete := d.Components > 0 && len(m.Pencil.Lateral) > 0 && len(d.Value) == len(d.Depth)*len(d.Scale)*d.Components
	for _, lateral := range m.Pencil.Lateral {
		complete = complete && len(lateral) == d.Components
	}
	if !ascending || !complete {
		return nil, fmt.Errorf("%w: machine %q has an incomplete pencil kernel", ErrRequest, m.Name)
	}
	t := pencil.NewDepths(d.Depth, d.Scale, d.Value, d.Components)
	p.tables[m] = t
	return t, nil
}
