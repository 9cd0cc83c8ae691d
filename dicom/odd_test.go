package dicom

import (
	"archive/tar"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// oddRow is one line of odd/expected.csv: an edge case and what a reader owes it.
type oddRow struct {
	file, odd, should, facts string
}

// oddChecks hold the check of each kind of row, by the prefix of its name: the
// part before the first underscore or slash. Each file of checks adds its own.
var oddChecks = map[string]func(t *testing.T, path string, row oddRow){}

// TestOddFilesAreReadOrRefusedAsExpected runs every row of expected.csv. A row
// without a check fails, so that none is left out.
func TestOddFilesAreReadOrRefusedAsExpected(t *testing.T) {
	dir := oddDir(t)
	f, err := os.Open(filepath.Join(dir, "expected.csv"))
	require.NoError(t, err)
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 1+68)
	for _, r := range rows[1:] {
		row := oddRow{r[0], r[1], r[2], r[3]}
		t.Run(strings.Trim(row.file, "/"), func(t *testing.T) {
			prefix := row.file[:strings.IndexAny(row.file, "_/")]
			check, ok := oddChecks[prefix]
			if !ok {
				t.Fatalf("no check for rows that begin with %q", prefix)
			}
			check(t, filepath.Join(dir, filepath.FromSlash(row.file)), row)
		})
	}
}

var (
	oddOnce sync.Once
	oddRoot string
	oddErr  error
)

// oddDir is the folder of the edge cases, unpacked once from testdata.
func oddDir(t testing.TB) string {
	t.Helper()
	oddOnce.Do(func() {
		if oddRoot, oddErr = os.MkdirTemp("", "odd"); oddErr == nil {
			oddErr = unpack(filepath.Join("testdata", "odd.tar.gz"), oddRoot)
		}
	})
	require.NoError(t, oddErr)
	return filepath.Join(oddRoot, "odd")
}

func unpack(archive, to string) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		path := filepath.Join(to, filepath.FromSlash(h.Name))
		if h.Typeflag == tar.TypeDir {
			if err := os.MkdirAll(path, 0o755); err != nil {
				return err
			}
			continue
		}
		data, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			return err
		}
	}
}

func TestMain(m *testing.M) {
	code := m.Run()
	if oddRoot != "" {
		os.RemoveAll(oddRoot)
	}
	os.Exit(code)
}

// sharedData is a folder of the public sets that stand beside the repository
// and are not part of it; the test is skipped where they are absent.
func sharedData(t testing.TB, parts ...string) string {
	t.Helper()
	root, err := os.Getwd()
	require.NoError(t, err)
	for {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			break
		}
		if root == filepath.Dir(root) {
			t.Fatal("no go.mod above the test")
		}
		root = filepath.Dir(root)
	}
	dir := filepath.Join(append([]string{filepath.Dir(root), "shared", "data", "dicom"}, parts...)...)
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("the public data sets are not here: %v", err)
	}
	return dir
}
