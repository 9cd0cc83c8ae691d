package dicom

import (
	"errors"
	"fmt"
	"math"

	"github.com/kerma-rt/kerma/dose/beam"
	"github.com/suyashkumar/dicom/pkg/tag"
	"gonum.org/v1/gonum/spatial/r3"
)

const (
	weightTolerance  = 1e-3 // of the final weight: first and last may miss 0 and it by so much
	overlapTolerance = 0.1  // mm: leaves that cross by less are rounded, and meet half way
	levelTolerance   = 1e-3 // degrees: what rounding leaves of a zero
)

// points reads the control points of a beam (C.8.8.14.5) into b.
func (r *planReader) points(it item, b *beam.Beam) error {
	name := b.String()
	items, err := it.items(tag.ControlPointSequence)
	if err != nil {
		return err
	}
	if n, ok, err := it.integer(tag.NumberOfControlPoints); err != nil {
		return err
	} else if ok && n != len(items) {
		return it.fail(tag.NumberOfControlPoints, n, "%s has %d control points", name, len(items))
	}
	if len(items) < 2 {
		return it.fail(tag.ControlPointSequence, len(items), "%s: expected at least two control points", name)
	}
	final, ok, err := it.number(tag.FinalCumulativeMetersetWeight)
	if err != nil {
		return err
	}
	if !ok || !(final > 0) {
		return it.fail(tag.FinalCumulativeMetersetWeight, final, "%s: expected a positive number: monitor units cannot be shared out", name)
	}
	now := pointReader{r: r, beam: b, name: name, final: final}
	for k, one := range items {
		now.number = k
		if err := now.read(one); err != nil {
			return err
		}
		point := now.point
		point.Weight /= final
		b.Points = append(b.Points, point)
	}
	last := &b.Points[len(b.Points)-1]
	if math.Abs(last.Weight-1) > weightTolerance {
		return items[len(items)-1].fail(tag.CumulativeMetersetWeight, now.point.Weight, "%s: the last weight is not the final one, %g", name, final)
	}
	// Within the tolerance the ends are rounded: all monitor units are given.
	scale := last.Weight
	for k := range b.Points {
		b.Points[k].Weight /= scale
	}
	last.Weight = 1
	return nil
}

// pointReader is the state of the machine as the control points change it.
type pointReader struct {
	r      *planReader
	beam   *beam.Beam
	name   string // of the beam
	final  float64
	number int               // of the point
	point  beam.ControlPoint // Weight as in the file
}

func (s *pointReader) read(it item) error {
	for _, step := range []func(item) error{s.index, s.weight, s.quality, s.angles, s.level, s.isocentre, s.positions, s.private} {
		if err := step(it); err != nil {
			return err
		}
	}
	return nil
}

// where names the beam and the point in messages.
func (s *pointReader) where() string { return fmt.Sprintf("%s, control point %d", s.name, s.number) }

// index checks that the points stand in their order.
func (s *pointReader) index(it item) error {
	n, ok, err := it.integer(tag.ControlPointIndex)
	if err == nil && ok && n != s.number {
		return it.fail(tag.ControlPointIndex, n, "%s: control points are not in the order of their index", s.where())
	}
	return err
}

func (s *pointReader) weight(it item) error {
	w, ok, err := it.number(tag.CumulativeMetersetWeight)
	switch {
	case err != nil:
		return err
	case !ok:
		return it.fail(tag.CumulativeMetersetWeight, nil, "%s: is missing", s.where())
	case s.number == 0 && math.Abs(w) > weightTolerance*s.final:
		return it.fail(tag.CumulativeMetersetWeight, w, "%s: the first weight is not 0", s.where())
	case s.number == 0:
		w = 0
	case w < s.point.Weight:
		return it.fail(tag.CumulativeMetersetWeight, w, "%s: the cumulative weight falls from %g", s.where(), s.point.Weight)
	}
	s.point.Weight = w
	return nil
}

// quality keeps the nominal energy, which may not change within a beam.
func (s *pointReader) quality(it item) error {
	e, ok, err := it.number(tag.NominalBeamEnergy)
	switch {
	case err != nil:
		return err
	case ok && !(e > 0 && e < 1000):
		return it.fail(tag.NominalBeamEnergy, e, "%s: expected an energy in MV", s.where())
	case s.number == 0 && !ok:
		return it.fail(tag.NominalBeamEnergy, nil, "%s: is missing", s.where())
	case s.number == 0:
		s.beam.EnergyMV = e
	case ok && e != s.beam.EnergyMV:
		return it.fail(tag.NominalBeamEnergy, e, "%s: the energy changes from %g MV within the beam", s.where(), s.beam.EnergyMV)
	}
	if s.number == 0 {
		if s.beam.SSD, _, err = it.number(tag.SourceToSurfaceDistance); err != nil {
			return err
		}
	}
	return nil
}

// angles reads what turns. CW is Rising for the gantry, seen by one who faces
// it; CC is Rising for the collimator, seen from the source, and for the couch,
// seen from above.
func (s *pointReader) angles(it item) error {
	for _, a := range []struct {
		angle, direction tag.Tag
		deg              *float64
		turn             *beam.Rotation
		rising           string
	}{
		{tag.GantryAngle, tag.GantryRotationDirection, &s.point.GantryDeg, &s.point.GantryTurn, "CW"},
		{tag.BeamLimitingDeviceAngle, tag.BeamLimitingDeviceRotationDirection, &s.point.CollimatorDeg, &s.point.CollimatorTurn, "CC"},
		{tag.PatientSupportAngle, tag.PatientSupportRotationDirection, &s.point.CouchDeg, &s.point.CouchTurn, "CC"},
	} {
		before, turned := *a.deg, *a.turn
		if err := s.angle(it, a.angle, a.deg, true); err != nil {
			return err
		}
		if s.number > 0 {
			if _, err := turned.Sweep(before, *a.deg); err != nil {
				return it.fail(a.angle, *a.deg, "%s: the angle changes from %g° though the control point before gives no direction", s.where(), before)
			}
		}
		switch direction := it.text(a.direction); direction {
		case "":
		case "NONE":
			*a.turn = beam.Still
		case "CW", "CC":
			*a.turn = beam.Falling
			if direction == a.rising {
				*a.turn = beam.Rising
			}
		default:
			return it.fail(a.direction, direction, "%s: expected CW, CC or NONE", s.where())
		}
	}
	return nil
}

// angle reads one angle; absent, it stays as it was, and in the first point it
// is 0 unless it is required there.
func (s *pointReader) angle(it item, t tag.Tag, to *float64, required bool) error {
	v, ok, err := it.number(t)
	switch {
	case err != nil:
		return err
	case ok && !(math.Abs(v) <= 360):
		return it.fail(t, v, "%s: expected an angle in degrees", s.where())
	case ok:
		*to = v
	case s.number == 0 && required:
		return it.fail(t, nil, "%s: is missing", s.where())
	}
	return nil
}

// level reads the tilt of the table top, which must stay as it is within a
// beam, and refuses the angles that are not modelled.
func (s *pointReader) level(it item) error {
	for _, a := range []struct {
		t  tag.Tag
		to *float64
	}{{tag.TableTopPitchAngle, &s.point.PitchDeg}, {tag.TableTopRollAngle, &s.point.RollDeg}} {
		before := *a.to
		if err := s.angle(it, a.t, a.to, false); err != nil {
			return err
		}
		if s.number > 0 && math.Abs(math.Remainder(*a.to-before, 360)) > levelTolerance {
			return it.fail(a.t, *a.to, "%s: the tilt of the table changes from %g° within the beam", s.where(), before)
		}
	}
	for _, t := range []tag.Tag{tag.TableTopEccentricAngle, tag.GantryPitchAngle} {
		v, _, err := it.number(t)
		if err != nil {
			return err
		}
		if math.Abs(math.Remainder(v, 360)) > levelTolerance {
			return it.fail(t, v, "%s: only 0 is modelled", s.where())
		}
	}
	return nil
}

func (s *pointReader) isocentre(it item) error {
	v, err := it.numbers(tag.IsocenterPosition)
	switch {
	case err != nil:
		return err
	case v == nil && s.number == 0:
		return it.fail(tag.IsocenterPosition, nil, "%s: is missing", s.where())
	case v == nil:
		return nil
	case len(v) != 3:
		return it.fail(tag.IsocenterPosition, v, "%s: expected x, y, z", s.where())
	}
	for _, x := range v {
		if math.Abs(x) > farthest {
			return it.fail(tag.IsocenterPosition, x, "%s: expected a place in the patient, mm", s.where())
		}
	}
	s.point.Isocentre = r3.Vec{X: v[0], Y: v[1], Z: v[2]}
	return nil
}

// positions reads the settings of the devices that this point lists. The others
// stay as they were; in the first point every device must be there.
func (s *pointReader) positions(it item) error {
	items, err := it.items(tag.BeamLimitingDevicePositionSequence)
	if err != nil {
		return err
	}
	now := make([][]float64, len(s.beam.Devices))
	for _, one := range items {
		name := one.text(tag.RTBeamLimitingDeviceType)
		d := -1
		for i := range s.beam.Devices {
			if s.beam.Devices[i].Name == name {
				d = i
			}
		}
		if d < 0 {
			return one.fail(tag.RTBeamLimitingDeviceType, name, "%s: the beam has no such device", s.where())
		}
		if now[d] != nil {
			return one.fail(tag.RTBeamLimitingDeviceType, name, "%s: stands here twice", s.where())
		}
		p, err := one.numbers(tag.LeafJawPositions)
		if err != nil {
			return err
		}
		if now[d], err = s.settle(one, s.beam.Devices[d], p); err != nil {
			return err
		}
	}
	for d := range now {
		switch {
		case now[d] != nil:
		case s.number == 0:
			return it.fail(tag.BeamLimitingDevicePositionSequence, nil, "%s: no positions of %s", s.where(), s.beam.Devices[d].Name)
		default:
			now[d] = s.point.Positions[d]
		}
	}
	s.point.Positions = now
	return nil
}

// settle checks one setting; leaves that cross by no more than rounding meet
// half way.
func (s *pointReader) settle(it item, d beam.Device, p []float64) ([]float64, error) {
	n := d.Pairs()
	if len(p) != 2*n {
		return nil, it.fail(tag.LeafJawPositions, nil, "%s: %d positions of %s, expected %d", s.where(), len(p), d.Name, 2*n)
	}
	for i := range n {
		if over := p[i] - p[n+i]; over > 0 && over <= overlapTolerance {
			meet := (p[i] + p[n+i]) / 2
			p[i], p[n+i] = meet, meet
		}
	}
	if err := d.Check(p); err != nil {
		failed := it.fail(tag.LeafJawPositions, nil, "%s", s.where())
		var e *Error
		if errors.As(failed, &e) {
			e.Err = err
		}
		return nil, failed
	}
	return p, nil
}

// private refuses a control point whose leaves open and close by times that
// stand in private elements, as those of helical tomotherapy do.
func (s *pointReader) private(it item) error {
	const tomotherapy = 0x300D
	for _, e := range it.elements {
		if e.Tag.Group == tomotherapy {
			return it.fail(e.Tag, nil, "%s: helical tomotherapy: the leaf times are private elements, which are not read", s.where())
		}
	}
	return nil
}
