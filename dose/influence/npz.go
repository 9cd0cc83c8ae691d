package influence

import (
	"archive/zip"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strings"
)

// WriteNPZ writes the matrix as the .npz file that scipy.sparse.load_npz opens
// as a csc_matrix of float32: voxels × bixels, voxels x fastest. Indices are
// int32 where they can count the entries, else int64. It fails with ErrMatrix
// and with the error of ctx.
func (m *Matrix) WriteNPZ(ctx context.Context, w io.Writer) error {
	if err := m.valid(); err != nil {
		return err
	}
	entries := int64(len(m.Value))
	return writeNPZ(w, "csc", [2]int{m.Voxels(), m.Columns()}, entries, wide(entries), m.once(ctx))
}

// once is the matrix as the only one of its blocks.
func (m *Matrix) once(ctx context.Context) func(f func(*Matrix) error) error {
	return func(f func(*Matrix) error) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return f(m)
	}
}

// WriteNPZ is that of Matrix, block by block. It fails as Multiply does, and
// with the error of ctx.
func (s *Store) WriteNPZ(ctx context.Context, w io.Writer) error {
	return writeNPZ(w, "csc", [2]int{s.Voxels(), s.Columns()}, s.entries, wide(s.entries), func(f func(*Matrix) error) error {
		return s.each(ctx, func(_ *block, m *Matrix) error { return f(m) })
	})
}

// wide reports whether so many entries need indices of 64 bits.
func wide(entries int64) bool { return entries > math.MaxInt32 }

// writeNPZ writes the lines that each goes through in order, twice.
func writeNPZ(w io.Writer, format string, size [2]int, entries int64, wide bool, each func(f func(*Matrix) error) error) error {
	archive := zip.NewWriter(w)
	index := "<i4"
	if wide {
		index = "<i8"
	}
	start := []int64{0}
	err := array(archive, "indices", index, fmt.Sprint(entries, ","), func(e *encoder) error {
		return each(func(m *Matrix) error {
			before := start[len(start)-1]
			for _, s := range m.Start[1:] {
				start = append(start, before+s)
			}
			for _, r := range m.Run {
				e.places(r, wide)
			}
			e.flush()
			return e.err
		})
	})
	if err != nil {
		return err
	}
	err = array(archive, "indptr", index, fmt.Sprint(len(start), ","), func(e *encoder) error {
		if wide {
			e.longs(start)
			return e.err
		}
		e.put(len(start), 4, func(b []byte, i int) {
			for n, s := range start[i : i+len(b)/4] {
				binary.LittleEndian.PutUint32(b[4*n:], uint32(s))
			}
		})
		return e.err
	})
	if err != nil {
		return err
	}
	err = array(archive, "format", "|S3", "", func(e *encoder) error {
		e.bytes([]byte(format))
		return e.err
	})
	if err != nil {
		return err
	}
	err = array(archive, "shape", "<i8", "2,", func(e *encoder) error {
		e.longs([]int64{int64(size[0]), int64(size[1])})
		return e.err
	})
	if err != nil {
		return err
	}
	err = array(archive, "data", "<f4", fmt.Sprint(entries, ","), func(e *encoder) error {
		return each(func(m *Matrix) error {
			e.floats(m.Value)
			return e.err
		})
	})
	if err != nil {
		return err
	}
	return archive.Close()
}

// array writes one array of a .npz file in NumPy's format 1.0, uncompressed.
func array(archive *zip.Writer, name, kind, shape string, write func(*encoder) error) error {
	w, err := archive.CreateHeader(&zip.FileHeader{Name: name + ".npy", Method: zip.Store})
	if err != nil {
		return err
	}
	head := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", kind, shape)
	// Magic, version, length and head fill a multiple of 64 bytes.
	const before = 10
	head += strings.Repeat(" ", 63-(before+len(head))%64) + "\n"
	e := &encoder{w: w, buffer: make([]byte, 1<<20)}
	e.bytes(append([]byte("\x93NUMPY\x01\x00"), byte(len(head)), byte(len(head)>>8)))
	e.bytes([]byte(head))
	return write(e)
}

// places encodes every place of a run, as int64 if wide, else as int32; what is
// in the buffer at the end waits for flush.
func (e *encoder) places(r Run, wide bool) {
	size := 4
	if wide {
		size = 8
	}
	for v := r.First; v < r.End; {
		if e.filled+size > len(e.buffer) {
			e.flush()
		}
		n := min(int(r.End-v), (len(e.buffer)-e.filled)/size)
		b := e.buffer[e.filled : e.filled+n*size]
		if wide {
			for i := range n {
				binary.LittleEndian.PutUint64(b[8*i:], uint64(int64(v)+int64(i)))
			}
		} else {
			for i := range n {
				binary.LittleEndian.PutUint32(b[4*i:], uint32(v)+uint32(i))
			}
		}
		e.filled += len(b)
		v += int32(n)
	}
}

func (e *encoder) flush() {
	e.bytes(e.buffer[:e.filled])
	e.filled = 0
}
