package viewer

import (
	"net/http"
	"strings"

	"github.com/kerma-rt/kerma/dicom"
	"github.com/kerma-rt/kerma/internal/page"
	"github.com/kerma-rt/kerma/internal/picture"
)

// summary is what the page shows first, and the numbers by which it asks for
// the rest.
type summary struct {
	Patient    string             `json:"patient"`
	ID         string             `json:"id"`
	Statement  string             `json:"statement"`
	Window     [2]float64         `json:"window"`    // width, level, HU
	WindowWhy  string             `json:"windowWhy"` //
	Start      [3]float64         `json:"start"`     // mm, LPS
	Box        [2][3]float64      `json:"box"`       // worth showing: its corners, mm, LPS
	Doses      []doseSummary      `json:"doses"`
	Compared   int                `json:"compared"`
	Structures []structureSummary `json:"structures"`
	Beams      []beamSummary      `json:"beams"`
	Notes      []string           `json:"notes"`
}

type doseSummary struct {
	Label     string         `json:"label"`
	Max       float64        `json:"max"`       // Gy
	Reference float64        `json:"reference"` // Gy, called 100 %
	Levels    []levelSummary `json:"levels"`
	Top       float64        `json:"top"`  // Gy, where the colour wash ends
	Wash      [][4]uint8     `json:"wash"` // from 0 to Top
}

type levelSummary struct {
	Percent float64 `json:"percent"`
	Gy      float64 `json:"gy"`
	Color   string  `json:"color"`
}

type structureSummary struct {
	style
	Name  string `json:"name"`
	Role  string `json:"role"`
	Empty bool   `json:"empty"` // has no contours
}

func (v *Viewer) summary(*http.Request) (any, error) {
	patient := v.shown.Patient
	scene := v.doses[0].scene
	start := scene.Centre()
	if v.hasDose() && scene.Reference > 0 && scene.Contains(scene.MaxPoint) {
		start = scene.MaxPoint
	}
	low, high := scene.Bounds()
	s := summary{
		Patient: strings.TrimRight(strings.ReplaceAll(patient.PatientName, "^", " "), " "), ID: patient.PatientID, Statement: page.NotForClinicalUse,
		Window:    [2]float64{scene.Window.Width, scene.Window.Level},
		WindowWhy: scene.Window.Reason,
		Start:     [3]float64{start.X, start.Y, start.Z},
		Box:       [2][3]float64{{low.X, low.Y, low.Z}, {high.X, high.Y, high.Z}},
		Doses:     []doseSummary{}, Compared: v.shown.Compared,
		Structures: []structureSummary{}, Beams: v.beams(),
		Notes: append([]string{}, v.notes...),
	}
	for _, p := range patient.Warnings {
		s.Notes = append(s.Notes, note(p))
	}
	for n, st := range v.set.Structures {
		s.Structures = append(s.Structures, structureSummary{v.styles[n], st.Name, string(st.Role), len(st.Contours) == 0})
	}
	if v.hasDose() {
		for _, d := range v.doses {
			s.Doses = append(s.Doses, summaryOf(d.Label, d.scene))
		}
	}
	return s, nil
}

func note(p dicom.Problem) string {
	return strings.Join(strings.Fields(strings.Join([]string{p.Tag, p.Value, p.Message}, " ")), " ")
}

func summaryOf(label string, s *picture.Scene) doseSummary {
	d := doseSummary{Label: label, Max: s.Max, Reference: s.Reference, Levels: []levelSummary{}, Wash: [][4]uint8{}}
	for _, l := range s.Levels {
		d.Levels = append(d.Levels, levelSummary{l.Percent, l.Gy, page.Hex(l.Color.R, l.Color.G, l.Color.B)})
	}
	colors, top := s.Palette()
	d.Top = top
	for _, c := range colors {
		d.Wash = append(d.Wash, [4]uint8{c.R, c.G, c.B, c.A})
	}
	return d
}
