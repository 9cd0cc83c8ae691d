package benchmarks_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kerma-rt/kerma/benchmarks"
	"github.com/kerma-rt/kerma/geometry"
)

var pack = flag.Bool("pack", false, "write the embedded cases anew from the shared ones")

// shared is the folder of Monte Carlo cases beside the repository.
func shared(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", "..", "shared", "data", "mc"))
	require.NoError(t, err)
	if _, err := os.Stat(dir); err != nil {
		t.Skip("the shared Monte Carlo cases are not here")
	}
	return dir
}

func TestEmbeddedCasesAreTheSharedOnes(t *testing.T) {
	dir := shared(t)
	if *pack {
		packCases(t, dir)
	}
	for _, name := range benchmarks.Names() {
		want, err := benchmarks.ReadCase(filepath.Join(dir, name))
		require.NoError(t, err)
		got, err := benchmarks.Named(name)
		require.NoError(t, err)
		assert.Equal(t, want.Tissue, got.Tissue, name)
		assert.True(t, want.Dose.Grid.Equal(got.Dose.Grid, 0))
		var worst float64
		for i, d := range want.Dose.Data {
			if d > 0 {
				worst = max(worst, math.Abs(float64(got.Dose.Data[i]/d)-1)/float64(want.Sigma.Data[i]))
			}
		}
		t.Logf("%s: dose within %.2f of its standard deviation", name, worst)
		assert.Less(t, worst, 0.4, name)
	}
}

// packCases writes dose to ten bits and sigma to three, a quadrant where the
// case is symmetric.
func packCases(t *testing.T, dir string) {
	folders, err := filepath.Glob(filepath.Join(dir, "*", "case.json"))
	require.NoError(t, err)
	for _, file := range folders {
		c, err := benchmarks.ReadCase(filepath.Dir(file))
		require.NoError(t, err)
		out := filepath.Join("data", "mc", filepath.Base(filepath.Dir(file)))
		require.NoError(t, os.MkdirAll(out, 0o755))
		json, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(out, "case.json"), json, 0o644))
		symmetric := mirrorImage(c.Dose)
		writeNPY(t, filepath.Join(out, "dose.npy.gz"), c.Dose, symmetric, 10)
		writeNPY(t, filepath.Join(out, "sigma.npy.gz"), c.Sigma, symmetric, 3)
		if density := filepath.Join(filepath.Dir(file), "density.npy"); exists(density) {
			zipFile(t, density, filepath.Join(out, "density.npy.gz"))
			zipFile(t, filepath.Join(filepath.Dir(file), "material.npy"), filepath.Join(out, "material.npy.gz"))
		}
	}
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }

func zipFile(t *testing.T, from, to string) {
	data, err := os.ReadFile(from)
	require.NoError(t, err)
	zip(t, to, data)
}

func zip(t *testing.T, to string, data []byte) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	require.NoError(t, err)
	_, err = w.Write(data)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.NoError(t, os.WriteFile(to, b.Bytes(), 0o644))
}

func mirrorImage(v *geometry.Volume) bool {
	n := v.Grid.Size()
	for k := range n[2] {
		for j := range n[1] {
			for i := range n[0] {
				if d := v.At(i, j, k); d != v.At(n[0]-1-i, j, k) || d != v.At(i, n[1]-1-j, k) {
					return false
				}
			}
		}
	}
	return n[0]%2 == 0 && n[1]%2 == 0
}

func writeNPY(t *testing.T, path string, v *geometry.Volume, quadrant bool, bits int) {
	n, first := v.Grid.Size(), [2]int{}
	if quadrant {
		first = [2]int{n[0] / 2, n[1] / 2}
	}
	header := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d, %d), }", n[2], n[1]-first[1], n[0]-first[0])
	for (len(header)+11)%64 != 0 {
		header += " "
	}
	var b bytes.Buffer
	b.WriteString("\x93NUMPY\x01\x00")
	require.NoError(t, binary.Write(&b, binary.LittleEndian, uint16(len(header)+1)))
	b.WriteString(header + "\n")
	drop := uint32(24 - bits)
	for k := range n[2] {
		for j := first[1]; j < n[1]; j++ {
			for i := first[0]; i < n[0]; i++ {
				u := math.Float32bits(v.At(i, j, k)) + 1<<(drop-1)
				require.NoError(t, binary.Write(&b, binary.LittleEndian, u>>drop<<drop))
			}
		}
	}
	zip(t, path, b.Bytes())
}

func TestCaseIsWhatItsFileSays(t *testing.T) {
	c, err := benchmarks.Named("lung_6mv_3x3")
	require.NoError(t, err)
	n := c.Dose.Grid.Size()
	// Depth is along y of the patient, and lung lies from 50 to 150 mm.
	for k := range n[2] {
		p := c.Dose.Grid.Point(3, 5, float64(k))
		want := float32(1)
		if p.Y > 50 && p.Y < 150 {
			want = 0.26
		}
		require.Equal(t, want, c.Tissue.Density.At(3, 5, k), "depth %g", p.Y)
	}
	r, err := c.Request()
	require.NoError(t, err)
	require.NoError(t, r.Plan.Validate())
}

func TestBadCasesAreRefused(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"empty": ``, "format": `{"format":"case/2"}`, "grid": `{"format":"case/1","grid":{"size":[100000,100000,100000]}}`,
		"no phantom": `{"format":"case/1","grid":{"size":[2,2,2],"spacing_mm":[1,1,1]},"beam":{"direction":[0,0,1],"ssd_mm":1000,"field_at_surface_mm":[10,10],"spectrum":"mohan1985_6mv"}}`,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "case.json"), []byte(content), 0o644))
		_, err := benchmarks.ReadCase(dir)
		require.ErrorIs(t, err, benchmarks.ErrCase, name)
	}
	_, err := benchmarks.ReadCase(filepath.Join(dir, "none"))
	require.ErrorIs(t, err, benchmarks.ErrCase)
}
