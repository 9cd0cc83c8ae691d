package heterogeneity

import (
	"fmt"
	"math"

	"github.com/kerma-rt/kerma/geometry"
	"gonum.org/v1/gonum/spatial/r3"
)

// medium turns dose to water into dose to the medium of each CT voxel,
//
//	D_m = D_w (μen/ρ)_m / (μen/ρ)_w,
//
// which holds where electrons are in equilibrium.
type medium struct {
	grid     geometry.Grid
	material []uint8
	ratio    []float64 // by material
}

// perMaterial asks a ratio for each material that a tissue has.
func perMaterial(t *Tissue, ratio func(material string) (float64, error)) ([]float64, error) {
	if n := t.ElectronDensity.Grid.Len(); len(t.Material) != n {
		return nil, fmt.Errorf("%w: materials of %d voxels, %d expected", ErrFactors, len(t.Material), n)
	}
	used := make([]bool, len(t.Materials))
	for i, k := range t.Material {
		if int(k) >= len(used) {
			return nil, fmt.Errorf("%w: voxel %d is of material %d of %d", ErrFactors, i, k, len(used))
		}
		used[k] = true
	}
	out := make([]float64, len(t.Materials))
	for k, name := range t.Materials {
		if !used[k] {
			continue
		}
		var err error
		if out[k], err = ratio(name); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrFactors, err)
		}
	}
	return out, nil
}

// attenuating is t with the electron density that would attenuate as its
// media do, or t itself where the beam does not tell.
func (t *Tissue) attenuating(ratios any) (*Tissue, error) {
	attenuation, ok := ratios.(AttenuationRatios)
	if !ok || t == nil || t.ElectronDensity == nil || len(t.Material) == 0 {
		return t, nil
	}
	ratio, err := perMaterial(t, attenuation.AttenuationRatio)
	if err != nil {
		return nil, err
	}
	scaled := *t
	scaled.ElectronDensity = geometry.NewVolume(t.ElectronDensity.Grid)
	for i, v := range t.ElectronDensity.Data {
		scaled.ElectronDensity.Data[i] = v * float32(ratio[t.Material[i]])
	}
	return &scaled, nil
}

// newMedium is nil where neither tissue nor beam tells media apart.
func newMedium(t *Tissue, ratios any) (*medium, error) {
	absorption, ok := ratios.(AbsorptionRatios)
	if !ok || len(t.Material) == 0 {
		return nil, nil
	}
	ratio, err := perMaterial(t, absorption.AbsorptionRatio)
	if err != nil {
		return nil, err
	}
	return &medium{grid: t.ElectronDensity.Grid, material: t.Material, ratio: ratio}, nil
}

// at is the ratio at a point of the patient, that of the nearest voxel; 1
// outside the CT.
func (m *medium) at(p r3.Vec) float64 { return m.of(m.grid.Index(p)) }

func (m *medium) of(index r3.Vec) float64 {
	n := m.grid.Size()
	i, j, k := math.Round(index.X), math.Round(index.Y), math.Round(index.Z)
	if !(i >= 0 && j >= 0 && k >= 0 && i < float64(n[0]) && j < float64(n[1]) && k < float64(n[2])) {
		return 1
	}
	return m.ratio[m.material[m.grid.Offset(int(i), int(j), int(k))]]
}

// scale multiplies out by the ratios at the points first, first + step, … of
// the beam frame.
func (m *medium) scale(out []float64, f geometry.Frame, first, step r3.Vec) {
	a := m.grid.Index(f.ToPatient(first))
	b := r3.Sub(m.grid.Index(f.ToPatient(r3.Add(first, step))), a)
	for i := range out {
		out[i] *= m.of(r3.Add(a, r3.Scale(float64(i), b)))
	}
}
