package viewer

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/kerma-rt/kerma/geometry"
	"gonum.org/v1/gonum/spatial/r3"
)

// header is that of a NIfTI-1 file (R. W. Cox et al., 2004), with the fields
// that place a volume.
type header struct {
	Size         int32 // 348
	_            [36]byte
	Dim          [8]int16
	_            [14]byte
	Datatype     int16
	BitsPerVoxel int16
	_            int16
	PixelDim     [8]float32
	Offset       float32
	Slope        float32
	Intercept    float32
	_            [3]byte
	Units        uint8
	_            [128]byte
	QFormCode    int16
	SFormCode    int16
	_            [24]byte
	SRow         [3][4]float32 // voxel index to RAS, mm
	_            [16]byte
	Magic        [4]byte
	_            [4]byte // no extensions
}

const (
	niftiInt16   = 4
	niftiFloat32 = 16
	millimetres  = 2
	scanner      = 1 // the frame of the scanner: RAS, mm
)

// nifti is the header of a NIfTI-1 file of a volume on grid g. NIfTI counts
// right, anterior, superior; DICOM left, posterior, superior: x and y change
// their sign.
func nifti(g geometry.Grid, datatype, bits int16) ([]byte, error) {
	size, spacing, origin := g.Size(), g.Spacing(), g.Origin()
	h := header{
		Size: 348, Datatype: datatype, BitsPerVoxel: bits, Offset: 352, Slope: 1,
		Units: millimetres, SFormCode: scanner, Magic: [4]byte{'n', '+', '1'},
	}
	h.Dim[0] = 3
	for n := 1; n < 8; n++ {
		h.Dim[n], h.PixelDim[n] = 1, 1
	}
	h.PixelDim[0] = 1
	ras := func(v r3.Vec) [3]float64 { return [3]float64{-v.X, -v.Y, v.Z} }
	for a := range 3 {
		if size[a] > math.MaxInt16 {
			return nil, fmt.Errorf("viewer: %d voxels along one axis are more than NIfTI-1 can count", size[a])
		}
		h.Dim[a+1], h.PixelDim[a+1] = int16(size[a]), float32(spacing[a])
		for row, v := range ras(r3.Scale(spacing[a], g.Axis(a))) {
			h.SRow[row][a] = float32(v)
		}
	}
	for row, v := range ras(origin) {
		h.SRow[row][3] = float32(v)
	}
	var b bytes.Buffer
	if err := binary.Write(&b, binary.LittleEndian, h); err != nil {
		return nil, fmt.Errorf("viewer: NIfTI header: %w", err)
	}
	return b.Bytes(), nil
}

// float32File is a volume as a NIfTI-1 file, values as they are.
func float32File(v *geometry.Volume) ([]byte, error) {
	b, err := nifti(v.Grid, niftiFloat32, 32)
	if err != nil {
		return nil, err
	}
	out := make([]byte, len(b)+4*len(v.Data))
	at := copy(out, b)
	for n, x := range v.Data {
		binary.LittleEndian.PutUint32(out[at+4*n:], math.Float32bits(x))
	}
	return out, nil
}

// int16File is a volume as a NIfTI-1 file of whole numbers, half the size:
// values are rounded, and what int16 cannot hold is its nearest bound.
func int16File(v *geometry.Volume) ([]byte, error) {
	b, err := nifti(v.Grid, niftiInt16, 16)
	if err != nil {
		return nil, err
	}
	out := make([]byte, len(b)+2*len(v.Data))
	at := copy(out, b)
	for n, x := range v.Data {
		r := min(max(math.Round(float64(x)), math.MinInt16), math.MaxInt16)
		binary.LittleEndian.PutUint16(out[at+2*n:], uint16(int16(r)))
	}
	return out, nil
}
