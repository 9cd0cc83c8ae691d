// Package report writes one dose calculation as one HTML page that needs
// nothing else: no network, no other file. It serves the screen in light and
// dark, paper, and the keyboard.
package report

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/internal/page"
	"gonum.org/v1/gonum/spatial/r3"
)

// ErrPage is wrapped by errors about content that a page cannot show.
var ErrPage = errors.New("report: cannot be shown")

// Page is what a report says. Parts left empty are left out.
type Page struct {
	Title      string  // "Dose calculation" when empty
	Identity   []Field // who and what: patient, plan, prescription, …
	Check      *Check  // stands first
	Warnings   []string
	View       *View
	Curves     []Curve
	Beams      []Beam
	Provenance Provenance
}

// Field is one labelled line.
type Field struct{ Label, Value string }

// View is the volumes and structures that the pictures are cut from.
type View struct {
	CT         *geometry.Volume // HU
	Dose       *geometry.Volume // Gy; may be nil
	Structures []geometry.Structure

	Reference     float64   // Gy, called 100 %; 0: the maximum dose
	ReferenceName string    // what Reference is, e.g. "prescription"
	Percent       []float64 // isodose levels in percent of Reference; empty: picture.DefaultPercent

	At     r3.Vec // where the three planes meet, mm, LPS
	AtName string // what At is, e.g. "isocentre"; empty: the planes meet at the maximum dose

	Slices int // most slices of one plane to leaf through, fewer where the page would grow beyond 5 MB; 0: 41
}

// Curve is the cumulative dose–volume histogram of one structure and what was
// read from it. A figure that does not exist is NaN.
type Curve struct {
	Name   string
	Color  [3]uint8     // zero: one from a palette for the colour-blind
	Points [][2]float64 // dose in Gy, ascending, and the volume in percent that gets at least it

	VolumeCm3      float64
	Min, Mean, Max float64 // Gy
	D98, D95       float64 // Gy, least dose of the hottest 98 and 95 % of the volume
	D50, D2        float64 // Gy
	V20            float64 // percent of the volume that gets 20 Gy or more
}

// Beam is a row of the beam table. A figure that does not exist is NaN.
type Beam struct {
	Number        int
	Name          string
	GantryDeg     float64
	GantryStopDeg float64 // equal to GantryDeg unless the gantry moves
	CollimatorDeg float64
	CouchDeg      float64
	EnergyMV      float64
	FluenceMode   string  // "" flattened, "FFF"
	MonitorUnits  float64 // per fraction
	SourceSkin    float64 // source–skin distance on the axis, mm
	Machine       string
}

// Check is a verdict and the figures behind it.
type Check struct {
	Verdict string // pass, look or fail: how it is coloured
	Title   string // what a person reads
	Summary string
	Limits  string // whose limits these are
	Rows    []CheckRow
}

// CheckRow is one figure, formatted.
type CheckRow struct {
	Verdict                                        string // as that of a Check
	Group, Name, Planned, Kerma, Difference, Limit string
	Why                                            string
}

// Provenance says how the dose came about.
type Provenance struct {
	Engine        string
	Version       string
	Heterogeneity string
	Machines      []string // name and content hash of each
	Grid          geometry.Grid
	Calibration   string // CT numbers to density
	CTSeriesUID   string
	Elapsed       time.Duration // the calculation took
	Made          time.Time
	More          []Field
}

// NotForClinicalUse stands on every page.
const NotForClinicalUse = page.NotForClinicalUse

// maxCurves bounds the curves of one page.
const maxCurves = 200

// Write writes the page as HTML. Whatever its texts contain is shown, never
// interpreted. It fails with ErrPage for curves that are not finite or not in
// order of dose, and as picture.NewScene does, before anything is written.
func Write(w io.Writer, p Page) error {
	c, err := compose(p)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := document.Execute(&b, c); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	_, err = w.Write(b.Bytes())
	return err
}

func checkCurves(curves []Curve) error {
	if len(curves) > maxCurves {
		return fmt.Errorf("%w: %d curves, more than %d", ErrPage, len(curves), maxCurves)
	}
	for _, c := range curves {
		for n, p := range c.Points {
			if sum := p[0] + p[1]; math.IsNaN(sum) || math.IsInf(sum, 0) || p[0] < 0 {
				return fmt.Errorf("%w: curve of %q, point %d: %v Gy, %v %%", ErrPage, c.Name, n, p[0], p[1])
			}
			if n > 0 && p[0] < c.Points[n-1][0] {
				return fmt.Errorf("%w: curve of %q, point %d: %v Gy after %v Gy", ErrPage, c.Name, n, p[0], c.Points[n-1][0])
			}
		}
	}
	return nil
}
