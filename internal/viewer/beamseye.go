package viewer

import (
	"fmt"
	"image"
	"image/draw"
	"math"
	"net/http"

	"github.com/kerma-rt/kerma/dose/beam"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/internal/picture"
	"golang.org/x/image/vector"
	"gonum.org/v1/gonum/spatial/r3"
)

type beamSummary struct {
	Name   string         `json:"name"`
	Points []pointSummary `json:"points"`
}

type pointSummary struct {
	Weight     float64 `json:"weight"` // cumulative, 0…1
	Gantry     float64 `json:"gantry"`
	Collimator float64 `json:"collimator"`
	Couch      float64 `json:"couch"`
}

// beams are those of all plans, in order.
func (v *Viewer) beams() []beamSummary {
	out := []beamSummary{}
	for _, p := range v.plans {
		for _, b := range p.Beams {
			s := beamSummary{Name: fmt.Sprintf("%d %s", b.Number, b.Name)}
			if len(v.plans) > 1 {
				s.Name = p.Label + ": " + s.Name
			}
			for _, c := range b.Points {
				s.Points = append(s.Points, pointSummary{c.Weight, c.GantryDeg, c.CollimatorDeg, c.CouchDeg})
			}
			out = append(out, s)
		}
	}
	return out
}

func (v *Viewer) beam(n int) *beam.Beam {
	for _, p := range v.plans {
		if n < len(p.Beams) {
			return &p.Beams[n]
		}
		n -= len(p.Beams)
	}
	return nil
}

// eyeView is the isocentre plane seen from the source, x to the right and y up
// in coordinates of the beam-limiting device, mm.
type eyeView struct {
	Devices     []deviceView  `json:"devices"`
	Silhouettes [][][]float64 `json:"silhouettes"` // for each structure: x0, y0, x1, y1 …
}

type deviceView struct {
	Kind       string    `json:"kind"`
	Boundaries []float64 `json:"boundaries"` // of the leaves; nil for jaws
	Positions  []float64 `json:"positions"`  // the low bank first
}

// beamsEye answers with the view along a beam at one of its control points:
// beam=0&point=0.
func (v *Viewer) beamsEye(r *http.Request) (any, error) {
	q := r.URL.Query()
	n, err := index(q, "beam", len(v.beams()))
	if err != nil {
		return nil, err
	}
	b := v.beam(n)
	at, err := index(q, "point", len(b.Points))
	if err != nil {
		return nil, err
	}
	c := b.Points[at]
	position := b.Position
	if position == "" {
		position = v.shown.Patient.CT.Position
	}
	frame, err := geometry.NewFrame(geometry.Pose{Position: position, Isocentre: c.Isocentre, SAD: b.SAD,
		GantryDeg: c.GantryDeg, CollimatorDeg: c.CollimatorDeg, CouchDeg: c.CouchDeg, PitchDeg: c.PitchDeg, RollDeg: c.RollDeg})
	if err != nil {
		return nil, err
	}
	view := eyeView{Devices: []deviceView{}, Silhouettes: [][][]float64{}}
	for d, device := range b.Devices {
		view.Devices = append(view.Devices, deviceView{device.Kind.String(), device.Boundaries, c.Positions[d]})
	}
	for i := range v.set.Structures {
		lines, err := silhouette(frame, &v.set.Structures[i], v.ct.Grid)
		if err != nil {
			return nil, err
		}
		view.Silhouettes = append(view.Silhouettes, lines)
	}
	return view, nil
}

const (
	eyeHalf = 300.0 // mm around the axis that a view holds
	eyeCell = 1.0   // mm
)

// silhouette is the outline of a structure's shadow in the isocentre plane.
// Every contour casts that of a prism half a plane spacing thick to both sides;
// their union is drawn on cells of eyeCell and outlined.
func silhouette(frame geometry.Frame, s *geometry.Structure, grid geometry.Grid) ([][]float64, error) {
	out := [][]float64{}
	solid, _, err := geometry.NewSolid(s, grid)
	if err != nil {
		return nil, err
	}
	if solid.Empty() {
		return out, nil
	}
	half := r3.Scale(solid.Spacing()/2, solid.Axes()[2])
	const n = int(2 * eyeHalf / eyeCell)
	field := vector.NewRasterizer(n, n)
	// All faces turn one way, so that those that overlap add and none cancels.
	fill := func(face []image2) {
		area := 0.0
		for i, a := range face {
			b := face[(i+1)%len(face)]
			area += a.x*b.y - a.y*b.x
		}
		for i := range face {
			p := face[i]
			if area < 0 {
				p = face[len(face)-1-i]
			}
			x, y := float32((p.x+eyeHalf)/eyeCell), float32((p.y+eyeHalf)/eyeCell)
			if i == 0 {
				field.MoveTo(x, y)
			} else {
				field.LineTo(x, y)
			}
		}
		field.ClosePath()
	}
	for _, c := range s.Contours {
		near, far := make([]image2, len(c)), make([]image2, len(c))
		reached := true
		for i, p := range c {
			for _, side := range []struct {
				face []image2
				at   r3.Vec
			}{{near, r3.Sub(p, half)}, {far, r3.Add(p, half)}} {
				x, y, a := frame.Project(side.at)
				if !(a > 0) {
					reached = false
				}
				side.face[i] = image2{clip(x), clip(y)}
			}
		}
		if !reached {
			continue // behind the source: no shadow
		}
		fill(near)
		fill(far)
		for i := range c {
			j := (i + 1) % len(c)
			fill([]image2{near[i], near[j], far[j], far[i]})
		}
	}
	shadow := image.NewAlpha(image.Rect(0, 0, n, n))
	field.DrawOp = draw.Src
	field.Draw(shadow, shadow.Bounds(), image.Opaque, image.Point{})
	values := make([]float64, n*n)
	for i, a := range shadow.Pix {
		values[i] = float64(a)
	}
	for _, line := range picture.Isolines(values, n, 127.5) {
		flat := make([]float64, 0, 2*len(line))
		for _, p := range line {
			flat = append(flat, round((p.X+0.5)*eyeCell-eyeHalf), round((p.Y+0.5)*eyeCell-eyeHalf))
		}
		out = append(out, flat)
	}
	return out, nil
}

// image2 is a point of the isocentre plane, mm.
type image2 struct{ x, y float64 }

// clip keeps what a view cannot hold at a distance that the rasterizer can.
func clip(x float64) float64 { return math.Min(math.Max(x, -4*eyeHalf), 4*eyeHalf) }
