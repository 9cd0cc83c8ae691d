package main

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/kerma-rt/kerma/dose/biology"
	"github.com/kerma-rt/kerma/geometry"
)

// judge holds a dose against what is prescribed to the tumour, both Gy, and
// prints it.
func judge(out io.Writer, dose, prescription *geometry.Volume, tumour *geometry.Mask) (*result, error) {
	type voxel struct{ prescribed, achieved, volume float64 }
	var voxels []voxel
	total := 0.0
	tumour.Each(func(i, j, k int, part float32) {
		voxels = append(voxels, voxel{float64(prescription.At(i, j, k)), float64(dose.At(i, j, k)), float64(part)})
		total += float64(part)
	})

	r := &result{}
	var err error
	if r.qualityFactor, err = biology.QualityFactor(dose, prescription, tumour); err != nil {
		return nil, err
	}
	fmt.Fprintf(out, "    Q  %% of the tumour with this Q or more\n")
	above := func(q float64) float64 {
		sum := 0.0
		for _, v := range voxels {
			if v.achieved >= q*v.prescribed {
				sum += v.volume
			}
		}
		return 100 * sum / total
	}
	for _, q := range []float64{0.9, 0.95, 0.97, 0.99, 1, 1.01, 1.03, 1.05, 1.1} {
		fmt.Fprintf(out, "%5.2f  %5.1f\n", q, above(q))
	}
	r.within5 = above(0.95) - above(math.Nextafter(1.05, 2))
	fmt.Fprintf(out, "quality factor %.4f; Q within 0.95…1.05 in %.1f %%\n\n", r.qualityFactor, r.within5)

	// The quarters of the tumour that are prescribed least and most.
	slices.SortFunc(voxels, func(a, b voxel) int { return cmp.Compare(a.prescribed, b.prescribed) })
	quarter := len(voxels) / 4
	for n, part := range [][]voxel{voxels[:quarter], voxels[len(voxels)-quarter:]} {
		sum := 0.0
		for _, v := range part {
			r.prescribed[n] += v.volume * v.prescribed
			r.achieved[n] += v.volume * v.achieved
			sum += v.volume
		}
		r.prescribed[n] /= sum
		r.achieved[n] /= sum
	}
	fmt.Fprintf(out, "quarter prescribed least: %.2f Gy, achieved %.2f Gy\nquarter prescribed most:  %.2f Gy, achieved %.2f Gy\n",
		r.prescribed[0], r.achieved[0], r.prescribed[1], r.achieved[1])
	return r, nil
}
