package benchmarks

import (
	"math"

	"github.com/kerma-rt/kerma/geometry"
)

// What the comparison says of a voxel of a section.
const (
	notCompared = iota
	passed
	tooLow
	tooHigh
)

// section is the plane of x and z through the axis: density, and where
// 2 %/2 mm fails.
type section struct {
	x, z    []float64 // voxel centres, mm
	y       float64   // of the plane, mm
	density []float32 // g/cm³, x fastest
	verdict []uint8
}

func (r *reference) section(dose, indices *geometry.Volume) *section {
	n := r.grid.Size()
	_, y := r.axisAt(r.z[n[2]/2])
	j := 0
	for i := range r.y {
		if math.Abs(r.y[i]-y) <= math.Abs(r.y[j]-y) {
			j = i
		}
	}
	s := &section{x: r.x, z: r.z, y: r.y[j]}
	for k := range n[2] {
		for i := range n[0] {
			v := r.grid.Offset(i, j, k)
			s.density = append(s.density, r.Tissue.Density.Data[v])
			verdict := uint8(notCompared)
			switch g := indices.Data[v]; {
			case math.IsNaN(float64(g)):
			case g <= 1:
				verdict = passed
			case dose.Data[v] < r.Dose.Data[v]:
				verdict = tooLow
			default:
				verdict = tooHigh
			}
			s.verdict = append(s.verdict, verdict)
		}
	}
	return s
}
