package outline

import "math"

func nearestGeneric(e *Edge, d []float32, stride, rows, columns int) {
	for j := range rows {
		pv := float32(float32(j)*e.DV) + e.V
		across := float32(pv * e.EV)
		row := d[j*stride : j*stride+columns]
		for i := range row {
			pu := float32(float32(i)*e.DU) + e.U
			t := float32((float32(pu*e.EU) + across) * e.Inverse)
			if t < 0 {
				t = 0
			} else if t > 1 {
				t = 1
			}
			x, y := pu-float32(t*e.EU), pv-float32(t*e.EV)
			if q := float32(x*x) + float32(y*y); q < row[i] {
				row[i] = q
			}
		}
	}
}

func rootsGeneric(d []float32) {
	for i, q := range d {
		d[i] = 0 - float32(math.Sqrt(float64(q)))
	}
}

func bendGeneric(m *Bend, row, a, b, before, after []float32, n int) {
	for i := range n {
		d := b[i] - a[i]
		bend := m.Bend * minmod(m.KB*(d-float32(m.RB*(a[i]-before[i]))), m.KA*(float32(m.RA*(after[i]-b[i]))-d))
		switch {
		case a[i] >= m.Step && b[i] >= m.Step:
			row[i] = m.Step
		case a[i] <= -m.Step && b[i] <= -m.Step:
			row[i] = -m.Step
		default:
			row[i] = float32(m.WA*clip(a[i], m.Step)) + float32(m.WB*clip(b[i], m.Step)) - float32(bend)
		}
	}
}

func minmod(a, b float32) float32 {
	switch {
	case a > 0 && b > 0:
		return min(a, b)
	case a < 0 && b < 0:
		return max(a, b)
	}
	return 0
}

// clip is written out: min and max of floats look for NaN.
func clip(d, limit float32) float32 {
	if d > limit {
		return limit
	}
	if d < -limit {
		return -limit
	}
	return d
}

func endGeneric(m *End, row, a, b, before, after []float32, n int) {
	for i := range n {
		x := float32(m.WA*a[i]) + float32(m.WB*b[i])
		d1, d2 := a[i]-2*b[i]+before[i], b[i]-2*before[i]+after[i]
		if d1 < 0 && d2 < 0 {
			x += float32(m.Bend * d1)
		}
		if x > row[i] {
			row[i] = x
		}
	}
}

func coverGeneric(out, low, high, rest []float32, mixed []byte, n int) {
	clear(mixed[:n/8])
	for i := range n {
		var x float32
		switch a, b, c, d := low[i] >= 0, low[i+1] >= 0, high[i] >= 0, high[i+1] >= 0; {
		case a && b && c && d:
			x = 1
		case a || b || c || d:
			mixed[i/8] |= 1 << (i % 8)
		}
		x += rest[i]
		if x < 0 {
			x = 0
		} else if x > 1 {
			x = 1
		}
		out[i] = x
	}
}
