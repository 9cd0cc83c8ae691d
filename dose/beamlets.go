package dose

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/kerma-rt/kerma/dose/beam"
	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/heterogeneity"
	"github.com/kerma-rt/kerma/internal/kernels/beamlet"
	"github.com/kerma-rt/kerma/internal/kernels/parallel"
	"github.com/kerma-rt/kerma/internal/kernels/pencil"
)

// Beamlets is the ability of an engine to give the dose of many bixels apart.
type Beamlets interface {
	Engine
	// Beamlets computes the dose of every bixel for the fluence of one monitor
	// unit, in sparse columns. Which voxels a column has depends on geometry
	// alone: those inside the body that project to within Reach of the
	// bixel's centre. Place is called once, when their numbers are known and
	// before any dose is. Beamlets fails with ErrRequest, with the errors of
	// package machine, with that of Place and that of ctx.
	Beamlets(ctx context.Context, r BeamletRequest) (*BeamletResult, error)
}

// Run is the voxels First, First+1, …, End−1 of a grid, x fastest.
type Run = beamlet.Run

// BeamletRequest is one calculation of bixels.
type BeamletRequest struct {
	Tissue  *heterogeneity.Tissue
	Machine *machine.Machine
	Grid    geometry.Grid // dose grid; empty: the CT's
	Beams   []Bixels      // their columns follow one another
	Reach   float64       // mm in the isocentre plane from a bixel's centre that its dose is computed

	// From and To, where To is not 0, ask for the columns From ≤ j < To alone, as
	// they are among all: a matrix can be made piece by piece.
	From, To int

	Threads  int // goroutines; 0 means one per CPU
	Progress func(done float64)

	// Place returns memory for start[columns] values (Gy) and runStart[columns]
	// runs: the values of column j, in the order of their voxels, go to
	// value[start[j]:start[j+1]], and where they belong to
	// run[runStart[j]:runStart[j+1]].
	Place func(start, runStart []int64) (value []float32, run []Run, err error)
}

// BeamletResult is what is to be said about columns.
type BeamletResult struct {
	// Within is the sum of the values of each column, and Beyond what they lack
	// by their reach: the doses of voxels inside the body beyond it, summed. Gy.
	Within, Beyond []float64

	Beams      []BeamResult // without number and monitor units
	Provenance Provenance
	Warnings   []string
}

// beamletJob is a beamlet request found possible.
type beamletJob struct {
	*job
	request *BeamletRequest
	fields  []*bixelField
	columns int // asked for
	before  int // columns of the beams so far, asked for or not
}

// bixelField is the bixels of one beam.
type bixelField struct {
	*Bixels // those asked for
	*delivery
	frame   geometry.Frame
	affine  geometry.Affine
	lattice *beamlet.Lattice // of all bixels, with the columns of those asked for
	all     []int32          // columns of the lattice among all bixels of the beam
	lines   [2][2]int        // the lines of x and y from and to which there are columns
	around  pencil.Map       // whose points cover what is in reach; it has no values
}

// prepareBeamlets checks a request and finds frames, lattices and body.
func prepareBeamlets(ctx context.Context, r BeamletRequest) (*beamletJob, error) {
	t := r.Tissue
	switch {
	case t == nil || t.ElectronDensity == nil || t.ElectronDensity.Grid.Len() == 0:
		return nil, fmt.Errorf("%w: no tissue", ErrRequest)
	case len(t.ElectronDensity.Data) != t.ElectronDensity.Grid.Len():
		return nil, fmt.Errorf("%w: tissue of %d values for %d voxels", ErrRequest, len(t.ElectronDensity.Data), t.ElectronDensity.Grid.Len())
	case r.Machine == nil:
		return nil, fmt.Errorf("%w: no machine", ErrRequest)
	case !(r.Machine.Calibration.FluencePerMU > 0) || math.IsInf(r.Machine.Calibration.FluencePerMU, 0):
		return nil, fmt.Errorf("%w: machine %q gives a fluence of %v per monitor unit", ErrRequest, r.Machine.Name, r.Machine.Calibration.FluencePerMU)
	case r.Threads < 0:
		return nil, fmt.Errorf("%w: %d threads", ErrRequest, r.Threads)
	case len(r.Beams) == 0:
		return nil, fmt.Errorf("%w: no beams", ErrRequest)
	case !(r.Reach > 0 && r.Reach <= 1000):
		return nil, fmt.Errorf("%w: dose within %g mm of bixels", ErrRequest, r.Reach)
	case r.From < 0 || r.To < 0 || r.From > r.To || r.To > 0 && r.From == r.To:
		return nil, fmt.Errorf("%w: columns %d to %d", ErrRequest, r.From, r.To)
	case r.Place == nil:
		return nil, fmt.Errorf("%w: no place for the columns", ErrRequest)
	}
	if r.Grid.Len() == 0 {
		r.Grid = t.ElectronDensity.Grid
	}
	if r.Grid.Len() > math.MaxInt32-beamlet.Lanes {
		return nil, fmt.Errorf("%w: %d voxels, of which a column can tell %d apart", ErrRequest, r.Grid.Len(), math.MaxInt32-beamlet.Lanes)
	}
	j := &beamletJob{request: &r, job: &job{Request: Request{Tissue: t, Grid: r.Grid, Threads: r.Threads, Progress: r.Progress}, fractions: 1}}
	j.warnings = append(j.warnings, t.Warnings...)
	if t.Body == nil {
		j.warnings = append(j.warnings, "no body structure: dose in air around the patient is computed too")
	}
	var err error
	if j.inside, err = insideBody(ctx, t, r.Grid, r.Threads); err != nil {
		return nil, err
	}
	j.warnOutside()
	for i := range r.Beams {
		d := delivery{Beam: &beam.Beam{Number: i + 1, Name: r.Beams[i].Name}, mu: 1, machine: r.Machine, grid: r.Grid}
		if err := j.field(&r.Beams[i], d); err != nil {
			return nil, fmt.Errorf("%v: %w", d.Beam, err)
		}
	}
	if r.To > j.before {
		return nil, fmt.Errorf("%w: columns %d to %d of %d", ErrRequest, r.From, r.To, j.before)
	}
	return j, nil
}

// field adds the bixels of one beam.
func (j *beamletJob) field(b *Bixels, d delivery) error {
	if j.before+len(b.Centre) > math.MaxInt32 {
		return fmt.Errorf("%w: more than %d bixels", ErrRequest, math.MaxInt32)
	}
	l, err := b.lattice()
	if err != nil {
		return err
	}
	l.Reach = float32(j.request.Reach)
	from, to := 0, len(b.Centre)
	if j.request.To > 0 {
		from, to = min(max(j.request.From-j.before, 0), to), min(max(j.request.To-j.before, 0), to)
	}
	j.before += len(b.Centre)
	pose := b.Pose
	if pose.SAD == 0 {
		pose.SAD = d.machine.SAD
	}
	if d.sad = pose.SAD; math.Abs(d.sad-d.machine.SAD) > sameSAD {
		return fmt.Errorf("%w: source–axis distance %g mm, machine %q has %g mm", ErrRequest, d.sad, d.machine.Name, d.machine.SAD)
	}
	asked := *b
	asked.Centre = b.Centre[from:to]
	f := &bixelField{Bixels: &asked, lattice: l, all: l.Column}
	f.only(from, to)
	if f.frame, err = geometry.NewFrame(pose); err != nil {
		return err
	}
	d.frames = []geometry.Frame{f.frame}
	d.ssd = skin(j.Tissue, f.frame)
	f.affine = f.frame.OfGrid(j.Grid)
	f.around = withinReach(l, j.request.Reach)
	if from == to {
		return nil
	}
	j.columns += to - from
	j.fields = append(j.fields, f)
	f.delivery = &d
	j.warnBeam(&d)
	return nil
}

// withinReach is a map whose points cover all within reach (mm) of a lattice.
func withinReach(l *beamlet.Lattice, reach float64) pencil.Map {
	m := pencil.Map{X: float64(l.X[0]) - reach, Y: float64(l.Y[0]) - reach, Step: 1}
	m.NX = int(math.Ceil(float64(l.X[len(l.X)-1])+reach-m.X)) + 1
	m.NY = int(math.Ceil(float64(l.Y[len(l.Y)-1])+reach-m.Y)) + 1
	return m
}

// only takes the columns from … to−1 as 0 … to−from−1, and no others.
func (f *bixelField) only(from, to int) {
	l := f.lattice
	nx := len(l.X)
	l.Column = make([]int32, len(f.all))
	f.lines = [2][2]int{{nx, 0}, {len(l.Y), 0}}
	for n, c := range f.all {
		l.Column[n] = -1
		if int(c) < from || int(c) >= to {
			continue
		}
		l.Column[n] = c - int32(from)
		for a, line := range [2]int{n % nx, n / nx} {
			f.lines[a] = [2]int{min(f.lines[a][0], line), max(f.lines[a][1], line+1)}
		}
	}
}

// slab is the number of planes that one goroutine takes at a time.
const slab = 2

func (j *beamletJob) slabs() int { return (j.Grid.Size()[2] + slab - 1) / slab }

// blocks calls f for all blocks of voxels of a slab that may be in reach of
// bixels, in the order of the voxels.
func (j *beamletJob) blocks(field *bixelField, n int, f func(b *beamlet.Block, start [3]int)) {
	size := j.Grid.Size()
	span := pencil.Field{SAD: field.sad, Map: &field.around}
	step := field.affine.Step[0]
	line := pencil.Line{Step: [3]float64{step.X, step.Y, step.Z}}
	var b beamlet.Block
	for k := n * slab; k < min((n+1)*slab, size[2]); k++ {
		for y := range size[1] {
			row := j.Grid.Offset(0, y, k)
			origin := field.affine.At(0, float64(y), float64(k))
			line.Origin = [3]float64{origin.X, origin.Y, origin.Z}
			from, to := span.Span(line, size[0])
			if from >= to {
				continue
			}
			first, end := extent(j.inside[row+from : row+to])
			first, end = first+from, end+from
			for ; first < end; first += beamlet.Lanes {
				b.First = int32(row + first)
				if field.project(&b, &line, first, j.inside[row+first:row+min(end, first+beamlet.Lanes)]) {
					f(&b, [3]int{first, y, k})
				}
			}
		}
	}
}

// project fills the block of the voxels from first on, as many as inside tells
// of, and reports whether any of them may be in reach of a bixel.
func (f *bixelField) project(b *beamlet.Block, l *pencil.Line, first int, inside []bool) bool {
	b.Inside = 0
	x0, x1, y0, y1 := float32(math.MaxFloat32), float32(-math.MaxFloat32), float32(math.MaxFloat32), float32(-math.MaxFloat32)
	for n, in := range inside {
		i := float64(first + n)
		m := f.sad / (f.sad - (l.Origin[2] + i*l.Step[2]))
		x, y := float32((l.Origin[0]+i*l.Step[0])*m), float32((l.Origin[1]+i*l.Step[1])*m)
		b.X[n], b.Y[n] = x, y
		if in {
			b.Inside |= 1 << n
			x0, x1, y0, y1 = min(x0, x), max(x1, x), min(y0, y), max(y1, y)
		}
	}
	if b.Inside == 0 {
		return false
	}
	for n := len(inside); n < beamlet.Lanes; n++ {
		b.X[n], b.Y[n] = b.X[0], b.Y[0]
	}
	b.I0, b.I1 = f.linesNear(f.lattice.X, f.lines[0], x0, x1)
	b.J0, b.J1 = f.linesNear(f.lattice.Y, f.lines[1], y0, y1)
	return b.I0 < b.I1 && b.J0 < b.J1
}

// linesNear is the lines among those between that lie within reach of low …
// high.
func (f *bixelField) linesNear(lines []float32, between [2]int, low, high float32) (from, to int) {
	const hair = 1e-3 // lines, for rounding
	origin, reach := float64(lines[0]), float64(f.lattice.Reach)
	from = int(math.Ceil((float64(low)-reach-origin)/f.Size - hair))
	to = int(math.Floor((float64(high)+reach-origin)/f.Size+hair)) + 1
	return max(from, between[0]), min(to, between[1])
}

// sizes is how many values and runs a column has from each slab: of slab n and
// column c at [n][c], in order.
type sizes [][]beamlet.Column

// visitor is what else is to be done with the blocks of each slab, and after
// the last; either may be nil.
type visitor func(f *bixelField) (also func(slab int, b *beamlet.Block, voxel [3]int), end func(), err error)

// count finds where the columns of every slab begin, and where all do.
func (j *beamletJob) count(ctx context.Context, visit visitor) (at []sizes, start, runStart []int64, err error) {
	at = make([]sizes, len(j.fields))
	// The largest first: the memory of its depths is enough for all.
	order := make([]int, len(j.fields))
	for i := range order {
		order[i] = i
	}
	size := func(i int) float64 {
		f := j.fields[i]
		near, far := reach(j.Tissue.ElectronDensity.Grid, f.frames)
		return -float64(f.around.NX) * float64(f.around.NY) * (far - near)
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(size(a), size(b)) })
	for _, i := range order {
		f := j.fields[i]
		also, end, err := visit(f)
		if err != nil {
			return nil, nil, nil, fmt.Errorf("%v: %w", f.Beam, err)
		}
		at[i] = make(sizes, j.slabs())
		err = parallel.For(ctx, j.slabs(), j.Threads, func(n int) error {
			columns := make([]beamlet.Column, len(f.Centre))
			for c := range columns {
				columns[c].Last = beamlet.Start
			}
			at[i][n] = columns
			j.blocks(f, n, func(b *beamlet.Block, voxel [3]int) {
				beamlet.Count(columns, f.lattice, b)
				if also != nil {
					also(n, b, voxel)
				}
			})
			return nil
		})
		if err != nil {
			return nil, nil, nil, err
		}
		if end != nil {
			end()
		}
	}
	start, runStart = make([]int64, 1, j.columns+1), make([]int64, 1, j.columns+1)
	var values, runs int64
	for _, columns := range at {
		for c := range columns[0] {
			for _, slab := range columns {
				count := slab[c]
				slab[c] = beamlet.Column{Value: values, Limit: values + count.Value, Run: runs, Last: beamlet.Start}
				values += count.Value
				runs += count.Run
			}
			start, runStart = append(start, values), append(runStart, runs)
		}
	}
	return at, start, runStart, nil
}

var errPlace = errors.New("dose: memory for columns of another size than asked for")

// place asks for the memory of the columns.
func (j *beamletJob) place(start, runStart []int64) ([]float32, []Run, error) {
	value, run, err := j.request.Place(start, runStart)
	if err == nil && (int64(len(value)) != start[j.columns] || int64(len(run)) != runStart[j.columns]) {
		err = errPlace
	}
	return value, run, err
}
