package report

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html/template"
	"image"
	"image/jpeg"
	"image/png"
	"math"
	"strconv"
	"strings"
	"sync"

	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/internal/page"
	"github.com/kerma-rt/kerma/internal/picture"
	"gonum.org/v1/gonum/spatial/r3"
)

// viewContent is the pictures as page.html sees them.
type viewContent struct {
	Planes     []planeContent
	Columns    template.CSS // widths in mm, so that the planes share one scale
	TallAxial  bool         // the axial plane is higher than the others: legends stand beside it, not below
	Levels     []levelContent
	Structures []structureContent
	Reference  string
	Window     string
	Point      string
	Notes      []string
}

type planeContent struct {
	Name, Axis          string
	Letters             [4]string
	Width, Height       float64 // mm
	Share               float64 // of the widest plane's width
	Slices, Start, Last int
	Position            string
	CT, Wash            template.URL
	Isodoses, Outlines  []pathContent
	Cross               crossContent
	BarX, BarEnd, BarY  float64 // scale bar, mm
	BarText             string
}

type pathContent struct{ D, Color string }

type crossContent struct{ X, Y float64 }

type levelContent struct{ Percent, Gy, Color string }

type structureContent struct{ Name, Color string }

// frame is one slice as the script sees it.
type frame struct {
	At       float64  `json:"at"` // mm along the normal
	CT       string   `json:"ct"`
	Wash     string   `json:"wash"`
	Isodoses []string `json:"iso"`
	Outlines []string `json:"out"`
}

func (f frame) size() int {
	n := len(f.CT) + len(f.Wash)
	for _, d := range f.Isodoses {
		n += len(d)
	}
	for _, d := range f.Outlines {
		n += len(d)
	}
	return n
}

const (
	side        = 448     // pixels along the longest edge of the box
	usualSlices = 41      // of one plane
	budget      = 3 << 20 // bytes of all slices that can be leafed through
)

func viewOf(v View) (*viewContent, [][]frame, error) {
	scene, err := picture.NewScene(v.CT, v.Dose, v.Structures, v.Reference, v.Percent)
	if err != nil {
		return nil, nil, fmt.Errorf("report: %w", err)
	}
	at, name, notes := meetingPoint(scene, v)
	out := &viewContent{
		Notes:  append(notes, scene.Notes...),
		Point:  fmt.Sprintf("x %s, y %s, z %s mm (LPS, %s)", number(at.X, 1), number(at.Y, 1), number(at.Z, 1), name),
		Window: fmt.Sprintf("%s / %s HU (%s)", number(scene.Window.Width, 0), number(scene.Window.Level, 0), scene.Window.Reason),
	}
	if v.Dose != nil {
		reference := v.ReferenceName
		if v.Reference == 0 || reference == "" {
			reference = "reference dose"
			if v.Reference == 0 {
				reference = "maximum dose"
			}
		}
		out.Reference = fmt.Sprintf("100 %% = %s Gy (%s)", number(scene.Reference, 2), reference)
		out.Point += fmt.Sprintf(", dose there %s Gy; maximum %s Gy", number(scene.DoseAt(at), 2), number(scene.Max, 2))
	}
	for _, l := range scene.Levels {
		out.Levels = append(out.Levels, levelContent{
			strconv.FormatFloat(l.Percent, 'f', -1, 64), number(l.Gy, 2), page.Hex(l.Color.R, l.Color.G, l.Color.B),
		})
	}
	colors := outlineColors(v.Structures)
	for n, s := range v.Structures {
		if len(s.Contours) > 0 {
			out.Structures = append(out.Structures, structureContent{s.Name, colors[n]})
		}
	}

	frames := make([][]frame, len(picture.Orientations))
	var columns []string
	left := budget
	narrowest := narrowestPlane(scene, at)
	for n, o := range picture.Orientations {
		plane := scene.Plane(o, at, side)
		first := encode(scene.Slice(plane))
		frames[n] = []frame{first}
		p := planeContent{
			Name: o.String(), Axis: o.Axis(), Letters: o.Letters(),
			Width: round(plane.Width, 3), Height: round(plane.Height, 3),
			Position: number(first.At, 1),
			CT:       template.URL(first.CT), Wash: template.URL(first.Wash),
		}
		for m, d := range first.Isodoses {
			p.Isodoses = append(p.Isodoses, pathContent{d, out.Levels[m].Color})
		}
		for m, d := range first.Outlines {
			p.Outlines = append(p.Outlines, pathContent{d, colors[m]})
		}
		cross := plane.Project(at)
		p.Cross = crossContent{round(cross.X, 2), round(cross.Y, 2)}
		length, label := scaleBar(narrowest)
		p.BarX, p.BarY, p.BarText = 0.03*plane.Width, 0.96*plane.Height, label
		p.BarEnd = p.BarX + length
		out.Planes = append(out.Planes, p)
		columns = append(columns, strconv.FormatFloat(plane.Width, 'f', 1, 64)+"fr")
	}
	widest := 0.0
	for _, p := range out.Planes {
		widest = max(widest, p.Width)
	}
	for n := range out.Planes {
		out.Planes[n].Share = round(out.Planes[n].Width/widest, 4)
	}
	out.TallAxial = out.Planes[0].Height > out.Planes[1].Height
	out.Columns = template.CSS(strings.Join(columns, " "))

	// Outward from the middle, all planes in turn, while there is room.
	steps := make([]float64, len(frames))
	for n, o := range picture.Orientations {
		steps[n] = step(v, o)
	}
	slices := v.Slices
	if slices <= 0 {
		slices = usualSlices
	}
	for d := 1; d <= slices/2 && left > 0; d++ {
		var around [6]*frame // two for each plane
		var work sync.WaitGroup
		for n, o := range picture.Orientations {
			for m, sign := range []float64{-1, 1} {
				q := r3.Add(at, r3.Scale(sign*float64(d)*steps[n], o.Normal()))
				if !scene.Contains(q) {
					continue
				}
				work.Go(func() {
					f := encode(scene.Slice(scene.Plane(o, q, side)))
					around[2*n+m] = &f
				})
			}
		}
		work.Wait()
		for m, f := range around {
			n := m / 2
			switch {
			case f == nil || left <= 0:
				continue
			case m%2 == 0:
				frames[n] = append([]frame{*f}, frames[n]...)
				out.Planes[n].Start++
			default:
				frames[n] = append(frames[n], *f)
			}
			left -= f.size()
		}
	}
	for n := range frames {
		out.Planes[n].Slices, out.Planes[n].Last = len(frames[n]), len(frames[n])-1
	}
	return out, frames, nil
}

// meetingPoint is where the three planes meet, and what that point is.
func meetingPoint(s *picture.Scene, v View) (at r3.Vec, name string, notes []string) {
	if v.AtName != "" {
		if s.Contains(v.At) {
			return v.At, v.AtName, nil
		}
		notes = []string{fmt.Sprintf("the %s (%s, %s, %s) mm lies outside the pictures", v.AtName,
			number(v.At.X, 1), number(v.At.Y, 1), number(v.At.Z, 1))}
	}
	if v.Dose != nil && s.Contains(s.MaxPoint) {
		return s.MaxPoint, "maximum dose", notes
	}
	return s.Centre(), "centre of the pictures", notes
}

// step is the distance of neighbouring slices: that of the CT along the
// plane's normal, doubled until a plane's slices reach 60 mm to either side.
func step(v View, o picture.Orientation) float64 {
	spacing := v.CT.Grid.Spacing()
	best, most := spacing[0], 0.0
	for a := range 3 {
		if c := math.Abs(o.Position(v.CT.Grid.Axis(a))); c > most {
			best, most = spacing[a], c
		}
	}
	for best*(usualSlices/2) < 60 {
		best *= 2
	}
	return best
}

func encode(s picture.Slice) frame {
	f := frame{At: round(s.Plane.Position(), 2), CT: jpegURL(s.CT)}
	if s.Wash != nil {
		f.Wash = pngURL(s.Wash)
	}
	for _, lines := range s.Isodoses {
		f.Isodoses = append(f.Isodoses, path(lines))
	}
	for _, lines := range s.Outlines {
		f.Outlines = append(f.Outlines, path(lines))
	}
	return f
}

func jpegURL(m image.Image) string {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 85}); err != nil {
		panic(err) // a buffer takes everything, and the size is bounded
	}
	return "data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(b.Bytes())
}

func pngURL(m image.Image) string {
	var b bytes.Buffer
	e := png.Encoder{CompressionLevel: png.BestCompression}
	if err := e.Encode(&b, m); err != nil {
		panic(err) // as above
	}
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes())
}

// path is lines as SVG path data: tenths of a millimetre, relative steps.
func path(lines []picture.Line) string {
	var b strings.Builder
	tenths := func(v int) {
		if v%10 == 0 {
			b.WriteString(strconv.Itoa(v / 10))
			return
		}
		b.WriteString(strconv.FormatFloat(float64(v)/10, 'f', 1, 64))
	}
	for _, line := range lines {
		var x, y int
		for n, p := range line {
			px, py := int(math.Round(p.X*10)), int(math.Round(p.Y*10))
			switch {
			case n == 0:
				b.WriteByte('M')
				x, y = 0, 0
			case n == len(line)-1 && p == line[0]:
				b.WriteByte('z')
				continue
			case n == 1:
				b.WriteByte('l')
			default:
				b.WriteByte(' ')
			}
			tenths(px - x)
			b.WriteByte(' ')
			tenths(py - y)
			x, y = px, py
		}
	}
	return b.String()
}

// narrowestPlane is the width that a scale bar must fit for all planes to have
// the same, mm.
func narrowestPlane(s *picture.Scene, at r3.Vec) float64 {
	width := math.Inf(1)
	for _, o := range picture.Orientations {
		width = min(width, s.Plane(o, at, side).Width)
	}
	return width
}

// scaleBar is a round length of at most three tenths of the width, mm.
func scaleBar(width float64) (length float64, text string) {
	length = 10
	for _, l := range []float64{20, 50, 100} {
		if l <= 0.3*width {
			length = l
		}
	}
	return length, strconv.Itoa(int(length/10)) + " cm"
}

// outlineColors are the structures' own, lightened where the black of a scan
// would swallow them; from the palette where they have none, in the order in
// which curves of the same structures take theirs.
func outlineColors(structures []geometry.Structure) []string {
	var out []string
	plain := 0
	for _, s := range structures {
		c := s.Color
		if c == ([3]uint8{}) {
			c = page.Palette[plain%len(page.Palette)]
			plain++
		}
		out = append(out, page.Legible(c, true))
	}
	return out
}
