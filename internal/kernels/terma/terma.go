// Package terma is what the photons of a beam release in rows of voxels of
// mixed matter: total energy released per mass (TERMA) times density, to
// electrons and to further photons.
package terma

// Spectrum is photons by energy, and the materials that others are mixed of.
type Spectrum struct {
	Energy []float32 // MeV times photons, by bin
	// Ends is where each group of bins ends: those of group g go up to Ends[g],
	// from where the group before ends.
	Ends []int
	// Total and Kerma are the coefficients μ and μen of each material by bin,
	// cm²/g.
	Total, Kerma [][]float32
}

// Row is voxels side by side. All slices but those of Released by group have one
// value a voxel.
type Row struct {
	Fluence     []float32   // photons/cm² along their ray, before any attenuation
	Path, Local [][]float32 // g/cm² on the way to and g/cm³ in the voxel, by material
	// Primary is what is released to electrons, MeV/cm³, by group, Scatter the rest.
	// Release adds to both.
	Primary, Scatter [][]float32
	All              []float32 // what this call has added, of all groups; overwritten
}

// Release adds to a row what the photons set free in it,
//
//	Σ_b Φ E_b e^(−Σ_k μ_k(E_b) L_k)·Σ_k ρ_k μ_k(E_b),
//
// of which the part with μen in place of the last μ to electrons.
func (s *Spectrum) Release(r Row) {
	for i := vector(s, r); i < len(r.Fluence); i++ {
		s.release(r, i)
	}
}
