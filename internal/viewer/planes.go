package viewer

import (
	"math"
	"net/http"

	"github.com/kerma-rt/kerma/internal/picture"
	"gonum.org/v1/gonum/spatial/r3"
)

// planeLines are the lines of one plane, in two coordinates of LPS, mm: x, y of
// an axial, x, z of a coronal, y, z of a sagittal plane; x0, y0, x1, y1 … each.
type planeLines struct {
	Isodoses [][][]float64 `json:"isodoses"` // for each level
	Outlines [][][]float64 `json:"outlines"` // for each structure
}

var orientations = map[string]picture.Orientation{"axial": picture.Axial, "coronal": picture.Coronal, "sagittal": picture.Sagittal}

// lines answers which lines a plane has: plane=axial&at=12.5&dose=0.
func (v *Viewer) lines(r *http.Request) (any, error) {
	q := r.URL.Query()
	o, ok := orientations[q.Get("plane")]
	if !ok {
		return nil, asked("plane=%q: expected axial, coronal or sagittal", q.Get("plane"))
	}
	at, err := number(q, "at")
	if err != nil {
		return nil, err
	}
	n, err := index(q, "dose", len(v.doses))
	if err != nil {
		return nil, err
	}
	d := v.doses[n]
	p := d.scene.Plane(o, r3.Scale(at, o.Normal()), d.side())
	isodoses, outlines := d.scene.Lines(p)
	return planeLines{flatten(p, isodoses), flatten(p, outlines)}, nil
}

// side is how many pixels a plane has along its longer edge, so that isodoses,
// which are sampled at every second, follow the dose grid.
func (d *doseView) side() int {
	least := 2.0 // mm, of planes without a dose
	if d.Volume != nil {
		s := d.Volume.Grid.Spacing()
		least = min(s[0], s[1], s[2])
	}
	low, high := d.scene.Bounds()
	extent := r3.Sub(high, low)
	return int(min(max(2*max(extent.X, extent.Y, extent.Z)/least, 256), 1024))
}

func flatten(p picture.Plane, groups [][]picture.Line) [][][]float64 {
	out := make([][][]float64, len(groups))
	for g, lines := range groups {
		out[g] = [][]float64{}
		for _, line := range lines {
			flat := make([]float64, 0, 2*len(line))
			for _, q := range line {
				at := p.Patient(q)
				a, b := at.X, at.Y
				switch p.Orientation {
				case picture.Coronal:
					b = at.Z
				case picture.Sagittal:
					a, b = at.Y, at.Z
				}
				flat = append(flat, round(a), round(b))
			}
			out[g] = append(out[g], flat)
		}
	}
	return out
}

// round keeps a hundredth of a millimetre, which is less than any screen shows.
func round(x float64) float64 { return math.Round(100*x) / 100 }
