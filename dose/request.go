package dose

import (
	"context"
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/dose/beam"
	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/heterogeneity"
	"github.com/kerma-rt/kerma/internal/kernels/parallel"
)

// ErrRequest is wrapped by errors about a request that has no answer: nothing
// to compute on, or a beam that does not fit its machine. Errors about the plan
// itself wrap those of package beam.
var ErrRequest = errors.New("dose: impossible request")

// job is a request found possible, with what every engine needs of it.
type job struct {
	Request
	beams     []delivery
	fractions int
	inside    []bool // by dose voxel: whether it gets a dose
	warnings  []string
}

// delivery is one beam of the plan as it is given.
type delivery struct {
	*beam.Beam
	mu       float64 // per fraction
	machine  *machine.Machine
	sad      float64
	segments []beam.Segment
	frames   []geometry.Frame // one a segment
	grid     geometry.Grid    // of the dose
	ssd      float64          // at the first control point, mm; NaN where the axis misses the body
}

const (
	sameSAD = 1.0 // mm between the beam's source–axis distance and its machine's
	sameSSD = 5.0 // mm between the planned source–skin distance and that found
)

// prepare checks a request and finds its machines, segments and body. stepDeg is
// the most that an arc moves within a segment.
func prepare(ctx context.Context, r Request, stepDeg float64) (*job, error) {
	t := r.Tissue
	switch {
	case t == nil || t.ElectronDensity == nil || t.ElectronDensity.Grid.Len() == 0:
		return nil, fmt.Errorf("%w: no tissue", ErrRequest)
	case len(t.ElectronDensity.Data) != t.ElectronDensity.Grid.Len():
		return nil, fmt.Errorf("%w: tissue of %d values for %d voxels", ErrRequest, len(t.ElectronDensity.Data), t.ElectronDensity.Grid.Len())
	case r.Plan == nil:
		return nil, fmt.Errorf("%w: no plan", ErrRequest)
	case r.Threads < 0:
		return nil, fmt.Errorf("%w: %d threads", ErrRequest, r.Threads)
	case r.MaxBytes < 0:
		return nil, fmt.Errorf("%w: %d bytes of memory", ErrRequest, r.MaxBytes)
	}
	if err := r.Plan.Validate(); err != nil {
		return nil, err
	}
	if r.Grid.Len() == 0 {
		r.Grid = t.ElectronDensity.Grid
	}
	j := &job{Request: r}
	for _, lines := range [][]string{t.Warnings, r.Plan.Unmodelled, r.Plan.Omitted} {
		j.warnings = append(j.warnings, lines...)
	}
	if t.Body == nil {
		j.warnings = append(j.warnings, "no body structure: dose in air around the patient is computed too")
	}
	var err error
	if j.inside, err = insideBody(ctx, t, r.Grid, r.Threads); err != nil {
		return nil, err
	}
	j.warnOutside()
	return j, j.deliver(stepDeg)
}

// warnOutside tells of dose voxels that the CT does not reach: no dose there is
// not a dose of zero.
func (j *job) warnOutside() {
	ct := j.Tissue.ElectronDensity.Grid
	size := j.Grid.Size()
	count := func(step [3]int) (outside int) {
		for k := 0; k < size[2]; k += step[2] {
			for y := 0; y < size[1]; y += step[1] {
				for x := 0; x < size[0]; x += step[0] {
					if !inBox(ct, j.Grid.Point(float64(x), float64(y), float64(k))) {
						outside++
					}
				}
			}
		}
		return outside
	}
	corners := [3]int{max(1, size[0]-1), max(1, size[1]-1), max(1, size[2]-1)}
	if count(corners) == 0 {
		return // and so is all between them
	}
	if outside := count([3]int{1, 1, 1}); outside > 0 {
		j.warnings = append(j.warnings, fmt.Sprintf("%.1f %% of the dose grid lies outside the CT: no dose is computed there", 100*float64(outside)/float64(j.Grid.Len())))
	}
}

// deliver fills the beams of the fraction group, in the order of the plan.
func (j *job) deliver(stepDeg float64) error {
	group, err := j.Plan.Group(j.FractionGroup)
	if err != nil {
		return err
	}
	if j.fractions = group.Fractions; j.fractions == 0 {
		j.fractions = 1
		j.warnings = append(j.warnings, "number of fractions unknown: dose of one fraction")
	}
	given := map[int]float64{}
	for _, m := range group.Beams {
		given[m.BeamNumber] = m.Meterset
	}
	if len(given) == 0 {
		return fmt.Errorf("%w: fraction group %d has no beam", ErrRequest, group.Number)
	}
	for i := range j.Plan.Beams {
		b := &j.Plan.Beams[i]
		mu, ok := given[b.Number]
		if !ok {
			continue
		}
		d, err := j.delivery(b, mu, stepDeg)
		if err != nil {
			return err
		}
		j.beams = append(j.beams, d)
		j.warnBeam(&j.beams[len(j.beams)-1])
	}
	return nil
}

func (j *job) delivery(b *beam.Beam, mu, stepDeg float64) (delivery, error) {
	d := delivery{Beam: b, mu: mu, sad: b.SAD, grid: j.Grid}
	var err error
	if b.Unit != beam.MonitorUnits {
		return d, fmt.Errorf("%w: %v: meterset in %s, machines are calibrated in monitor units", ErrRequest, b, b.Unit)
	}
	if d.machine, err = j.Machines.For(b.EnergyMV, string(b.FluenceMode)); err != nil {
		return d, fmt.Errorf("%v: %w", b, err)
	}
	if c := d.machine.Calibration.FluencePerMU; !(c > 0) || math.IsInf(c, 0) {
		return d, fmt.Errorf("%w: machine %q gives a fluence of %v per monitor unit", ErrRequest, d.machine.Name, c)
	}
	if d.sad == 0 {
		d.sad = d.machine.SAD
	}
	if math.Abs(d.sad-d.machine.SAD) > sameSAD {
		return d, fmt.Errorf("%w: %v: source–axis distance %g mm, machine %q has %g mm", ErrRequest, b, d.sad, d.machine.Name, d.machine.SAD)
	}
	if d.segments, err = b.Segments(mu, stepDeg); err != nil {
		return d, err
	}
	for i := range d.segments {
		pose := d.segments[i].Pose
		pose.SAD = d.sad
		frame, err := geometry.NewFrame(pose)
		if err != nil {
			return d, fmt.Errorf("%v, control point %d: %w", b, d.segments[i].Point, err)
		}
		d.frames = append(d.frames, frame)
	}
	p := b.Points[0]
	first, err := geometry.NewFrame(geometry.Pose{
		Position: b.Position, Isocentre: p.Isocentre, SAD: d.sad,
		GantryDeg: p.GantryDeg, CollimatorDeg: p.CollimatorDeg, CouchDeg: p.CouchDeg, PitchDeg: p.PitchDeg, RollDeg: p.RollDeg,
	})
	if err != nil {
		return d, fmt.Errorf("%v: %w", b, err)
	}
	d.ssd = skin(j.Tissue, first)
	return d, nil
}

// warnBeam says what about a beam should make its reader look twice.
func (j *job) warnBeam(d *delivery) {
	warn := func(format string, args ...any) {
		j.warnings = append(j.warnings, fmt.Sprintf("%v: ", d.Beam)+fmt.Sprintf(format, args...))
	}
	switch {
	case math.IsNaN(d.ssd):
		warn("the axis misses the body at the first control point")
	case d.SSD > 0 && math.Abs(d.SSD-d.ssd) > sameSSD:
		warn("source–skin distance %.1f mm, the plan says %.1f mm", d.ssd, d.SSD)
	}
	if d.mu == 0 {
		warn("no monitor units")
	}
	if r := shortestEnd(j.Tissue, d.frames); r < endMargin {
		warn("the CT ends %.0f mm from the axis: tissue that the beam passes or that scatters may be missing", r)
	}
}

// negligible is the share of the maximum dose that the rounding errors of the
// convolutions can leave below zero where there is no dose.
const negligible = 1e-6

// result turns the dose of one fraction (Gy) into that of the course.
func (j *job) result(fraction []float64) (*Result, error) {
	dose := geometry.NewVolume(j.Grid)
	for i, d := range fraction {
		dose.Data[i] = float32(d)
	}
	return j.course(dose)
}

// course turns the dose of one fraction (Gy), in its place, into that of the
// course.
func (j *job) course(dose *geometry.Volume) (*Result, error) {
	r := &Result{Dose: dose, Fractions: j.fractions, Warnings: j.warnings}
	// Planes, each with its largest and its least dose and its first voxel
	// without a finite one.
	n := j.Grid.Size()
	type extremes struct {
		least, most float32
		wrong       int
	}
	planes := make([]extremes, n[2])
	fractions := float32(j.fractions)
	each := func(f func(e *extremes, plane []float32)) error {
		return parallel.For(context.Background(), n[2], j.Threads, func(k int) error {
			f(&planes[k], dose.Data[j.Grid.Offset(0, 0, k):][:n[0]*n[1]])
			return nil
		})
	}
	err := each(func(e *extremes, plane []float32) {
		e.wrong = -1
		least, most := float32(0), float32(0)
		for y := range n[1] {
			row := plane[y*n[0] : (y+1)*n[0]]
			// Most of the rows' ends lie outside the body.
			first, end := 0, len(row)
			for first < end && row[first] == 0 {
				first++
			}
			for end > first && row[end-1] == 0 {
				end--
			}
			for i := first; i < end; i++ {
				d := row[i] * fractions
				row[i] = d
				if d > most {
					most = d
				}
				if d < least {
					least = d
				}
				if d-d != 0 && e.wrong < 0 { // not a number, or infinite
					e.wrong = y*n[0] + i
				}
			}
		}
		e.least, e.most = least, most
	})
	if err != nil {
		return nil, err
	}
	var all extremes
	for k, e := range planes {
		if i := e.wrong; i >= 0 {
			return nil, fmt.Errorf("dose: voxel (%d, %d, %d) has a dose of %v Gy", i%n[0], i/n[0], k, dose.Data[j.Grid.Offset(i%n[0], i/n[0], k)])
		}
		all.least, all.most = min(all.least, e.least), max(all.most, e.most)
	}
	if all.least < 0 {
		err := each(func(_ *extremes, plane []float32) {
			for i, d := range plane {
				if d < 0 && d > -negligible*all.most {
					plane[i] = 0
				}
			}
		})
		if err != nil {
			return nil, err
		}
	}
	named := map[*machine.Machine]bool{}
	for _, d := range j.beams {
		r.Beams = append(r.Beams, BeamResult{Number: d.Number, Name: d.Name, MU: d.mu, Machine: d.machine.Name, SSD: d.ssd})
		if !named[d.machine] {
			named[d.machine] = true
			r.Provenance.Machines = append(r.Provenance.Machines, d.machine.Name+" "+d.machine.Hash)
			r.Warnings = append(r.Warnings, d.machine.Notes...)
		}
	}
	r.Provenance.Grid = j.Grid
	r.Provenance.Calibration = j.Tissue.Calibration
	return r, nil
}

// inBox reports whether p (mm, LPS) lies in the box of g, to a hair.
func inBox(g geometry.Grid, p r3.Vec) bool {
	const hair = 1e-6
	at := g.Index(p)
	for a, i := range [3]float64{at.X, at.Y, at.Z} {
		if i < -0.5-hair || i > float64(g.Size()[a])-0.5+hair {
			return false
		}
	}
	return true
}

// insideBody says of each voxel of g whether its centre lies in the body, that
// is in a voxel of the CT that is at least half in it. Without a body every
// voxel of the CT counts.
func insideBody(ctx context.Context, t *heterogeneity.Tissue, g geometry.Grid, threads int) ([]bool, error) {
	ct := t.ElectronDensity.Grid
	if t.Body != nil && (!t.Body.Grid.Equal(ct, 1e-3) || len(t.Body.Fraction) != t.Body.Box.Len() || t.Body.Box.Intersect(ct.Box()) != t.Body.Box) {
		return nil, fmt.Errorf("%w: body mask on another grid than the CT", ErrRequest)
	}
	inside := make([]bool, g.Len())
	size := g.Size()
	box := ct.Box()
	if t.Body != nil {
		box = t.Body.Box
	}
	n := box.Size()
	// One step along a row of g, in CT voxels.
	step := r3.Sub(ct.Index(g.Point(1, 0, 0)), ct.Index(g.Point(0, 0, 0)))
	straight := step.Y == 0 && step.Z == 0
	err := parallel.For(ctx, size[2], threads, func(k int) error {
		// Rows that begin at one x have the same CT voxels along it.
		columns, from := make([]int, size[0]), math.NaN()
		for y := range size[1] {
			out := inside[g.Offset(0, y, k):][:size[0]]
			p := ct.Index(g.Point(0, float64(y), float64(k)))
			if !straight {
				for x := range out {
					m := float64(x)
					i, j, k := math.Floor(p.X+m*step.X+0.5), math.Floor(p.Y+m*step.Y+0.5), math.Floor(p.Z+m*step.Z+0.5)
					out[x] = fractionAt(t, i, j, k) >= 0.5
				}
				continue
			}
			j, k := math.Floor(p.Y+0.5), math.Floor(p.Z+0.5)
			if !(j >= float64(box.Low[1]) && k >= float64(box.Low[2]) && j < float64(box.High[1]) && k < float64(box.High[2])) {
				continue
			}
			if p.X != from {
				from = p.X
				for x := range columns {
					columns[x] = -1
					if i := math.Floor(p.X + float64(x)*step.X + 0.5); i >= float64(box.Low[0]) && i < float64(box.High[0]) {
						columns[x] = int(i) - box.Low[0]
					}
				}
			}
			if t.Body == nil {
				for x, i := range columns {
					out[x] = i >= 0
				}
				continue
			}
			row := t.Body.Fraction[n[0]*(int(j)-box.Low[1]+n[1]*(int(k)-box.Low[2])):][:n[0]]
			for x, i := range columns {
				if i >= 0 {
					out[x] = row[i] >= 0.5
				}
			}
		}
		return nil
	})
	return inside, err
}

// fractionAt is the part of CT voxel (i, j, k), whole numbers, inside the body;
// 0 outside the CT.
func fractionAt(t *heterogeneity.Tissue, i, j, k float64) float32 {
	box := t.ElectronDensity.Grid.Box()
	if t.Body != nil {
		box = t.Body.Box
	}
	if !(i >= float64(box.Low[0]) && j >= float64(box.Low[1]) && k >= float64(box.Low[2]) &&
		i < float64(box.High[0]) && j < float64(box.High[1]) && k < float64(box.High[2])) {
		return 0
	}
	if t.Body == nil {
		return 1
	}
	n := box.Size()
	return t.Body.Fraction[int(i)-box.Low[0]+n[0]*(int(j)-box.Low[1]+n[1]*(int(k)-box.Low[2]))]
}
