package influence

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
)

// A block is consecutive columns in a file, little-endian:
//
//	magic     8 bytes
//	from, to  int64  the columns from … to−1
//	entries   int64
//	runs      int64
//	start     (to − from + 1) × int64, from 0
//	run start (to − from + 1) × int64, from 0
//	run       runs × (first int32, end int32)
//	value     entries × float32
const blockMagic = "kermaIM1"

// blockBytes is the length of the file of a block.
func blockBytes(columns int, entries, runs int64) int64 {
	return int64(len(blockMagic)) + 8*4 + 16*(int64(columns)+1) + 8*runs + 4*entries
}

// writeBlock writes the matrix as the columns from on of a larger one.
func (m *Matrix) writeBlock(w io.Writer, from int) error {
	e := encoder{w: w, buffer: make([]byte, 1<<20)}
	e.bytes([]byte(blockMagic))
	e.longs([]int64{int64(from), int64(from + m.Columns()), int64(len(m.Value)), int64(len(m.Run))})
	e.longs(m.Start)
	e.longs(m.RunStart)
	e.runs(m.Run)
	e.floats(m.Value)
	return e.err
}

// readBlock reads a block into m, in the memory that m has as far as it
// suffices. want is what the index says of it: no more than that is read, and
// anything else is an error.
func (m *Matrix) readBlock(r io.Reader, want *block) error {
	d := decoder{r: r, buffer: make([]byte, 1<<20)}
	magic := make([]byte, len(blockMagic))
	d.bytes(magic)
	head := make([]int64, 4)
	d.longs(head)
	if d.err != nil {
		return d.err
	}
	if string(magic) != blockMagic {
		return fmt.Errorf("begins with %q: no block of an influence matrix", magic)
	}
	if expected := [4]int64{int64(want.From), int64(want.To), want.Entries, want.Runs}; [4]int64(head) != expected {
		return fmt.Errorf("columns %d to %d, %d entries, %d runs; expected %v", head[0], head[1], head[2], head[3], expected)
	}
	columns := want.To - want.From
	m.Start, m.RunStart = resize(m.Start, columns+1), resize(m.RunStart, columns+1)
	m.Run, m.Value = resize(m.Run, int(want.Runs)), resize(m.Value, int(want.Entries))
	d.longs(m.Start)
	d.longs(m.RunStart)
	d.runs(m.Run)
	d.floats(m.Value)
	if d.err != nil {
		return d.err
	}
	return m.valid()
}

// valid looks at everything that the matrix says of itself.
func (m *Matrix) valid() error { return m.validFor(m.Voxels()) }

// validFor is valid for columns of so many voxels.
func (m *Matrix) validFor(voxels int) error {
	columns := m.Columns()
	if len(m.Start) != columns+1 || len(m.RunStart) != columns+1 || m.Start[0] != 0 || m.RunStart[0] != 0 ||
		m.Start[columns] != int64(len(m.Value)) || m.RunStart[columns] != int64(len(m.Run)) {
		return fmt.Errorf("%w: columns do not begin at 0 or end at %d entries and %d runs", ErrMatrix, len(m.Value), len(m.Run))
	}
	for j := range columns {
		if m.Start[j+1] < m.Start[j] || m.RunStart[j+1] < m.RunStart[j] || m.Start[j+1] > int64(len(m.Value)) || m.RunStart[j+1] > int64(len(m.Run)) {
			return fmt.Errorf("%w: column %d ends before it begins", ErrMatrix, j)
		}
		_, runs := m.column(j)
		end, entries := int32(0), int64(0)
		for _, r := range runs {
			if r.First < end || r.End < r.First {
				return fmt.Errorf("%w: column %d: voxels %d to %d after voxel %d", ErrMatrix, j, r.First, r.End, end)
			}
			end = r.End
			entries += int64(r.End - r.First)
		}
		if int(end) > voxels || entries != m.Start[j+1]-m.Start[j] {
			return fmt.Errorf("%w: column %d has %d entries for %d voxels, up to voxel %d of %d", ErrMatrix, j, m.Start[j+1]-m.Start[j], entries, end, voxels)
		}
	}
	return nil
}

// resize is v with n elements, in its own memory if that suffices.
func resize[T any](v []T, n int) []T {
	if cap(v) < n {
		return make([]T, n)
	}
	return v[:n]
}

// encoder writes numbers little-endian, through a buffer that stays in the
// cache, until the first error.
type encoder struct {
	w      io.Writer
	buffer []byte
	filled int // of the buffer, see places
	err    error
}

func (e *encoder) bytes(b []byte) {
	if e.err == nil {
		_, e.err = e.w.Write(b)
	}
}

// put encodes n elements of so many bytes, with the function that encodes those
// from i on into b.
func (e *encoder) put(n, bytes int, encode func(b []byte, i int)) {
	step := len(e.buffer) / bytes
	for i := 0; i < n && e.err == nil; i += step {
		b := e.buffer[:min(step, n-i)*bytes]
		encode(b, i)
		e.bytes(b)
	}
}

func (e *encoder) longs(v []int64) {
	e.put(len(v), 8, func(b []byte, i int) {
		for n, x := range v[i : i+len(b)/8] {
			binary.LittleEndian.PutUint64(b[8*n:], uint64(x))
		}
	})
}

func (e *encoder) runs(v []Run) {
	e.put(len(v), 8, func(b []byte, i int) {
		for n, r := range v[i : i+len(b)/8] {
			binary.LittleEndian.PutUint64(b[8*n:], uint64(uint32(r.First))|uint64(uint32(r.End))<<32)
		}
	})
}

func (e *encoder) floats(v []float32) {
	e.put(len(v), 4, func(b []byte, i int) {
		v := v[i : i+len(b)/4]
		// Four at a time, three times as fast: no index is checked.
		for ; len(v) >= 4 && len(b) >= 16; v, b = v[4:], b[16:] {
			from, to := (*[4]float32)(v), (*[16]byte)(b)
			binary.LittleEndian.PutUint32(to[0:], math.Float32bits(from[0]))
			binary.LittleEndian.PutUint32(to[4:], math.Float32bits(from[1]))
			binary.LittleEndian.PutUint32(to[8:], math.Float32bits(from[2]))
			binary.LittleEndian.PutUint32(to[12:], math.Float32bits(from[3]))
		}
		for n, x := range v {
			binary.LittleEndian.PutUint32(b[4*n:], math.Float32bits(x))
		}
	})
}

// decoder reads what encoder writes, until the first error.
type decoder struct {
	r      io.Reader
	buffer []byte
	err    error
}

func (d *decoder) bytes(b []byte) {
	if d.err == nil {
		_, d.err = io.ReadFull(d.r, b)
	}
}

func (d *decoder) get(n, bytes int, decode func(b []byte, i int)) {
	step := len(d.buffer) / bytes
	for i := 0; i < n && d.err == nil; i += step {
		b := d.buffer[:min(step, n-i)*bytes]
		if d.bytes(b); d.err == nil {
			decode(b, i)
		}
	}
}

func (d *decoder) longs(v []int64) {
	d.get(len(v), 8, func(b []byte, i int) {
		for n := range v[i : i+len(b)/8] {
			v[i+n] = int64(binary.LittleEndian.Uint64(b[8*n:]))
		}
	})
}

func (d *decoder) runs(v []Run) {
	d.get(len(v), 8, func(b []byte, i int) {
		for n := range v[i : i+len(b)/8] {
			x := binary.LittleEndian.Uint64(b[8*n:])
			v[i+n] = Run{First: int32(uint32(x)), End: int32(uint32(x >> 32))}
		}
	})
}

func (d *decoder) floats(v []float32) {
	d.get(len(v), 4, func(b []byte, i int) {
		v := v[i : i+len(b)/4]
		for ; len(v) >= 4 && len(b) >= 16; v, b = v[4:], b[16:] {
			to, from := (*[4]float32)(v), (*[16]byte)(b)
			to[0] = math.Float32frombits(binary.LittleEndian.Uint32(from[0:]))
			to[1] = math.Float32frombits(binary.LittleEndian.Uint32(from[4:]))
			to[2] = math.Float32frombits(binary.LittleEndian.Uint32(from[8:]))
			to[3] = math.Float32frombits(binary.LittleEndian.Uint32(from[12:]))
		}
		for n := range v {
			v[n] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*n:]))
		}
	})
}
