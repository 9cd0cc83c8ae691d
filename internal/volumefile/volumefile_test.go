package volumefile

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/kerma-rt/kerma/geometry"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/spatial/r3"
)

// testdata/make.py wrote one oblique volume by SimpleITK, pynrrd, nibabel and
// NumPy: each file must put the same values in the same places.
func TestEveryFormatPutsTheSameVolumeInTheSamePlace(t *testing.T) {
	sinA, cosA := math.Sincos(20 * math.Pi / 180)
	sinB, cosB := math.Sincos(35 * math.Pi / 180)
	want, err := geometry.NewGrid(r3.Vec{X: -10, Y: 20, Z: 30}, [3]float64{2, 3, 2.5}, [3]int{5, 4, 3}, [3]r3.Vec{
		{X: cosA, Y: sinA}, {X: -sinA * cosB, Y: cosA * cosB, Z: sinB}, {X: sinA * sinB, Y: -cosA * sinB, Z: cosB},
	})
	require.NoError(t, err)
	for _, name := range []string{
		"oblique.npy", "oblique.nrrd", "oblique_packed.nrrd", "oblique_ras.nrrd", "oblique_int16.nrrd",
		"oblique.nii.gz", "oblique_sform.nii", "oblique_qform.nii", "oblique_mirrored.nii", "oblique_scaled.nii",
	} {
		t.Run(name, func(t *testing.T) {
			f, err := Read(filepath.Join("testdata", name))
			require.NoError(t, err)
			assert.True(t, f.Volume.Grid.Equal(want, 1e-4), "%v, expected %v", f.Volume.Grid, want)
			stored := float32(4) // the value is the index of the voxel by this
			if name == "oblique_int16.nrrd" {
				stored = 1
			}
			for i, v := range f.Volume.Data {
				require.Equal(t, float32(i)/stored, v, "voxel %d", i)
			}
			if name == "oblique.npy" {
				assert.Equal(t, "Gy", f.Unit)
			}
		})
	}
}

func TestPlanesAreArraysOfTwoDimensions(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "plane.npy")
	write(t, path, npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }", floats64(0, 1, 2, 3, 4, math.NaN())))
	write(t, filepath.Join(dir, "plane.json"), []byte(`{"origin_mm": [1, 2, 3], "spacing_mm": [1, 2, 5]}`))
	f, err := Read(path)
	require.NoError(t, err)
	assert.Equal(t, [3]int{3, 2, 1}, f.Volume.Grid.Size())
	assert.Equal(t, float32(3), f.Volume.At(0, 1, 0))
	assert.True(t, math.IsNaN(float64(f.Volume.At(2, 1, 0))), "no dose stays no dose")

	write(t, filepath.Join(dir, "plane.json"), []byte(`{"origin_mm": [1, 2], "spacing_mm": [1, 2], "size": [3, 2]}`))
	f, err = Read(path)
	require.NoError(t, err)
	assert.Equal(t, [3]int{3, 2, 1}, f.Volume.Grid.Size())
	assert.Equal(t, [3]float64{1, 2, 1}, f.Volume.Grid.Spacing())
}

func TestWhatCannotBePlacedIsRefused(t *testing.T) {
	nrrd := read(t, "oblique.nrrd")
	nifti := read(t, "oblique_sform.nii")
	number := func(at int, v any) []byte {
		out := bytes.Clone(nifti)
		_, err := binary.Encode(out[at:], binary.LittleEndian, v)
		require.NoError(t, err)
		return out
	}
	moved := number(252, int16(1))
	_, err := binary.Encode(moved[268:], binary.LittleEndian, float32(11))
	require.NoError(t, err)
	replaced := func(old, with string) []byte {
		require.Contains(t, string(nrrd), old)
		return bytes.Replace(nrrd, []byte(old), []byte(with), 1)
	}
	for name, c := range map[string]struct {
		file    string
		content []byte
		says    string
	}{
		"empty NRRD":              {"a.nrrd", nil, "header"},
		"another file":            {"a.nrrd", []byte("GIF89a  \n\n"), "no NRRD"},
		"endless header":          {"a.nrrd", append([]byte("NRRD0004\n# "), bytes.Repeat([]byte("x"), 2<<20)...), "longer"},
		"cut NRRD":                {"a.nrrd", nrrd[:len(nrrd)-1], "needs 240 bytes"},
		"long NRRD":               {"a.nrrd", append(bytes.Clone(nrrd), 0), "more bytes"},
		"no space":                {"a.nrrd", replaced("space: left-posterior-superior\n", ""), `space ""`},
		"scanner space":           {"a.nrrd", replaced("left-posterior-superior", "scanner-xyz"), "scanner-xyz"},
		"four axes":               {"a.nrrd", replaced("dimension: 3", "dimension: 4"), "three axes"},
		"field twice":             {"a.nrrd", replaced("dimension: 3", "dimension: 3\ntype: double"), "twice"},
		"other file":              {"a.nrrd", replaced("dimension: 3", "dimension: 3\ndata file: /etc/passwd"), "another file"},
		"huge sizes":              {"a.nrrd", replaced("sizes: 5 4 3", "sizes: 3000000000 3000000000 3000000000"), "at most"},
		"many voxels":             {"a.nrrd", replaced("sizes: 5 4 3", "sizes: 512 512 512"), "needs"},
		"negative size":           {"a.nrrd", replaced("sizes: 5 4 3", "sizes: -5 4 -3"), "must have a voxel"},
		"sheared":                 {"a.nrrd", replaced("(1.879", "(1.779"), "right angles"},
		"no direction":            {"a.nrrd", replaced("space directions: (1.8793852415718169", "space directions: (nan"), "spacing"},
		"encoding":                {"a.nrrd", replaced("encoding: raw", "encoding: bzip2"), "bzip2"},
		"gzip that is none":       {"a.nrrd", replaced("encoding: raw", "encoding: gzip"), "gzip"},
		"centimetres":             {"a.nrrd", replaced("dimension: 3", "dimension: 3\nspace units: \"cm\" \"cm\" \"cm\""), "expected mm"},
		"short NIfTI":             {"a.nii", nifti[:300], "shorter"},
		"cut NIfTI":               {"a.nii", nifti[:len(nifti)-4], "needs 240 bytes"},
		"long NIfTI":              {"a.nii", append(bytes.Clone(nifti), 0), "more bytes"},
		"no place":                {"a.nii", number(254, int16(0)), "neither"},
		"two places":              {"a.nii", moved, "different places"},
		"series":                  {"a.nii", number(40, [5]int16{4, 5, 4, 3, 7}), "one volume"},
		"colour":                  {"a.nii", number(70, int16(128)), "datatype 128"},
		"pair of files":           {"a.nii", number(344, [4]byte{'n', 'i', '1', 0}), "magic"},
		"values inside header":    {"a.nii", number(108, float32(20)), "vox_offset"},
		"values nowhere":          {"a.nii", number(108, float32(math.NaN())), "vox_offset"},
		"negative NIfTI":          {"a.nii", number(42, [3]int16{-5, 4, -3}), "must have a voxel"},
		"infinite slope":          {"a.nii", number(112, float32(math.Inf(1))), "scaling"},
		"plain as packed":         {"a.nii.gz", nifti, "gzip"},
		"packed zeros":            {"a.nii.gz", packed(number(42, [3]int16{2048, 2048, 64}), 1<<22), "cannot hold more"},
		"packed and more":         {"a.nii.gz", packed(nifti, 1), "more bytes"},
		"NumPy version":           {"a.npy", []byte("\x93NUMPY\x09\x00\x00\x00"), "version 9"},
		"NumPy header too long":   {"a.npy", []byte("\x93NUMPY\x02\x00\xff\xff\xff\xff"), "header of 4294967295"},
		"NumPy objects":           {"a.npy", npy("{'descr': '|O', 'fortran_order': False, 'shape': (1, 1, 1), }", nil), "|O"},
		"NumPy Fortran":           {"a.npy", npy("{'descr': '<f4', 'fortran_order': True, 'shape': (1, 1, 1), }", make([]byte, 4)), "Fortran"},
		"NumPy scalar":            {"a.npy", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (), }", make([]byte, 4)), "shape"},
		"NumPy four axes":         {"a.npy", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 1, 1), }", make([]byte, 4)), "4 dimensions"},
		"NumPy cut":               {"a.npy", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2, 2), }", make([]byte, 28)), "needs 32 bytes"},
		"NumPy without structure": {"a.npy", npy("hello", nil), "without descr"},
		"some other name":         {"a.mha", nil, "none of"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, c.file), c.content)
			write(t, filepath.Join(dir, "a.json"), []byte(`{"origin_mm": [0, 0, 0], "spacing_mm": [1, 1, 1]}`))
			_, err := Read(filepath.Join(dir, c.file))
			require.ErrorIs(t, err, ErrFile)
			assert.ErrorContains(t, err, c.says)
		})
	}
}

func TestAnArrayWithoutItsPlaceIsRefused(t *testing.T) {
	for text, says := range map[string]string{
		``:                          "unexpected end",
		`{"origin_mm": [0, 0, 0]}`:  "three values",
		`{"spacing_mm": [1, 1, 1]}`: "three values",
		`{"origin_mm": [0, 0, 0], "spacing_mm": [1, 1, 1], "size": [2, 1, 1]}`:                               "the array has",
		`{"origin_mm": [0, 0], "spacing_mm": [1, 1, 1]}`:                                                     "three values",
		`{"origin_mm": [0, 0, 0], "spacing_mm": [1, 0, 1]}`:                                                  "spacing_mm",
		`{"origin_mm": [0, 0, 0], "spacing_mm": [1, 1, 1], "directions": [[1, 0, 0]]}`:                       "three vectors",
		`{"origin_mm": [0, 0, 0], "spacing_mm": [1, 1, 1], "directions": [[2, 0, 0], [0, 1, 0], [0, 0, 1]]}`: "unit vector",
		`{"origin_mm": [0, 0, 0], "spacing_mm": [1, 1, 1], "directions": [[1, 0, 0], [1, 0, 0], [0, 0, 1]]}`: "right angles",
		strings.Repeat(" ", 1<<20) + `{"origin_mm": [0, 0, 0], "spacing_mm": [1, 1, 1]}`:                     "larger than",
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "a.npy")
		write(t, path, npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 1), }", make([]byte, 4)))
		_, err := Read(path)
		require.ErrorIs(t, err, ErrFile)
		require.ErrorContains(t, err, "missing")
		write(t, filepath.Join(dir, "a.json"), []byte(text))
		_, err = Read(path)
		require.ErrorIs(t, err, ErrFile, "%.90s", text)
		assert.ErrorContains(t, err, says, "%.90s", text)
	}
	_, err := Read(filepath.Join(t.TempDir(), "none.nrrd"))
	assert.ErrorIs(t, err, os.ErrNotExist)
}

// A packed file of some kilobytes that claims a gigabyte takes memory only as
// far as its values come.
func TestAPackedFileTakesNoMoreMemoryThanItHolds(t *testing.T) {
	header := bytes.Clone(read(t, "oblique_sform.nii"))
	_, err := binary.Encode(header[42:], binary.LittleEndian, [3]int16{1024, 1024, 255})
	require.NoError(t, err)
	content := packed(header, 1<<16)
	for len(content) < 1<<20 { // room for 1 GiB by deflate's highest ratio
		content = append(content, 0)
	}
	path := filepath.Join(t.TempDir(), "bomb.nii.gz")
	write(t, path, content)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err = Read(path)
	runtime.ReadMemStats(&after)
	require.ErrorIs(t, err, ErrFile)
	allocated := after.TotalAlloc - before.TotalAlloc
	assert.Less(t, allocated, uint64(32<<20), "allocated %d bytes", allocated)
}

func FuzzRead(f *testing.F) {
	for _, name := range []string{"oblique.nrrd", "oblique_packed.nrrd", "oblique_qform.nii", "oblique.nii.gz", "oblique.npy"} {
		content, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(strings.TrimPrefix(name, "oblique"), content)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, ending string, content []byte) {
		if !Known("a"+ending) || strings.ContainsAny(ending, "/\x00") || len(ending) > 30 {
			return
		}
		path := filepath.Join(dir, "a"+ending)
		write(t, path, content)
		write(t, strings.TrimSuffix(path, filepath.Ext(path))+".json", []byte(`{"origin_mm": [0, 0, 0], "spacing_mm": [1, 1, 1]}`))
		v, err := Read(path)
		if err == nil && len(v.Volume.Data) != v.Volume.Grid.Len() {
			t.Fatalf("%d values on %v", len(v.Volume.Data), v.Volume.Grid)
		}
	})
}

func npy(header string, data []byte) []byte {
	out := []byte("\x93NUMPY\x01\x00")
	out = binary.LittleEndian.AppendUint16(out, uint16(len(header)))
	return append(append(out, header...), data...)
}

func floats64(v ...float64) []byte {
	var out []byte
	for _, x := range v {
		out = binary.LittleEndian.AppendUint64(out, math.Float64bits(x))
	}
	return out
}

// packed is content and so many zeros, in gzip.
func packed(content []byte, zeros int) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(content)
	z.Write(make([]byte, zeros))
	z.Close()
	return b.Bytes()
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return content
}

func write(t testing.TB, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(fmt.Errorf("%s: %w", path, err))
	}
}
