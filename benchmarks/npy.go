package benchmarks

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// array is a NumPy array of up to three dimensions in C order.
type array struct {
	shape []int
	value []float32
}

var (
	npyDescr = regexp.MustCompile(`'descr':\s*'[<|]([fiu][1248])'`)
	npyOrder = regexp.MustCompile(`'fortran_order':\s*False`)
	npyShape = regexp.MustCompile(`'shape':\s*\(([0-9, ]*)\)`)
)

// readNPY reads a little-endian .npy file of floats, or of integers of up to 32
// bits, with at most most values.
func readNPY(r io.Reader, most int) (*array, error) {
	var head [10]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, fmt.Errorf("npy: %w", err)
	}
	if !bytes.Equal(head[:7], []byte("\x93NUMPY\x01")) {
		return nil, fmt.Errorf("npy: expected a file of version 1, found %q", head[:8])
	}
	text := make([]byte, binary.LittleEndian.Uint16(head[8:]))
	if _, err := io.ReadFull(r, text); err != nil {
		return nil, fmt.Errorf("npy: %w", err)
	}
	descr, shape := npyDescr.FindSubmatch(text), npyShape.FindSubmatch(text)
	if descr == nil || shape == nil || !npyOrder.Match(text) {
		return nil, fmt.Errorf("npy: expected little-endian numbers in C order, found %s", bytes.TrimSpace(text))
	}
	a := &array{}
	n := 1
	for s := range strings.FieldsFuncSeq(string(shape[1]), func(r rune) bool { return r == ',' || r == ' ' }) {
		d, err := strconv.Atoi(s)
		if err != nil || d < 1 || n > most/d {
			return nil, fmt.Errorf("npy: shape (%s), expected at most %d values", shape[1], most)
		}
		n *= d
		a.shape = append(a.shape, d)
	}
	var width int
	var at func([]byte) float32
	switch string(descr[1]) {
	case "u1":
		width, at = 1, func(b []byte) float32 { return float32(b[0]) }
	case "i1":
		width, at = 1, func(b []byte) float32 { return float32(int8(b[0])) }
	case "u2":
		width, at = 2, func(b []byte) float32 { return float32(binary.LittleEndian.Uint16(b)) }
	case "i2":
		width, at = 2, func(b []byte) float32 { return float32(int16(binary.LittleEndian.Uint16(b))) }
	case "u4":
		width, at = 4, func(b []byte) float32 { return float32(binary.LittleEndian.Uint32(b)) }
	case "i4":
		width, at = 4, func(b []byte) float32 { return float32(int32(binary.LittleEndian.Uint32(b))) }
	case "i8":
		width, at = 8, func(b []byte) float32 { return float32(int64(binary.LittleEndian.Uint64(b))) }
	case "f2":
		width, at = 2, func(b []byte) float32 { return half(binary.LittleEndian.Uint16(b)) }
	case "f4":
		width, at = 4, func(b []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b)) }
	case "f8":
		width, at = 8, func(b []byte) float32 { return float32(math.Float64frombits(binary.LittleEndian.Uint64(b))) }
	default:
		return nil, fmt.Errorf("npy: no values of type %s here", descr[1])
	}
	// A header may promise more than there is: memory follows what is read.
	var piece [1 << 16]byte
	for len(a.value) < n {
		data := piece[:min(len(piece), (n-len(a.value))*width)]
		if _, err := io.ReadFull(r, data); err != nil {
			return nil, fmt.Errorf("npy: %d values: %w", n, err)
		}
		for i := 0; i < len(data); i += width {
			a.value = append(a.value, at(data[i:]))
		}
	}
	return a, nil
}

// half is the value of an IEEE 754 binary16.
func half(b uint16) float32 {
	sign, exponent, fraction := 1.0, int(b>>10&31), float64(b&1023)
	if b>>15 == 1 {
		sign = -1
	}
	switch exponent {
	case 0:
		return float32(sign * math.Ldexp(fraction, -24))
	case 31:
		if fraction != 0 {
			return float32(math.NaN())
		}
		return float32(math.Inf(int(sign)))
	}
	return float32(sign * math.Ldexp(1024+fraction, exponent-25))
}

// unfold puts an array on a grid. Its shape is (z, y, x); half the voxels in x
// and y stand for the quadrant of positive x and y of a case that is symmetric.
func (a *array) unfold(size [3]int) ([]float32, error) {
	nx, ny, nz := size[0], size[1], size[2]
	if len(a.shape) == 3 && a.shape[0] == nz {
		switch {
		case a.shape[1] == ny && a.shape[2] == nx:
			return a.value, nil
		case a.shape[1]*2 == ny && a.shape[2]*2 == nx:
			out := make([]float32, 0, nx*ny*nz)
			for k := range nz {
				for j := range ny {
					q := a.value[(k*ny/2+mirrored(j, ny))*nx/2:]
					for i := range nx {
						out = append(out, q[mirrored(i, nx)])
					}
				}
			}
			return out, nil
		}
	}
	return nil, fmt.Errorf("array of shape %v for a grid of (%d, %d, %d)", a.shape, nz, ny, nx)
}

// mirrored is the index in the upper half of n that i lies opposite.
func mirrored(i, n int) int { return max(i-n/2, n/2-1-i) }
