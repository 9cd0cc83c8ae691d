package demo

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEveryCaseExtractsACompletePatient(t *testing.T) {
	for _, c := range Cases() {
		dir := t.TempDir()
		require.NoError(t, Extract(c.Name, dir))
		slices, err := filepath.Glob(filepath.Join(dir, "ct", "*.dcm"))
		require.NoError(t, err)
		require.Greater(t, len(slices), 50, c.Name)
		require.FileExists(t, filepath.Join(dir, "rtstruct.dcm"))
		plans, err := filepath.Glob(filepath.Join(dir, "rtplan*.dcm"))
		require.NoError(t, err)
		require.Len(t, plans, 1)
	}
}

func TestAnUnknownCaseWritesNothing(t *testing.T) {
	dir := t.TempDir()
	require.ErrorIs(t, Extract("head", dir), ErrCase)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
}
