package beam

import (
	"errors"
	"fmt"
	"math"

	"github.com/kerma-rt/kerma/dose/machine"
)

// ErrFluence is wrapped by errors about apertures from which no fluence map
// can be made.
var ErrFluence = errors.New("beam: no fluence map")

const (
	// collimator is half the side of the largest field of a treatment machine,
	// mm in the isocentre plane: no leakage is followed beyond it.
	collimator = 200
	// farthest is how far from the axis an opening may reach, mm.
	farthest = 300
	// maxPixels bounds a map, 8 bytes each.
	maxPixels = 1 << 24
)

// Fluence is a map of monitor units on square pixels of the isocentre plane,
// in coordinates of the beam-limiting device: pixel (i, j) covers x from
// X + i·Spacing to X + (i+1)·Spacing, and y likewise. A value is the mean over
// its pixel of the fluence in air, in monitor units: 1 where one monitor unit
// passes unhindered on the axis.
type Fluence struct {
	X, Y    float64 // lower corner, mm
	Spacing float64 // mm
	NX, NY  int
	Value   []float64 // MU, x fastest
}

// NewFluence is an empty map that holds the given apertures with what leaks
// and a margin (mm) around them, aligned so that X and Y are multiples of
// align pixels and NX and NY too. It fails with ErrFluence when an opening
// reaches more than 300 mm from the axis, positions do not fit their devices
// or are not numbers, or the map would hold more than 16 million pixels.
// Where nothing is open the map has no pixels.
func NewFluence(devices []Device, apertures []Aperture, leak Leakage, margin, spacing float64, align int) (*Fluence, error) {
	if !(spacing > 0) || !(margin >= 0) || align < 1 || math.IsInf(margin+spacing, 0) {
		return nil, fmt.Errorf("%w: spacing %v mm, margin %v mm, aligned to %d", ErrFluence, spacing, margin, align)
	}
	if !isShare(leak.Jaws) || !isShare(leak.Leaves) {
		return nil, fmt.Errorf("%w: leakage %+v, want 0…1", ErrFluence, leak)
	}
	wide := rectangle{x0: -2 * farthest, x1: 2 * farthest, y0: -2 * farthest, y1: 2 * farthest}
	head := rectangle{x0: -collimator, x1: collimator, y0: -collimator, y1: collimator}
	all := rectangle{x0: math.Inf(1), x1: math.Inf(-1), y0: math.Inf(1), y1: math.Inf(-1)}
	for i := range apertures {
		if err := apertures[i].check(devices); err != nil {
			return nil, err
		}
		open, any := bounds(devices, apertures[i].Positions, Leakage{}, wide)
		if any && (open.x0 < -farthest || open.x1 > farthest || open.y0 < -farthest || open.y1 > farthest) {
			return nil, fmt.Errorf("%w: opening from (%g, %g) to (%g, %g) mm reaches more than %d mm from the axis",
				ErrFluence, open.x0, open.y0, open.x1, open.y1, farthest)
		}
		if any {
			all = union(all, open)
		}
		if passes, any := bounds(devices, apertures[i].Positions, leak, head); any {
			all = union(all, passes)
		}
	}
	f := &Fluence{Spacing: spacing}
	if !(all.x1 > all.x0) {
		return f, nil
	}
	step := spacing * float64(align)
	first := func(x float64) float64 { return math.Floor((x-margin)/step + 1e-9) }
	last := func(x float64) float64 { return math.Ceil((x+margin)/step - 1e-9) }
	nx, ny := (last(all.x1)-first(all.x0))*float64(align), (last(all.y1)-first(all.y0))*float64(align)
	if !(nx*ny <= maxPixels) {
		return nil, fmt.Errorf("%w: %g×%g pixels of %g mm", ErrFluence, nx, ny, spacing)
	}
	f.X, f.Y, f.NX, f.NY = first(all.x0)*step, first(all.y0)*step, int(nx), int(ny)
	f.Value = make([]float64, f.NX*f.NY)
	return f, nil
}

func isShare(x float64) bool { return x >= 0 && x <= 1 }

func union(a, b rectangle) rectangle {
	return rectangle{x0: min(a.x0, b.x0), x1: max(a.x1, b.x1), y0: min(a.y0, b.y0), y1: max(a.y1, b.y1)}
}

func (a *Aperture) check(devices []Device) error {
	if len(a.Positions) != len(devices) {
		return fmt.Errorf("%w: positions of %d devices, the beam has %d", ErrFluence, len(a.Positions), len(devices))
	}
	if !(a.MU >= 0) || math.IsInf(a.MU, 0) {
		return fmt.Errorf("%w: %v MU", ErrFluence, a.MU)
	}
	for d, device := range devices {
		pairs := 1
		switch device.Kind {
		case JawX, JawY:
		case MLCX, MLCY:
			pairs = len(device.Boundaries) - 1
			for i := 1; i < len(device.Boundaries); i++ {
				if !(device.Boundaries[i] > device.Boundaries[i-1]) {
					return fmt.Errorf("%w: %s: leaf boundaries must ascend", ErrFluence, device.Name)
				}
			}
		default:
			return fmt.Errorf("%w: device %q of kind %d", ErrFluence, device.Name, device.Kind)
		}
		p := a.Positions[d]
		if pairs < 1 || len(p) != 2*pairs {
			return fmt.Errorf("%w: %s: %d positions for %d pairs", ErrFluence, device.Name, len(p), pairs)
		}
		for i := range pairs {
			if !(p[i] <= p[i+pairs]) || math.IsInf(p[i], 0) || math.IsInf(p[i+pairs], 0) {
				return fmt.Errorf("%w: %s pair %d: from %v to %v mm", ErrFluence, device.Name, i+1, p[i], p[i+pairs])
			}
		}
	}
	return nil
}

// Add adds one aperture: the exact area of every pixel that it leaves open,
// times its monitor units. The aperture must be one that the map was made for.
func (f *Fluence) Add(devices []Device, a Aperture, leak Leakage) {
	if f.NX == 0 || a.MU == 0 {
		return
	}
	box := rectangle{x0: f.X, x1: f.X + float64(f.NX)*f.Spacing, y0: f.Y, y1: f.Y + float64(f.NY)*f.Spacing}
	if leak.Jaws > 0 || leak.Leaves > 0 {
		box.x0, box.x1 = max(box.x0, -farthest), min(box.x1, farthest)
		box.y0, box.y1 = max(box.y0, -farthest), min(box.y1, farthest)
	}
	rectangles(devices, a.Positions, leak, box, func(r rectangle) {
		if leaks := r.share < 1; leaks {
			r.x0, r.x1 = max(r.x0, -collimator), min(r.x1, collimator)
			r.y0, r.y1 = max(r.y0, -collimator), min(r.y1, collimator)
		}
		f.fill(r, a.MU*r.share)
	})
}

// fill adds value times the share of each pixel that lies in r.
func (f *Fluence) fill(r rectangle, value float64) {
	x0, x1 := max((r.x0-f.X)/f.Spacing, 0), min((r.x1-f.X)/f.Spacing, float64(f.NX))
	y0, y1 := max((r.y0-f.Y)/f.Spacing, 0), min((r.y1-f.Y)/f.Spacing, float64(f.NY))
	if !(x1 > x0 && y1 > y0) {
		return
	}
	first, last := int(x0), int(math.Ceil(x1))-1
	for j := int(y0); float64(j) < y1; j++ {
		v := value * (min(y1, float64(j+1)) - max(y0, float64(j)))
		row := f.Value[j*f.NX : (j+1)*f.NX]
		if first == last {
			row[first] += v * (x1 - x0)
			continue
		}
		row[first] += v * (float64(first+1) - x0)
		for i := first + 1; i < last; i++ {
			row[i] += v
		}
		row[last] += v * (x1 - float64(last))
	}
}

// Blur convolves the map with a Gaussian of standard deviation sigma (mm), as
// a source of finite size does. Both are taken as means over pixels:
//
//	W_j = (F((j+1)h) − 2F(jh) + F((j−1)h))/h,  F(t) = t·Φ(t/σ) + σ·φ(t/σ)
//
// is the share that one pixel gives to the j-th from it. What would be blurred
// over the border of the map is lost: leave a margin of 5 sigma.
func (f *Fluence) Blur(sigma float64) {
	if f.NX == 0 || !(sigma > 0) {
		return
	}
	integral := func(t float64) float64 {
		z := t / sigma
		return t*0.5*math.Erfc(-z/math.Sqrt2) + sigma*math.Exp(-z*z/2)/math.Sqrt(2*math.Pi)
	}
	n := int(math.Ceil(5*sigma/f.Spacing)) + 1
	weight := make([]float64, n)
	var sum float64
	for j := range weight {
		t := float64(j) * f.Spacing
		weight[j] = (integral(t+f.Spacing) - 2*integral(t) + integral(t-f.Spacing)) / f.Spacing
		sum += weight[j]
	}
	for j := range weight {
		weight[j] /= 2*sum - weight[0]
	}
	line, blurred := make([]float64, max(f.NX, f.NY)), make([]float64, max(f.NX, f.NY))
	for j := range f.NY {
		row := f.Value[j*f.NX : (j+1)*f.NX]
		copy(line, row)
		spread(row, line[:f.NX], weight)
	}
	for i := range f.NX {
		for j := range f.NY {
			line[j] = f.Value[j*f.NX+i]
		}
		spread(blurred[:f.NY], line[:f.NY], weight)
		for j, v := range blurred[:f.NY] {
			f.Value[j*f.NX+i] = v
		}
	}
}

// spread gives each value of src to its neighbours in dst.
func spread(dst, src, weight []float64) {
	clear(dst)
	for i, v := range src {
		if v == 0 {
			continue
		}
		dst[i] += v * weight[0]
		for j := 1; j < len(weight); j++ {
			if i-j >= 0 {
				dst[i-j] += v * weight[j]
			}
			if i+j < len(dst) {
				dst[i+j] += v * weight[j]
			}
		}
	}
}

// Shape multiplies the map with the fluence profile of the open beam.
func (f *Fluence) Shape(p machine.Profile) {
	for j := range f.NY {
		y := f.Y + (float64(j)+0.5)*f.Spacing
		for i := range f.NX {
			x := f.X + (float64(i)+0.5)*f.Spacing
			f.Value[j*f.NX+i] *= p.At(math.Hypot(x, y))
		}
	}
}
