//go:build !purego

package pencil

import "github.com/kerma-rt/kerma/internal/kernels/simd"

// block is the points that a call takes at most: some µs.
const block = 1024

// vector adds the leading points, all of them where the CPU has vectors, and
// tells how many and the largest depth among them.
func vector(f *Field, r *row, dose, depth []float32) (done int, deepest float32) {
	if simd.Current() == simd.Generic || len(dose) == 0 {
		return 0, 0
	}
	m, t := f.Map, f.Depths
	scales := t.scales()
	node := 4 * t.components
	sizes := [7]int{m.NX - 2, m.NY - 2, m.NX, node, m.NX * node, node / 16 * scales, 0}
	constants := [33]float32{
		r.fromSource, r.fromSourceStep, r.x, r.xStep, r.y, r.yStep, r.sad, r.left, r.low, r.factor,
		r.deepest, r.perDepthBin, r.perSAD, r.smallest, r.largest, r.perScale,
	}
	level, lanes := simd.Current(), 16
	if level == simd.AVX2 {
		lanes = 8
	}
	constants[32] = float32(lanes)
	run := func(dose, depth *float32, n int) {
		for i := range 16 {
			constants[16+i] = r.start + float32(done+i)
		}
		sizes[6] = n / lanes
		c, s, lattice, table := &constants[0], &sizes[0], &m.Value[0], &t.value[0]
		depths, depthBin, scale, scaleBin := &t.depth.interval[0], &t.depth.bin[0], &t.scale.interval[0], &t.scale.bin[0]
		var most float32
		switch one := scales == 1; {
		case level == simd.AVX512 && one:
			most = addAVX512(dose, depth, c, s, lattice, table, depths, depthBin, scale, scaleBin, &t.mask[0])
		case level == simd.AVX512:
			most = addScaledAVX512(dose, depth, c, s, lattice, table, depths, depthBin, scale, scaleBin, &t.mask[0])
		case one:
			most = addAVX2(dose, depth, c, s, lattice, table, depths, depthBin, scale, scaleBin, &t.mask[0])
		default:
			most = addScaledAVX2(dose, depth, c, s, lattice, table, depths, depthBin, scale, scaleBin, &t.mask[0])
		}
		deepest = max(deepest, most)
		done += n
	}
	for whole := len(dose) &^ (lanes - 1); done < whole; {
		run(&dose[done], &depth[done], min(block, whole-done))
	}
	if rest := len(dose) - done; rest > 0 {
		var some, at [16]float32
		copy(some[:], dose[done:])
		for i := range at {
			at[i] = -1
		}
		copy(at[:], depth[done:])
		start := done
		run(&some[0], &at[0], lanes)
		copy(dose[start:], some[:rest])
		done = len(dose)
	}
	return done, deepest
}
