// Package viewer shows one patient and its doses in a browser on this machine:
// linked planes of the CT with dose, isodoses and outlines, dose–volume
// histograms, the beam's-eye view of every control point, profiles, and two
// doses compared.
//
// Everything the page is given is in memory before it is served: a request
// names a dose by its number or a plane by its place, never a file. The picture
// is NiiVue's (see niivue/SOURCE.md for why); lines, profiles, histograms and
// gamma come from the same packages as in the reports.
package viewer

import (
	"embed"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"sync"

	"github.com/kerma-rt/kerma/dicom"
	"github.com/kerma-rt/kerma/dose/beam"
	"github.com/kerma-rt/kerma/dose/dvh"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/internal/page"
	"github.com/kerma-rt/kerma/internal/picture"
)

// ErrCase is wrapped by errors about a patient that cannot be shown.
var ErrCase = errors.New("viewer: nothing to show")

// Dose is one dose to look at.
type Dose struct {
	Label  string
	Volume *geometry.Volume // Gy, finite
}

// Viewer answers the requests of the page.
type Viewer struct {
	handler http.Handler
	shown   *Case
	ct      *geometry.Volume // HU, aligned with LPS
	set     *geometry.StructureSet
	styles  []style // of the structures
	plans   []*beam.Plan
	doses   []*doseView
	notes   []string

	comparing sync.Mutex
	last      *comparison
}

// Case is what a viewer is made of. The CT must be there; structures, plans and
// doses are shown as far as there are any.
type Case struct {
	Patient  *dicom.Patient
	Doses    []Dose
	Compared int      // the dose that the first is compared with at the start; 0: none
	Notes    []string // what to know, a line each
}

// doseView is a dose and what is drawn of it.
type doseView struct {
	Dose
	picture *geometry.Volume // the dose on a grid aligned with LPS, NaN where there is none
	scene   *picture.Scene   // its isodoses and the outlines

	once       sync.Once
	histograms []dvh.Histogram
}

// dvh is computed when it is first asked for.
func (d *doseView) dvh(set *geometry.StructureSet) []dvh.Histogram {
	d.once.Do(func() { d.histograms = dvh.Compute(d.Volume, set) })
	return d.histograms
}

//go:embed page.html viewer.css app niivue/niivue.umd.js niivue/LICENSE
var files embed.FS

func text(name string) string {
	b, err := files.ReadFile(name)
	if err != nil {
		panic(err) // embedded at build time
	}
	return string(b)
}

// New prepares a case for viewing. It fails with ErrCase without a CT, and with
// picture.ErrScene for volumes and contours that cannot be drawn.
func New(c Case) (*Viewer, error) {
	if c.Patient == nil || c.Patient.CT == nil {
		return nil, fmt.Errorf("%w: no CT", ErrCase)
	}
	if c.Compared < 0 || c.Compared > 0 && c.Compared >= len(c.Doses) {
		return nil, fmt.Errorf("%w: no dose %d to compare with", ErrCase, c.Compared)
	}
	v := &Viewer{shown: &c, set: c.Patient.Structures, plans: c.Patient.Plans, notes: slices.Clone(c.Notes)}
	if v.set == nil {
		v.set = &geometry.StructureSet{}
	}
	v.styles = stylesOf(v.set.Structures)
	ct, oblique, err := aligned(c.Patient.CT.Volume, -1024)
	if err != nil {
		return nil, fmt.Errorf("CT: %w", err)
	}
	v.ct = ct
	if oblique {
		v.notes = append(v.notes, "the CT is oblique to the patient: it is shown resampled on axial planes")
	}
	if len(c.Doses) == 0 {
		scene, err := picture.NewScene(ct, nil, v.set.Structures, 0, nil)
		if err != nil {
			return nil, err
		}
		v.doses = []*doseView{{scene: scene}}
	}
	for _, d := range c.Doses {
		view, err := v.view(d)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", d.Label, err)
		}
		v.doses = append(v.doses, view)
	}
	v.notes = append(v.notes, v.doses[0].scene.Notes...)
	v.routes()
	return v, nil
}

func (v *Viewer) view(d Dose) (*doseView, error) {
	if d.Volume == nil {
		return nil, fmt.Errorf("%w: no dose", ErrCase)
	}
	scene, err := picture.NewScene(v.ct, d.Volume, v.set.Structures, v.prescription(), nil)
	if err != nil {
		return nil, err
	}
	shown, oblique, err := aligned(d.Volume, float32(math.NaN()))
	if err != nil {
		return nil, err
	}
	if oblique {
		v.notes = append(v.notes, d.Label+" is oblique to the patient: its colour wash is shown resampled on axial planes; lines and figures are of the dose itself")
	}
	return &doseView{Dose: d, picture: shown, scene: scene}, nil
}

// prescription is the dose called 100 %, Gy: the plan's, or 0 for the maximum
// of a dose when there is not exactly one plan that says it.
func (v *Viewer) prescription() float64 {
	if len(v.plans) == 1 {
		return v.plans[0].Prescription
	}
	return 0
}

// scenes without a dose have one view, for the outlines.
func (v *Viewer) hasDose() bool { return v.doses[0].Volume != nil }

// style is how a structure is drawn, in planes, curves and beam's-eye views
// alike.
type style struct {
	Light string `json:"light"` // colour on a light ground
	Dark  string `json:"dark"`  // and on a dark one
	Dash  []int  `json:"dash"`
}

// stylesOf gives structures the colours of a palette for the colour-blind, not
// those of the file, and tells those of one colour apart by dashes.
func stylesOf(structures []geometry.Structure) []style {
	out := make([]style, 0, len(structures))
	n := -1
	for _, s := range structures {
		if len(s.Contours) > 0 {
			n++
		}
		n := max(n, 0) // those without contours are not drawn
		c := page.Palette[n%len(page.Palette)]
		dash := page.Dashes[n/len(page.Palette)%len(page.Dashes)]
		out = append(out, style{page.Legible(c, false), page.Legible(c, true), append([]int{}, dash...)})
	}
	return out
}

// ServeHTTP answers one request of the page.
func (v *Viewer) ServeHTTP(w http.ResponseWriter, r *http.Request) { v.handler.ServeHTTP(w, r) }
