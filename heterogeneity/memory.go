package heterogeneity

import (
	"math"

	"github.com/kerma-rt/kerma/internal/kernels/convolve"
)

// Memory is an upper estimate of the bytes that tabulating a correction for
// one beam takes while it works and what it keeps: depths, and factors if it
// has any. It is 0 for a beam that meets nothing. It does not count what a
// Cache keeps for all beams.
func (b Beam) Memory(c Correction) int64 {
	planes, rays := b.size()
	bytes := 4 * planes * rays
	if _, ok := c.(Factored); ok {
		// Depths of the body and of the tissue beside the factors, a table that
		// waits for the collector, and T at each plane for each distance.
		bytes += 16*planes*rays + 16*planes*planes
	}
	if _, ok := c.(ETAR); ok {
		// Two transforms, a lattice, and the weights before they are spread out.
		side := math.Cbrt(scatterPoints)
		full := float64(convolve.Size(2*int(side)+1)) / side
		bytes += scatterPoints * (2*16*full*full*full + 8 + 16)
	}
	return int64(min(bytes, math.MaxInt64/4))
}

// SpreadMemory is Memory of Spread by a part of a kernel of so many
// exponentials, for pencils as far apart as b.Spacing.
func (b Beam) SpreadMemory(rates int) int64 {
	planes, rays := b.size()
	// Depths and result in float32, densities of the width, dose; and for each
	// goroutine a plane with what its pixels emit, absorb and let through.
	const node, pixel, perRate = 4 + 4 + 4 + 8, 32, 56
	bytes := rays * (planes*node + float64(max(b.Threads, 1))*(pixel+perRate*float64(rates)))
	return int64(min(bytes, math.MaxInt64/4))
}

// size is how many planes and rays a table of b has.
func (b Beam) size() (planes, rays float64) {
	if b.Tissue == nil || b.Tissue.ElectronDensity == nil || !(b.Field.X0 <= b.Field.X1) || !(b.Field.Y0 <= b.Field.Y1) {
		return 0, 0
	}
	g := b.Tissue.ElectronDensity.Grid
	near, far := distances(g, b.Frame)
	d := &Depths{frame: b.Frame, cos: 1}
	seen := seenFrom(b.Tissue.ElectronDensity, b.Frame)
	d.turn(&seen, b.Frame.OfGrid(g).Step[2])
	nodes := d.lay(near, far, d.around(b.Field), b.Spacing, b.Step)
	planes = float64(d.fan.A.N)
	return planes, nodes / planes
}
