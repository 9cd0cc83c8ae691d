package machine

import (
	"math"
	"sort"
)

// At writes D_k at a depth (mm of water) and a scale a/SAD into dst, one value
// a component, and returns it: bilinear on the lattice. Outside the lattice,
// or where dst has another length than Components, every value is NaN: there
// is no answer.
func (t *DepthTable) At(depth, scale float64, dst []float64) []float64 {
	i, u, ok := bracket(t.Depth, depth)
	j, v, ok2 := bracket(t.Scale, scale)
	if !ok || !ok2 || len(dst) != t.Components {
		for k := range dst {
			dst[k] = math.NaN()
		}
		return dst
	}
	n, m := t.Components, len(t.Scale)
	row := func(i, j int) []float64 {
		i, j = min(i, len(t.Depth)-1), min(j, m-1)
		return t.Value[(i*m+j)*n : (i*m+j+1)*n]
	}
	a, b, c, d := row(i, j), row(i, j+1), row(i+1, j), row(i+1, j+1)
	for k := range dst {
		dst[k] = (1-u)*((1-v)*a[k]+v*b[k]) + u*((1-v)*c[k]+v*d[k])
	}
	return dst
}

// bracket finds i and t with x = (1−t)·node[i] + t·node[i+1]; a single node
// holds for every x.
func bracket(node []float64, x float64) (i int, t float64, ok bool) {
	n := len(node)
	switch {
	case n == 0 || math.IsNaN(x):
		return 0, 0, false
	case n == 1:
		return 0, 0, true
	case x < node[0] || x > node[n-1]:
		return 0, 0, false
	}
	i = min(max(sort.SearchFloat64s(node, x)-1, 0), n-2)
	return i, (x - node[i]) / (node[i+1] - node[i]), true
}
