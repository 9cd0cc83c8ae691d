package collapsedcone

import (
	"math"

	"github.com/kerma-rt/kerma/internal/kernels/cones"
)

// direction is one cone about the beam axis.
type direction struct {
	unit       [3]float64 // z along the beam
	polar      float64    // rad, from the beam
	low, high  float64    // rad, the ring that it belongs to
	solidAngle float64
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
func directions(total int) []direction {
	edges := edgesFor(total)
	middle := func(i int) float64 { return (edges[i] + edges[i+1]) / 2 * math.Pi / 180 }
	var sum float64
	for i := range len(edges) - 1 {
		sum += math.Sin(middle(i)) / (edges[i+1] - edges[i])
	}
	var ds []direction
	azimuth := 0.0
	for i := range len(edges) - 1 {
		low, high := edges[i]*math.Pi/180, edges[i+1]*math.Pi/180
		n := max(3, int(math.Round(math.Sin(middle(i))/(edges[i+1]-edges[i])/sum*float64(total))))
		polar := math.Acos((math.Cos(low) + math.Cos(high)) / 2)
		azimuth += 2 * math.Pi * (math.Sqrt(5) - 1) / 2 // so that rings do not line up
		for k := range n {
			sin, cos := math.Sincos(azimuth + 2*math.Pi*float64(k)/float64(n))
			ds = append(ds, direction{
				unit:  [3]float64{math.Sin(polar) * cos, math.Sin(polar) * sin, math.Cos(polar)},
				polar: polar, low: low, high: high,
				solidAngle: 2 * math.Pi * (math.Cos(low) - math.Cos(high)) / float64(n),
			})
		}
	}
	return ds
}

// shares is the part of a released unit that a cone takes when the ray of the
// releasing voxel makes the angle gamma with it, Channels values for each
// group. The kernel is averaged over the ring moved to that angle: as a function
// of gamma alone a cone knows no ring but the one it was made for.
func (d direction) shares(groups []group, gamma float64, dst []float64) {
	shift := gamma - d.polar
	for g := range groups {
		row := dst[g*cones.Channels:][:cones.Channels]
		groups[g].primary.perSteradian(d.low+shift, d.high+shift, row[:cones.Primary])
		groups[g].scatter.perSteradian(d.low+shift, d.high+shift, row[cones.Primary:])
		for j := range row {
			row[j] *= d.solidAngle
		}
	}
}

const cosineBins = 64

// cone makes the table of transport of a direction for rays up to spread (rad)
// from the beam axis; unit is the direction along the axes of the grid.
func (d direction) cone(groups []group, spread float64, unit [3]float64) *cones.Cone {
	c := &cones.Cone{
		Direction: unit, Bins: cosineBins,
		Low: math.Cos(min(d.polar+spread, math.Pi)), High: math.Cos(max(d.polar-spread, 0)),
		Shares: make([]float32, cosineBins*len(groups)*cones.Channels),
	}
	row := make([]float64, len(groups)*cones.Channels)
	for b := range cosineBins {
		cos := c.Low + (float64(b)+0.5)/cosineBins*(c.High-c.Low)
		d.shares(groups, math.Acos(min(max(cos, -1), 1)), row)
		for i, v := range row {
			c.Shares[b*len(row)+i] = float32(v / cones.Coefficient(i%cones.Channels))
		}
	}
	return c
}

// balance is what all cones together take of a unit released, by group and by
// the angle of the ray from the beam axis. Dividing by it, every voxel releases
// exactly its energy.
type balance struct {
	spread           float64     // rad, of the last row
	primary, scatter [][]float64 // [tilt][group]
}

const tilts = 12

func newBalance(groups []group, ds []direction, spread float64) *balance {
	const turns = 16
	b := &balance{spread: spread}
	row := make([]float64, len(groups)*cones.Channels)
	for i := range tilts {
		sin, cos := math.Sincos(spread * float64(i) / (tilts - 1))
		p, s := make([]float64, len(groups)), make([]float64, len(groups))
		for t := range turns {
			y, x := math.Sincos(2 * math.Pi * (float64(t) + 0.5) / turns)
			for _, d := range ds {
				dot := sin*(x*d.unit[0]+y*d.unit[1]) + cos*d.unit[2]
				d.shares(groups, math.Acos(min(max(dot, -1), 1)), row)
				for g := range groups {
					for j, v := range row[g*cones.Channels:][:cones.Channels] {
						if j < cones.Primary {
							p[g] += v / turns
						} else {
							s[g] += v / turns / groups[g].scatter.total
						}
					}
				}
			}
		}
		b.primary, b.scatter = append(b.primary, p), append(b.scatter, s)
	}
	return b
}

// at finds the rows before and after a tilt (rad) and the weight of the latter.
func (b *balance) at(tilt float64) (i int, t float64) {
	x := tilt / b.spread * (tilts - 1)
	i = min(int(x), tilts-2)
	return i, min(x-float64(i), 1)
}
