package machine

import (
	"embed"
	"encoding/csv"
	"fmt"
	"io/fs"
	"math"
	"sort"
	"strconv"
	"strings"
	"sync"
)

//go:embed data/attenuation/*.csv
var attenuations embed.FS

// MaterialError says that no attenuation data exist for a material.
type MaterialError struct{ Material string }

func (e *MaterialError) Error() string {
	return fmt.Sprintf("machine: no attenuation data for material %q; known are %s", e.Material, strings.Join(AttenuationMaterials(), ", "))
}

// Attenuation is the photon coefficients of one material from 1 keV to
// 20 MeV: NIST Standard Reference Database 126 (Hubbell and Seltzer, NISTIR
// 5632), log–log interpolated between its energies. At an absorption edge the
// table holds the energy twice; the upper side is taken there.
type Attenuation struct {
	Material string
	lnE      []float64 // ln of MeV
	lnMu     []float64 // ln of cm²/g
	lnMuEn   []float64
}

// sameComposition names the rows of the composition table that share the
// coefficients per gram of another row.
var sameComposition = map[string]string{"lung_inflated_icru44": "lung_icru44"}

// loadAttenuations reads every embedded table once.
var loadAttenuations = sync.OnceValues(func() (map[string]*Attenuation, error) {
	files, err := fs.Glob(attenuations, "data/attenuation/nist_*.csv")
	if err != nil {
		return nil, err
	}
	tables := make(map[string]*Attenuation, len(files)+len(sameComposition))
	for _, file := range files {
		material := strings.TrimSuffix(strings.TrimPrefix(file, "data/attenuation/nist_"), ".csv")
		a, err := readAttenuation(file, material)
		if err != nil {
			return nil, err
		}
		tables[material] = a
	}
	for name, as := range sameComposition {
		a := *tables[as]
		a.Material = name
		tables[name] = &a
	}
	return tables, nil
})

func readAttenuation(file, material string) (*Attenuation, error) {
	f, err := attenuations.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("machine: %s: %w", file, err)
	}
	a := &Attenuation{Material: material}
	for i, row := range rows[1:] {
		var v [3]float64
		for j := range v {
			if v[j], err = strconv.ParseFloat(row[j], 64); err != nil {
				return nil, fmt.Errorf("machine: %s: line %d: %w", file, i+2, err)
			}
			v[j] = math.Log(v[j])
		}
		a.lnE = append(a.lnE, v[0])
		a.lnMu = append(a.lnMu, v[1])
		a.lnMuEn = append(a.lnMuEn, v[2])
	}
	return a, nil
}

// AttenuationMaterials lists the materials AttenuationOf knows, in
// alphabetical order, by the names of the composition table: "water_liquid",
// "lung_icru44", "bone_cortical_icru44", "aluminium" …
func AttenuationMaterials() []string {
	tables, err := loadAttenuations()
	if err != nil {
		return nil
	}
	names := make([]string, 0, len(tables))
	for name := range tables {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// AttenuationOf returns the coefficients of a material, or a *MaterialError.
func AttenuationOf(material string) (*Attenuation, error) {
	tables, err := loadAttenuations()
	if err != nil {
		return nil, err
	}
	if a, ok := tables[material]; ok {
		return a, nil
	}
	return nil, &MaterialError{material}
}

// Mass is the mass attenuation coefficient μ/ρ at an energy in MeV, cm²/g;
// NaN outside 0.001 … 20 MeV.
func (a *Attenuation) Mass(energyMeV float64) float64 { return a.at(a.lnMu, energyMeV) }

// MassEnergyAbsorption is the mass energy-absorption coefficient μen/ρ at an
// energy in MeV, cm²/g; NaN outside 0.001 … 20 MeV.
func (a *Attenuation) MassEnergyAbsorption(energyMeV float64) float64 {
	return a.at(a.lnMuEn, energyMeV)
}

func (a *Attenuation) at(lnValue []float64, energyMeV float64) float64 {
	const ulps = 1e-12 // so that the ends of the table belong to it
	x := math.Log(energyMeV)
	last := len(a.lnE) - 1
	if !(x >= a.lnE[0]-ulps) || x > a.lnE[last]+ulps {
		return math.NaN()
	}
	// The first energy above x, so that an edge (the energy twice) is left
	// behind whole.
	i := sort.Search(len(a.lnE), func(i int) bool { return a.lnE[i] > x })
	i = min(max(i, 1), last)
	t := (x - a.lnE[i-1]) / (a.lnE[i] - a.lnE[i-1])
	return math.Exp(lnValue[i-1] + t*(lnValue[i]-lnValue[i-1]))
}
