package dose

import (
	"context"
	"math"

	"github.com/kerma-rt/kerma/internal/kernels/parallel"
	"github.com/kerma-rt/kerma/internal/kernels/pencil"
)

const (
	beyondVoxels           = 1000  // about how many voxels stand for all
	beyondRays, beyondStep = 12, 8 // mm, of the depths of these
	beyondRadius           = 1     // mm between radii of the kernel
	farthestBeyond         = 500   // mm; no kernel is longer
	beyondSlab             = 4     // planes of samples that one goroutine takes
)

// beyond estimates for each bixel of a beam the dose beyond its reach, summed
// over the voxels inside the body: on every so many voxels along each axis, a
// bixel being a point there. It leaves factors out. Against the sum over all
// voxels it is within 5 % (see TestLostDoseIsWhatALargerReachGains).
func (p *pencilJob) beyond(ctx context.Context, j *beamletJob, f *bixelField, table *pencil.Depths) ([]float64, error) {
	all := 0
	for _, in := range j.inside {
		if in {
			all++
		}
	}
	step := max(1, int(math.Round(math.Cbrt(float64(all)/beyondVoxels))))
	lateral := f.machine.Pencil.At(f.kernelSSD())
	reach := float64(f.lattice.Reach)
	far := reach
	for _, w := range lateral {
		if n := len(w.Radius); n > 0 {
			far = max(far, min(w.Radius[n-1], farthestBeyond))
		}
	}
	out := make([]float64, len(f.Centre))
	if far == reach || all == 0 {
		return out, nil
	}
	around := withinReach(f.lattice, far)
	b, ok := p.beamOf(f.frame, &around, beyondRays, beyondStep)
	if !ok {
		return out, nil
	}
	depths, err := p.correction.Depths(ctx, b)
	if err != nil {
		return nil, err
	}
	defer depths.Free()
	radii := int(math.Ceil((far-reach)/beyondRadius)) + 1
	kernel := make([]float64, radii*len(lateral))
	for c, w := range lateral {
		for i := range radii {
			kernel[i*len(lateral)+c] = radial(w.Radius, w.Value, reach+float64(i)*beyondRadius)
		}
	}
	size := j.Grid.Size()
	planes := (size[2] + step - 1) / step
	parts := make([][]float64, (planes+beyondSlab-1)/beyondSlab)
	counts := make([]int, len(parts))
	err = parallel.For(ctx, len(parts), p.Threads, func(n int) error {
		sum, share := make([]float64, len(f.Centre)), make([]float64, radii+1)
		of := make([]float32, len(lateral))
		for plane := n * beyondSlab; plane < min((n+1)*beyondSlab, planes); plane++ {
			k := min(plane*step+step/2, size[2]-1)
			for y := step / 2; y < size[1]; y += step {
				for x := step / 2; x < size[0]; x += step {
					if !j.inside[j.Grid.Offset(x, y, k)] {
						continue
					}
					counts[n]++
					q := f.affine.At(float64(x), float64(y), float64(k))
					a := f.sad - q.Z
					m := f.sad / a
					u, v := q.X*m, q.Y*m
					d := depths.At(u, v, a)
					if !(a > 1 && d >= 0) {
						continue // further out than any kernel reaches
					}
					table.At(of, d, a/f.sad)
					for i := range radii {
						share[i] = 0
						for c, amplitude := range of {
							share[i] += m * m * float64(amplitude) * kernel[i*len(lateral)+c]
						}
					}
					for c, centre := range f.Centre {
						dx, dy := u-centre[0], v-centre[1]
						r := (math.Sqrt(dx*dx+dy*dy) - reach) / beyondRadius
						if !(r > 0 && r < float64(radii-1)) {
							continue
						}
						i := int(r)
						sum[c] += share[i] + (r-float64(i))*(share[i+1]-share[i])
					}
				}
			}
		}
		parts[n] = sum
		return nil
	})
	if err != nil {
		return nil, err
	}
	samples := 0
	for n, part := range parts {
		samples += counts[n]
		for c, v := range part {
			out[c] += v
		}
	}
	if samples == 0 {
		return out, nil
	}
	unit := f.machine.Calibration.FluencePerMU * f.Size * f.Size * float64(all) / float64(samples)
	for c, centre := range f.Centre {
		out[c] *= unit * f.machine.Profile.At(math.Hypot(centre[0], centre[1]))
	}
	return out, nil
}

// radial is a value at r, linear between ascending radii and 0 beyond.
func radial(radius, value []float64, r float64) float64 {
	for i := 1; i < len(radius); i++ {
		if r <= radius[i] {
			t := (r - radius[i-1]) / (radius[i] - radius[i-1])
			return value[i-1] + t*(value[i]-value[i-1])
		}
	}
	return 0
}
