package machine

import "math"

// OnAxis is the dose to water (Gy) on the beam axis at a depth (mm) in a flat
// water tank at a source–surface distance ssd (mm), for unit fluence on the
// axis in the isocentre plane, 1 photon/cm² for a machine with a Beam quality,
// and a square field of the given side (mm) there. Nothing passes the closed
// collimator, and the edge is sharp: its blur does not reach the axis of a
// field of some centimetres. From it follow percentage depth dose, tissue
// ratios and output factors of phantom scatter. It is NaN where the pencil
// kernel has no answer or the machine none.
func (m *Machine) OnAxis(side, ssd, depth float64) float64 {
	if m.Pencil == nil {
		return math.NaN()
	}
	return m.axis(m.square(side, ssd), ssd, depth)
}

// Reference is the depth (mm) of the point that the calibration refers to and
// the dose there (Gy) for unit fluence; both NaN when there is no reference
// condition or no pencil kernel.
func (m *Machine) Reference() (depth, dose float64) {
	c := m.Calibration
	if m.Pencil == nil || !(c.GyPerMU > 0) {
		return math.NaN(), math.NaN()
	}
	field := m.square(c.Field, c.SSD)
	if c.Depth > 0 {
		return c.Depth, m.axis(field, c.SSD, c.Depth)
	}
	depth, dose = math.NaN(), math.Inf(-1)
	for _, d := range m.Pencil.Depth.Depth {
		if v := m.axis(field, c.SSD, d); v > dose {
			depth, dose = d, v
		}
	}
	return depth, dose
}

// square is the integral of every lateral kernel times the profile over a
// square around the axis.
func (m *Machine) square(side, ssd float64) []float64 {
	h := side / 2
	lateral := m.Pencil.At(ssd)
	field := make([]float64, len(lateral))
	for k, w := range lateral {
		if len(m.Profile.Radius) > 0 {
			shaped := Radial{Radius: w.Radius, Value: make([]float64, len(w.Value)), Core: w.Core * m.Profile.At(0)}
			for i, r := range w.Radius {
				shaped.Value[i] = w.Value[i] * m.Profile.At(r)
			}
			w = shaped
		}
		field[k] = w.Rectangle(-h, h, -h, h)
	}
	return field
}

func (m *Machine) axis(field []float64, ssd, depth float64) float64 {
	s := (ssd + depth) / m.SAD
	var dose float64
	for k, d := range m.Pencil.Depth.At(depth, s, make([]float64, len(field))) {
		dose += d * field[k]
	}
	return dose / (s * s)
}
