package machine

import (
	"embed"
	"encoding/csv"
	"fmt"
	"io"
	"io/fs"
	"math"
	"sort"
	"strconv"
	"strings"
)

//go:embed data/spectra/*.csv
var spectra embed.FS

// SpectrumError says what is wrong with a spectrum.
type SpectrumError struct {
	Spectrum string // its name
	Problem  string
}

func (e *SpectrumError) Error() string {
	return fmt.Sprintf("machine: spectrum %q: %s", e.Spectrum, e.Problem)
}

// SpectrumNames lists the spectra that NamedSpectrum knows, in alphabetical
// order: Mohan, Chui and Lidofsky 1985, Sheikh-Bagheri and Rogers 2002, Ali
// and Rogers 2012, and three of NRC. data/SOURCE.md tells their
// origin.
func SpectrumNames() []string {
	files, err := fs.Glob(spectra, "data/spectra/*.csv")
	if err != nil {
		return nil
	}
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = strings.TrimSuffix(strings.TrimPrefix(f, "data/spectra/"), ".csv")
	}
	sort.Strings(names)
	return names
}

// NamedSpectrum returns one of the published spectra of SpectrumNames, such
// as "mohan1985_6mv".
func NamedSpectrum(name string) (Spectrum, error) {
	f, err := spectra.Open("data/spectra/" + name + ".csv")
	if err != nil {
		return Spectrum{}, &SpectrumError{name, "not known; known are " + strings.Join(SpectrumNames(), ", ")}
	}
	defer f.Close()
	return ReadSpectrum(f, name)
}

// NewSpectrum makes a spectrum of bins low…high (MeV) that hold number
// photons each, in any unit: they are scaled to the sum 1. Bins must rise and
// not overlap; gaps are allowed.
func NewSpectrum(name string, low, high, number []float64) (Spectrum, error) {
	fail := func(format string, args ...any) (Spectrum, error) {
		return Spectrum{}, &SpectrumError{name, fmt.Sprintf(format, args...)}
	}
	n := len(low)
	if n == 0 || len(high) != n || len(number) != n {
		return fail("expected as many low edges, high edges and numbers, at least one; found %d, %d and %d", n, len(high), len(number))
	}
	var sum float64
	for i := range n {
		switch {
		case !(low[i] >= 0) || !(high[i] > low[i]) || math.IsInf(high[i], 0):
			return fail("bin %d: expected 0 ≤ low < high, found %g … %g MeV", i, low[i], high[i])
		case i > 0 && low[i] < high[i-1]*(1-1e-9):
			return fail("bin %d starts at %g MeV, before bin %d ends at %g MeV", i, low[i], i-1, high[i-1])
		case !(number[i] >= 0) || math.IsInf(number[i], 0):
			return fail("bin %d: expected a number of photons ≥ 0, found %g", i, number[i])
		}
		sum += number[i]
	}
	if !(sum > 0) || math.IsInf(sum, 0) {
		return fail("the numbers of photons sum up to %g", sum)
	}
	s := Spectrum{
		Name:   name,
		Low:    append([]float64(nil), low...),
		High:   append([]float64(nil), high...),
		Number: make([]float64, n),
	}
	if math.Abs(sum-1) < 1e-12 { // normalised before: left as it is to the bit
		sum = 1
	}
	for i := range n {
		s.Number[i] = number[i] / sum
	}
	return s, nil
}

// ReadSpectrum reads comma-separated rows under a header that names the
// columns energy_low_MeV, energy_high_MeV and photon_number_fraction; other
// columns and lines starting with # are passed over.
func ReadSpectrum(r io.Reader, name string) (Spectrum, error) {
	fail := func(format string, args ...any) (Spectrum, error) {
		return Spectrum{}, &SpectrumError{name, fmt.Sprintf(format, args...)}
	}
	in := csv.NewReader(r)
	in.Comment = '#'
	header, err := in.Read()
	if err != nil {
		return fail("header: %v", err)
	}
	wanted := []string{"energy_low_MeV", "energy_high_MeV", "photon_number_fraction"}
	column := make([]int, len(wanted))
	for i, w := range wanted {
		column[i] = -1
		for j, h := range header {
			if strings.TrimSpace(h) == w {
				column[i] = j
			}
		}
		if column[i] < 0 {
			return fail("no column %s in the header %q", w, strings.Join(header, ","))
		}
	}
	var values [3][]float64
	for {
		row, err := in.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return fail("%v", err)
		}
		for i, c := range column {
			v, err := strconv.ParseFloat(strings.TrimSpace(row[c]), 64)
			if err != nil {
				line, _ := in.FieldPos(c)
				return fail("line %d, %s: %v", line, wanted[i], err)
			}
			values[i] = append(values[i], v)
		}
	}
	return NewSpectrum(name, values[0], values[1], values[2])
}

// Energy is the mean photon energy of bin i, MeV: the middle, as energies are
// uniform inside a bin.
func (s Spectrum) Energy(i int) float64 { return (s.Low[i] + s.High[i]) / 2 }

// MeanEnergy is the mean energy of a photon, MeV.
func (s Spectrum) MeanEnergy() float64 {
	var e float64
	for i, n := range s.Number {
		e += n * s.Energy(i)
	}
	return e
}
