package machine

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
)

// fileFormat is the format field of a machine file.
const fileFormat = "kerma-machine/1"

// maxFileBytes bounds a machine file.
const maxFileBytes = 16 << 20

// A machine file is JSON:
//
//	{
//	  "format": "kerma-machine/1",
//	  "name": "linac 3, 6 MV",
//	  "energy_mv": 6,
//	  "fluence_mode": "",            "" flattened, "FFF" flattening-filter free
//	  "sad_mm": 1000,
//	  "source_sigma_mm": 1.0,        blur of an edge in the isocentre plane
//	  "jaw_transmission": 0.005,
//	  "leaf_transmission": 0.015,
//	  "profile": {"radius_mm": [0, 100], "relative": [1, 1.04]},       optional
//	  "spectrum": {                  a published one by its name alone, or any by its bins
//	    "name": "mohan1985_6mv",
//	    "low_mev": [], "high_mev": [], "photons": []
//	  },
//	  "calibration": {"gy_per_mu": 0.01, "ssd_mm": 1000, "depth_mm": 0, "field_mm": 100},
//	  "notes": []
//	}
//
// depth_mm 0 stands for the depth of maximum; without calibration a monitor
// unit is one photon/cm². Unknown fields are refused: a misspelt one would be
// a wrong dose. Pencil kernel and fluence per monitor unit are derived, never
// read.
type machineFile struct {
	Format           string           `json:"format"`
	Name             string           `json:"name"`
	EnergyMV         float64          `json:"energy_mv"`
	FluenceMode      string           `json:"fluence_mode"`
	SAD              float64          `json:"sad_mm"`
	SourceSigma      float64          `json:"source_sigma_mm"`
	JawTransmission  float64          `json:"jaw_transmission"`
	LeafTransmission float64          `json:"leaf_transmission"`
	Profile          *profileFile     `json:"profile,omitempty"`
	Spectrum         spectrumFile     `json:"spectrum"`
	Calibration      *calibrationFile `json:"calibration,omitempty"`
	Notes            []string         `json:"notes,omitempty"`
}

type profileFile struct {
	Radius   []float64 `json:"radius_mm"`
	Relative []float64 `json:"relative"`
}

type spectrumFile struct {
	Name    string    `json:"name"`
	Low     []float64 `json:"low_mev,omitempty"`
	High    []float64 `json:"high_mev,omitempty"`
	Photons []float64 `json:"photons,omitempty"`
}

type calibrationFile struct {
	GyPerMU float64 `json:"gy_per_mu"`
	SSD     float64 `json:"ssd_mm"`
	Depth   float64 `json:"depth_mm"`
	Field   float64 `json:"field_mm"`
}

// Read returns the machine of a file as Write writes it, or of a folder as
// ReadSVD reads it. Errors wrap ErrFile or say which spectrum or option is
// impossible.
func Read(path string) (*Machine, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	if info.IsDir() {
		return ReadSVD(os.DirFS(path))
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	defer f.Close()
	m, err := Decode(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// Decode reads a machine in the form of a machine file.
func Decode(r io.Reader) (*Machine, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxFileBytes+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	if len(text) > maxFileBytes {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrFile, maxFileBytes)
	}
	var f machineFile
	in := json.NewDecoder(bytes.NewReader(text))
	in.DisallowUnknownFields()
	if err := in.Decode(&f); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	switch {
	case f.Format != fileFormat:
		return nil, fmt.Errorf("%w: format %q, expected %q", ErrFile, f.Format, fileFormat)
	case f.Name == "":
		return nil, fmt.Errorf("%w: no name", ErrFile)
	case !(f.EnergyMV > 0):
		return nil, fmt.Errorf("%w: energy_mv %g, expected more than 0", ErrFile, f.EnergyMV)
	case f.SAD == 0:
		return nil, fmt.Errorf("%w: no sad_mm", ErrFile)
	}
	s, err := f.Spectrum.read()
	if err != nil {
		return nil, err
	}
	o := Options{
		EnergyMV: f.EnergyMV, FluenceMode: f.FluenceMode, SAD: f.SAD,
		SourceSigma: f.SourceSigma, JawTransmission: f.JawTransmission, LeafTransmission: f.LeafTransmission,
		Notes: f.Notes,
	}
	if f.Profile != nil {
		o.Profile = Profile{f.Profile.Radius, f.Profile.Relative}
	}
	if c := f.Calibration; c != nil {
		if !(c.GyPerMU > 0) {
			return nil, fmt.Errorf("%w: calibration of %g Gy/MU, expected more than 0", ErrFile, c.GyPerMU)
		}
		o.Calibration = Calibration{GyPerMU: c.GyPerMU, SSD: c.SSD, Depth: c.Depth, Field: c.Field}
	}
	return New(f.Name, s, o)
}

func (f spectrumFile) read() (Spectrum, error) {
	if f.Low == nil && f.High == nil && f.Photons == nil {
		return NamedSpectrum(f.Name)
	}
	return NewSpectrum(f.Name, f.Low, f.High, f.Photons)
}

// Write writes the machine as Decode reads it. A machine without a spectrum
// cannot be written so and fails with ErrFile.
func (m *Machine) Write(w io.Writer) error {
	if m.Beam == nil {
		return fmt.Errorf("%w: %s is known by its pencil kernel alone", ErrFile, m.Name)
	}
	s := m.Beam.Spectrum
	f := machineFile{
		Format: fileFormat, Name: m.Name, EnergyMV: m.EnergyMV, FluenceMode: m.FluenceMode, SAD: m.SAD,
		SourceSigma: m.SourceSigma, JawTransmission: m.JawTransmission, LeafTransmission: m.LeafTransmission,
		Spectrum: spectrumFile{s.Name, s.Low, s.High, s.Number},
		Notes:    m.Notes,
	}
	if len(m.Profile.Radius) > 0 {
		f.Profile = &profileFile{m.Profile.Radius, m.Profile.Relative}
	}
	if c := m.Calibration; c.GyPerMU > 0 {
		f.Calibration = &calibrationFile{c.GyPerMU, c.SSD, c.Depth, c.Field}
	}
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	return out.Encode(f)
}
