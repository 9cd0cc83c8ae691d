package dose

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/heterogeneity"
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
	p.begin()
	defer p.end()
	segments := 0
	for i := range j.beams {
		segments += len(j.beams[i].segments)
		// Before anything is computed: a machine that does not serve.
		if _, err := p.table(j.beams[i].machine); err != nil {
			return nil, fmt.Errorf("%v: %w", j.beams[i].Beam, err)
		}
	}
	if err := p.budget(); err != nil {
		return nil, err
	}
	p.rows = rowsInside(j.inside, j.Grid.Size())
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
	rows       []extentOfRow
	cache      *heterogeneity.Cache
	tables     map[*machine.Machine]*pencil.Depths
	ratios     map[*machine.Machine]heterogeneity.TissueRatios
	parts      map[*machine.Machine]*pencilParts
	maps       *fluenceMaps // of the last beam
	poses      []*pose      // as many as are computed together
	transforms int          // of each size, for goroutines to take turns
	progress   *progress
}

// beam adds the dose of one beam, some poses at a time: their maps and depths
// first, then their voxels.
func (p *pencilJob) beam(ctx context.Context, d *delivery) error {
	table, err := p.table(d.machine)
	if err != nil {
		return err
	}
	maps, err := newFluenceMaps(d)
	if err != nil {
		return err
	}
	maps.begin(p.maps, p.transforms)
	p.maps = maps
	var deepest float64
	for first := 0; first < len(d.segments); first += len(p.poses) {
		poses := p.poses[:min(len(p.poses), len(d.segments)-first)]
		reached, err := p.together(ctx, d, first, poses, table)
		if err != nil {
			return err
		}
		deepest = max(deepest, reached)
	}
	p.warnKernel(d, deepest, table)
	return nil
}

// warnKernel tells where a beam goes beyond what is known of the kernel.
func (p *pencilJob) warnKernel(d *delivery, deepest float64, table *pencil.Depths) {
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

// extentOfRow is extent of a row of voxels, and whether all between is inside.
type extentOfRow struct {
	first, end int32
	whole      bool
}

func rowsInside(inside []bool, size [3]int) []extentOfRow {
	rows := make([]extentOfRow, size[1]*size[2])
	for n := range rows {
		row := inside[n*size[0] : (n+1)*size[0]]
		first, end := extent(row)
		rows[n] = extentOfRow{int32(first), int32(end), !slices.Contains(row[first:end], false)}
	}
	return rows
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
	meet := field.X0 <= field.X1 && field.Y0 <= field.Y1
	// Whatever the field, rays lie on one lattice, half a step off the axis:
	// depths of a plan and of its bixels are the same to the last bit.
	low := func(x float64) float64 { return rays * (math.Floor(x/rays-0.5) + 0.5) }
	high := func(x float64) float64 { return rays * (math.Ceil(x/rays-0.5) + 0.5) }
	field.X0, field.X1 = low(field.X0), high(field.X1)
	field.Y0, field.Y1 = low(field.Y0), high(field.Y1)
	b := heterogeneity.Beam{Tissue: p.Tissue, Frame: frame, Field: field, Spacing: rays, Step: step, Threads: p.Threads, Cache: p.cache}
	return b, meet
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
		ascending = ascending && d.Depth[i]-d.Depth[i-1] >= pencil.Narrowest
	}
	for i := 1; i < len(d.Scale); i++ {
		ascending = ascending && d.Scale[i]-d.Scale[i-1] >= pencil.Narrowest
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
