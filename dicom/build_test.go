package dicom

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/kerma-rt/kerma/geometry"
	"github.com/stretchr/testify/require"
	"github.com/suyashkumar/dicom/pkg/tag"
	"gonum.org/v1/gonum/spatial/r3"
)

// Files made in code, byte by byte, so that no rule of a writer keeps a test
// from breaking it.

const (
	syntaxImplicit = "1.2.840.10008.1.2"
	syntaxExplicit = "1.2.840.10008.1.2.1"
	syntaxDeflated = "1.2.840.10008.1.2.1.99"
)

// explicit is one element in Explicit VR Little Endian. A length of −1 stands
// for that of the value.
func explicit(t tag.Tag, vr string, length int64, value string) string {
	if length < 0 {
		if len(value)%2 != 0 {
			value += " "
		}
		length = int64(len(value))
	}
	b := binary.LittleEndian.AppendUint16(nil, t.Group)
	b = binary.LittleEndian.AppendUint16(b, t.Element)
	switch {
	case t.Group == 0xfffe:
		b = binary.LittleEndian.AppendUint32(b, uint32(length))
	case slices.Contains(wide, vr):
		b = append(b, vr+"\x00\x00"...)
		b = binary.LittleEndian.AppendUint32(b, uint32(length))
	default:
		b = append(b, vr...)
		b = binary.LittleEndian.AppendUint16(b, uint16(length))
	}
	return string(b) + value
}

// implicit is one element in Implicit VR Little Endian.
func implicit(t tag.Tag, length int64, value string) string {
	if length < 0 {
		length = int64(len(value))
	}
	b := binary.LittleEndian.AppendUint16(nil, t.Group)
	b = binary.LittleEndian.AppendUint16(b, t.Element)
	return string(binary.LittleEndian.AppendUint32(b, uint32(length))) + value
}

func ushort(v int) string {
	return string(binary.LittleEndian.AppendUint16(nil, uint16(v)))
}

// withMeta puts preamble and file meta information before a data set.
func withMeta(syntax string, dataset string) []byte {
	meta := explicit(tag.TransferSyntaxUID, "UI", -1, strings.TrimRight(syntax+"\x00", " "))
	if len(syntax)%2 == 0 {
		meta = explicit(tag.TransferSyntaxUID, "UI", -1, syntax)
	}
	length := string(binary.LittleEndian.AppendUint32(nil, uint32(len(meta))))
	if syntax == syntaxDeflated {
		var z bytes.Buffer
		w, _ := flate.NewWriter(&z, flate.BestCompression)
		w.Write([]byte(dataset))
		w.Close()
		dataset = z.String()
	}
	return []byte(strings.Repeat("\x00", 128) + "DICM" + explicit(tag.FileMetaInformationGroupLength, "UL", -1, length) + meta + dataset)
}

// attribute is one element of a test image: VR and value.
type attribute struct{ vr, value string }

// image is a CT image as attributes, which a test changes before it is written.
type image map[tag.Tag]attribute

// newImage is a sound CT image of 8-bit-wide rows, all pixels stored as v.
func newImage(columns, rows int, origin r3.Vec, x, y r3.Vec, stored func(i, j int) int) image {
	var pixels []byte
	for j := range rows {
		for i := range columns {
			pixels = binary.LittleEndian.AppendUint16(pixels, uint16(stored(i, j)))
		}
	}
	ds := func(v ...float64) string {
		var s []string
		for _, x := range v {
			s = append(s, strconv.FormatFloat(x, 'g', 10, 64))
		}
		return strings.Join(s, `\`)
	}
	return image{
		tag.ImageType:                 {"CS", `ORIGINAL\PRIMARY\AXIAL`},
		tag.SOPClassUID:               {"UI", classCT},
		tag.SOPInstanceUID:            {"UI", fmt.Sprintf("2.25.1%d", int(math.Abs(origin.X*7+origin.Y*1000+origin.Z*1e6)))},
		tag.Modality:                  {"CS", "CT"},
		tag.PatientName:               {"PN", "Phantom^Test"},
		tag.PatientID:                 {"LO", "P1"},
		tag.PatientPosition:           {"CS", "HFS"},
		tag.StudyInstanceUID:          {"UI", "2.25.10"},
		tag.SeriesInstanceUID:         {"UI", "2.25.11"},
		tag.ImagePositionPatient:      {"DS", ds(origin.X, origin.Y, origin.Z)},
		tag.ImageOrientationPatient:   {"DS", ds(x.X, x.Y, x.Z, y.X, y.Y, y.Z)},
		tag.FrameOfReferenceUID:       {"UI", "2.25.12"},
		tag.SamplesPerPixel:           {"US", ushort(1)},
		tag.PhotometricInterpretation: {"CS", "MONOCHROME2"},
		tag.Rows:                      {"US", ushort(rows)},
		tag.Columns:                   {"US", ushort(columns)},
		tag.PixelSpacing:              {"DS", `4\3`}, // rows 4 mm apart, columns 3 mm
		tag.BitsAllocated:             {"US", ushort(16)},
		tag.BitsStored:                {"US", ushort(16)},
		tag.HighBit:                   {"US", ushort(15)},
		tag.PixelRepresentation:       {"US", ushort(1)},
		tag.RescaleIntercept:          {"DS", "0"},
		tag.RescaleSlope:              {"DS", "1"},
		tag.PixelData:                 {"OW", string(pixels)},
	}
}

// dataset is the image in Explicit VR Little Endian.
func (m image) dataset() string {
	var tags []tag.Tag
	for t := range m {
		tags = append(tags, t)
	}
	slices.SortFunc(tags, func(a, b tag.Tag) int { return a.Compare(b) })
	var b strings.Builder
	for _, t := range tags {
		b.WriteString(explicit(t, m[t].vr, -1, m[t].value))
	}
	return b.String()
}

func (m image) file() []byte { return withMeta(syntaxExplicit, m.dataset()) }

func (m image) object(t *testing.T) *object {
	t.Helper()
	o, err := parse("test", m.file())
	require.NoError(t, err)
	return o
}

// writeSeries writes images to a new folder.
func writeSeries(t testing.TB, images ...image) string {
	t.Helper()
	dir := t.TempDir()
	for i, m := range images {
		require.NoError(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%03d.dcm", i)), m.file(), 0o644))
	}
	return dir
}

// orientations are the directions of rows and columns as scanners write them.
var orientations = map[geometry.PatientPosition][2]r3.Vec{
	geometry.HFS:  {{X: 1}, {Y: 1}},
	geometry.HFP:  {{X: -1}, {Y: -1}},
	geometry.FFS:  {{X: -1}, {Y: 1}},
	geometry.FFP:  {{X: 1}, {Y: -1}},
	geometry.HFDL: {{Y: 1}, {X: -1}},
	geometry.HFDR: {{Y: -1}, {X: 1}},
	geometry.FFDL: {{Y: 1}, {X: 1}},
	geometry.FFDR: {{Y: -1}, {X: -1}},
}

// phantomSeries samples the function hu on slices of 40 × 30 voxels of
// 3 × 4 × 5 mm around the frame's origin, at the given places along the normal.
func phantomSeries(x, y r3.Vec, at []float64, hu func(r3.Vec) float64) []image {
	n := r3.Cross(x, y)
	var out []image
	for _, k := range at {
		origin := r3.Add(r3.Scale(k, n), r3.Add(r3.Scale(-3*19.5, x), r3.Scale(-4*14.5, y)))
		out = append(out, newImage(40, 30, origin, x, y, func(i, j int) int {
			p := r3.Add(origin, r3.Add(r3.Scale(3*float64(i), x), r3.Scale(4*float64(j), y)))
			return int(math.Round(hu(p)))
		}))
	}
	return out
}

// steps are n places d mm apart, centred on 0.
func steps(n int, d float64) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = d * (float64(i) - float64(n-1)/2)
	}
	return out
}
