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
	gy, nx, ny := p.sample(s.dose, 2*p.Pixel)
	out.Wash = image.NewPaletted(image.Rect(0, 0, nx, ny), s.wash.palette)
	for n, d := range gy {
		out.Wash.Pix[n] = s.wash.index(100 * d / s.Reference)
	}
	out.Isodoses = s.isodoses(gy, nx, 2*p.Pixel)
	return out
}

// Lines is Slice without the images.
func (s *Scene) Lines(p Plane) (isodoses, outlines [][]Line) {
	for _, st := range s.stacks {
		outlines = append(outlines, simplifyAll(st.outline(p)))
	}
	if len(s.Levels) > 0 {
		gy, nx, _ := p.sample(s.dose, 2*p.Pixel)
		isodoses = s.isodoses(gy, nx, 2*p.Pixel)
	}
	return isodoses, outlines
}

// isodoses are the lines of each level through doses sampled at the centres of
// pixels, nx to a row.
func (s *Scene) isodoses(gy []float64, nx int, pixel float64) (out [][]Line) {
	for _, level := range s.Levels {
		lines := Isolines(gy, nx, level.Gy)
		for _, line := range lines {
			for n, q := range line {
				line[n] = Point{(q.X + 0.5) * pixel, (q.Y + 0.5) * pixel}
			}
		}
		out = append(out, simplifyAll(lines))
	}
	return out
}

func simplifyAll(lines []Line) []Line {
	for n, line := range lines {
		lines[n] = simplify(line, lineTolerance)
	}
	return lines
}
