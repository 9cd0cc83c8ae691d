package influence_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerma-rt/kerma/dose/influence"
)

func TestNPZHasEveryEntry(t *testing.T) {
	r := layered(t)
	matrix, err := influence.Compute(t.Context(), r)
	require.NoError(t, err)
	r.MaxBytes = tight
	store := made(t, r, t.TempDir())
	folder := t.TempDir()
	one, other := filepath.Join(folder, "matrix.npz"), filepath.Join(folder, "store.npz")
	write(t, one, func(b *bytes.Buffer) error { return matrix.WriteNPZ(t.Context(), b) })
	write(t, other, func(b *bytes.Buffer) error { return store.WriteNPZ(t.Context(), b) })
	for _, path := range []string{one, other} {
		require.True(t, slices.Equal(matrix.Value, array[float32](t, path, "data")))
		require.Equal(t, []int64{int64(matrix.Voxels()), int64(matrix.Columns())}, array[int64](t, path, "shape"))
		require.Equal(t, []byte("csc"), array[byte](t, path, "format"))
		start := array[int32](t, path, "indptr")
		require.Len(t, start, matrix.Columns()+1)
		for j, s := range start {
			require.EqualValues(t, matrix.Start[j], s)
		}
		index := array[int32](t, path, "indices")
		require.Len(t, index, matrix.Entries())
		for j := range matrix.Columns() {
			require.True(t, slices.Equal(matrix.Index(nil, j), index[start[j]:start[j+1]]), "column %d", j)
		}
	}
	long := filepath.Join(folder, "wide.npz")
	write(t, long, func(b *bytes.Buffer) error { return matrix.WriteWideNPZ(t.Context(), b) })
	for _, name := range []string{"indptr", "indices"} {
		var short []int64
		for _, i := range array[int32](t, one, name) {
			short = append(short, int64(i))
		}
		require.True(t, slices.Equal(short, array[int64](t, long, name)), name)
	}
}

// Reference: what SciPy makes of the files.
func TestSciPyMultipliesTheNPZ(t *testing.T) {
	python := scipy(t)
	r := layered(t)
	matrix, err := influence.Compute(t.Context(), r)
	require.NoError(t, err)
	rows, err := matrix.Rows(t.Context())
	require.NoError(t, err)
	folder := t.TempDir()
	write(t, filepath.Join(folder, "csc.npz"), func(b *bytes.Buffer) error { return matrix.WriteNPZ(t.Context(), b) })
	write(t, filepath.Join(folder, "wide.npz"), func(b *bytes.Buffer) error { return matrix.WriteWideNPZ(t.Context(), b) })
	write(t, filepath.Join(folder, "csr.npz"), func(b *bytes.Buffer) error { return rows.WriteNPZ(t.Context(), b) })
	const script = `
import sys, numpy as np, scipy.sparse as s
for kind in ("csc", "csr", "wide"):
    a = s.load_npz(sys.argv[1] + "/" + kind + ".npz")
    assert a.format == ("csr" if kind == "csr" else "csc") and a.dtype == np.float32, (a.format, a.dtype)
    a.check_format(full_check=True)
    assert a.has_sorted_indices
    dose = a.astype(np.float64) @ (np.arange(a.shape[1], dtype=np.float64) % 7 / 8)
    np.savez(sys.argv[1] + "/" + kind + "_dose.npz", dose=dose.astype(np.float32))
`
	out, err := exec.CommandContext(t.Context(), python, "-c", script, folder).CombinedOutput()
	require.NoError(t, err, "%s", out)
	weights := make([]float64, matrix.Columns())
	for j := range weights {
		weights[j] = float64(j%7) / 8
	}
	want := make([]float32, matrix.Voxels())
	require.NoError(t, matrix.Multiply(want, weights))
	for _, kind := range []string{"csc", "csr", "wide"} {
		requireClose(t, want, array[float32](t, filepath.Join(folder, kind+"_dose.npz"), "dose"))
	}
}

// scipy is a Python that has it; without one the test is skipped.
func scipy(t testing.TB) string {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil || exec.Command(python, "-c", "import scipy.sparse").Run() != nil {
		t.Skip("no Python with SciPy here")
	}
	return python
}

func write(t testing.TB, path string, content func(*bytes.Buffer) error) {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, content(&b))
	require.NoError(t, os.WriteFile(path, b.Bytes(), 0o644))
}
