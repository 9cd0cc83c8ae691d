package dvh

import (
	"encoding/json"
	"math"
)

// Report is what a set of histograms is written as.
type Report struct {
	Structures []Histogram `json:"structures"`
}

// curvePoints is how many intervals a written curve has.
const curvePoints = 500

// MarshalJSON writes the figures and the cumulative curve. Figures that an empty
// structure does not have are null.
func (h Histogram) MarshalJSON() ([]byte, error) {
	figure := func(x float64) *float64 {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return nil
		}
		return &x
	}
	var reason string
	if h.Err != nil {
		reason = h.Err.Error()
	}
	out := struct {
		Name       string       `json:"name"`
		Number     int          `json:"number"`
		VolumeCm3  float64      `json:"volume_cm3"`
		OutsideCm3 float64      `json:"outside_dose_grid_cm3"`
		MinGy      *float64     `json:"min_gy"`
		MeanGy     *float64     `json:"mean_gy"`
		MaxGy      *float64     `json:"max_gy"`
		D98Gy      *float64     `json:"d98_gy"`
		D95Gy      *float64     `json:"d95_gy"`
		D50Gy      *float64     `json:"d50_gy"`
		D2Gy       *float64     `json:"d2_gy"`
		V20Percent *float64     `json:"v20_percent"`
		Empty      bool         `json:"empty,omitempty"`
		Error      string       `json:"error,omitempty"`
		Warnings   []string     `json:"warnings,omitempty"`
		Curve      [][2]float64 `json:"curve"`
	}{
		Name: h.Structure, Number: h.Number, VolumeCm3: h.Volume, OutsideCm3: h.Outside,
		MinGy: figure(h.Min()), MeanGy: figure(h.Mean()), MaxGy: figure(h.Max()),
		D98Gy: figure(h.DoseAt(98)), D95Gy: figure(h.DoseAt(95)), D50Gy: figure(h.DoseAt(50)), D2Gy: figure(h.DoseAt(2)),
		V20Percent: figure(h.PercentAt(20)),
		Empty:      h.Empty(), Error: reason, Warnings: h.Warnings,
		Curve: [][2]float64{},
	}
	for _, p := range h.Cumulative(curvePoints) {
		out.Curve = append(out.Curve, [2]float64{p.Dose, 100 * p.Volume / h.Inside()})
	}
	return json.Marshal(out)
}
