package beam

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/kerma-rt/kerma/geometry"
	"gonum.org/v1/gonum/spatial/r3"
)

// Segment is a share of a beam that is given from one pose of the machine.
type Segment struct {
	Point     int           // control point that the segment follows; the first one where several share the pose
	MU        float64       // of the segment, in the unit of the meterset; the sum over Apertures
	Pose      geometry.Pose // half way through the segment; SAD and Position are the beam's, as far as the plan says
	Apertures []Aperture    // at least one; the fluence of the segment is their sum
}

// Aperture is one setting of the devices and the monitor units given with it.
type Aperture struct {
	MU        float64
	Positions [][]float64 // as ControlPoint.Positions
}

// ErrMeterset is wrapped by the error about a beam without monitor units.
var ErrMeterset = errors.New("no meterset: the plan holds no absolute dose")

const (
	defaultStepDeg = 2
	leafStep       = 2.5     // mm; the farthest that a leaf, or the isocentre, moves within a sample
	samePoint      = 1e-4    // mm
	maxValues      = 1 << 26 // positions in all segments of a beam: 512 MB
)

// Segments turns a beam into what an engine computes: poses, and for each the
// apertures whose fluences add up. The monitor units between two control points
// are
//
//	meterset · (w[k+1] − w[k])
//
// (PS3.3 C.8.8.14.1, with weights that end at 1), spread evenly over the
// interval while angles, isocentre and positions move linearly. An interval is
// sampled at the middle of equal parts: as many that no angle moves more than
// maxStepDeg (degrees; 0 means 2) in a part, and each part again so finely that
// no leaf moves more than 2.5 mm in an aperture. So the edge of a sliding window
// becomes steps of at most 2.5 mm whose mean lies on the true ramp, and no
// aperture is wrong by more than half of that. Neighbours of one pose share a
// segment and neighbours of one setting an aperture; intervals without monitor
// units vanish. The monitor units of all segments add up to meterset.
//
// It fails with ErrMeterset when meterset is NaN, and for a beam that Validate
// refuses.
func (b *Beam) Segments(meterset, maxStepDeg float64) ([]Segment, error) {
	switch {
	case math.IsNaN(meterset):
		return nil, fmt.Errorf("%v: %w", b, ErrMeterset)
	case meterset < 0 || math.IsInf(meterset, 0):
		return nil, fmt.Errorf("%w: %v: meterset %g", ErrPlan, b, meterset)
	case maxStepDeg == 0:
		maxStepDeg = defaultStepDeg
	case !(maxStepDeg >= 0.05):
		return nil, fmt.Errorf("%w: %v: steps of %g°", ErrPlan, b, maxStepDeg)
	}
	if err := b.validate(); err != nil {
		return nil, fmt.Errorf("%v: %w", b, err)
	}
	var out []Segment
	size := 0
	for k := range len(b.Points) - 1 {
		p, q := &b.Points[k], &b.Points[k+1]
		if q.Weight == p.Weight {
			continue
		}
		move, err := between(p, q)
		if err != nil {
			return nil, fmt.Errorf("%v, control point %d: %w", b, k, err)
		}
		n := parts(move.angle(), maxStepDeg)
		n = max(n, parts(r3.Norm(move.isocentre), leafStep))
		m := parts(travel(p, q)/float64(n), leafStep)
		if size += n * m * (16 + values(p)); size > maxValues {
			return nil, fmt.Errorf("%w: %v: more than %d positions in samples of %g° and %g mm", ErrPlan, b, maxValues, maxStepDeg, leafStep)
		}
		mu := meterset * (q.Weight - p.Weight) / float64(n*m)
		for i := range n {
			s := Segment{Point: k, Pose: b.pose(p, move, (float64(i)+0.5)/float64(n))}
			for j := range m {
				t := (float64(i*m+j) + 0.5) / float64(n*m)
				s.add(Aperture{MU: mu, Positions: positions(p, q, t)})
			}
			if last := len(out) - 1; last >= 0 && samePose(out[last].Pose, s.Pose) {
				for _, a := range s.Apertures {
					out[last].add(a)
				}
				continue
			}
			out = append(out, s)
		}
	}
	return out, nil
}

// parts is the number of equal parts of at most step that make up way.
func parts(way, step float64) int { return max(1, int(math.Ceil(way/step-1e-6))) }

// add appends an aperture, or its monitor units to the last one if that has the
// same setting.
func (s *Segment) add(a Aperture) {
	s.MU += a.MU
	if last := len(s.Apertures) - 1; last >= 0 && sameSetting(s.Apertures[last].Positions, a.Positions) {
		s.Apertures[last].MU += a.MU
		return
	}
	s.Apertures = append(s.Apertures, a)
}

// motion is how the pose changes between two control points.
type motion struct {
	gantry, collimator, couch float64 // degrees, signed
	isocentre                 r3.Vec  // mm
}

func (m motion) angle() float64 {
	return max(math.Abs(m.gantry), math.Abs(m.collimator), math.Abs(m.couch))
}

func between(p, q *ControlPoint) (m motion, err error) {
	if m.gantry, err = p.GantryTurn.Sweep(p.GantryDeg, q.GantryDeg); err != nil {
		return m, err
	}
	if m.collimator, err = p.CollimatorTurn.Sweep(p.CollimatorDeg, q.CollimatorDeg); err != nil {
		return m, err
	}
	if m.couch, err = p.CouchTurn.Sweep(p.CouchDeg, q.CouchDeg); err != nil {
		return m, err
	}
	m.isocentre = r3.Sub(q.Isocentre, p.Isocentre)
	return m, nil
}

func (b *Beam) pose(p *ControlPoint, m motion, t float64) geometry.Pose {
	return geometry.Pose{
		Position:      b.Position,
		Isocentre:     r3.Add(p.Isocentre, r3.Scale(t, m.isocentre)),
		SAD:           b.SAD,
		GantryDeg:     within(p.GantryDeg + t*m.gantry),
		CollimatorDeg: within(p.CollimatorDeg + t*m.collimator),
		CouchDeg:      within(p.CouchDeg + t*m.couch),
		PitchDeg:      p.PitchDeg,
		RollDeg:       p.RollDeg,
	}
}

// within is the angle in [0, 360).
func within(deg float64) float64 {
	if deg = math.Mod(deg, 360); deg < 0 {
		deg += 360
	}
	return math.Mod(deg, 360) // −1e-20 + 360 is 360
}

func samePose(a, b geometry.Pose) bool {
	same := func(x, y float64) bool { return math.Abs(math.Remainder(x-y, 360)) < sameAngle }
	return a.Position == b.Position && a.SAD == b.SAD &&
		same(a.GantryDeg, b.GantryDeg) && same(a.CollimatorDeg, b.CollimatorDeg) && same(a.CouchDeg, b.CouchDeg) &&
		same(a.PitchDeg, b.PitchDeg) && same(a.RollDeg, b.RollDeg) &&
		r3.Norm(r3.Sub(a.Isocentre, b.Isocentre)) < samePoint
}

func sameSetting(a, b [][]float64) bool {
	return slices.EqualFunc(a, b, func(x, y []float64) bool { return &x[0] == &y[0] || slices.Equal(x, y) })
}

// values is the number of positions of a point.
func values(p *ControlPoint) int {
	n := 0
	for _, d := range p.Positions {
		n += len(d)
	}
	return n
}

// travel is the longest way that a jaw or leaf goes between two points, mm.
func travel(p, q *ControlPoint) float64 {
	way := 0.0
	for d := range p.Positions {
		for i, x := range p.Positions[d] {
			way = max(way, math.Abs(q.Positions[d][i]-x))
		}
	}
	return way
}

// positions are the settings at share t of the way between two points. A device
// that does not move shares the memory of the control point.
func positions(p, q *ControlPoint, t float64) [][]float64 {
	out := make([][]float64, len(p.Positions))
	for d, from := range p.Positions {
		to := q.Positions[d]
		if slices.Equal(from, to) {
			out[d] = from
			continue
		}
		out[d] = make([]float64, len(from))
		for i, x := range from {
			out[d][i] = x + t*(to[i]-x)
		}
	}
	return out
}
