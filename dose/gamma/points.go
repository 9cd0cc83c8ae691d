package gamma

import (
	"math"
	"math/rand/v2"

	"github.com/kerma-rt/kerma/geometry"
)

var notANumber = float32(math.NaN())

// choose marks the reference points to compare with 0 and all others with NaN
// in r.Gamma, and counts why.
func (r *Result) choose(reference *geometry.Volume) {
	cutoff := float32(r.cutoff())
	chosen := 0
	for i, d := range reference.Data {
		switch {
		case d != d:
			r.NoReference++
		case d < cutoff:
			r.BelowCutoff++
		case r.Local && d <= 0:
			r.NoCriterion++
		default:
			chosen++
			continue
		}
		r.Gamma.Data[i] = notANumber
	}
	if r.Subset == 0 || r.Subset >= chosen {
		return
	}
	r.NotDrawn = chosen - r.Subset
	r.draw(chosen)
}

// draw keeps Subset of the chosen points by selection sampling (Knuth, TAOCP
// vol. 2, algorithm 3.4.2 S): every subset is equally likely.
func (r *Result) draw(chosen int) {
	random := rand.New(rand.NewPCG(r.Seed, 0))
	need := r.Subset
	for i, g := range r.Gamma.Data {
		if g != g {
			continue
		}
		if random.IntN(chosen) < need {
			need--
		} else {
			r.Gamma.Data[i] = notANumber
		}
		chosen--
	}
}

// bounds is the half-open box of reference voxels that are to be compared.
func (r *Result) bounds() (low, high [3]int, any bool) {
	size := r.Gamma.Grid.Size()
	low = size
	i := 0
	for z := range size[2] {
		for y := range size[1] {
			row := r.Gamma.Data[i : i+size[0]]
			i += size[0]
			first, end := 0, size[0]
			for first < end && row[first] != row[first] {
				first++
			}
			for end > first && row[end-1] != row[end-1] {
				end--
			}
			if first == end {
				continue
			}
			any = true
			low = [3]int{min(low[0], first), min(low[1], y), min(low[2], z)}
			high = [3]int{max(high[0], end), max(high[1], y+1), max(high[2], z+1)}
		}
	}
	return low, high, any
}
