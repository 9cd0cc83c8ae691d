package gamma

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/geometry"
)

// folders lists where reference data lies: always the part of it in testdata,
// and all of it where the shared folder beside the repository exists.
func folders(t *testing.T, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join("testdata", pattern))
	require.NoError(t, err)
	require.NotEmpty(t, found)
	dir, err := os.Getwd()
	require.NoError(t, err)
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		dir = filepath.Dir(dir)
	}
	shared, err := filepath.Glob(filepath.Join(dir, "..", "shared", "data", "gamma", pattern))
	require.NoError(t, err)
	if len(shared) == 0 {
		t.Log("no shared folder beside the repository: only testdata is compared")
	}
	return append(found, shared...)
}

// read is a file, or the file of that name with .gz.
func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		data, err = os.ReadFile(path + ".gz")
		require.NoError(t, err)
	}
	require.NoError(t, err)
	if bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(bytes.NewReader(data))
		require.NoError(t, err)
		data, err = io.ReadAll(z)
		require.NoError(t, err)
	}
	return data
}

func exists(path string) bool {
	_, err := os.Stat(path)
	_, errZ := os.Stat(path + ".gz")
	return err == nil || errZ == nil
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	require.NoError(t, json.Unmarshal(read(t, path), into), path)
}

// readArray is the values of a float32 .npy file in C order.
func readArray(t *testing.T, path string) []float32 {
	t.Helper()
	data := read(t, path)
	require.True(t, bytes.HasPrefix(data, []byte("\x93NUMPY\x01\x00")), path)
	end := 10 + int(binary.LittleEndian.Uint16(data[8:]))
	header := string(data[10:end])
	require.Contains(t, header, "'<f4'", path)
	require.Contains(t, header, "'fortran_order': False", path)
	values := make([]float32, (len(data)-end)/4)
	for i := range values {
		values[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[end+4*i:]))
	}
	return values
}

// gridJSON is a grid of one to three dimensions in a reference file.
type gridJSON struct {
	Size    []int     `json:"size"`
	Spacing []float64 `json:"spacing_mm"`
	Origin  []float64 `json:"origin_mm"`
}

func (g gridJSON) grid(t *testing.T) geometry.Grid {
	t.Helper()
	size, spacing, origin := [3]int{1, 1, 1}, [3]float64{1, 1, 1}, [3]float64{}
	copy(size[:], g.Size)
	copy(spacing[:], g.Spacing)
	copy(origin[:], g.Origin)
	grid, err := geometry.NewGrid(r3.Vec{X: origin[0], Y: origin[1], Z: origin[2]}, spacing, size, geometry.IdentityAxes)
	require.NoError(t, err)
	return grid
}

func volume(t *testing.T, g geometry.Grid, data []float32) *geometry.Volume {
	t.Helper()
	v, err := geometry.VolumeOf(g, data)
	require.NoError(t, err)
	return v
}

type pairJSON struct {
	Reference     struct{ Grid gridJSON } `json:"reference"`
	Evaluation    struct{ Grid gridJSON } `json:"evaluation"`
	Normalisation float64                 `json:"normalisation_dose"`
	Cutoff        float64                 `json:"cutoff_percent"`
	MaxGamma      float64                 `json:"max_gamma"`
	Criteria      []criterionJSON         `json:"criteria"`
}

type criterionJSON struct {
	Name      string            `json:"name"`
	Percent   float64           `json:"dose_percent"`
	Distance  float64           `json:"distance_mm"`
	Local     bool              `json:"local"`
	Cutoff    *float64          `json:"cutoff_percent"`
	Exact     string            `json:"exact"`
	Pymedphys map[string]string `json:"pymedphys"`
}

// pair is two doses and what others made of them.
type pair struct {
	pairJSON
	folder, name          string
	reference, evaluation *geometry.Volume
}

func readPair(t *testing.T, folder string) pair {
	t.Helper()
	p := pair{folder: folder, name: filepath.Base(folder)}
	readJSON(t, filepath.Join(folder, "pair.json"), &p.pairJSON)
	p.reference = volume(t, p.Reference.Grid.grid(t), readArray(t, filepath.Join(folder, "reference.npy")))
	p.evaluation = volume(t, p.Evaluation.Grid.grid(t), readArray(t, filepath.Join(folder, "evaluation.npy")))
	return p
}

func (p pair) criteria(c criterionJSON) Criteria {
	cutoff := p.Cutoff
	if c.Cutoff != nil {
		cutoff = *c.Cutoff
	}
	return Criteria{
		DosePercent: c.Percent, Distance: c.Distance, Local: c.Local, CutoffPercent: cutoff,
		MaxGamma: p.MaxGamma, Normalisation: p.Normalisation,
	}
}

// public reports whether a folder belongs to the repository.
func public(folder string) bool { return strings.HasPrefix(folder, "testdata") }
