package dvh

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/kerma-rt/kerma/dicom"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/stretchr/testify/require"
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

func readStructures(t testing.TB, file string) *geometry.StructureSet {
	t.Helper()
	set, err := dicom.ReadStructures(file)
	require.NoError(t, err)
	return set.StructureSet
}

func readDose(t testing.TB, file string) *geometry.Volume {
	t.Helper()
	d, err := dicom.ReadDose(file)
	require.NoError(t, err)
	require.Equal(t, dicom.Gray, d.Unit)
	return d.Volume
}
