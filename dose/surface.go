package dose

import (
	"math"

	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/heterogeneity"
)

const (
	// skinDensity is the electron density relative to water at which a patient
	// without a body structure begins: half-way between air and fat, nearly.
	skinDensity = 0.4
	// endMargin is how far beyond the axis a CT should reach, mm.
	endMargin = 50
)

// skin is the distance in mm from the source along the axis of f to the skin:
// where the body fraction reaches one half, else the electron density 0.4, both
// linear between voxel centres. It is NaN where the axis misses the patient.
func skin(t *heterogeneity.Tissue, f geometry.Frame) float64 {
	ct := t.ElectronDensity.Grid
	source, axis := f.Source(), r3.Unit(r3.Sub(f.Isocentre(), f.Source()))
	// level is negative outside, positive inside.
	level := func(a float64) float64 {
		p := r3.Add(source, r3.Scale(a, axis))
		if t.Body == nil {
			v, _ := t.ElectronDensity.Interpolate(p)
			return v - skinDensity
		}
		q := ct.Index(p)
		i, j, k := math.Floor(q.X), math.Floor(q.Y), math.Floor(q.Z)
		var v float64
		for c := range 8 {
			di, dj, dk := float64(c&1), float64(c>>1&1), float64(c>>2)
			w := (1 - math.Abs(q.X-i-di)) * (1 - math.Abs(q.Y-j-dj)) * (1 - math.Abs(q.Z-k-dk))
			v += w * float64(fractionAt(t, i+di, j+dj, k+dk))
		}
		return v - 0.5
	}
	near, far := math.Inf(1), math.Inf(-1)
	n, m := ct.Size(), f.OfGrid(ct)
	for c := range 8 {
		b := m.At(float64(n[0]*(c&1))-0.5, float64(n[1]*(c>>1&1))-0.5, float64(n[2]*(c>>2))-0.5)
		near, far = min(near, f.SAD-b.Z), max(far, f.SAD-b.Z)
	}
	const step = 0.5 // mm
	before := math.Inf(-1)
	for a := max(near, 0); a <= far; a += step {
		v := level(a)
		if v >= 0 {
			if math.IsInf(before, -1) || v == before {
				return a
			}
			return a - step*v/(v-before)
		}
		before = v
	}
	return math.NaN()
}

// shortestEnd is the least distance in mm from the isocentre of any frame to
// the first or last slice of the CT, where that slice holds tissue: beyond it
// the patient goes on unseen. It is infinite where neither does.
func shortestEnd(t *heterogeneity.Tissue, frames []geometry.Frame) float64 {
	ct := t.ElectronDensity.Grid
	n, spacing := ct.Size(), ct.Spacing()
	holds := func(k int) bool {
		data := t.ElectronDensity.Data[ct.Offset(0, 0, k):ct.Offset(0, 0, k+1)]
		for _, v := range data {
			if v > skinDensity {
				return true
			}
		}
		return false
	}
	first, last := holds(0), holds(n[2]-1)
	least := math.Inf(1)
	for i, f := range frames {
		if i > 0 && f.Isocentre() == frames[i-1].Isocentre() {
			continue
		}
		z := ct.Index(f.Isocentre()).Z
		if first {
			least = min(least, (z+0.5)*spacing[2])
		}
		if last {
			least = min(least, (float64(n[2])-0.5-z)*spacing[2])
		}
	}
	return least
}
