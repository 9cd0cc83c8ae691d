// Package terma is what the photons of a beam release in rows of voxels of
// mixed matter: total energy released per mass (TERMA) times density, to
// electrons and to further photons.
package terma

//go:generate go run -C ../gen ./terma -out ../terma/terma_amd64.s -stubs ../terma/terma_amd64.go -pkg terma

// Spectrum is photons by energy, and the materials that others are mixed of.
type Spectrum struct {
	materials int
	// numbers holds for each group, bin after bin, the energy, then μ and μen of
	// every material.
	numbers [][]float32
}

// New is the spectrum with the given energy (MeV times photons) in each bin.
// Those of group g go up to ends[g], from where the group before ends. total and
// kerma are the coefficients μ and μen of each material by bin, cm²/g.
func New(energy []float64, ends []int, total, kerma [][]float64) *Spectrum {
	s := &Spectrum{materials: len(total)}
	bin := 0
	for _, end := range ends {
		var numbers []float32
		for ; bin < end; bin++ {
			numbers = append(numbers, float32(energy[bin]))
			for k := range total {
				numbers = append(numbers, float32(total[k][bin]), float32(kerma[k][bin]))
			}
		}
		s.numbers = append(s.numbers, numbers)
	}
	return s
}

// Row is voxels side by side; slices have one value a voxel, or more.
type Row struct {
	Fluence     []float32   // photons/cm² along their ray, before any attenuation
	Path, Local [][]float32 // g/cm² on the way to and g/cm³ in the voxel, by material
	// Primary is what is released to electrons, MeV/cm³, by group, Scatter the rest.
	// Release adds to both.
	Primary, Scatter [][]float32
	All              []float32 // what this call has added, of all groups; overwritten
}

// Release adds to the n voxels of a row what the photons set free in it,
//
//	Σ_b Φ E_b e^(−Σ_k μ_k(E_b) L_k)·Σ_k ρ_k μ_k(E_b),
//
// of which the part with μen in place of the last μ to electrons.
func (s *Spectrum) Release(r *Row, n int) {
	clear(r.All[:n])
	for g, numbers := range s.numbers {
		p := part{
			numbers: numbers, materials: s.materials, path: r.Path, local: r.Local,
			fluence: r.Fluence[:n], primary: r.Primary[g][:n], scatter: r.Scatter[g][:n], all: r.All[:n],
		}
		for k := range s.materials {
			_, _ = r.Path[k][:n], r.Local[k][:n]
		}
		p.release()
	}
}

// part is what one group releases in a row.
type part struct {
	numbers                        []float32
	materials                      int
	path, local                    [][]float32
	fluence, primary, scatter, all []float32
}
