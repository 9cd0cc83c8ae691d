package picture

import "image"

// Slice is one plane of a scene, drawn. Images cover the plane's whole
// rectangle; lines are in mm from its top left corner.
type Slice struct {
	Plane    Plane
	CT       *image.Gray
	Wash     *image.Paletted // transparent where there is no dose; half the pixels of CT; nil without a dose
	Isodoses [][]Line        // for each level of the scene
	Outlines [][]Line        // for each structure of the scene
}

const lineTolerance = 0.08 // mm; below what any screen shows

// Slice draws plane p.
func (s *Scene) Slice(p Plane) Slice {
	out := Slice{Plane: p}
	hu, nx, ny := p.sample(s.ct, p.Pixel)
	out.CT = image.NewGray(image.Rect(0, 0, nx, ny))
	for n, v := range hu {
		out.CT.Pix[n] = s.Window.gray(v)
	}
	for _, st := range s.stacks {
		out.Outlines = append(out.Outlines, simplifyAll(st.outline(p)))
	}
	if len(s.Levels) == 0 {
		return out
	}
	pixel := 2 * p.Pixel
	gy, nx, ny := p.sample(s.dose, pixel)
	out.Wash = image.NewPaletted(image.Rect(0, 0, nx, ny), s.wash.palette)
	for n, d := range gy {
		out.Wash.Pix[n] = s.wash.index(100 * d / s.Reference)
	}
	for _, level := range s.Levels {
		lines := isolines(gy, nx, level.Gy)
		for _, line := range lines {
			for n, q := range line {
				line[n] = Point{(q.X + 0.5) * pixel, (q.Y + 0.5) * pixel}
			}
		}
		out.Isodoses = append(out.Isodoses, simplifyAll(lines))
	}
	return out
}

func simplifyAll(lines []Line) []Line {
	for n, line := range lines {
		lines[n] = simplify(line, lineTolerance)
	}
	return lines
}
