package beam

import (
	"errors"
	"fmt"
	"math"

	"github.com/kerma-rt/kerma/geometry"
)

// ErrPlan is wrapped by every error about a plan that is not one.
var ErrPlan = errors.New("invalid plan")

const (
	farthestLeaf = 1000 // mm; no aperture reaches this far
	maxPoints    = 1 << 16
)

// Validate fails with ErrPlan, naming the beam and the control point, unless
//   - there is a beam, beam and group numbers are unique, and groups name beams
//     of the plan, each once, with a meterset that is not negative;
//   - every beam has an energy, at least one device, and at least two control
//     points whose weights rise from 0 to 1, never falling;
//   - positions are complete, finite, and nowhere low > high;
//   - every change of an angle has a direction, and a beam that states a gantry
//     direction does turn: from 180° to 180° may be a whole turn or none.
func (p *Plan) Validate() error {
	if len(p.Beams) == 0 {
		return fmt.Errorf("%w: it has no treatment beam", ErrPlan)
	}
	if !(p.Prescription >= 0) || math.IsInf(p.Prescription, 0) {
		return fmt.Errorf("%w: a prescription of %g Gy", ErrPlan, p.Prescription)
	}
	beams := map[int]bool{}
	for i := range p.Beams {
		b := &p.Beams[i]
		if beams[b.Number] {
			return fmt.Errorf("%w: two beams have the number %d", ErrPlan, b.Number)
		}
		beams[b.Number] = true
		if err := b.validate(); err != nil {
			return fmt.Errorf("%v: %w", b, err)
		}
	}
	groups := map[int]bool{}
	for _, g := range p.Groups {
		if groups[g.Number] {
			return fmt.Errorf("%w: two fraction groups have the number %d", ErrPlan, g.Number)
		}
		groups[g.Number] = true
		if g.Fractions < 0 {
			return fmt.Errorf("%w: fraction group %d: %d fractions", ErrPlan, g.Number, g.Fractions)
		}
		named := map[int]bool{}
		for _, m := range g.Beams {
			switch {
			case !beams[m.BeamNumber]:
				return fmt.Errorf("%w: fraction group %d: no beam %d in the plan", ErrPlan, g.Number, m.BeamNumber)
			case named[m.BeamNumber]:
				return fmt.Errorf("%w: fraction group %d names beam %d twice", ErrPlan, g.Number, m.BeamNumber)
			case m.Meterset < 0 || math.IsInf(m.Meterset, 0):
				return fmt.Errorf("%w: fraction group %d, beam %d: meterset %g", ErrPlan, g.Number, m.BeamNumber, m.Meterset)
			}
			named[m.BeamNumber] = true
		}
	}
	return nil
}

func (b *Beam) validate() error {
	switch {
	case !(b.EnergyMV > 0) || math.IsInf(b.EnergyMV, 0):
		return fmt.Errorf("%w: energy %g MV", ErrPlan, b.EnergyMV)
	case b.Unit != MonitorUnits && b.Unit != Minutes:
		return fmt.Errorf("%w: meterset in %q, neither MU nor MINUTE", ErrPlan, b.Unit)
	case !(b.SAD >= 0) || math.IsInf(b.SAD, 0):
		return fmt.Errorf("%w: source–axis distance %g mm", ErrPlan, b.SAD)
	case len(b.Devices) == 0:
		return fmt.Errorf("%w: no beam-limiting device, so no aperture", ErrPlan)
	case len(b.Points) < 2 || len(b.Points) > maxPoints:
		return fmt.Errorf("%w: %d control points, expected 2 to %d", ErrPlan, len(b.Points), maxPoints)
	}
	switch b.Position {
	case "", geometry.HFS, geometry.HFP, geometry.HFDL, geometry.HFDR, geometry.FFS, geometry.FFP, geometry.FFDL, geometry.FFDR:
	default:
		return fmt.Errorf("%w: patient position %q", ErrPlan, b.Position)
	}
	for _, d := range b.Devices {
		if err := d.validate(); err != nil {
			return err
		}
	}
	last := len(b.Points) - 1
	if first, end := b.Points[0].Weight, b.Points[last].Weight; first != 0 || end != 1 {
		return fmt.Errorf("%w: weights go from %g to %g, not from 0 to 1", ErrPlan, first, end)
	}
	turns := false
	for k := range b.Points {
		if err := b.validatePoint(k); err != nil {
			return fmt.Errorf("control point %d: %w", k, err)
		}
		turns = turns || k < last && b.Points[k].GantryTurn != Still
	}
	if arc, err := b.Arc(); turns && err == nil && arc < sameAngle {
		return fmt.Errorf("%w: the gantry is said to turn and stays at %g°: a whole turn or none?", ErrPlan, b.Points[0].GantryDeg)
	}
	return nil
}

func (b *Beam) validatePoint(k int) error {
	p := &b.Points[k]
	for _, a := range []struct {
		name string
		deg  float64
	}{
		{"gantry", p.GantryDeg}, {"collimator", p.CollimatorDeg}, {"couch", p.CouchDeg}, {"pitch", p.PitchDeg}, {"roll", p.RollDeg},
	} {
		if !(math.Abs(a.deg) <= 360) {
			return fmt.Errorf("%w: %s angle %g°", ErrPlan, a.name, a.deg)
		}
	}
	if s := p.Isocentre.X + p.Isocentre.Y + p.Isocentre.Z; math.IsNaN(s) || math.IsInf(s, 0) {
		return fmt.Errorf("%w: isocentre %v", ErrPlan, p.Isocentre)
	}
	if len(p.Positions) != len(b.Devices) {
		return fmt.Errorf("%w: positions of %d devices, expected %d", ErrPlan, len(p.Positions), len(b.Devices))
	}
	for i, d := range b.Devices {
		if err := d.Check(p.Positions[i]); err != nil {
			return err
		}
	}
	if k == 0 {
		return nil
	}
	q := &b.Points[k-1]
	if !(p.Weight >= q.Weight) {
		return fmt.Errorf("%w: weight falls from %g to %g", ErrPlan, q.Weight, p.Weight)
	}
	for _, a := range []struct {
		name     string
		turn     Rotation
		from, to float64
	}{
		{"gantry", q.GantryTurn, q.GantryDeg, p.GantryDeg},
		{"collimator", q.CollimatorTurn, q.CollimatorDeg, p.CollimatorDeg},
		{"couch", q.CouchTurn, q.CouchDeg, p.CouchDeg},
		{"pitch", Still, q.PitchDeg, p.PitchDeg},
		{"roll", Still, q.RollDeg, p.RollDeg},
	} {
		if _, err := a.turn.Sweep(a.from, a.to); err != nil {
			return fmt.Errorf("%s: %w", a.name, err)
		}
	}
	return nil
}

// Pairs is the number of leaf pairs, 1 for a pair of jaws.
func (d Device) Pairs() int { return max(1, len(d.Boundaries)-1) }

func (d Device) validate() error {
	switch d.Kind {
	case JawX, JawY:
		if len(d.Boundaries) != 0 {
			return fmt.Errorf("%w: %s: jaws with leaf boundaries", ErrPlan, d.Name)
		}
		return nil
	case MLCX, MLCY:
	default:
		return fmt.Errorf("%w: %s: %v", ErrPlan, d.Name, d.Kind)
	}
	if len(d.Boundaries) < 2 {
		return fmt.Errorf("%w: %s: %d leaf boundaries", ErrPlan, d.Name, len(d.Boundaries))
	}
	for i, x := range d.Boundaries {
		if !(math.Abs(x) <= farthestLeaf) || i > 0 && !(x > d.Boundaries[i-1]) {
			return fmt.Errorf("%w: %s: leaf boundary %d at %g mm is out of order", ErrPlan, d.Name, i, x)
		}
	}
	return nil
}

// Check fails with ErrPlan unless positions (mm at the isocentre plane, the
// low bank first) are one complete setting of the device without overlap.
func (d Device) Check(positions []float64) error {
	n := d.Pairs()
	if len(positions) != 2*n {
		return fmt.Errorf("%w: %s: %d positions for %d pairs", ErrPlan, d.Name, len(positions), n)
	}
	for i := range n {
		low, high := positions[i], positions[n+i]
		if !(math.Abs(low) <= farthestLeaf && math.Abs(high) <= farthestLeaf) {
			return fmt.Errorf("%w: %s %d of %d: positions %g and %g mm", ErrPlan, d.Name, i+1, n, low, high)
		}
		if low > high {
			return fmt.Errorf("%w: %s: %s: left %g mm > right %g mm", ErrPlan, d.Name, pairName(n, i), low, high)
		}
	}
	return nil
}

func pairName(n, i int) string {
	if n == 1 {
		return "jaws"
	}
	return fmt.Sprintf("leaf %d", i+1)
}
