package objective

import (
	"fmt"
	"math"

	"github.com/kerma-rt/kerma/geometry"
)

// Painting turns a functional image, such as the standardised uptake of a PET,
// into a dose for each voxel, linear in the intensity I (dose painting by
// numbers):
//
//	D(I) = Base + (Boost − Base) · (I − Low)/(High − Low),
//
// Base below Low and Boost above High. Vanderstraeten et al., Phys Med Biol 51
// (2006) N277; Bowen et al., Radiother Oncol 93 (2009) 456.
type Painting struct {
	Low, High   float64 // unit of the image
	Base, Boost float64 // Gy
}

// Prescribe is the painting of an image on a dose grid, Gy, for Voxelwise. The
// image is interpolated at the centres of the voxels (geometry.Resample), and
// the prescription is NaN where it does not reach: an objective that needs it
// there fails. Prescribe fails with ErrObjective for levels that make no scale.
func (p Painting) Prescribe(image *geometry.Volume, grid geometry.Grid) (*geometry.Volume, error) {
	for _, gy := range []float64{p.Base, p.Boost} {
		if err := checkGy("painted dose", gy); err != nil {
			return nil, err
		}
	}
	if !(p.High > p.Low) || math.IsInf(p.High-p.Low, 0) {
		return nil, fmt.Errorf("%w: painting between intensities %v and %v", ErrObjective, p.Low, p.High)
	}
	if image == nil || len(image.Data) != image.Grid.Len() {
		return nil, fmt.Errorf("%w: no image to paint by, or not one value a voxel", ErrObjective)
	}
	gy := geometry.Resample(image, grid, float32(math.NaN()))
	for i, intensity := range gy.Data {
		level := (float64(intensity) - p.Low) / (p.High - p.Low)
		gy.Data[i] = float32(p.Base + (p.Boost-p.Base)*min(max(level, 0), 1))
	}
	return gy, nil
}

// Quality is what has become of a prescription: Q = dose / prescription in each
// voxel (dimensionless), both in Gy on the same grid. The histogram of Q over the
// target (dvh.Of) is the Q-volume histogram of Vanderstraeten et al., Phys Med
// Biol 51 (2006) N277; a perfect plan has Q = 1 everywhere. It fails with
// ErrObjective where no dose above 0 is prescribed.
func Quality(dose, prescription *geometry.Volume) (*geometry.Volume, error) {
	for _, v := range []*geometry.Volume{dose, prescription} {
		if v == nil || len(v.Data) != v.Grid.Len() {
			return nil, fmt.Errorf("%w: no dose or no prescription, or not one value a voxel", ErrObjective)
		}
	}
	if !dose.Grid.Equal(prescription.Grid, sameGrid) {
		return nil, fmt.Errorf("%w: dose on %v, prescription on %v", ErrObjective, dose.Grid, prescription.Grid)
	}
	q := geometry.NewVolume(dose.Grid)
	for i, p := range prescription.Data {
		if !(p > 0) {
			return nil, fmt.Errorf("%w: voxel %d has a prescription of %v Gy", ErrObjective, i, p)
		}
		q.Data[i] = dose.Data[i] / p
	}
	return q, nil
}
