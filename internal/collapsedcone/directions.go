package collapsedcone

import "math"

// direction is one cone about the beam axis.
type direction struct {
	unit [3]float64 // z along the beam
	ring int
}

// ring is the cones of one polar angle, which share their kernels.
type ring struct {
	polar, low, high float64 // rad, from the beam: of the cones, of the edges
	solidAngle       float64 // of each cone
}

// ringEdges (degrees) divide the sphere for 128 cones into rings that widen away
// from the forward direction, where the energy is.
var ringEdges = []float64{0, 6, 12, 18, 24, 31, 39, 48, 58, 70, 85, 105, 135, 180}

// edgesFor are the edges (degrees) for another number of cones: as many more
// rings as cones in each ring.
func edgesFor(total int) []float64 {
	last := len(ringEdges) - 1
	n := max(6, int(math.Round(float64(last)*math.Sqrt(float64(total)/128))))
	edges := make([]float64, n+1)
	for i := range edges {
		x := float64(last) * float64(i) / float64(n)
		j := min(int(x), last-1)
		edges[i] = ringEdges[j] + (x-float64(j))*(ringEdges[j+1]-ringEdges[j])
	}
	return edges
}

// directions lays about total cones in rings, each about as wide as high.
func directions(total int) ([]direction, []ring) {
	edges := edgesFor(total)
	middle := func(i int) float64 { return (edges[i] + edges[i+1]) / 2 * math.Pi / 180 }
	var sum float64
	for i := range len(edges) - 1 {
		sum += math.Sin(middle(i)) / (edges[i+1] - edges[i])
	}
	var ds []direction
	var rings []ring
	azimuth := 0.0
	for i := range len(edges) - 1 {
		low, high := edges[i]*math.Pi/180, edges[i+1]*math.Pi/180
		n := max(3, int(math.Round(math.Sin(middle(i))/(edges[i+1]-edges[i])/sum*float64(total))))
		polar := math.Acos((math.Cos(low) + math.Cos(high)) / 2)
		azimuth += 2 * math.Pi * (math.Sqrt(5) - 1) / 2 // so that rings do not line up
		for k := range n {
			sin, cos := math.Sincos(azimuth + 2*math.Pi*float64(k)/float64(n))
			ds = append(ds, direction{[3]float64{math.Sin(polar) * cos, math.Sin(polar) * sin, math.Cos(polar)}, i})
		}
		rings = append(rings, ring{polar, low, high, 2 * math.Pi * (math.Cos(low) - math.Cos(high)) / float64(n)})
	}
	return ds, rings
}
