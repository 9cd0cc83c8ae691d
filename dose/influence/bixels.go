package influence

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/dose"
	"github.com/kerma-rt/kerma/geometry"
)

// half is the part of a voxel inside a structure from which on it counts.
const half = 0.5

// Cover is the bixels of a side of size (mm) that one pose needs to see a
// target and a margin (mm) around it. The target is dilated by the margin,
// rounded up to whole voxels, along each axis of its grid; the centre of each
// voxel at least half in it is projected from the source on the isocentre
// plane, and the square around it taken whose centre is a whole number of sizes
// from the axis in x and y. Bixels are ordered by x, then y. Cover fails with
// dose.ErrRequest where the target is empty or reaches beside the source, and
// with geometry.ErrPose.
func Cover(target *geometry.Mask, margin float64, pose geometry.Pose, size float64) (dose.Bixels, error) {
	none := dose.Bixels{}
	if !(size > 0) || math.IsInf(size, 0) || !(margin >= 0 && margin <= 500) {
		return none, fmt.Errorf("%w: bixels of %g mm with a margin of %g mm", dose.ErrRequest, size, margin)
	}
	frame, err := geometry.NewFrame(pose)
	if err != nil {
		return none, err
	}
	if target == nil || target.Grid.Len() == 0 || len(target.Fraction) != target.Box.Len() {
		return none, fmt.Errorf("%w: no target", dose.ErrRequest)
	}
	var reach [3]int
	spacing := target.Grid.Spacing()
	for a := range 3 {
		reach[a] = int(math.Ceil(margin/spacing[a] - 1e-9))
	}
	within, size3 := dilate(target, reach)
	affine := frame.OfGrid(target.Grid)
	seen := map[[2]int]bool{}
	for n, in := range within {
		if !in {
			continue
		}
		i, j, k := n%size3[0], n/size3[0]%size3[1], n/size3[0]/size3[1]
		p := affine.At(float64(i+target.Box.Low[0]-reach[0]), float64(j+target.Box.Low[1]-reach[1]), float64(k+target.Box.Low[2]-reach[2]))
		a := frame.SAD - p.Z
		if a < 1 {
			return none, fmt.Errorf("%w: the target reaches beside the source", dose.ErrRequest)
		}
		m := frame.SAD / a / size
		seen[[2]int{int(math.Round(p.X * m)), int(math.Round(p.Y * m))}] = true
	}
	if len(seen) == 0 {
		return none, fmt.Errorf("%w: no voxel is half inside the target", dose.ErrRequest)
	}
	b := dose.Bixels{Pose: pose, Size: size}
	for at := range seen {
		b.Centre = append(b.Centre, [2]float64{float64(at[0]) * size, float64(at[1]) * size})
	}
	slices.SortFunc(b.Centre, func(a, b [2]float64) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) })
	return b, nil
}

// dilate is whether each voxel of the box of m, reach voxels larger on every
// side, is within reach along each axis of one at least half inside.
func dilate(m *geometry.Mask, reach [3]int) (within []bool, size [3]int) {
	inner := m.Box.Size()
	for a := range 3 {
		size[a] = inner[a] + 2*reach[a]
	}
	within = make([]bool, size[0]*size[1]*size[2])
	n := 0
	for k := range inner[2] {
		for j := range inner[1] {
			for i := range inner[0] {
				if m.Fraction[n] >= half {
					within[i+reach[0]+size[0]*(j+reach[1]+size[1]*(k+reach[2]))] = true
				}
				n++
			}
		}
	}
	// A box is its three axes one after the other.
	stride := 1
	for a := range 3 {
		before := make([]int, size[a]+1) // how many of a line lie before each place
		for first := range within {
			if first/stride%size[a] != 0 {
				continue
			}
			for i := range size[a] {
				before[i+1] = before[i]
				if within[first+i*stride] {
					before[i+1]++
				}
			}
			for i := range size[a] {
				within[first+i*stride] = before[min(i+reach[a]+1, size[a])] > before[max(i-reach[a], 0)]
			}
		}
		stride *= size[a]
	}
	return within, size
}

// Isocentre is the centre of gravity (mm, LPS) of the voxels that are at least
// half inside a target; not a number where there are none.
func Isocentre(target *geometry.Mask) r3.Vec {
	var sum r3.Vec
	n := 0.0
	target.Each(func(i, j, k int, fraction float32) {
		if fraction >= half {
			sum = r3.Add(sum, target.Grid.Point(float64(i), float64(j), float64(k)))
			n++
		}
	})
	return r3.Scale(1/n, sum)
}
