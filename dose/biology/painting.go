package biology

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/kerma-rt/kerma/geometry"
)

// A functional image is to lie on the dose grid already (geometry.Resample,
// which interpolates linearly), registered and smoothed to its own resolution.

// Linear prescribes dose in a straight line of an image's intensity (Bentzen,
// Lancet Oncol 6 (2005) 112; Vanderstraeten et al., Phys Med Biol 51 (2006)
// 5349):
//
//	D = D_low + (I − I_low)/(I_high − I_low)·(D_high − D_low),
//
// I held between I_low and I_high.
type Linear struct {
	Low, High                   float64 // dose, Gy
	LowIntensity, HighIntensity float64 // in the unit of the image
}

// Percentile is the intensity that p percent of a region are below, voxels
// counted with the part of them that lies inside. I_high is often the 95th, and
// I_low a quarter of it.
func Percentile(image *geometry.Volume, region *geometry.Mask, p float64) (float64, error) {
	if !(p >= 0 && p <= 100) {
		return 0, fmt.Errorf("%w: percentile %g", ErrParameter, p)
	}
	values, err := inside(image, region)
	if err != nil {
		return 0, err
	}
	slices.SortFunc(values, func(a, b weighed) int { return cmp.Compare(a.value, b.value) })
	var total, sum float64
	for _, v := range values {
		total += v.part
	}
	for _, v := range values {
		if sum += v.part; sum >= total*p/100 {
			return v.value, nil
		}
	}
	return values[len(values)-1].value, nil
}

type weighed struct{ value, part float64 }

// inside is the values of a region and how much of each voxel lies in it.
func inside(image *geometry.Volume, region *geometry.Mask) ([]weighed, error) {
	if !image.Grid.Equal(region.Grid, 1e-3) {
		return nil, fmt.Errorf("%w: image and region are on different grids", ErrDose)
	}
	var values []weighed
	var fault error
	region.Each(func(i, j, k int, fraction float32) {
		v := float64(image.At(i, j, k))
		if math.IsNaN(v) || math.IsInf(v, 0) {
			fault = fmt.Errorf("%w: the image is %g in voxel %d, %d, %d of the region", ErrDose, v, i, j, k)
		}
		values = append(values, weighed{v, float64(fraction)})
	})
	if fault == nil && len(values) == 0 {
		fault = fmt.Errorf("%w: the region has no voxel", ErrDose)
	}
	return values, fault
}

// prescribe fills the voxels that a region touches by a rule; the rest is 0.
func prescribe(image *geometry.Volume, region *geometry.Mask, rule func(intensity float64) float64) (*geometry.Volume, error) {
	if _, err := inside(image, region); err != nil {
		return nil, err
	}
	out := geometry.NewVolume(image.Grid)
	var fault error
	region.Each(func(i, j, k int, _ float32) {
		gy := rule(float64(image.At(i, j, k)))
		if !(gy >= 0) || math.IsInf(gy, 0) {
			fault = fmt.Errorf("%w: the image of %g in voxel %d, %d, %d would prescribe %g Gy", ErrDose, image.At(i, j, k), i, j, k, gy)
		}
		out.Data[image.Grid.Offset(i, j, k)] = float32(gy)
	})
	if fault != nil {
		return nil, fault
	}
	return out, nil
}

// Prescribe is a dose (Gy) for every voxel of the region, 0 outside.
func (l Linear) Prescribe(image *geometry.Volume, region *geometry.Mask) (*geometry.Volume, error) {
	if !(l.HighIntensity > l.LowIntensity) || !(l.Low >= 0) || !(l.High >= l.Low) || math.IsInf(l.High, 0) {
		return nil, fmt.Errorf("%w: %+v", ErrParameter, l)
	}
	return prescribe(image, region, func(i float64) float64 {
		share := (min(max(i, l.LowIntensity), l.HighIntensity) - l.LowIntensity) / (l.HighIntensity - l.LowIntensity)
		return l.Low + share*(l.High-l.Low)
	})
}

// Hypoxia prescribes what makes up for a lack of oxygen: D = D_oxic·OER_max/OER(p)
// with OER(p) = (m·p + K)/(p + K) (Alper and Howard-Flanders, Nature 178 (1956)
// 978), for an image of the oxygen partial pressure p in mmHg.
type Hypoxia struct {
	Oxic    float64 // dose where there is enough oxygen, Gy
	M       float64 // OER_max; 0: 3
	K       float64 // mmHg; 0: 3
	Highest float64 // dose not to be exceeded, Gy; 0: none
}

// Prescribe is a dose (Gy) for every voxel of the region, 0 outside.
func (h Hypoxia) Prescribe(pressure *geometry.Volume, region *geometry.Mask) (*geometry.Volume, error) {
	if h.M == 0 {
		h.M = 3
	}
	if h.K == 0 {
		h.K = 3
	}
	if !(h.Oxic > 0) || !(h.M >= 1) || !(h.K > 0) || !(h.Highest >= 0) || math.IsInf(h.Oxic*h.M*h.K, 0) {
		return nil, fmt.Errorf("%w: %+v", ErrParameter, h)
	}
	return prescribe(pressure, region, func(p float64) float64 {
		p = max(p, 0)
		gy := h.Oxic * h.M * (p + h.K) / (h.M*p + h.K)
		if h.Highest > 0 {
			gy = min(gy, h.Highest)
		}
		return gy
	})
}

// EqualControl prescribes so that every voxel has the same probability of
// control, for an image of clonogen density ρ:
//
//	D = D_ref + ln(ρ/ρ_ref)/α',  α' = α (1 + d/(α/β)),
//
// in fractions of about d, held between the two limits. What image value is what
// density is the user's to know: no accepted calibration of ADC or FDG exists.
type EqualControl struct {
	Reference        float64 // D_ref, Gy
	ReferenceDensity float64 // ρ_ref, in the unit of the image
	Alpha            float64 // 1/Gy
	AlphaBeta        float64 // Gy
	Fraction         float64 // d, Gy
	Lowest, Highest  float64 // Gy
}

// Prescribe is a dose (Gy) for every voxel of the region, 0 outside.
func (c EqualControl) Prescribe(density *geometry.Volume, region *geometry.Mask) (*geometry.Volume, error) {
	for name, v := range map[string]float64{"reference dose": c.Reference, "reference density": c.ReferenceDensity, "α": c.Alpha, "α/β": c.AlphaBeta, "fraction": c.Fraction, "highest dose": c.Highest} {
		if err := above(name, v); err != nil {
			return nil, err
		}
	}
	if !(c.Lowest >= 0 && c.Lowest <= c.Highest) {
		return nil, fmt.Errorf("%w: %+v", ErrParameter, c)
	}
	slope := c.Alpha * (1 + c.Fraction/c.AlphaBeta)
	return prescribe(density, region, func(rho float64) float64 {
		return min(max(c.Reference+math.Log(max(rho, 0)/c.ReferenceDensity)/slope, c.Lowest), c.Highest)
	})
}

// QualityFactor is how far a dose is from a prescription by voxels: the mean of
// |D/D_prescribed − 1| over the region (Vanderstraeten et al., Phys Med Biol 51
// (2006) 5349); 0.05 is good.
func QualityFactor(dose, prescription *geometry.Volume, region *geometry.Mask) (float64, error) {
	if !dose.Grid.Equal(prescription.Grid, 1e-3) || !dose.Grid.Equal(region.Grid, 1e-3) {
		return 0, fmt.Errorf("%w: dose, prescription and region are on different grids", ErrDose)
	}
	var sum, total float64
	var fault error
	region.Each(func(i, j, k int, fraction float32) {
		want := float64(prescription.At(i, j, k))
		if !(want > 0) {
			fault = fmt.Errorf("%w: %g Gy are prescribed in voxel %d, %d, %d of the region", ErrDose, want, i, j, k)
		}
		sum += float64(fraction) * math.Abs(float64(dose.At(i, j, k))/want-1)
		total += float64(fraction)
	})
	if fault == nil && total == 0 {
		fault = fmt.Errorf("%w: the region has no voxel", ErrDose)
	}
	if fault != nil {
		return 0, fault
	}
	return sum / total, nil
}
