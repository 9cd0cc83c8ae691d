//go:build !amd64 || purego

package beamlet

func count(columns []Column, l *Lattice, b *Block) { countGeneric(columns, l, b) }

func rows(dst, _ []float32, f *Functions, offset []int32, weight []float32, lines int) {
	rowsGeneric(dst, f, offset, weight, lines)
}

func (w *Writer) values(b *Block) { w.valuesGeneric(b) }

func sum(*[Lanes]float64, []float32) int { return 0 }
