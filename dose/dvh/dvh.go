// Package dvh judges a dose by how much of a structure receives how much of it:
// dose–volume histograms and the figures read off them.
//
// A structure is the body that geometry.Solid makes of its contours, sampled on
// a lattice of its own, finer than the dose grid where the structure is small.
// Each sample counts with the part of its cell that lies inside, and takes the
// dose at its centre, trilinear between the voxel centres of the dose (the
// nearest one's in the half voxel beyond the outermost centres). What lies
// outside the dose grid counts in Histogram.Volume, is told apart in Outside
// and in the warnings, and is left out of every dose figure and of 100 %.
package dvh

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"

	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/internal/kernels/parallel"
)

// ErrDose is wrapped by errors about a dose volume that cannot be judged.
var ErrDose = errors.New("dvh: invalid dose")

// Histogram is the dose–volume histogram of one structure.
type Histogram struct {
	Structure string  // name
	Number    int     // of the structure in its set
	Volume    float64 // of the whole structure, cm³
	Outside   float64 // part of Volume that lies outside the dose grid, cm³
	Warnings  []string
	Err       error // why there is no histogram; nil when there is one

	low, width     float64   // Gy: lower edge of the first bin, width of all
	above          []float64 // cm³ with a dose at or above the lower edge of each bin, one more for the end
	min, mean, max float64   // Gy
}

// Compute returns the histogram of every structure of the set, in its order.
// Dose is in Gy. A structure whose contours are at fault, and every structure
// when the dose is, has Err set. The same input gives the same bits whatever
// the number of processors.
func Compute(dose *geometry.Volume, set *geometry.StructureSet) []Histogram {
	if set == nil {
		return nil
	}
	n := len(set.Structures)
	all := make([]Histogram, n)
	bad := check(dose)
	processors := runtime.GOMAXPROCS(0)
	// Few structures are split up besides; each part draws planes of its own.
	workers := (2*processors + n - 1) / max(n, 1)
	_ = parallel.For(context.Background(), n, processors, func(i int) error { // none fails
		s := &set.Structures[i]
		if bad != nil {
			all[i] = Histogram{Structure: s.Name, Number: s.Number, Err: bad}
		} else {
			all[i] = compute(dose, s, workers)
		}
		return nil
	})
	return all
}

// Of returns the histogram of one structure. Dose is in Gy. It fails with
// ErrDose for a dose that is not finite and with geometry.ErrContour for
// contours that enclose no definite body; a structure without contours gives an
// empty histogram and a warning.
func Of(dose *geometry.Volume, s *geometry.Structure) (Histogram, error) {
	if err := check(dose); err != nil {
		return Histogram{Structure: s.Name, Number: s.Number, Err: err}, err
	}
	h := compute(dose, s, runtime.GOMAXPROCS(0))
	return h, h.Err
}

func check(dose *geometry.Volume) error {
	if dose == nil || dose.Grid.Len() == 0 || len(dose.Data) != dose.Grid.Len() {
		return fmt.Errorf("%w: no dose, or not one value a voxel", ErrDose)
	}
	for i, d := range dose.Data {
		if d-d != 0 {
			return fmt.Errorf("%w: %v Gy in voxel %d", ErrDose, d, i)
		}
	}
	return nil
}

// Empty reports whether there is nothing to judge: no volume inside the dose
// grid. The dose figures of an empty histogram are NaN.
func (h *Histogram) Empty() bool { return len(h.above) == 0 || !(h.above[0] > 0) }

// Inside is the volume within the dose grid in cm³: the 100 % of this histogram.
func (h *Histogram) Inside() float64 {
	if h.Empty() {
		return 0
	}
	return h.above[0]
}

// Min is the lowest dose in Gy.
func (h *Histogram) Min() float64 { return h.figure(h.min) }

// Mean is the mean dose in Gy.
func (h *Histogram) Mean() float64 { return h.figure(h.mean) }

// Max is the highest dose in Gy.
func (h *Histogram) Max() float64 { return h.figure(h.max) }

func (h *Histogram) figure(gy float64) float64 {
	if h.Empty() {
		return math.NaN()
	}
	return gy
}

// DoseAt is the dose (Gy) that the given percentage of the volume receives at
// least: DoseAt(95) is D95. It is Min at 100 and Max at 0, and NaN for a
// percentage outside 0…100 or an empty histogram.
func (h *Histogram) DoseAt(percent float64) float64 {
	if !(percent >= 0 && percent <= 100) {
		return math.NaN()
	}
	return h.DoseAtVolume(percent / 100 * h.Inside())
}

// DoseAtVolume is the dose (Gy) that the given volume (cm³) receives at least:
// DoseAtVolume(2) is D2cc. It is NaN when the structure has no such volume.
func (h *Histogram) DoseAtVolume(cm3 float64) float64 {
	if h.Empty() || !(cm3 >= 0) || cm3 > h.Inside() {
		return math.NaN()
	}
	if cm3 == 0 {
		return h.max
	}
	// The last bin edge with at least this volume above it.
	lo, hi := 0, len(h.above)-1
	for hi-lo > 1 {
		if m := (lo + hi) / 2; h.above[m] >= cm3 {
			lo = m
		} else {
			hi = m
		}
	}
	d := h.low + h.width*(float64(lo)+(h.above[lo]-cm3)/(h.above[lo]-h.above[hi]))
	return min(max(d, h.min), h.max)
}

// VolumeAt is the volume (cm³) that receives at least the given dose (Gy).
func (h *Histogram) VolumeAt(gy float64) float64 {
	switch {
	case h.Empty() || math.IsNaN(gy):
		return math.NaN()
	case gy <= h.min:
		return h.Inside()
	case gy > h.max:
		return 0
	}
	x := (gy - h.low) / h.width
	i := min(int(x), len(h.above)-2)
	return h.above[i] + (x-float64(i))*(h.above[i+1]-h.above[i])
}

// PercentAt is the part of the volume (percent) that receives at least the
// given dose (Gy): PercentAt(20) is V20Gy.
func (h *Histogram) PercentAt(gy float64) float64 {
	return 100 * h.VolumeAt(gy) / h.Inside()
}
