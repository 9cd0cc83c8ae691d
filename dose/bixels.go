package dose

import (
	"fmt"
	"math"

	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/internal/kernels/beamlet"
)

// Bixels are the squares of the isocentre plane that the fluence of one beam
// is made of. All of a beam lie on one lattice, their centres Size apart.
type Bixels struct {
	Name string
	Pose geometry.Pose // of the beam; its SAD that of the machine where it is 0
	Size float64       // side of a square, mm
	// Centre is x and y of each in the coordinates of the beam-limiting
	// device, mm.
	Centre [][2]float64
}

const (
	smallestBixel = 1   // mm
	largestBixel  = 100 // mm
	farthestBixel = 300 // mm from the axis
	offLattice    = 1e-3
)

// lattice is the lines that the centres lie on, and where on them each bixel
// is. It fails with ErrRequest.
func (b *Bixels) lattice() (*beamlet.Lattice, error) {
	if !(b.Size >= smallestBixel && b.Size <= largestBixel) {
		return nil, fmt.Errorf("%w: bixels of %g mm, want %d … %d", ErrRequest, b.Size, smallestBixel, largestBixel)
	}
	if len(b.Centre) == 0 {
		return nil, fmt.Errorf("%w: no bixels", ErrRequest)
	}
	low, high := [2]float64{math.Inf(1), math.Inf(1)}, [2]float64{math.Inf(-1), math.Inf(-1)}
	for n, c := range b.Centre {
		for a, x := range c {
			if !(math.Abs(x) <= farthestBixel) {
				return nil, fmt.Errorf("%w: bixel %d at (%g, %g) mm", ErrRequest, n, c[0], c[1])
			}
			low[a], high[a] = min(low[a], x), max(high[a], x)
		}
	}
	l := &beamlet.Lattice{}
	for a, lines := range [2]*[]float32{&l.X, &l.Y} {
		for i := range int(math.Round((high[a]-low[a])/b.Size)) + 1 {
			*lines = append(*lines, float32(low[a]+float64(i)*b.Size))
		}
	}
	l.Column = make([]int32, len(l.X)*len(l.Y))
	for i := range l.Column {
		l.Column[i] = -1
	}
	for n, c := range b.Centre {
		i, j := math.Round((c[0]-low[0])/b.Size), math.Round((c[1]-low[1])/b.Size)
		if math.Abs(c[0]-low[0]-i*b.Size) > offLattice || math.Abs(c[1]-low[1]-j*b.Size) > offLattice {
			return nil, fmt.Errorf("%w: bixel %d at (%g, %g) mm is not on one lattice of %g mm with the first", ErrRequest, n, c[0], c[1], b.Size)
		}
		at := &l.Column[int(j)*len(l.X)+int(i)]
		if *at >= 0 {
			return nil, fmt.Errorf("%w: bixels %d and %d both at (%g, %g) mm", ErrRequest, *at, n, c[0], c[1])
		}
		*at = int32(n)
	}
	return l, nil
}
