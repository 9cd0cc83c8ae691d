package objective

import (
	"fmt"
	"math"

	"github.com/kerma-rt/kerma/geometry"
)

// MaxDVH asks that no more than a volume V_max of the region gets more than the
// dose d_ref. With D(v) the dose that the hottest volume v receives at least,
//
//	f = penalty / V · ∫_{V_max}^{V} max(D(v) − d_ref, 0)² dv    (Gy²):
//
// the mean square overdose of the voxels between d_ref and D(V_max); hotter ones
// are allowed. A voxel in which the volume reaches V_max counts with the part
// beyond, equal doses share it, so that f has no jumps.
//
// It is not convex, and not differentiable where voxels at D(V_max) > d_ref
// change their order. Wu and Mohan, Med Phys 27 (2000) 701; parameters as in
// matRad (d, V^max).
type MaxDVH struct {
	Region  *Region
	Dose    float64 // d_ref, Gy
	Volume  float64 // V_max, percent of the region
	Penalty float64
}

// Evaluate fulfils Objective.
func (o MaxDVH) Evaluate(dose, gradient *geometry.Volume) (float64, error) {
	return dvh{"maximum DVH", o.Region, o.Dose, o.Volume, o.Penalty, true}.evaluate(dose, gradient)
}

// MinDVH asks that at least a volume V_min of the region gets the dose d_ref or
// more. With D(v) the dose that the hottest volume v receives at least,
//
//	f = penalty / V · ∫_0^{V_min} max(d_ref − D(v), 0)² dv    (Gy²):
//
// the mean square underdose of the voxels between D(V_min) and d_ref; colder ones
// are allowed. Else as MaxDVH.
type MinDVH struct {
	Region  *Region
	Dose    float64 // d_ref, Gy
	Volume  float64 // V_min, percent of the region
	Penalty float64
}

// Evaluate fulfils Objective.
func (o MinDVH) Evaluate(dose, gradient *geometry.Volume) (float64, error) {
	return dvh{"minimum DVH", o.Region, o.Dose, o.Volume, o.Penalty, false}.evaluate(dose, gradient)
}

type dvh struct {
	name    string
	region  *Region
	gy      float64
	percent float64
	penalty float64
	over    bool
}

func (o dvh) evaluate(dose, gradient *geometry.Volume) (float64, error) {
	if err := check(o.name, o.region, o.penalty, dose, gradient); err != nil {
		return 0, err
	}
	if err := checkGy(o.name, o.gy); err != nil {
		return 0, err
	}
	if !(o.percent >= 0 && o.percent <= 100) {
		return 0, fmt.Errorf("%w: %s: %v %% of the region", ErrObjective, o.name, o.percent)
	}
	r, d := o.region, dose.Data
	limit, share := r.hottest(d, o.percent/100*r.volume)
	if o.over {
		share = 1 - share
	}
	scale := o.penalty / r.volume
	sum := r.sum(func(from, to int) float64 {
		sum := 0.0
		for n, voxel := range r.voxel[from:to] {
			diff := float64(d[voxel]) - o.gy
			part := r.part[from+n]
			// A dose that is no number passes both, and shows in the sum.
			if o.over && (diff < 0 || d[voxel] > limit) || !o.over && (diff > 0 || d[voxel] < limit) {
				continue
			}
			if d[voxel] == limit {
				part *= share
			}
			push := part * diff
			sum += push * diff
			if gradient != nil {
				gradient.Data[voxel] += float32(2 * scale * push)
			}
		}
		return sum
	})
	return finite(o.name, scale*sum)
}

// hottest finds the dose D(volume) that the hottest voxels together filling a
// volume receive at least, and the share of the voxels at just this dose that it
// takes to fill it. Volume is in voxels, up to that of the region. NaN counts as
// hottest.
//
// It is a search by digits: the doses, as whole numbers of the same order, are
// counted by their leading bits, and then by the next ones within the bin that the
// volume ends in. So it is exact, needs no copy and no sorting.
func (r *Region) hottest(dose []float32, volume float64) (limit float32, share float64) {
	const digit = 11 // bits, twice; the last has 10
	var prefix uint32
	var filled [1 << digit]float64
	hotter := 0.0 // volume above the bins of this digit
	known := 0    // leading bits
	for _, bits := range []int{digit, digit, 32 - 2*digit} {
		clear(filled[:])
		shift := 32 - known - bits
		for n, voxel := range r.voxel {
			// Shifting by 32 gives 0 in Go: all bits are unknown at first.
			if k := rank(dose[voxel]); k>>(32-known) == prefix {
				filled[k>>shift&(1<<bits-1)] += r.part[n]
			}
		}
		bin := 1<<bits - 1
		for bin > 0 && (filled[bin] == 0 || hotter+filled[bin] < volume) {
			hotter += filled[bin]
			bin--
		}
		// A rounding of the sums may lead past the last bin with voxels.
		for bin < 1<<bits-1 && filled[bin] == 0 {
			bin++
			hotter -= filled[bin]
		}
		prefix = prefix<<bits | uint32(bin)
		known += bits
		share = (volume - hotter) / filled[bin]
	}
	return unrank(prefix), min(max(share, 0), 1)
}

// rank maps a float32 to a whole number of the same order.
func rank(x float32) uint32 {
	b := math.Float32bits(x)
	if b>>31 != 0 {
		return ^b
	}
	return b | 1<<31
}

func unrank(k uint32) float32 {
	if k>>31 != 0 {
		return math.Float32frombits(k &^ (1 << 31))
	}
	return math.Float32frombits(^k)
}
