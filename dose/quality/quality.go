// Package quality judges a plan by its dose: indices of how well the dose fits
// the target, and goals that structures are to meet.
package quality

import (
	"errors"
	"fmt"
	"math"

	"github.com/kerma-rt/kerma/geometry"
)

// ErrDose is wrapped by errors about a dose and a target that have no index.
var ErrDose = errors.New("quality: invalid dose")

// Indices are figures of a target and the dose around it. Those that divide by
// nothing are NaN.
type Indices struct {
	TargetVolume       float64 `json:"target_cm3"`
	PrescriptionVolume float64 `json:"prescription_isodose_cm3"` // of all that gets the prescription or more
	HalfVolume         float64 `json:"half_isodose_cm3"`         // of all that gets half of it or more
	Covered            float64 `json:"covered_cm3"`              // part of the target that gets the prescription

	// RTOG is the conformity index PIV/TV (Shaw et al., IJROBP 27 (1993) 1231);
	// Coverage the least dose in the target over the prescription, of the same
	// guidelines.
	RTOG     float64 `json:"rtog_conformity"`
	Coverage float64 `json:"rtog_coverage"`
	// Paddick is TV_PIV²/(TV·PIV), 1 at best (Paddick, J Neurosurg 93 (2000)
	// suppl 3: 219).
	Paddick float64 `json:"paddick_conformity"`
	// Gradient is half isodose over prescription isodose (Paddick and Lippitz, J
	// Neurosurg 105 (2006) suppl: 194).
	Gradient float64 `json:"gradient_index"`
	// Homogeneity is (D2 − D98)/D50, 0 at best (ICRU 83, 2010).
	Homogeneity float64 `json:"homogeneity_index"`
}

// Of is the indices of a dose (Gy) that prescribes gy to a target, on the dose
// grid: a voxel counts with the part of it that lies inside the target. The
// isodose volumes count whole voxels, so they need a grid that is fine beside
// the target. doseAt is the dose that a percentage of the target receives at
// least (dvh.Histogram.DoseAt).
func Of(dose *geometry.Volume, target *geometry.Mask, gy float64, doseAt func(percent float64) float64) (Indices, error) {
	var x Indices
	if !dose.Grid.Equal(target.Grid, 1e-3) {
		return x, fmt.Errorf("%w: dose and target are on different grids", ErrDose)
	}
	if !(gy > 0) || math.IsInf(gy, 0) {
		return x, fmt.Errorf("%w: a prescription of %g Gy", ErrDose, gy)
	}
	voxel := dose.Grid.VoxelVolume()
	for i, v := range dose.Data {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return x, fmt.Errorf("%w: %g Gy in voxel %d", ErrDose, v, i)
		}
		if float64(v) >= gy {
			x.PrescriptionVolume += voxel
		}
		if float64(v) >= gy/2 {
			x.HalfVolume += voxel
		}
	}
	target.Each(func(i, j, k int, fraction float32) {
		part := float64(fraction) * voxel
		x.TargetVolume += part
		if float64(dose.At(i, j, k)) >= gy {
			x.Covered += part
		}
	})
	if x.TargetVolume == 0 {
		return x, fmt.Errorf("%w: the target has no voxel of the dose grid", ErrDose)
	}
	x.RTOG = x.PrescriptionVolume / x.TargetVolume
	x.Coverage = doseAt(100) / gy
	x.Paddick = x.Covered * x.Covered / (x.TargetVolume * x.PrescriptionVolume)
	x.Gradient = x.HalfVolume / x.PrescriptionVolume
	x.Homogeneity = (doseAt(2) - doseAt(98)) / doseAt(50)
	return x, nil
}
