package beam

import (
	"math"
	"slices"
	"sort"
)

// Leakage is the share of the fluence that passes what is closed, 0…1.
type Leakage struct {
	Jaws, Leaves float64
}

// rectangle is a part of the isocentre plane that lets the same share pass, mm.
type rectangle struct {
	x0, x1, y0, y1 float64
	share          float64
}

// rectangles cuts the box into rectangles of constant transmission
//
//	T(x, y) = Π_devices (open there ? 1 : leakage)
//
// and calls visit for each that lets anything pass: strips along x, bounded by
// every edge across y, each cut at its edges in x. The shape is exact for any
// number of layers of jaws and leaves.
func rectangles(devices []Device, positions [][]float64, leak Leakage, box rectangle, visit func(rectangle)) {
	ys := []float64{box.y0, box.y1}
	for d, device := range devices {
		switch device.Kind {
		case JawY, MLCY:
			ys = append(ys, positions[d]...)
		case MLCX:
			ys = append(ys, device.Boundaries...)
		}
	}
	ys = edgesIn(ys, box.y0, box.y1)
	var xs []float64
	for i := 1; i < len(ys); i++ {
		y := (ys[i-1] + ys[i]) / 2
		xs = append(xs[:0], box.x0, box.x1)
		for d, device := range devices {
			switch device.Kind {
			case JawX:
				xs = append(xs, positions[d]...)
			case MLCY:
				xs = append(xs, device.Boundaries...)
			case MLCX:
				if leaf, ok := device.leafAt(y); ok {
					low, high := device.gap(positions[d], leaf)
					xs = append(xs, low, high)
				}
			}
		}
		xs = edgesIn(xs, box.x0, box.x1)
		for j := 1; j < len(xs); j++ {
			x := (xs[j-1] + xs[j]) / 2
			share := 1.0
			for d, device := range devices {
				share *= device.transmission(positions[d], x, y, leak)
			}
			if share > 0 {
				visit(rectangle{x0: xs[j-1], x1: xs[j], y0: ys[i-1], y1: ys[i], share: share})
			}
		}
	}
}

// edgesIn sorts edges and keeps, once each, those from low to high.
func edgesIn(edges []float64, low, high float64) []float64 {
	slices.Sort(edges)
	edges = slices.DeleteFunc(edges, func(x float64) bool { return !(x >= low && x <= high) })
	return slices.Compact(edges)
}

// transmission is the share that a device lets pass at (x, y), which lies on
// none of its edges. Beyond the outermost leaves a bank ends in solid metal.
func (d *Device) transmission(position []float64, x, y float64, leak Leakage) float64 {
	along, across := x, y
	if d.Kind == JawY || d.Kind == MLCY {
		along, across = y, x
	}
	if d.Kind == JawX || d.Kind == JawY {
		if along > position[0] && along < position[1] {
			return 1
		}
		return leak.Jaws
	}
	leaf, ok := d.leafAt(across)
	if !ok {
		return 0
	}
	if low, high := d.gap(position, leaf); along > low && along < high {
		return 1
	}
	return leak.Leaves
}

// leafAt is the leaf pair at a place across the travel, mm.
func (d *Device) leafAt(across float64) (leaf int, ok bool) {
	leaf = sort.SearchFloat64s(d.Boundaries, across) - 1
	return leaf, leaf >= 0 && leaf < len(d.Boundaries)-1
}

// gap is where a leaf pair is open, mm.
func (d *Device) gap(position []float64, leaf int) (low, high float64) {
	return position[leaf], position[leaf+len(d.Boundaries)-1]
}

// bounds is the smallest rectangle around all that is not fully closed.
func bounds(devices []Device, positions [][]float64, leak Leakage, box rectangle) (rectangle, bool) {
	all := rectangle{x0: math.Inf(1), x1: math.Inf(-1), y0: math.Inf(1), y1: math.Inf(-1)}
	rectangles(devices, positions, leak, box, func(r rectangle) {
		all.x0, all.x1 = min(all.x0, r.x0), max(all.x1, r.x1)
		all.y0, all.y1 = min(all.y0, r.y0), max(all.y1, r.y1)
	})
	return all, all.x1 > all.x0
}
