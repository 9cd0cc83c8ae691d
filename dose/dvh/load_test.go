package dvh

import (
	"encoding/csv"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/kerma-rt/kerma/dicom"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/internal/shareddata"
	"github.com/stretchr/testify/require"
)

func table(t testing.TB, path ...string) []map[string]string {
	t.Helper()
	f, err := os.Open(shareddata.Path(t, path...))
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
