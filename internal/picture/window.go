package picture

import (
	"fmt"
	"math"
	"slices"

	"github.com/kerma-rt/kerma/geometry"
)

// Window is the range of CT numbers shown from black to white.
type Window struct {
	Width, Level float64 // HU
	Reason       string  // why this one, for people
}

// gray is the brightness of a CT number; outside the scan (NaN) it is black.
func (w Window) gray(hu float64) uint8 {
	t := (hu-w.Level)/w.Width + 0.5
	if !(t > 0) {
		return 0
	}
	return uint8(math.Round(255 * min(t, 1)))
}

// windowFor is soft tissue, 400/40 HU, unless the treated region, which is
// where the dose reaches half (Gy), says otherwise: with a fifth of it below
// −500 HU it holds lung and gets 1600/−400, wide enough for the chest wall
// too; with its median outside the soft-tissue window the scan is of a
// phantom, or not in true HU, and the window is centred on that median.
func windowFor(ct, dose *geometry.Volume, half float64) Window {
	soft := Window{400, 40, "soft tissue"}
	if dose == nil || !(half > 0) {
		return soft
	}
	var hu []float64
	size := dose.Grid.Size()
	stride := 1 + dose.Grid.Len()/200_000 // a sample is enough for a median
	for n := 0; n < len(dose.Data); n += stride {
		if float64(dose.Data[n]) < half {
			continue
		}
		p := dose.Grid.Point(float64(n%size[0]), float64(n/size[0]%size[1]), float64(n/size[0]/size[1]))
		if v := interpolate(ct, ct.Grid.Index(p)); !math.IsNaN(v) {
			hu = append(hu, v)
		}
	}
	if len(hu) == 0 {
		return soft
	}
	slices.Sort(hu)
	air, _ := slices.BinarySearch(hu, -500)
	share, median := float64(air)/float64(len(hu)), hu[len(hu)/2]
	switch {
	case share >= 0.2:
		return Window{1600, -400, fmt.Sprintf("lung, for %.0f %% of the region above half the maximum dose is below −500 HU", 100*share)}
	case math.Abs(median-soft.Level) > soft.Width/2:
		return Window{400, math.Round(median/10) * 10, fmt.Sprintf("centred on the median of the region above half the maximum dose, %.0f HU", median)}
	}
	return soft
}
