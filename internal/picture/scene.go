// Package picture draws planes through a patient: the CT in a window of
// Hounsfield units, the dose as a colour wash and as isodose lines, and the
// outlines of structures. Planes lie in the patient frame and every volume is
// sampled there, so oblique grids and voxels of any shape come out true.
package picture

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/kerma-rt/kerma/geometry"
	"gonum.org/v1/gonum/spatial/r3"
)

// ErrScene is wrapped by errors about something that cannot be drawn.
var ErrScene = errors.New("picture: cannot be drawn")

// DefaultPercent are the isodose levels in percent of the reference dose.
var DefaultPercent = []float64{20, 50, 80, 95, 100, 105}

// maxLevels bounds the isodose levels, which must stay tellable apart.
const maxLevels = 16

// Hidden is the share of the reference dose, in percent, below which the wash
// is not drawn.
const Hidden = 10

// Scene is one patient ready to be cut into slices.
type Scene struct {
	Window     Window
	Reference  float64 // Gy, the dose called 100 %
	Levels     []Level // ascending; empty without a dose
	Structures []geometry.Structure
	Max        float64  // highest dose, Gy
	MaxPoint   r3.Vec   // where it is, mm, LPS
	Notes      []string // what slices do not show

	ct, dose  *geometry.Volume
	stacks    []stack
	low, high r3.Vec // the box worth showing, mm, LPS
	wash      wash
}

// NewScene prepares ct (HU), dose (Gy; may be nil) and structures for drawing.
// Isodose levels are percent of reference (Gy); a reference of 0 stands for
// the maximum dose and empty percent for DefaultPercent. It fails with
// ErrScene when a volume does not fill its grid, a dose is not finite, or a
// level is not positive.
func NewScene(ct, dose *geometry.Volume, structures []geometry.Structure, reference float64, percent []float64) (*Scene, error) {
	if err := whole("CT", ct); err != nil {
		return nil, err
	}
	s := &Scene{ct: ct, dose: dose, Structures: structures}
	for _, st := range structures {
		stack, left, err := newStack(st)
		if err != nil {
			return nil, err
		}
		if left > 0 {
			s.Notes = append(s.Notes, fmt.Sprintf("structure %q is shown without %d contours that are not parallel to the rest", st.Name, left))
		}
		s.stacks = append(s.stacks, stack)
	}
	if dose != nil {
		if err := s.setDose(reference, percent); err != nil {
			return nil, err
		}
	}
	s.frame()
	s.Window = windowFor(ct, dose, s.Max/2)
	return s, nil
}

func whole(name string, v *geometry.Volume) error {
	if v == nil {
		return fmt.Errorf("%w: no %s", ErrScene, name)
	}
	if v.Grid.Len() == 0 || len(v.Data) != v.Grid.Len() {
		return fmt.Errorf("%w: %s has %d values for %d voxels", ErrScene, name, len(v.Data), v.Grid.Len())
	}
	return nil
}

func (s *Scene) setDose(reference float64, percent []float64) error {
	if err := whole("dose", s.dose); err != nil {
		return err
	}
	at := 0
	for n, d := range s.dose.Data {
		if math.IsNaN(float64(d)) || math.IsInf(float64(d), 0) {
			return fmt.Errorf("%w: dose of voxel %d is %v Gy", ErrScene, n, d)
		}
		if d > s.dose.Data[at] {
			at = n
		}
	}
	size := s.dose.Grid.Size()
	s.Max = max(float64(s.dose.Data[at]), 0)
	s.MaxPoint = s.dose.Grid.Point(float64(at%size[0]), float64(at/size[0]%size[1]), float64(at/size[0]/size[1]))

	if reference == 0 {
		reference = s.Max
	}
	if !(reference >= 0) || math.IsInf(reference, 0) {
		return fmt.Errorf("%w: reference dose %v Gy", ErrScene, reference)
	}
	s.Reference = reference
	if reference == 0 {
		return nil // a dose of zero everywhere has no levels
	}
	if len(percent) == 0 {
		percent = DefaultPercent
	}
	percent = slices.Clone(percent)
	slices.Sort(percent)
	percent = slices.Compact(percent)
	if len(percent) > maxLevels || !(percent[0] > 0) || math.IsInf(percent[len(percent)-1], 0) {
		return fmt.Errorf("%w: isodose levels %v %%", ErrScene, percent)
	}
	s.wash = newWash(percent)
	for _, p := range percent {
		s.Levels = append(s.Levels, Level{Percent: p, Gy: p / 100 * reference, Color: s.wash.at(p)})
	}
	return nil
}

// frame finds the box worth showing: what structures and visible dose take
// up, with a margin, inside the CT.
func (s *Scene) frame() {
	const margin = 10 // mm
	low, high := bounds(s.ct.Grid)
	var subject box
	for _, st := range s.Structures {
		for _, c := range st.Contours {
			for _, p := range c {
				subject.add(p)
			}
		}
	}
	if s.dose != nil && s.Reference > 0 {
		g, size := s.dose.Grid, s.dose.Grid.Size()
		limit := float32(s.Reference * Hidden / 100)
		var touched indexBox
		for k := range size[2] {
			for j := range size[1] {
				for i := range size[0] {
					if s.dose.At(i, j, k) >= limit {
						touched.add(i, j, k)
					}
				}
			}
		}
		for _, p := range touched.corners(g) {
			subject.add(p)
		}
	}
	if !subject.some {
		s.low, s.high = low, high
		return
	}
	m := r3.Vec{X: margin, Y: margin, Z: margin}
	s.low = elementwise(math.Max, low, r3.Sub(subject.low, m))
	s.high = elementwise(math.Min, high, r3.Add(subject.high, m))
	if !(s.high.X-s.low.X > margin && s.high.Y-s.low.Y > margin && s.high.Z-s.low.Z > margin) {
		s.low, s.high = low, high // structures and CT do not meet: show the CT
	}
}

// Contains reports whether p (mm, LPS) lies in the box that slices show.
func (s *Scene) Contains(p r3.Vec) bool {
	return p.X >= s.low.X && p.Y >= s.low.Y && p.Z >= s.low.Z &&
		p.X <= s.high.X && p.Y <= s.high.Y && p.Z <= s.high.Z
}

// DoseAt is the dose at p (mm, LPS) in Gy, NaN outside the dose grid.
func (s *Scene) DoseAt(p r3.Vec) float64 {
	if s.dose == nil {
		return math.NaN()
	}
	return interpolate(s.dose, s.dose.Grid.Index(p))
}

// box is the smallest box around the points added, mm.
type box struct {
	low, high r3.Vec
	some      bool
}

func (b *box) add(p r3.Vec) {
	if !b.some {
		b.low, b.high, b.some = p, p, true
		return
	}
	b.low, b.high = elementwise(math.Min, b.low, p), elementwise(math.Max, b.high, p)
}

type indexBox struct {
	low, high [3]int
	some      bool
}

func (b *indexBox) add(i ...int) {
	for a := range 3 {
		if !b.some || i[a] < b.low[a] {
			b.low[a] = i[a]
		}
		if !b.some || i[a] > b.high[a] {
			b.high[a] = i[a]
		}
	}
	b.some = true
}

// corners are the outer corners of the voxels in the box.
func (b *indexBox) corners(g geometry.Grid) []r3.Vec {
	if !b.some {
		return nil
	}
	var out []r3.Vec
	for c := range 8 {
		var at [3]float64
		for a := range 3 {
			at[a] = float64(b.low[a]) - 0.5
			if c>>a&1 == 1 {
				at[a] = float64(b.high[a]) + 0.5
			}
		}
		out = append(out, g.Point(at[0], at[1], at[2]))
	}
	return out
}

// bounds is the box in LPS around all voxels of g.
func bounds(g geometry.Grid) (low, high r3.Vec) {
	size := g.Size()
	all := indexBox{high: [3]int{size[0] - 1, size[1] - 1, size[2] - 1}, some: true}
	var b box
	for _, p := range all.corners(g) {
		b.add(p)
	}
	return b.low, b.high
}

func elementwise(f func(a, b float64) float64, a, b r3.Vec) r3.Vec {
	return r3.Vec{X: f(a.X, b.X), Y: f(a.Y, b.Y), Z: f(a.Z, b.Z)}
}

// Centre is the middle of the box that slices show, mm, LPS.
func (s *Scene) Centre() r3.Vec { return r3.Scale(0.5, r3.Add(s.low, s.high)) }

// Bounds are the corners of the box that slices show, mm, LPS.
func (s *Scene) Bounds() (low, high r3.Vec) { return s.low, s.high }
