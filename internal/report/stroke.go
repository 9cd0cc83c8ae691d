package report

import (
	"image"
	"image/color"
	"math"

	"github.com/kerma-rt/kerma/internal/picture"
	"golang.org/x/image/draw"
	"golang.org/x/image/vector"
)

// stroke draws a line with round joins, anti-aliased, within area. The pieces
// all turn the same way, so that where they overlap they do not cancel; there
// are no joins in bends too slight to show a notch, for overlaps are drawn
// twice at their soft edge.
func (s *sheet) stroke(area image.Rectangle, line []picture.Point, width float64, c color.Color) {
	half := max(width*s.unit/2, 0.5)
	r := vector.NewRasterizer(area.Dx(), area.Dy())
	at := func(p picture.Point) (x, y float64) {
		return p.X*s.unit - float64(area.Min.X), p.Y*s.unit - float64(area.Min.Y)
	}
	for n, p := range line {
		x, y := at(p)
		if n > 0 && n < len(line)-1 && bends(line[n-1], p, line[n+1]) {
			const corners = 10
			for m := range corners {
				sin, cos := math.Sincos(-2 * math.Pi * float64(m) / corners)
				if m == 0 {
					r.MoveTo(float32(x+half*cos), float32(y+half*sin))
					continue
				}
				r.LineTo(float32(x+half*cos), float32(y+half*sin))
			}
			r.ClosePath()
		}
		if n == 0 {
			continue
		}
		px, py := at(line[n-1])
		length := math.Hypot(x-px, y-py)
		if length == 0 {
			continue
		}
		nx, ny := -(y-py)/length*half, (x-px)/length*half
		r.MoveTo(float32(px+nx), float32(py+ny))
		r.LineTo(float32(x+nx), float32(y+ny))
		r.LineTo(float32(x-nx), float32(y-ny))
		r.LineTo(float32(px-nx), float32(py-ny))
		r.ClosePath()
	}
	r.Draw(s.image, area, image.NewUniform(c), image.Point{})
}

// smooth draws m over all of area.
func smooth(dst *image.RGBA, area image.Rectangle, m image.Image) {
	draw.BiLinear.Scale(dst, area, m, m.Bounds(), draw.Over, nil)
}

// bends reports whether the way from a over b to c turns by more than 15°.
func bends(a, b, c picture.Point) bool {
	ux, uy, vx, vy := b.X-a.X, b.Y-a.Y, c.X-b.X, c.Y-b.Y
	return ux*vx+uy*vy < math.Cos(15*math.Pi/180)*math.Hypot(ux, uy)*math.Hypot(vx, vy)
}
