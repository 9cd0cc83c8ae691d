package collapsedcone

// scalings are the factors by which the mass density of each material counts
// for the lengths of electrons and of scattered photons.
func scalings(materials []string) (electron, photon []float64, err error) {
	electron, photon = make([]float64, len(materials)), make([]float64, len(materials))
	for i := range materials {
		electron[i], photon[i] = 1, 1
	}
	return electron, photon, nil
}
