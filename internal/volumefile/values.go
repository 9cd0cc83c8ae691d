package volumefile

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"io"
	"math"
	"os"
)

// maxVoxels bounds what one file can make this package allocate: 1 GiB.
const maxVoxels = 1 << 28

// number is how one value is stored.
type number struct {
	bytes  int
	decode func(b []byte, o binary.ByteOrder) float64
}

var (
	uint8s   = number{1, func(b []byte, _ binary.ByteOrder) float64 { return float64(b[0]) }}
	int8s    = number{1, func(b []byte, _ binary.ByteOrder) float64 { return float64(int8(b[0])) }}
	uint16s  = number{2, func(b []byte, o binary.ByteOrder) float64 { return float64(o.Uint16(b)) }}
	int16s   = number{2, func(b []byte, o binary.ByteOrder) float64 { return float64(int16(o.Uint16(b))) }}
	uint32s  = number{4, func(b []byte, o binary.ByteOrder) float64 { return float64(o.Uint32(b)) }}
	int32s   = number{4, func(b []byte, o binary.ByteOrder) float64 { return float64(int32(o.Uint32(b))) }}
	float32s = number{4, func(b []byte, o binary.ByteOrder) float64 { return float64(math.Float32frombits(o.Uint32(b))) }}
	float64s = number{8, func(b []byte, o binary.ByteOrder) float64 { return math.Float64frombits(o.Uint64(b)) }}
)

// array is how the values of a file are stored.
type array struct {
	number
	order     binary.ByteOrder
	size      [3]int
	slope     float64 // value = slope · stored + intercept
	intercept float64
}

// count is the number of voxels, or an error when there are none or too many.
func (a array) count() (int, error) {
	n := 1
	for _, s := range a.size {
		if s < 1 || s > maxVoxels || n > maxVoxels/s {
			return 0, unusable("size %v: each axis must have a voxel and all together at most %d", a.size, maxVoxels)
		}
		n *= s
	}
	return n, nil
}

// read takes the values from s, which must hold them and nothing more.
func (a array) read(s *source) ([]float32, error) {
	n, err := a.count()
	if err != nil {
		return nil, err
	}
	if want := int64(n) * int64(a.bytes); s.left < want {
		return nil, unusable("size %v needs %d bytes of values, the file cannot hold more than %d", a.size, want, s.left)
	}
	data := make([]float32, 0, min(n, 1<<20)) // grows with what is really there
	block := make([]byte, 4096*a.bytes)
	for len(data) < n {
		b := block[:min(4096, n-len(data))*a.bytes]
		if _, err := io.ReadFull(s, b); err != nil {
			return nil, unusable("values end after %d of %d voxels: %v", len(data), n, err)
		}
		for ; len(b) > 0; b = b[a.bytes:] {
			data = append(data, float32(a.slope*a.decode(b, a.order)+a.intercept))
		}
	}
	switch _, err := s.ReadByte(); err {
	case io.EOF:
		return data, nil
	case nil:
		return nil, unusable("more bytes than the %d voxels of size %v", n, a.size)
	default:
		return nil, unusable("after the last voxel: %v", err)
	}
}

// source is a file opened for reading, unpacked where it is packed.
type source struct {
	*bufio.Reader
	file *os.File
	left int64 // bytes that can still come, at most
}

// mostPacked is the highest ratio that deflate reaches.
const mostPacked = 1032

func openSource(path string, gzipped bool) (*source, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	if !info.Mode().IsRegular() {
		f.Close()
		return nil, unusable("no regular file")
	}
	s := &source{Reader: bufio.NewReader(f), file: f, left: info.Size()}
	if gzipped {
		if err := s.unpack(); err != nil {
			f.Close()
			return nil, err
		}
	}
	return s, nil
}

// unpack makes the rest of the source what its gzip stream holds.
func (s *source) unpack() error {
	z, err := gzip.NewReader(s.Reader)
	if err != nil {
		return unusable("gzip: %v", err)
	}
	s.Reader = bufio.NewReader(z)
	s.left *= mostPacked
	return nil
}

func (s *source) Close() error { return s.file.Close() }
