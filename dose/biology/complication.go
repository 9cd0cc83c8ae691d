package biology

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// LKB is the Lyman–Kutcher–Burman model of a complication,
//
//	NTCP = Φ((EUD − TD50)/(m·TD50)),
//
// with the generalised EUD of exponent 1/n (Lyman, Radiat Res 104 (1985) S13;
// Kutcher and Burman, IJROBP 16 (1989) 1623). Doses are to be in fractions of
// 2 Gy: see Distribution.EQD2.
type LKB struct {
	N    float64 // volume effect: 1 the mean, towards 0 the maximum
	M    float64 // slope
	TD50 float64 // Gy in fractions of 2 Gy to the whole organ
}

// NTCP is the probability of the complication, 0…1.
func (m LKB) NTCP(d Distribution) (float64, error) {
	if !(m.N >= 1e-3 && m.N <= 100) {
		return 0, fmt.Errorf("%w: n of %g: expected 0.001 … 100", ErrParameter, m.N)
	}
	if err := above("m", m.M); err != nil {
		return 0, err
	}
	if err := above("TD50", m.TD50); err != nil {
		return 0, err
	}
	eud, err := d.EUD(1 / m.N)
	if err != nil {
		return 0, err
	}
	return distuv.UnitNormal.CDF((eud - m.TD50) / (m.M * m.TD50)), nil
}

// Seriality is the relative seriality model (Källman, Ågren, Brahme, Int J
// Radiat Biol 62 (1992) 249),
//
//	NTCP = (1 − Π (1 − P(D_i)^s)^v_i)^(1/s),  P(D) = 2^(−exp(eγ(1 − D/D50))).
type Seriality struct {
	D50   float64 // Gy
	Gamma float64 // γ, highest normalised slope
	S     float64 // relative seriality: 1 as a chain, towards 0 as a rope
}

// NTCP is the probability of the complication, 0…1.
func (m Seriality) NTCP(d Distribution) (float64, error) {
	for name, v := range map[string]float64{"D50": m.D50, "γ": m.Gamma, "s": m.S} {
		if err := above(name, v); err != nil {
			return 0, err
		}
	}
	if err := d.check(); err != nil {
		return 0, err
	}
	total := d.Total()
	var spared float64 // logarithm of the product
	for i, v := range d.Volume {
		p := math.Exp2(-math.Exp(math.E * m.Gamma * (1 - d.Dose[i]/m.D50)))
		spared += v / total * math.Log1p(-math.Pow(p, m.S))
	}
	return math.Pow(-math.Expm1(spared), 1/m.S), nil
}

// Organ is a published set of parameters.
type Organ struct {
	Name     string // of organ
	Endpoint string // empty: the complication that the source names severe
	LKB      LKB
	Source   string
}

// Organs are the sets that come with the library: those of Burman et al., IJROBP
// 21 (1991) 123, and of the QUANTEC reviews, IJROBP 76 (2010) S1–S160, in
// fractions of 2 Gy. They hold for the populations and endpoints of their
// sources.
func Organs() []Organ {
	const burman, quantec = "Burman 1991", "QUANTEC 2010"
	return []Organ{
		{"bladder", "", LKB{0.50, 0.11, 80}, burman},
		{"brain", "necrosis", LKB{0.25, 0.15, 60}, burman},
		{"brainstem", "necrosis", LKB{0.16, 0.14, 65}, burman},
		{"femoral head", "necrosis", LKB{0.25, 0.12, 65}, burman},
		{"heart", "pericarditis", LKB{0.35, 0.10, 48}, burman},
		{"kidney", "nephritis", LKB{0.70, 0.10, 28}, burman},
		{"lens", "cataract", LKB{0.30, 0.27, 18}, burman},
		{"liver", "liver failure", LKB{0.32, 0.15, 40}, burman},
		{"lung", "pneumonitis", LKB{0.87, 0.18, 24.5}, burman},
		{"lung", "pneumonitis", LKB{1, 0.37, 30.8}, quantec},
		{"oesophagus", "stricture or perforation", LKB{0.06, 0.11, 68}, burman},
		{"optic nerve", "blindness", LKB{0.25, 0.14, 65}, burman},
		{"parotid", "xerostomia", LKB{0.70, 0.18, 46}, burman},
		{"parotid", "salivary flow below a quarter", LKB{1, 0.40, 39.9}, quantec},
		{"rectum", "severe late reaction", LKB{0.12, 0.15, 80}, burman},
		{"rectum", "bleeding of grade 2 or more", LKB{0.09, 0.13, 76.9}, quantec},
		{"skin", "necrosis", LKB{0.10, 0.12, 70}, burman},
		{"small bowel", "obstruction or perforation", LKB{0.15, 0.16, 55}, burman},
		{"spinal cord", "myelitis", LKB{0.05, 0.175, 66.5}, burman},
		{"stomach", "ulceration or perforation", LKB{0.15, 0.14, 65}, burman},
	}
}
