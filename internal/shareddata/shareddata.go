// Package shareddata finds, for tests, the large reference data that lie beside
// the repository and are no part of it.
package shareddata

import (
	"os"
	"path/filepath"
	"testing"
)

// Path is a file or folder below the folder shared/data beside the repository.
// The test is skipped where it is absent.
func Path(t testing.TB, elem ...string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod above the test")
		}
		dir = up
	}
	path := filepath.Join(append([]string{filepath.Dir(dir), "shared", "data"}, elem...)...)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no shared data %s beside the repository", filepath.Join(elem...))
	}
	return path
}
