package heterogeneity

import "math"

const (
	electronMassMeV = 0.51099895
	electronRadius2 = 7.940787e-26 // r_e², cm²
	electronsPerCm3 = 3.3428e23    // of water
)

// kleinNishina is dσ/dΩ of Compton scatter on one electron in cm²/sr, and the
// energy of the scattered photon, for a photon energy and the cosine of the
// angle of scatter:
//
//	dσ/dΩ = r_e²/2 P² (P + 1/P − sin²θ),  P = E′/E = 1/(1 + E/mc² (1 − cosθ)).
func kleinNishina(energyMeV, cos float64) (crossSection, scatteredMeV float64) {
	p := 1 / (1 + energyMeV/electronMassMeV*(1-cos))
	return electronRadius2 / 2 * p * p * (p + 1/p - (1 - cos*cos)), p * energyMeV
}

// comptonAttenuation is that of water by Compton scatter alone, per mm.
func comptonAttenuation(energyMeV float64) float64 {
	k := energyMeV / electronMassMeV
	l := math.Log1p(2 * k)
	sigma := 2 * math.Pi * electronRadius2 * ((1+k)/(k*k)*(2*(1+k)/(1+2*k)-l/k) + l/(2*k) - (1+3*k)/((1+2*k)*(1+2*k)))
	return sigma * electronsPerCm3 / 10
}

// comptonEnergy is the photon energy, 0.05 … 20 MeV, that water attenuates by
// mu (per mm) through Compton scatter.
func comptonEnergy(mu float64) float64 {
	low, high := 0.05, 20.0
	for range 50 {
		if middle := math.Sqrt(low * high); comptonAttenuation(middle) > mu {
			low = middle
		} else {
			high = middle
		}
	}
	return math.Sqrt(low * high)
}

// firstScatter is how much dose a cell sends by single scatter over (x, y, z)
// mm, z along the beam, relative to a cell elsewhere:
//
//	W = e^(μz) · dσ/dΩ(E, θ) E′ e^(−μ′s)/s²,
//
// e^(μz) the primary fluence there over that at the point, s the distance, μ
// and μ′ the attenuation of primary and scattered photons in water (per mm).
// That of the energy absorption of scattered photons varies little.
func firstScatter(x, y, z, cell, mu, energyMeV float64) float64 {
	s2 := x*x + y*y + z*z
	if s2 == 0 {
		// The mean of 1/s² over the ball of the cell's volume is 3/R².
		r := cell * math.Cbrt(3/(4*math.Pi))
		forward, e1 := kleinNishina(energyMeV, 1)
		back, e2 := kleinNishina(energyMeV, -1)
		return (forward*e1 + back*e2) / 2 * 3 / (r * r)
	}
	s := math.Sqrt(s2)
	crossSection, scattered := kleinNishina(energyMeV, z/s)
	return math.Exp(mu*z-comptonAttenuation(scattered)*s) * crossSection * scattered / s2
}
