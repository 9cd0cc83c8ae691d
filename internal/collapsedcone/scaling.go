package collapsedcone

// electronMass is mc² in MeV.
const electronMass = 0.51099895

// photonScaling is by what the mass density of each material counts for the
// lengths of scattered photons in the kernels of water: its attenuation over
// that of water, for photons that have scattered once by the Klein–Nishina cross
// section, weighted by the energy that they carry. In bone it is 0.93.
//
// Electrons go by mass density. Their ranges by continuous slowing down would
// ask for 0.90 in bone and 0.81 in aluminium, but such media scatter electrons
// more as well, and how deep these come in g/cm² is nearly the same in all.
func photonScaling(materials []string, spectra []photons) ([]float64, error) {
	water, err := attenuation("water_liquid")
	if err != nil {
		return nil, err
	}
	out := make([]float64, len(materials))
	for i, name := range materials {
		a, err := attenuation(name)
		if err != nil {
			return nil, err
		}
		var sum, carried float64
		for _, spectrum := range spectra {
			_, scatter, err := weights(spectrum)
			if err != nil {
				return nil, err
			}
			for b, e := range spectrum.energy {
				const steps = 32
				for k := range steps {
					cos := -1 + (float64(k)+0.5)*2/steps
					r := 1 / (1 + e/electronMass*(1-cos)) // E'/E
					w := scatter[b] * r * r * (r + 1/r - 1 + cos*cos) * r
					sum += w * a.Mass(e*r) / water.Mass(e*r)
					carried += w
				}
			}
		}
		out[i] = sum / carried
	}
	return out, nil
}
