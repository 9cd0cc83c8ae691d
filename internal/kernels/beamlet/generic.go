package beamlet

import "math/bits"

// countGeneric is the reference of Count.
func countGeneric(columns []Column, l *Lattice, b *Block) {
	eachGeneric(columns, l, b, func(c *Column, mask uint32, _, _ int) {
		c.Value += int64(bits.OnesCount32(mask))
		c.runs(nil, b.First, mask)
	})
}

// eachGeneric calls f for every column with voxels in reach.
func eachGeneric(columns []Column, l *Lattice, b *Block, f func(c *Column, mask uint32, i, j int)) {
	reach := float32(l.Reach * l.Reach)
	var dx, dy [Lanes]float32
	for j := b.J0; j < b.J1; j++ {
		for n := range dy {
			d := b.Y[n] - l.Y[j]
			dy[n] = float32(d * d)
		}
		for i := b.I0; i < b.I1; i++ {
			column := l.Column[j*len(l.X)+i]
			if column < 0 {
				continue
			}
			var mask uint32
			for n := range dx {
				d := b.X[n] - l.X[i]
				if dx[n] = float32(d * d); dx[n]+dy[n] <= reach {
					mask |= 1 << n
				}
			}
			if mask &= uint32(b.Inside); mask != 0 {
				f(&columns[column], mask, i, j)
			}
		}
	}
}

// runs adds the voxels of a mask, the first of which has the index first, and
// writes them unless run is nil.
func (c *Column) runs(run []Run, first int32, mask uint32) {
	for mask != 0 {
		skip := bits.TrailingZeros32(mask)
		first += int32(skip)
		mask >>= skip
		length := bits.TrailingZeros32(^mask)
		if c.Last.End != first {
			c.Run++
			c.Last.First = first
		}
		first += int32(length)
		mask >>= length
		c.Last.End = first
		if run != nil {
			run[c.Run-1] = c.Last
		}
	}
}

// rowsGeneric is the reference of rows: dst[line][r][voxel] is the function r
// at each voxel seen from each of the lines.
func rowsGeneric(dst []float32, f *Functions, offset []int32, weight []float32, lines int) {
	k := f.Components
	row := k * Rank
	for line := range lines {
		for n, o := range offset {
			node := f.Node[int(o)-line*f.Stride*row:][:2*row]
			for r := range Rank {
				var sum float32
				for c := range k {
					a, b := weight[2*(n*k+c)], weight[2*(n*k+c)+1]
					s := float32(a*node[c*Rank+r]) + float32(b*node[row+c*Rank+r])
					if c == 0 {
						sum = s
					} else {
						sum += s
					}
				}
				dst[(line*Rank+r)*Lanes+n] = sum
			}
		}
	}
}

// valuesGeneric is the reference of Writer.values.
func (w *Writer) valuesGeneric(b *Block) {
	eachGeneric(w.Columns, w.Lattice, b, func(c *Column, mask uint32, i, j int) {
		p, q := w.p[(i-b.I0)*Rank*Lanes:][:Rank*Lanes], w.q[(j-b.J0)*Rank*Lanes:][:Rank*Lanes]
		for m := mask; m != 0; m &= m - 1 {
			n := bits.TrailingZeros32(m)
			product := func(r int) float32 { return float32(p[r*Lanes+n] * q[r*Lanes+n]) }
			four := func(r int) float32 {
				return (product(r) + product(r+1)) + (product(r+2) + product(r+3))
			}
			v := four(0) + four(4)
			w.Value[c.Value] = v
			c.Value++
			w.Sums[int(w.Lattice.Column[j*len(w.Lattice.X)+i])*Lanes+n] += v
		}
		c.runs(w.Run, b.First, mask)
	})
}

// sumGeneric adds value to 16 sums, in turn.
func sumGeneric(sums *[Lanes]float64, value []float32) {
	for i, v := range value {
		sums[i%Lanes] += float64(v)
	}
}
