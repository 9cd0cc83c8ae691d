package machine

import (
	"bytes"
	"compress/gzip"
	_ "embed" // for the kernels
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"strconv"
	"sync"
)

//go:embed data/edk_water.csv.gz
var edkWater []byte

// Category tells by what the energy of a point kernel was carried.
type Category int

// Categories of deposited energy (Mackie, Bielajew, Rogers, Battista 1988, Phys
// Med Biol 33:1).
const (
	Primary         Category = iota // electrons set free at the origin
	FirstScatter                    // first scattered photons
	SecondScatter                   // second scattered photons
	MultipleScatter                 // higher orders
	Radiative                       // bremsstrahlung and annihilation photons
	Categories      int      = iota // how many there are
)

// EnergyDepositionKernel is where the energy of a photon that interacts at
// the origin of water of 1 g/cm³, moving along +z, comes to rest: a point
// kernel on spherical shells and cones about +z.
type EnergyDepositionKernel struct {
	EnergyMeV float64
	AngleDeg  []float64 // upper edges of the cones from +z, ascending to 180
	Radius    []float64 // upper edges of the shells, mm of water, ascending
	// Fraction is the share of the photon energy in each element by category,
	// [category][cone·len(Radius)+shell]. All categories together sum up to 1
	// less what leaves the outermost shell.
	Fraction [Categories][]float64
}

// EnergyRangeError says that a photon energy lies outside the kernels or
// coefficients.
type EnergyRangeError struct{ EnergyMeV, Low, High float64 }

func (e *EnergyRangeError) Error() string {
	return fmt.Sprintf("machine: photon energy %g MeV, expected %g … %g MeV", e.EnergyMeV, e.Low, e.High)
}

// lowestEnergy (MeV) is where the attenuation tables start.
const lowestEnergy = 0.001

// DepositionKernels returns the tabulated kernels in water by rising energy,
// 0.1 … 20 MeV: EGSnrc EDKnrc, 48 cones of 3.75° by 24 shells to 600 mm. They
// are shared: do not change them.
func DepositionKernels() ([]*EnergyDepositionKernel, error) { return loadKernels() }

// DepositionKernel returns the kernel of any photon energy up to 20 MeV: the
// fractions linear in the logarithm of energy between the tabulated ones.
// Below 0.1 MeV it is the kernel of 0.1 MeV: electrons there come to rest
// within 0.15 mm, and the spectra of NamedSpectrum carry at most about 1e-3 of
// their energy there.
func DepositionKernel(energyMeV float64) (*EnergyDepositionKernel, error) {
	kernels, err := loadKernels()
	if err != nil {
		return nil, err
	}
	i, t, err := bracketEnergy(kernels, energyMeV)
	if err != nil {
		return nil, err
	}
	a, b := kernels[i], kernels[i+1]
	k := &EnergyDepositionKernel{EnergyMeV: energyMeV, AngleDeg: a.AngleDeg, Radius: a.Radius}
	for c := range k.Fraction {
		k.Fraction[c] = make([]float64, len(a.Fraction[c]))
		for e := range k.Fraction[c] {
			k.Fraction[c][e] = (1-t)*a.Fraction[c][e] + t*b.Fraction[c][e]
		}
	}
	return k, nil
}

// Total is the share of the photon energy that a category deposits inside the
// outermost shell.
func (k *EnergyDepositionKernel) Total(c Category) float64 {
	var sum float64
	for _, f := range k.Fraction[c] {
		sum += f
	}
	return sum
}

// bracketEnergy returns i and t such that the kernel of an energy is (1−t)
// times kernel i plus t times kernel i+1.
func bracketEnergy(kernels []*EnergyDepositionKernel, energyMeV float64) (i int, t float64, err error) {
	last := len(kernels) - 1
	if !(energyMeV >= lowestEnergy) || energyMeV > kernels[last].EnergyMeV {
		return 0, 0, &EnergyRangeError{energyMeV, lowestEnergy, kernels[last].EnergyMeV}
	}
	for i < last-1 && kernels[i+1].EnergyMeV < energyMeV {
		i++
	}
	t = math.Log(energyMeV/kernels[i].EnergyMeV) / math.Log(kernels[i+1].EnergyMeV/kernels[i].EnergyMeV)
	return i, max(t, 0), nil
}

var loadKernels = sync.OnceValues(func() ([]*EnergyDepositionKernel, error) {
	unzipped, err := gzip.NewReader(bytes.NewReader(edkWater))
	if err != nil {
		return nil, fmt.Errorf("machine: deposition kernels: %w", err)
	}
	kernels, err := readKernels(unzipped)
	if err != nil {
		return nil, fmt.Errorf("machine: deposition kernels: %w", err)
	}
	return kernels, nil
})

// readKernels reads rows energy_mev, angle_deg, radius_cm (upper edges) and
// the five categories, radius fastest, then angle, then energy.
func readKernels(r io.Reader) ([]*EnergyDepositionKernel, error) {
	const mmPerCm = 10
	in := csv.NewReader(r)
	in.Comment = '#'
	in.ReuseRecord = true
	in.FieldsPerRecord = 3 + Categories
	if _, err := in.Read(); err != nil {
		return nil, err
	}
	var kernels []*EnergyDepositionKernel
	var k *EnergyDepositionKernel
	for {
		row, err := in.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		var v [3 + Categories]float64
		for i := range v {
			if v[i], err = strconv.ParseFloat(row[i], 64); err != nil {
				return nil, err
			}
		}
		if k == nil || k.EnergyMeV != v[0] {
			k = &EnergyDepositionKernel{EnergyMeV: v[0]}
			kernels = append(kernels, k)
		}
		if n := len(k.AngleDeg); n == 0 || k.AngleDeg[n-1] != v[1] {
			k.AngleDeg = append(k.AngleDeg, v[1])
		}
		if len(k.AngleDeg) == 1 {
			k.Radius = append(k.Radius, v[2]*mmPerCm)
		}
		for c := range k.Fraction {
			k.Fraction[c] = append(k.Fraction[c], v[3+c])
		}
	}
	for _, k := range kernels {
		if want := len(k.AngleDeg) * len(k.Radius); len(k.Fraction[0]) != want || len(k.AngleDeg) != len(kernels[0].AngleDeg) {
			return nil, fmt.Errorf("%g MeV: expected %d elements, found %d", k.EnergyMeV, want, len(k.Fraction[0]))
		}
	}
	if len(kernels) < 2 {
		return nil, fmt.Errorf("expected at least two energies, found %d", len(kernels))
	}
	return kernels, nil
}
