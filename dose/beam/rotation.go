package beam

import (
	"fmt"
	"math"
)

// Rotation is the sense in which an angle moves to the next control point.
type Rotation int

// Senses of rotation. CW raises the gantry angle; CC raises the collimator and
// couch angles (each seen as DICOM says: gantry facing it, collimator from the
// source, couch from above). The reader turns both into Rising and Falling.
const (
	Still Rotation = iota
	Rising
	Falling
)

var rotations = [...]string{Still: "still", Rising: "rising", Falling: "falling"}

// String is the sense's name as in a JSON plan.
func (r Rotation) String() string {
	if r < 0 || int(r) >= len(rotations) {
		return fmt.Sprintf("Rotation(%d)", int(r))
	}
	return rotations[r]
}

// sameAngle is how far apart two angles may be that are one angle rounded, degrees.
const sameAngle = 1e-3

// Sweep is the signed way in degrees from one angle to another in the sense r,
// less than a turn: (to − from) mod 360 when rising, −((from − to) mod 360) when
// falling, however long that is; 0 between equal angles. It fails when an angle
// changes that stands still, since either way could be meant.
func (r Rotation) Sweep(from, to float64) (float64, error) {
	up := math.Mod(to-from, 360)
	if up < 0 {
		up += 360
	}
	if up < sameAngle || up > 360-sameAngle {
		return math.Remainder(to-from, 360), nil // rounding, not a turn
	}
	switch r {
	case Rising:
		return up, nil
	case Falling:
		return up - 360, nil
	case Still:
		return 0, fmt.Errorf("%w: from %g° to %g° without a direction", ErrPlan, from, to)
	}
	return 0, fmt.Errorf("%w: direction %v", ErrPlan, r)
}

// Arc is the way that the gantry goes over the whole beam, forth and back
// added up, degrees; 0 for a static gantry.
func (b *Beam) Arc() (float64, error) {
	arc := 0.0
	for k := 1; k < len(b.Points); k++ {
		p, q := &b.Points[k-1], &b.Points[k]
		sweep, err := p.GantryTurn.Sweep(p.GantryDeg, q.GantryDeg)
		if err != nil {
			return 0, fmt.Errorf("%v, control point %d: gantry: %w", b, k-1, err)
		}
		arc += math.Abs(sweep)
	}
	return arc, nil
}
