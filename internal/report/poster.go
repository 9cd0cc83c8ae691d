package report

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"math"
	"slices"
	"strconv"

	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/internal/page"
	"github.com/kerma-rt/kerma/internal/picture"
	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gomedium"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// Poster draws a page's three planes and curves as one picture, dark, of the
// given width in pixels (at least 800), for places that cannot show a page.
// It fails with ErrPage without a view, and as Write does.
func Poster(p Page, width int) (image.Image, error) {
	if p.View == nil || width < 800 || width > 8000 {
		return nil, fmt.Errorf("%w: a poster needs a view and a width of 800 to 8000 pixels, not %d", ErrPage, width)
	}
	if err := checkCurves(p.Curves); err != nil {
		return nil, err
	}
	view := *p.View
	view.Structures = slices.DeleteFunc(slices.Clone(view.Structures), func(s geometry.Structure) bool { return len(s.Contours) == 0 })
	p.View = &view
	scene, err := picture.NewScene(p.View.CT, p.View.Dose, p.View.Structures, p.View.Reference, p.View.Percent)
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	at, _, _ := meetingPoint(scene, *p.View)
	s := &sheet{unit: float64(width) / 1600}
	if err := s.fonts(); err != nil {
		return nil, err
	}

	// The planes side by side at one scale decide the height.
	const pad, gap, head, caption, row = 36.0, 16.0, 84.0, 38.0, 30.0
	var planes []picture.Plane
	total, high := 0.0, 0.0
	for _, o := range picture.Orientations {
		plane := scene.Plane(o, at, width/2)
		planes = append(planes, plane)
		total += plane.Width
		high = max(high, plane.Height)
	}
	scale := (1600 - 2*pad - 2*gap) / total // per mm
	// Legends stand below the axial plane, or below the others where it is
	// higher than they are.
	side, left, room := planes[0].Height*scale, pad, planes[0].Width*scale
	if planes[0].Height > planes[1].Height {
		side, left = planes[1].Height*scale, pad+room+gap
		room = (planes[1].Width+planes[2].Width)*scale + gap
	}
	abreast := max(1, min(3, int(room/185)))
	lines := func(n int) int { return (n + abreast - 1) / abreast }
	legend := float64(2+lines(len(scene.Levels))+lines(len(p.View.Structures))) * row
	pictures := max(high*scale, side+caption+legend) + caption
	chart, _ := chartOf(p.Curves)
	plot := 0.0
	if chart != nil {
		plot = 450
	}
	s.image = image.NewRGBA(image.Rect(0, 0, width, s.px(head+pictures+plot+pad/2)))
	draw.Draw(s.image, s.image.Rect, image.NewUniform(rgb(page.DarkGround)), image.Point{}, draw.Src)

	title := p.Title
	if title == "" {
		title = "Dose calculation"
	}
	s.text(s.bold, pad, 42, ink, title)
	s.text(s.small, pad, 68, soft, NotForClinicalUse)
	colors := outlineColors(p.View.Structures)
	x, bar := pad, narrowestPlane(scene, at)
	for _, plane := range planes {
		s.plane(scene, plane, x, head, scale, bar, colors)
		where := fmt.Sprintf("%v   %s = %s mm", plane.Orientation, plane.Orientation.Axis(), number(plane.Position(), 1))
		s.text(s.plain, x, head+plane.Height*scale+25, ink, where)
		x += plane.Width*scale + gap
	}
	y := head + side + caption + row*0.8
	column := min(room/float64(abreast), 240)
	list := func(title string, n int, item func(n int) (string, color.Color)) {
		if n == 0 {
			return
		}
		s.text(s.small, left, y, soft, title)
		for i := range n {
			if i%abreast == 0 {
				y += row
			}
			name, c := item(i)
			x := left + column*float64(i%abreast)
			s.stroke(s.image.Rect, []picture.Point{{X: x, Y: y - 6}, {X: x + 24, Y: y - 6}}, 4, c)
			s.text(s.plain, x+32, y, ink, s.fit(s.plain, name, column-40))
		}
		y += row * 1.1
	}
	list("Isodose, 100 % = "+number(scene.Reference, 2)+" Gy", len(scene.Levels), func(n int) (string, color.Color) {
		l := scene.Levels[n]
		return strconv.FormatFloat(l.Percent, 'f', -1, 64) + " %  " + number(l.Gy, 1) + " Gy", l.Color
	})
	list("Structures", len(colors), func(n int) (string, color.Color) {
		return p.View.Structures[n].Name, parse(colors[n])
	})
	if chart != nil {
		s.chart(chart, pad+54, head+pictures+30, 1600-2*pad-54, plot-90)
	}
	return s.image, nil
}

var (
	ink  = color.RGBA{228, 233, 239, 255}
	soft = color.RGBA{154, 168, 183, 255}
	rule = color.RGBA{44, 54, 65, 255}
)

func rgb(c [3]uint8) color.RGBA { return color.RGBA{c[0], c[1], c[2], 255} }

// parse is the inverse of hex.
func parse(s string) color.RGBA {
	v, _ := strconv.ParseUint(s[1:], 16, 32)
	return color.RGBA{uint8(v >> 16), uint8(v >> 8), uint8(v), 255}
}

// sheet is a picture under way; lengths are in 1/1600 of its width.
type sheet struct {
	image              *image.RGBA
	unit               float64 // pixels
	plain, small, bold font.Face
}

func (s *sheet) px(v float64) int { return int(math.Round(v * s.unit)) }

func (s *sheet) fonts() error {
	face := func(ttf []byte, size float64) (font.Face, error) {
		f, err := opentype.Parse(ttf)
		if err != nil {
			return nil, fmt.Errorf("report: %w", err)
		}
		return opentype.NewFace(f, &opentype.FaceOptions{Size: size * s.unit, DPI: 72, Hinting: font.HintingNone})
	}
	var err error
	if s.plain, err = face(goregular.TTF, 19); err != nil {
		return err
	}
	if s.small, err = face(goregular.TTF, 17); err != nil {
		return err
	}
	s.bold, err = face(gomedium.TTF, 27)
	return err
}

func (s *sheet) text(face font.Face, x, y float64, c color.Color, text string) {
	d := font.Drawer{Dst: s.image, Src: image.NewUniform(c), Face: face,
		Dot: fixed.Point26_6{X: fixed.Int26_6(x * s.unit * 64), Y: fixed.Int26_6(y * s.unit * 64)}}
	d.DrawString(text)
}

// over writes in white with a dark edge, legible on any picture.
func (s *sheet) over(face font.Face, x, y float64, text string) {
	for _, d := range []picture.Point{{X: -1.5}, {X: 1.5}, {Y: -1.5}, {Y: 1.5}} {
		s.text(face, x+d.X, y+d.Y, color.Black, text)
	}
	s.text(face, x, y, color.White, text)
}

func (s *sheet) width(face font.Face, text string) float64 {
	return float64(font.MeasureString(face, text)) / 64 / s.unit
}

// fit is the text, cut with an ellipsis where it is wider than width.
func (s *sheet) fit(face font.Face, text string, width float64) string {
	runes := []rune(text)
	for n := len(runes); n > 0; n-- {
		short := string(runes[:n])
		if n < len(runes) {
			short += "…"
		}
		if s.width(face, short) <= width {
			return short
		}
	}
	return ""
}

// plane draws one slice with its top left corner at x, y, and a scale bar fit
// for a plane bar mm wide.
func (s *sheet) plane(scene *picture.Scene, p picture.Plane, x, y, scale, bar float64, colors []string) {
	slice := scene.Slice(p)
	area := image.Rect(s.px(x), s.px(y), s.px(x+p.Width*scale), s.px(y+p.Height*scale))
	smooth(s.image, area, slice.CT)
	if slice.Wash != nil {
		smooth(s.image, area, slice.Wash)
	}
	lines := func(lines []picture.Line, width float64, c color.Color) {
		for _, line := range lines {
			placed := make([]picture.Point, len(line))
			for n, q := range line {
				placed[n] = picture.Point{X: x + q.X*scale, Y: y + q.Y*scale}
			}
			s.stroke(area, placed, width+2, color.NRGBA{0, 0, 0, 140})
			s.stroke(area, placed, width, c)
		}
	}
	for n, l := range slice.Isodoses {
		lines(l, 1.7, scene.Levels[n].Color)
	}
	for n, l := range slice.Outlines {
		lines(l, 2.5, parse(colors[n]))
	}
	letters := p.Orientation.Letters()
	w, h := p.Width*scale, p.Height*scale
	for n, at := range []picture.Point{{X: 8, Y: h/2 - 8}, {X: w - 22, Y: h/2 - 8}, {X: w/2 + 8, Y: 22}, {X: w/2 + 8, Y: h - 9}} {
		s.over(s.plain, x+at.X, y+at.Y, letters[n])
	}
	length, label := scaleBar(bar)
	rod := []picture.Point{{X: x + 0.03*w, Y: y + 0.96*h}, {X: x + 0.03*w + length*scale, Y: y + 0.96*h}}
	s.stroke(area, rod, 4, color.White)
	s.over(s.small, rod[0].X, rod[0].Y-8, label)
}

// chart draws the curves in the rectangle with its top left corner at x, y.
func (s *sheet) chart(c *chart, x, y, w, h float64) {
	top := c.Dose[len(c.Dose)-1]
	at := func(dose, volume float64) picture.Point {
		return picture.Point{X: x + w*dose/top, Y: y + h*(1-volume/100)}
	}
	for v := 0.0; v <= 100; v += 20 {
		s.stroke(s.image.Rect, []picture.Point{at(0, v), at(top, v)}, 1, rule)
		label := number(v, 0)
		s.text(s.small, x-10-s.width(s.small, label), at(0, v).Y+6, soft, label)
	}
	every := math.Pow(10, math.Floor(math.Log10(top)))
	switch n := top / every; {
	case n < 2:
		every /= 5
	case n < 5:
		every /= 2
	}
	for d := 0.0; d <= top; d += every {
		s.stroke(s.image.Rect, []picture.Point{at(d, 0), at(d, 100)}, 1, rule)
		label := strconv.FormatFloat(round(d, 6), 'f', -1, 64)
		s.text(s.small, at(d, 0).X-s.width(s.small, label)/2, y+h+24, soft, label)
	}
	for _, t := range c.Curves {
		line := make([]picture.Point, len(c.Dose))
		for n := range line {
			line[n] = at(c.Dose[n], min(max(t.Volume[n], 0), 100))
		}
		s.stroke(s.image.Rect, line, 3, parse(t.Dark))
	}
	s.text(s.small, x+w-s.width(s.small, "Dose (Gy)"), y+h+46, soft, "Dose (Gy)")
	s.text(s.small, x-54, y-16, soft, "Volume (%)")
}
