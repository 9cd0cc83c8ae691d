package gammasearch

import (
	"cmp"
	"math"
	"slices"
)

// neighbours are the cells round a home cell in which a point of it can find
// its minimum, nearest first.
type neighbours struct {
	place []float64 // four for each cell: the least squared distance from the point, and how many cells away along x, y, z
	apart []int32   // two for each: how far away its span lies, and its lowest corner
}

// neighbours lists the cells that come within the limit of a point whose place
// in its home cell lies between low and high.
func (f *Field) neighbours(low, high vec) neighbours {
	type cell struct {
		x, y, z int
		d2      float64
	}
	var all []cell
	w := [3]float64{float64(min(f.step[0], 1)), float64(min(f.step[1], 1)), float64(min(f.step[2], 1))}
	gap := func(d int, low, high, width, k float64) float64 {
		// Rounding must not put a cell further away than it is.
		g := max(0, float64(d)-high, low-float64(d)-width)
		return max(g-1e-9, 0) * k
	}
	for z := -f.margin[2]; z <= f.margin[2]; z++ {
		dz := gap(z, low.z, high.z, w[2], f.k.z)
		for y := -f.margin[1]; y <= f.margin[1]; y++ {
			dy := gap(y, low.y, high.y, w[1], f.k.y)
			if dy*dy+dz*dz >= f.limit {
				continue
			}
			for x := -f.margin[0]; x <= f.margin[0]; x++ {
				dx := gap(x, low.x, high.x, w[0], f.k.x)
				if d2 := dx*dx + dy*dy + dz*dz; d2 < f.limit {
					all = append(all, cell{x, y, z, d2})
				}
			}
		}
	}
	slices.SortStableFunc(all, func(a, b cell) int { return cmp.Compare(a.d2, b.d2) })
	var n neighbours
	for _, c := range all {
		n.place = append(n.place, c.d2, float64(c.x), float64(c.y), float64(c.z))
		n.apart = append(n.apart,
			int32(c.x+f.width[0]*(c.y+f.width[1]*c.z)), int32(c.x+f.size[0]*(c.y+f.size[1]*c.z)))
	}
	// The search ends at the first that lies beyond what it looks for.
	n.place = append(n.place, math.Inf(1), 0, 0, 0)
	n.apart = append(n.apart, 0, 0)
	return n
}
