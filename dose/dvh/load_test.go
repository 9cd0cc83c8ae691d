package dvh

import (
	"encoding/binary"
	"encoding/csv"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/suyashkumar/dicom"
	"github.com/suyashkumar/dicom/pkg/tag"
	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/geometry"
)

// shared is a file in the folder of reference data beside the repository; the
// test is skipped where it is absent.
func shared(t testing.TB, path ...string) string {
	t.Helper()
	dir, err := os.Getwd()
	require.NoError(t, err)
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		require.NotEqual(t, dir, filepath.Dir(dir))
		dir = filepath.Dir(dir)
	}
	name := filepath.Join(append([]string{dir, "..", "shared", "data"}, path...)...)
	if _, err := os.Stat(name); err != nil {
		t.Skipf("no reference data: %s", filepath.Join(path...))
	}
	return name
}

func table(t testing.TB, path ...string) []map[string]string {
	t.Helper()
	f, err := os.Open(shared(t, path...))
	require.NoError(t, err)
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	require.NoError(t, err)
	var out []map[string]string
	for _, r := range rows[1:] {
		m := map[string]string{}
		for i, k := range rows[0] {
			m[k] = r[i]
		}
		out = append(out, m)
	}
	return out
}

func number(t testing.TB, s string) float64 {
	t.Helper()
	x, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	require.NoError(t, err)
	return x
}

// element reads what these tests need of one DICOM item.
type item []*dicom.Element

func (it item) find(tg tag.Tag) *dicom.Element {
	for _, e := range it {
		if e.Tag == tg {
			return e
		}
	}
	return nil
}

func (it item) text(tg tag.Tag) []string {
	if e := it.find(tg); e != nil {
		s, _ := e.Value.GetValue().([]string)
		return s
	}
	return nil
}

func (it item) numbers(t testing.TB, tg tag.Tag) []float64 {
	e := it.find(tg)
	if e == nil {
		return nil
	}
	var out []float64
	switch v := e.Value.GetValue().(type) {
	case []string:
		for _, s := range v {
			out = append(out, number(t, s))
		}
	case []int:
		for _, i := range v {
			out = append(out, float64(i))
		}
	}
	return out
}

func (it item) items(tg tag.Tag) (out []item) {
	if e := it.find(tg); e != nil {
		for _, s := range e.Value.GetValue().([]*dicom.SequenceItemValue) {
			out = append(out, item(s.GetValue().([]*dicom.Element)))
		}
	}
	return out
}

// readStructures is a plain reader for these tests alone: the closed contours.
func readStructures(t testing.TB, file string) *geometry.StructureSet {
	t.Helper()
	ds, err := dicom.ParseFile(file, nil)
	require.NoError(t, err)
	root := item(ds.Elements)
	set := &geometry.StructureSet{}
	byNumber := map[string]int{}
	for _, r := range root.items(tag.StructureSetROISequence) {
		n := r.text(tag.ROINumber)[0]
		byNumber[n] = len(set.Structures)
		set.Structures = append(set.Structures, geometry.Structure{Name: r.text(tag.ROIName)[0]})
	}
	for _, r := range root.items(tag.ROIContourSequence) {
		s := &set.Structures[byNumber[r.text(tag.ReferencedROINumber)[0]]]
		for _, c := range r.items(tag.ContourSequence) {
			if !strings.HasPrefix(c.text(tag.ContourGeometricType)[0], "CLOSED") {
				continue
			}
			x := c.numbers(t, tag.ContourData)
			var contour geometry.Contour
			for i := 0; i+2 < len(x); i += 3 {
				contour = append(contour, r3.Vec{X: x[i], Y: x[i+1], Z: x[i+2]})
			}
			s.Contours = append(s.Contours, contour)
		}
	}
	return set
}

// readDose is a plain reader for these tests alone: little endian, uncompressed,
// evenly spaced planes.
func readDose(t testing.TB, file string) *geometry.Volume {
	t.Helper()
	ds, err := dicom.ParseFile(file, nil, dicom.SkipProcessingPixelDataValue())
	require.NoError(t, err)
	root := item(ds.Elements)
	rows, columns := int(root.numbers(t, tag.Rows)[0]), int(root.numbers(t, tag.Columns)[0])
	p := root.numbers(t, tag.ImagePositionPatient)
	o := root.numbers(t, tag.ImageOrientationPatient)
	d := root.numbers(t, tag.PixelSpacing)
	offsets := root.numbers(t, tag.GridFrameOffsetVector)
	x, y := r3.Vec{X: o[0], Y: o[1], Z: o[2]}, r3.Vec{X: o[3], Y: o[4], Z: o[5]}
	g, err := geometry.NewGrid(r3.Vec{X: p[0], Y: p[1], Z: p[2]}, [3]float64{d[1], d[0], offsets[1] - offsets[0]},
		[3]int{columns, rows, len(offsets)}, [3]r3.Vec{x, y, r3.Cross(x, y)})
	require.NoError(t, err)
	raw := root.find(tag.PixelData).Value.GetValue().(dicom.PixelDataInfo).UnprocessedValueData
	scale := root.numbers(t, tag.DoseGridScaling)[0]
	v := geometry.NewVolume(g)
	bytes := int(root.numbers(t, tag.BitsAllocated)[0]) / 8
	require.GreaterOrEqual(t, len(raw), bytes*g.Len())
	for i := range v.Data {
		switch bytes {
		case 2:
			v.Data[i] = float32(float64(binary.LittleEndian.Uint16(raw[2*i:])) * scale)
		case 4:
			v.Data[i] = float32(float64(binary.LittleEndian.Uint32(raw[4*i:])) * scale)
		}
	}
	return v
}
