package heterogeneity

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"
)

// Material is a substance by its elements.
type Material struct {
	Name             string
	Density          float64 // g/cm³; 0 where the source gives a composition only
	ExcitationEnergy float64 // mean, eV; 0 where the source does not give it
	ZOverA           float64 // mole of electrons per g
	Elements         []Element
}

// Element is the share of one element in a material.
type Element struct {
	Z            int
	MassFraction float64
}

// ElectronDensityOf is the electron density relative to water of this
// material at the given mass density (g/cm³):
//
//	ρe = ρ·(Z/A) / (Z/A)_water, water being 1 g/cm³
func (m Material) ElectronDensityOf(density float64) float64 {
	return density * (m.ZOverA / water.ZOverA)
}

// Materials are all known materials: the rows of the ICRU 44 table, then the
// 24 tissues of Schneider 2000 (schneider2000_01 …).
func Materials() []Material { return append([]Material(nil), materials...) }

// MaterialNamed is the material of that name; false when there is none.
func MaterialNamed(name string) (Material, bool) {
	for _, m := range materials {
		if m.Name == name {
			return m, true
		}
	}
	return Material{}, false
}

var (
	//go:embed tables/compositions.csv
	compositionsCSV []byte
	//go:embed tables/schneider2000.csv
	schneiderCSV []byte

	materials = append(readCompositions(), readSchneider()...)
	water     = materials[0]
)

// The tables are part of the program: what is wrong in them is a programmer's
// error, which the package's tests meet first.
func table(data []byte) [][]string {
	rows, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil {
		panic(err)
	}
	return rows
}

func number(s string) float64 {
	x, err := strconv.ParseFloat(s, 64)
	if err != nil {
		panic(err)
	}
	return x
}

func readCompositions() []Material {
	var list []Material
	for _, row := range table(compositionsCSV)[1:] {
		m := Material{Name: row[0], Density: number(row[1]), ExcitationEnergy: number(row[2]), ZOverA: number(row[3])}
		for _, part := range strings.Fields(row[5]) {
			z, fraction, _ := strings.Cut(part, ":")
			m.Elements = append(m.Elements, Element{Z: int(number(z)), MassFraction: number(fraction)})
		}
		list = append(list, m)
	}
	return list
}

func readSchneider() []Material {
	rows := table(schneiderCSV)
	atomicNumber := map[string]int{"w_H": 1, "w_C": 6, "w_N": 7, "w_O": 8, "w_Na": 11, "w_Mg": 12, "w_P": 15, "w_S": 16, "w_Cl": 17, "w_Ar": 18, "w_K": 19, "w_Ca": 20}
	var list []Material
	for _, row := range rows[1:] {
		m := Material{Name: fmt.Sprintf("schneider2000_%02d", int(number(row[0])))}
		for c, title := range rows[0] {
			if z, ok := atomicNumber[title]; ok && number(row[c]) > 0 {
				m.Elements = append(m.Elements, Element{Z: z, MassFraction: number(row[c])})
			}
			if title == "Z_over_A" {
				m.ZOverA = number(row[c])
			}
		}
		list = append(list, m)
	}
	return list
}
