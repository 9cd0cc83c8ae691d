package curved

import "math"

// ring is the rays of one polar angle θ.
type ring struct {
	cos, sin float64
	unit     [][2]float64
	share    float64 // of the ring in a ray that is followed, times the length of a step
	reach    float64 // g/cm², beyond which there is next to nothing
	table    table
	paths    [][]node // by step to which they lead
	first    int      // step before which both paths are in the same voxels
}

// node is a place on a bent path, as deep along the ray as a step of the straight
// line.
type node struct {
	along, side float64 // along the ray and across, cm of a straight line to there
	weight      float64 // (1−t)²
	step        int
}

const (
	// pathPoints is how many places of a bent path are read, at most.
	pathPoints = 6
	// between is the part of the way after which a bent path is read again: in
	// between what it differs by is linear.
	between = 4
	// farthest is how far the bent path lies from the straight one, at
	// t = 1 − 1/√3, over X.
	farthest = 0.19245
)

func newRing(i int, kernels []Kernel, step float64, longest int) ring {
	const degree = math.Pi / 180
	r := ring{cos: (math.Cos(edges[i]*degree) + math.Cos(edges[i+1]*degree)) / 2}
	r.sin = math.Sqrt(1 - r.cos*r.cos)
	n := counts[i]
	for k := range n {
		sin, cos := math.Sincos(2 * math.Pi * (float64(k) + 0.5) / float64(n))
		r.unit = append(r.unit, [2]float64{cos, sin})
	}
	r.share = step * Turns / float64(n)
	r.table = newTable(kernels, math.Tan(edges[i]*degree), math.Tan(edges[i+1]*degree), r.cos)
	r.reach = r.table.end(leftOver)

	straight := math.Cos(straightDeg * degree)
	bend := min(max((r.cos-straight)/(bentCos-straight), 0), 1)
	r.first = math.MaxInt
	if far := farthest * bend * r.sin; far > 0 {
		r.first = int(math.Ceil(1/(2*far) - 0.5)) // half a step aside
	}
	for k := range longest {
		l := (float64(k) + 0.5) * step
		n := min(k+1, pathPoints)
		path := make([]node, n)
		for i := range path {
			j := (2*i + 1) * (k + 1) / (2 * n)
			t := (float64(j) + 0.5) / (float64(k) + 0.5)
			v := t + bend*((1.5-0.5*t)*t*t-t)
			path[i] = node{along: t * l, side: v * l, step: j, weight: (1 - t) * (1 - t)}
		}
		r.paths = append(r.paths, path)
	}
	return r
}
