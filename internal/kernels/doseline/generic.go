package doseline

func sampleGeneric(m *Sampler, line, part []float32, bin []int32, padded int) {
	turn := m.Turn
	for i := range padded {
		at := float32((float32(i)+float32(turn>>8)*m.unit)*m.Step) + m.Start
		turn += m.golden
		inside := at >= m.Lowest && at <= m.Highest
		// Written out: min and max of floats look for NaN.
		if !(at > 0) {
			at = 0
		} else if at > m.last {
			at = m.last
		}
		k := int32(at)
		d := line[k] + float32((at-float32(k))*(line[k+1]-line[k]))
		if d < m.Low {
			d = m.Low
		}
		if d > m.High {
			d = m.High
		}
		if !inside {
			bin[i] = 0
			continue
		}
		bin[i] = min(int32((d-m.Low)*m.PerGy), m.lastBin) + 1
		if float32(i) >= m.n {
			continue
		}
		p, lane := part[i], i%vector
		if p >= m.Sliver {
			m.least[lane], m.most[lane] = min(m.least[lane], d), max(m.most[lane], d)
		}
		if p > 0 {
			m.anyLeast[lane], m.anyMost[lane] = min(m.anyLeast[lane], d), max(m.anyMost[lane], d)
		}
		m.sum[lane] += float64(p) * float64(d)
	}
}

func extremesGeneric(ends *[2][vector]float32, d []float32) {
	for i, x := range d {
		lane := i % vector
		if x < ends[0][lane] {
			ends[0][lane] = x
		}
		if x > ends[1][lane] {
			ends[1][lane] = x
		}
	}
}

func blendGeneric(dst, a, b, c, d []float32, weight *[4]float32) {
	for i := range dst {
		dst[i] = float32(weight[0]*a[i]) + float32(weight[1]*b[i]) + float32(weight[2]*c[i]) + float32(weight[3]*d[i])
	}
}
