// Package biology turns dose into effect: biologically effective and equivalent
// doses, tumour control and complication probabilities, and prescriptions that
// follow a functional image.
//
// Every model is as good as its parameters. They come from populations, from
// fraction sizes and from dose calculations of their own (a TD50 found with a
// pencil beam in lung is not that of Monte Carlo); the figures are for comparing
// plans, not for telling a patient's fate.
package biology

import (
	"errors"
	"fmt"
	"math"

	"github.com/kerma-rt/kerma/geometry"
)

// ErrParameter is wrapped by errors about parameters outside their range.
var ErrParameter = errors.New("biology: invalid parameter")

// ErrDose is wrapped by errors about doses that have no effect to compute: not
// finite, below zero, without a volume.
var ErrDose = errors.New("biology: invalid dose")

// above fails unless a parameter is finite and above zero.
func above(name string, value float64) error {
	if !(value > 0) || math.IsInf(value, 0) {
		return fmt.Errorf("%w: %s of %g: expected a number above 0", ErrParameter, name, value)
	}
	return nil
}

// Distribution is how dose lies in a structure: Volume[i] of it gets Dose[i].
type Distribution struct {
	Dose   []float64 // Gy
	Volume []float64 // any unit, each above 0
}

// Of is the distribution of a dose (Gy) over a mask on the same grid, in cm³,
// voxel by voxel.
func Of(dose *geometry.Volume, mask *geometry.Mask) (Distribution, error) {
	var d Distribution
	if !dose.Grid.Equal(mask.Grid, 1e-3) {
		return d, fmt.Errorf("%w: dose and mask are on different grids", ErrDose)
	}
	voxel := dose.Grid.VoxelVolume()
	mask.Each(func(i, j, k int, fraction float32) {
		d.Dose = append(d.Dose, float64(dose.At(i, j, k)))
		d.Volume = append(d.Volume, float64(fraction)*voxel)
	})
	return d, d.check()
}

func (d Distribution) check() error {
	if len(d.Dose) == 0 || len(d.Dose) != len(d.Volume) {
		return fmt.Errorf("%w: %d doses and %d volumes", ErrDose, len(d.Dose), len(d.Volume))
	}
	for i, gy := range d.Dose {
		if v := d.Volume[i]; !(gy >= 0) || math.IsInf(gy, 0) || !(v > 0) || math.IsInf(v, 0) {
			return fmt.Errorf("%w: %g Gy in a volume of %g", ErrDose, gy, v)
		}
	}
	return nil
}

// Total is the whole volume, in its unit.
func (d Distribution) Total() float64 {
	var sum float64
	for _, v := range d.Volume {
		sum += v
	}
	return sum
}

// Mean is the mean dose, Gy.
func (d Distribution) Mean() float64 {
	var sum float64
	for i, v := range d.Volume {
		sum += v * d.Dose[i]
	}
	return sum / d.Total()
}

// EUD is the generalised equivalent uniform dose, Gy,
//
//	gEUD = (Σ v_i D_i^a)^(1/a),
//
// with v_i the shares of the volume (Niemierko, Med Phys 26 (1999) 1100): the
// mean for a = 1, the maximum for a → ∞, the minimum for a → −∞. Tumours have an
// a of about −10 … −20, serial organs 5 … 20. It is 0 for a < 0 where any part
// gets nothing.
func (d Distribution) EUD(a float64) (float64, error) {
	if err := d.check(); err != nil {
		return 0, err
	}
	if a == 0 || math.IsNaN(a) || math.IsInf(a, 0) {
		return 0, fmt.Errorf("%w: exponent a of %g: expected a number other than 0", ErrParameter, a)
	}
	// Powers relative to the dose that dominates, so that none overflows.
	scale := d.Dose[0]
	for _, gy := range d.Dose {
		if a > 0 {
			scale = max(scale, gy)
		} else {
			scale = min(scale, gy)
		}
	}
	if scale == 0 {
		return 0, nil
	}
	var sum float64
	for i, v := range d.Volume {
		sum += v * math.Pow(d.Dose[i]/scale, a)
	}
	return scale * math.Pow(sum/d.Total(), 1/a), nil
}
