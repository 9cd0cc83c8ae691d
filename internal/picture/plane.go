package picture

import (
	"math"

	"github.com/kerma-rt/kerma/geometry"
	"gonum.org/v1/gonum/spatial/r3"
)

// Orientation is one of the three anatomical planes.
type Orientation int

// The anatomical planes, as radiotherapy looks at them: axial from the feet,
// coronal from the front, sagittal from the patient's left.
const (
	Axial Orientation = iota
	Coronal
	Sagittal
)

// Orientations lists them in the order in which they are shown.
var Orientations = []Orientation{Axial, Coronal, Sagittal}

// String is the plane's name.
func (o Orientation) String() string {
	return [...]string{"Axial", "Coronal", "Sagittal"}[o]
}

// view is how an orientation is looked at: the directions to the right and
// down the picture, the normal along which slices are counted, its letter,
// and what stands at the left, right, top and bottom edge.
type view struct {
	right, down, normal r3.Vec
	axis                string
	letters             [4]string
}

var views = [...]view{
	Axial:    {r3.Vec{X: 1}, r3.Vec{Y: 1}, r3.Vec{Z: 1}, "z", [4]string{"R", "L", "A", "P"}},
	Coronal:  {r3.Vec{X: 1}, r3.Vec{Z: -1}, r3.Vec{Y: 1}, "y", [4]string{"R", "L", "S", "I"}},
	Sagittal: {r3.Vec{Y: 1}, r3.Vec{Z: -1}, r3.Vec{X: 1}, "x", [4]string{"A", "P", "S", "I"}},
}

// Letters are what stands at the left, right, top and bottom edge of the
// picture: right, left, anterior, posterior, superior, inferior.
func (o Orientation) Letters() [4]string { return views[o].letters }

// Axis is the coordinate that counts the slices: "x", "y" or "z" of LPS.
func (o Orientation) Axis() string { return views[o].axis }

// Normal is the direction along which the slices are counted.
func (o Orientation) Normal() r3.Vec { return views[o].normal }

// Position is the coordinate of p that counts the slices, mm.
func (o Orientation) Position(p r3.Vec) float64 { return r3.Dot(views[o].normal, p) }

// Point is a place in a picture: mm to the right of and below its top left
// corner.
type Point struct{ X, Y float64 }

// Line is a chain of points; closed when the last equals the first.
type Line []Point

// Plane is the rectangle in the patient frame that a picture shows.
type Plane struct {
	Orientation Orientation
	Corner      r3.Vec  // top left corner of the picture, mm, LPS
	Width       float64 // mm
	Height      float64 // mm
	Pixel       float64 // side of a CT pixel, mm
}

// Plane is the plane of that orientation through p (mm, LPS), cut to what is
// worth showing, with at most side pixels along its longer edge. All planes
// of a scene have the same scale for the same side.
func (s *Scene) Plane(o Orientation, p r3.Vec, side int) Plane {
	v := views[o]
	extent := r3.Sub(s.high, s.low)
	pixel := max(extent.X, extent.Y, extent.Z) / float64(max(side, 16))
	// A whole, even number of pixels, for the wash has one for every two.
	even := func(length float64) float64 { return 2 * pixel * math.Max(1, math.Round(length/pixel/2)) }
	centre := r3.Scale(0.5, r3.Add(s.low, s.high))
	centre = r3.Add(centre, r3.Scale(r3.Dot(v.normal, r3.Sub(p, centre)), v.normal))
	w := even(math.Abs(r3.Dot(v.right, extent)))
	h := even(math.Abs(r3.Dot(v.down, extent)))
	corner := r3.Sub(centre, r3.Add(r3.Scale(w/2, v.right), r3.Scale(h/2, v.down)))
	return Plane{Orientation: o, Corner: corner, Width: w, Height: h, Pixel: pixel}
}

// Project is where p (mm, LPS) stands in the picture, seen along its normal.
func (p Plane) Project(q r3.Vec) Point {
	v, d := views[p.Orientation], r3.Sub(q, p.Corner)
	return Point{r3.Dot(v.right, d), r3.Dot(v.down, d)}
}

// Patient is the place of a picture's point in the patient, mm, LPS.
func (p Plane) Patient(q Point) r3.Vec {
	v := views[p.Orientation]
	return r3.Add(p.Corner, r3.Add(r3.Scale(q.X, v.right), r3.Scale(q.Y, v.down)))
}

// Position is where along its normal the plane lies, mm, LPS.
func (p Plane) Position() float64 { return p.Orientation.Position(p.Corner) }

// sample takes v at the centres of square pixels of the given side; NaN
// outside the volume.
func (p Plane) sample(v *geometry.Volume, pixel float64) (values []float64, nx, ny int) {
	nx, ny = int(math.Round(p.Width/pixel)), int(math.Round(p.Height/pixel))
	values = make([]float64, nx*ny)
	// The way from pixel to index is affine: two steps give it all.
	first := v.Grid.Index(p.Patient(Point{pixel / 2, pixel / 2}))
	di := r3.Sub(v.Grid.Index(p.Patient(Point{pixel * 3 / 2, pixel / 2})), first)
	dj := r3.Sub(v.Grid.Index(p.Patient(Point{pixel / 2, pixel * 3 / 2})), first)
	for j := range ny {
		row := r3.Add(first, r3.Scale(float64(j), dj))
		for i := range nx {
			values[j*nx+i] = interpolate(v, r3.Add(row, r3.Scale(float64(i), di)))
		}
	}
	return values, nx, ny
}

// interpolate is trilinear between voxel centres, constant in the outer half
// of the border voxels, and NaN beyond.
func interpolate(v *geometry.Volume, at r3.Vec) float64 {
	size := v.Grid.Size()
	i0, i1, x := between(at.X, size[0])
	j0, j1, y := between(at.Y, size[1])
	k0, k1, z := between(at.Z, size[2])
	if i0 < 0 || j0 < 0 || k0 < 0 {
		return math.NaN()
	}
	row := func(j, k int) float64 {
		line := v.Data[size[0]*(j+size[1]*k):]
		return (1-x)*float64(line[i0]) + x*float64(line[i1])
	}
	plane := func(k int) float64 { return (1-y)*row(j0, k) + y*row(j1, k) }
	return (1-z)*plane(k0) + z*plane(k1)
}

// between finds the two of n voxels that x lies between and the share of the
// second; low is −1 outside.
func between(x float64, n int) (low, high int, part float64) {
	last := float64(n - 1)
	if !(x >= -0.5 && x <= last+0.5) {
		return -1, -1, 0
	}
	x = min(max(x, 0), last)
	low = int(x)
	return low, min(low+1, n-1), x - float64(low)
}
