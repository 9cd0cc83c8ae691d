package biology

import (
	"fmt"
	"math"

	"github.com/kerma-rt/kerma/geometry"
)

// Tissue is how cells answer to fractions, by the linear-quadratic model:
// survival exp(−αd − βd²) of a dose d.
type Tissue struct {
	AlphaBeta float64 // α/β, Gy: about 10 for tumours, 3 for late reactions, 1.5 … 3 for the prostate, 2 for the nervous system

	// Threshold is the dose of a fraction above which survival falls on a straight
	// line (LQ-L; Astrahan, Med Phys 35 (2008) 4161), Gy; 0: never.
	Threshold float64

	// Halftime of repair, hours; 0: all is repaired between two fractions.
	Halftime float64

	// Alpha, 1/Gy, DoublingTime and KickOff, days, are of repopulation; without a
	// DoublingTime there is none.
	Alpha, DoublingTime, KickOff float64
}

// Schedule is how a dose is given.
type Schedule struct {
	Fractions int
	PerDay    int     // fractions a day; 0: 1
	Interval  float64 // between the fractions of a day, hours
	Days      float64 // from the first to the last fraction; only repopulation asks
}

func (t Tissue) check() error {
	if err := above("α/β", t.AlphaBeta); err != nil {
		return err
	}
	for _, p := range []struct {
		name  string
		value float64
	}{{"threshold", t.Threshold}, {"half-time of repair", t.Halftime}, {"α", t.Alpha}, {"doubling time", t.DoublingTime}, {"kick-off time", t.KickOff}} {
		if !(p.value >= 0) || math.IsInf(p.value, 0) {
			return fmt.Errorf("%w: %s of %g", ErrParameter, p.name, p.value)
		}
	}
	if t.DoublingTime > 0 && t.Alpha == 0 {
		return fmt.Errorf("%w: repopulation needs α", ErrParameter)
	}
	return nil
}

func (s Schedule) check() error {
	if s.Fractions < 1 || s.PerDay < 0 || !(s.Interval >= 0) || !(s.Days >= 0) || math.IsInf(s.Days, 0) || math.IsInf(s.Interval, 0) {
		return fmt.Errorf("%w: schedule %+v", ErrParameter, s)
	}
	if s.PerDay > 1 && float64(s.PerDay-1)*s.Interval >= 24 {
		return fmt.Errorf("%w: %d fractions %g hours apart are more than a day", ErrParameter, s.PerDay, s.Interval)
	}
	return nil
}

// Effect turns total doses into biologically effective doses (BED).
type Effect struct {
	tissue     Tissue
	fractions  float64
	incomplete float64 // 1 + h_m
	lost       float64 // to repopulation, Gy
}

// NewEffect prepares
//
//	BED = n d (1 + (1 + h_m) d/(α/β)) − ln 2 (T − T_k)/(α T_d)
//
// for n fractions of d, with h_m = (2/m)·θ/(1−θ)·(m − (1−θ^m)/(1−θ)) and
// θ = 2^(−ΔT/T_½) for m fractions a day that are ΔT apart (incomplete repair;
// Thames, Int J Radiat Biol 47 (1985) 319), and the last term for T > T_k only.
// Above the threshold d_T a fraction counts as
// d_T (1 + d_T/(α/β)) + (1 + 2 d_T/(α/β)) (d − d_T).
func NewEffect(t Tissue, s Schedule) (*Effect, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	e := &Effect{tissue: t, fractions: float64(s.Fractions), incomplete: 1}
	if s.PerDay > 1 && t.Halftime > 0 {
		if t.Threshold > 0 {
			return nil, fmt.Errorf("%w: incomplete repair is not known together with a threshold", ErrParameter)
		}
		m := float64(s.PerDay)
		theta := math.Exp2(-s.Interval / t.Halftime)
		if theta < 1 {
			e.incomplete += 2 / m * theta / (1 - theta) * (m - (1-math.Pow(theta, m))/(1-theta))
		} else {
			e.incomplete += m - 1 // all of a day's fractions at once
		}
	}
	if t.DoublingTime > 0 && s.Days > t.KickOff {
		e.lost = math.Ln2 * (s.Days - t.KickOff) / (t.Alpha * t.DoublingTime)
	}
	return e, nil
}

// BED is the biologically effective dose of a total dose, both Gy. It is not
// below 0.
func (e *Effect) BED(gy float64) float64 {
	d, ab := gy/e.fractions, e.tissue.AlphaBeta
	one := d * (1 + e.incomplete*d/ab)
	if t := e.tissue.Threshold; t > 0 && d > t {
		one = t*(1+t/ab) + (1+2*t/ab)*(d-t)
	}
	return max(e.fractions*one-e.lost, 0)
}

// EQD2 is the dose that has the same effect in fractions of 2 Gy, Gy.
func (e *Effect) EQD2(gy float64) float64 { return e.BED(gy) / (1 + 2/e.tissue.AlphaBeta) }

// Region is where a tissue is.
type Region struct {
	Mask   *geometry.Mask
	Effect *Effect
}

// BED is a volume of biologically effective dose. A voxel belongs to the first
// of the regions that has at least half of it, else to the rest of the body.
func BED(dose *geometry.Volume, rest *Effect, regions ...Region) (*geometry.Volume, error) {
	return each(dose, rest, regions, (*Effect).BED)
}

// EQD2 is BED in equivalent fractions of 2 Gy.
func EQD2(dose *geometry.Volume, rest *Effect, regions ...Region) (*geometry.Volume, error) {
	return each(dose, rest, regions, (*Effect).EQD2)
}

func each(dose *geometry.Volume, rest *Effect, regions []Region, of func(*Effect, float64) float64) (*geometry.Volume, error) {
	for i, v := range dose.Data {
		if !(v >= 0) || math.IsInf(float64(v), 0) {
			return nil, fmt.Errorf("%w: %g Gy in voxel %d", ErrDose, v, i)
		}
	}
	at := make([]*Effect, len(dose.Data))
	for n := len(regions) - 1; n >= 0; n-- {
		r := regions[n]
		if !dose.Grid.Equal(r.Mask.Grid, 1e-3) {
			return nil, fmt.Errorf("%w: dose and region %d are on different grids", ErrDose, n)
		}
		r.Mask.Each(func(i, j, k int, fraction float32) {
			if fraction >= 0.5 {
				at[dose.Grid.Offset(i, j, k)] = r.Effect
			}
		})
	}
	out := geometry.NewVolume(dose.Grid)
	for i, v := range dose.Data {
		e := at[i]
		if e == nil {
			e = rest
		}
		out.Data[i] = float32(of(e, float64(v)))
	}
	return out, nil
}

// under is the distribution after each dose has been replaced.
func (d Distribution) under(of func(float64) float64) Distribution {
	out := Distribution{Dose: make([]float64, len(d.Dose)), Volume: d.Volume}
	for i, gy := range d.Dose {
		out.Dose[i] = of(gy)
	}
	return out
}

// EQD2 is the distribution in equivalent fractions of 2 Gy.
func (d Distribution) EQD2(e *Effect) Distribution { return d.under(e.EQD2) }
