package dose

import (
	"math"

	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/heterogeneity"
)

// tissueRatios is what a machine's pencil kernel says of circular fields in
// water, at the distance of the isocentre from the source:
//
//	T(d, r) = Σ_k D_k(d, 1) 2π ∫_0^r w_k(ρ) ρ dρ,
//
// tabulated, bilinear between. It is a heterogeneity.TissueRatios.
type tissueRatios struct {
	depths, radii int
	value         []float64 // [depth][radius]
}

const (
	ratioDepth       = 1   // mm between depths
	ratioRadius      = 0.5 // mm between radii near 0,
	ratioRadiusRatio = 1.04
	ratioRadii       = 128 // to 250 mm or so
)

// ratioAt is radius i of the table, mm: 0, then even steps that grow by and by.
func ratioAt(i int) float64 {
	return ratioRadius * (math.Pow(ratioRadiusRatio, float64(i)) - 1) / (ratioRadiusRatio - 1)
}

func newTissueRatios(p *machine.Pencil) *tissueRatios {
	t := &tissueRatios{depths: int(p.Depth.Depth[len(p.Depth.Depth)-1]/ratioDepth) + 1, radii: ratioRadii}
	lateral := p.Lateral[p.Index(p.SSDFirst)]
	within := make([]float64, t.radii*p.Depth.Components)
	for i := range t.radii {
		for k := range lateral {
			within[i*p.Depth.Components+k] = lateral[k].Integral(ratioAt(i))
		}
	}
	t.value = make([]float64, t.depths*t.radii)
	values := make([]float64, p.Depth.Components)
	for d := range t.depths {
		p.Depth.At(float64(d)*ratioDepth, 1, values)
		for i := range t.radii {
			for k, v := range values {
				t.value[d*t.radii+i] += v * within[i*p.Depth.Components+k]
			}
		}
	}
	return t
}

// TissueRatio is T(d, r) in the unit of the kernel, at the ends of the table
// for depths and radii beyond them.
func (t *tissueRatios) TissueRatio(depth, radius float64) float64 {
	x := math.Log1p(max(radius, 0)*(ratioRadiusRatio-1)/ratioRadius) / math.Log(ratioRadiusRatio)
	x = min(x, float64(t.radii-1))
	y := min(max(depth/ratioDepth, 0), float64(t.depths-1))
	i, j := min(int(x), t.radii-2), min(int(y), t.depths-2)
	x, y = x-float64(i), y-float64(j)
	a, b := t.value[j*t.radii+i:], t.value[(j+1)*t.radii+i:]
	return (1-y)*((1-x)*a[0]+x*a[1]) + y*((1-x)*b[0]+x*b[1])
}

// spectralRatios are those of a machine whose spectrum is known: it can tell
// media apart. It is a heterogeneity.AbsorptionRatios.
type spectralRatios struct {
	*tissueRatios
	absorptionRatios
}

// absorptionRatios averages energy absorption over the spectrum of the primary
// photons behind 100 mm of water,
//
//	Σ_b n_b E_b e^(−μ_b·100 mm) (μen/ρ)_m / Σ_b n_b E_b e^(−μ_b·100 mm) (μen/ρ)_w.
type absorptionRatios struct{ spectrum machine.Spectrum }

// AbsorptionRatio is the mean (μen/ρ) of a material over that of water.
func (a absorptionRatios) AbsorptionRatio(material string) (float64, error) {
	return a.ratio(material, (*machine.Attenuation).MassEnergyAbsorption)
}

// AttenuationRatio is the mean μ per electron of a material over that of water,
// by the same weights.
func (a absorptionRatios) AttenuationRatio(material string) (float64, error) {
	perGram, err := a.ratio(material, (*machine.Attenuation).Mass)
	if err != nil {
		return 0, err
	}
	medium, ok := heterogeneity.MaterialNamed(material)
	water, okWater := heterogeneity.MaterialNamed("water_liquid")
	if !ok || !okWater {
		return 0, &machine.MaterialError{Material: material}
	}
	return perGram * water.ZOverA / medium.ZOverA, nil
}

// ratio is the mean of a coefficient of a material over that of water.
func (a absorptionRatios) ratio(material string, of func(*machine.Attenuation, float64) float64) (float64, error) {
	water, err := machine.AttenuationOf("water_liquid")
	if err != nil {
		return 0, err
	}
	medium, err := attenuationOf(material)
	if err != nil {
		return 0, err
	}
	var m, w float64
	for b, n := range a.spectrum.Number {
		e := a.spectrum.Energy(b)
		energy := n * e * math.Exp(-10*water.Mass(e)) // cm of water of 1 g/cm³
		m += energy * of(medium, e)
		w += energy * of(water, e)
	}
	return m / w, nil
}

// attenuationOf is that of a tabulated material, else by its composition.
func attenuationOf(material string) (*machine.Attenuation, error) {
	known, ok := heterogeneity.MaterialNamed(material)
	a, err := machine.AttenuationOf(material)
	if err == nil || !ok {
		return a, err
	}
	fractions := map[int]float64{}
	for _, e := range known.Elements {
		fractions[e.Z] = e.MassFraction
	}
	return machine.MixtureAttenuation(material, fractions)
}
