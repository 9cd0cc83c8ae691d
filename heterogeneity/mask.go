package heterogeneity

import (
	"fmt"

	"github.com/kerma-rt/kerma/geometry"
)

// checkMask refuses a mask that does not fit the grid; nil is no mask.
func checkMask(m *geometry.Mask, g geometry.Grid) error {
	if m == nil {
		return nil
	}
	if !m.Grid.Equal(g, 1e-3) {
		return fmt.Errorf("%w: mask on %v, CT on %v", ErrCT, m.Grid, g)
	}
	n := 1
	for a := range 3 {
		if m.Box.Low[a] < 0 || m.Box.High[a] > g.Size()[a] {
			return fmt.Errorf("%w: mask of voxels %v to %v on a grid of %v", ErrCT, m.Box.Low, m.Box.High, g.Size())
		}
		n *= max(0, m.Box.High[a]-m.Box.Low[a])
	}
	if len(m.Fraction) != n {
		return fmt.Errorf("%w: mask with %d values for %d voxels", ErrCT, len(m.Fraction), n)
	}
	for _, fraction := range m.Fraction {
		if !(fraction >= 0 && fraction <= 1) {
			return fmt.Errorf("%w: mask with a fraction of %v", ErrCT, fraction)
		}
	}
	return nil
}
