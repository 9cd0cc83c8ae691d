// Package doseline samples the dose along a line: linear between the values at
// its whole numbers, at places shifted within the cells of a row.
//
// Rows are worked on in whole vectors: slices for n cells must hold Padded(n)
// elements, and those beyond n are read and overwritten. Every level of vector
// instructions gives the same bits.
package doseline

import "math"

//go:generate go run -C ../gen ./doseline -out ../doseline/doseline_amd64.s -stubs ../doseline/doseline_amd64.go -pkg doseline

const vector = 16 // elements that are worked on at once

// Padded is the number of elements that slices of n must hold.
func Padded(n int) int { return (n + vector - 1) &^ (vector - 1) }

// Spare is the capacity beyond its length that makes work on a line quicker: what
// is there is read, but does not count.
const Spare = 32

// Sampler is how samples are placed and counted, and what they come to.
type Sampler struct {
	// Cell i of a row has its sample at Start + (i + frac(Turn + i·golden
	// ratio))·Step on the line.
	Start, Step float32
	// Samples beyond these count as outside.
	Lowest, Highest float32
	last            float32 // place on the line with a right neighbour
	// Doses are kept to Low…High and counted in Bins bins 1/PerGy wide from Low on.
	Low, High, PerGy float32
	lastBin          int32
	Sliver           float32 // part of a cell at which a sample counts in Least and Most
	n                float32
	Turn             uint32 // of 2³²
	golden           uint32
	unit, infinity   float32
	_                float32

	least, most, anyLeast, anyMost [vector]float32
	sum                            [vector]float64

	Bins int
}

// golden is 2³²/φ: along a row, samples are shifted by an additive recurrence.
const golden = 2654435769

// Reset forgets the samples taken.
func (m *Sampler) Reset() {
	for i := range vector {
		m.least[i], m.anyLeast[i] = float32(math.Inf(1)), float32(math.Inf(1))
		m.most[i], m.anyMost[i] = float32(math.Inf(-1)), float32(math.Inf(-1))
		m.sum[i] = 0
	}
}

// Row samples n cells, of each of which a part counts. The line has one value
// more than it is long. It writes the bin of each: 0 outside, else from 1 on.
func (m *Sampler) Row(bin []int32, line, part []float32, n int) {
	if n <= 0 {
		return
	}
	padded := Padded(n)
	_, _, _ = bin[padded-1], part[padded-1], line[1]
	m.lastBin = int32(m.Bins - 1)
	m.last, m.n = float32(len(line)-2), float32(n)
	m.golden, m.unit, m.infinity = golden, 1.0/(1<<24), float32(math.Inf(1))
	sample(m, line, part, bin, padded)
}

// Extremes are the least and greatest dose of the samples that were no slivers,
// +∞ and −∞ where there were none.
func (m *Sampler) Extremes() (least, most float32) { return ends(&m.least, &m.most) }

// AnyExtremes are those of all samples.
func (m *Sampler) AnyExtremes() (least, most float32) { return ends(&m.anyLeast, &m.anyMost) }

func ends(low, high *[vector]float32) (least, most float32) {
	least, most = low[0], high[0]
	for i := range vector {
		least, most = min(least, low[i]), max(most, high[i])
	}
	return least, most
}

// Sum is Σ part · dose of the samples inside since it was asked for last.
func (m *Sampler) Sum() float64 {
	sum := 0.0
	for i, x := range m.sum {
		sum += x
		m.sum[i] = 0
	}
	return sum
}

// Range is the least and greatest of some doses: +∞ and −∞ of none.
type Range struct {
	ends [2][vector]float32
	some bool
}

// Add takes in more doses, none of them NaN.
func (r *Range) Add(d []float32) {
	if !r.some {
		r.some = true
		for i := range vector {
			r.ends[0][i], r.ends[1][i] = float32(math.Inf(1)), float32(math.Inf(-1))
		}
	}
	whole := len(d) &^ (vector - 1)
	if whole > 0 {
		extremes(&r.ends, d[:whole])
	}
	extremesGeneric(&r.ends, d[whole:])
}

// Ends are the least and the greatest.
func (r *Range) Ends() (least, most float32) {
	if !r.some {
		return float32(math.Inf(1)), float32(math.Inf(-1))
	}
	return ends(&r.ends[0], &r.ends[1])
}

// Blend is dst = weight[0]·a + weight[1]·b + weight[2]·c + weight[3]·d. It needs
// no padding.
func Blend(dst, a, b, c, d []float32, weight *[4]float32) {
	n := len(dst)
	a, b, c, d = a[:n], b[:n], c[:n], d[:n]
	k := blend(dst, a, b, c, d, weight)
	blendGeneric(dst[k:], a[k:], b[k:], c[k:], d[k:], weight)
}
