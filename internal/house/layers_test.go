package house

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/kerma-rt/kerma"

// A layer is what the packages below a path may import of ours. Anything
// outside this module is governed by foreign.
type layer struct {
	path  string   // package path within the module; covers the packages below it too
	may   []string // of ours
	since string   // why not more
}

// The first layer whose path covers a package is its own.
var layers = []layer{
	{"internal/kernels", []string{"internal/kernels"}, "a kernel knows slices and scalars only: no patient, no beam"},
	{"internal/version", nil, "a constant"},
	{"internal/hugepages", nil, "asks the system for pages; the only place that needs an address as a number"},
	{"internal/physics", nil, "tables of nature know no patient and no machine"},
	{"geometry", []string{"internal/kernels"}, "where things are does not depend on what they are"},
	{"heterogeneity", []string{"geometry", "internal/kernels", "internal/physics"}, "tissue knows no beam: a correction asks for tissue ratios through its own interface"},
	{"dose/machine/commission", []string{"geometry", "dose", "internal"}, "fitting may run an engine; nothing in dose may import fitting"},
	{"dose/machine", []string{"geometry", "internal/kernels", "internal/physics"}, "what makes the beam knows no patient"},
	{"dose/beam", []string{"geometry", "dose/machine", "internal/kernels"}, "how a beam is shaped knows no patient"},
	{"dose/dvh", []string{"geometry", "internal/kernels"}, "judging a dose needs no engine"},
	{"dose/gamma", []string{"geometry", "internal/kernels"}, "judging a dose needs no engine"},
	{"dose/quality", []string{"geometry", "dose/dvh"}, "indices and goals are read off histograms"},
	{"dose/biology", []string{"geometry", "internal/kernels"}, "judging a dose needs no engine"},
	{"dose/influence", []string{"geometry", "heterogeneity", "dose", "internal"}, "matrices stand above the engines"},
	{"dose", []string{"geometry", "heterogeneity", "dose/machine", "dose/beam", "internal/kernels", "internal/collapsedcone", "internal/physics", "internal/version"}, "an engine knows nothing of files, judging or influence storage"},
	{"dicom", []string{"geometry", "dose/beam", "internal/version"}, "a reader must not link engines"},
	{"internal/collapsedcone", []string{"geometry", "heterogeneity", "dose/machine", "dose/beam", "internal/kernels", "internal/physics"}, "engine physics under dose"},
	{"internal", []string{"geometry", "heterogeneity", "dose", "dicom", "internal"}, "reports and demos stand above the library"},
	{"benchmarks", []string{"geometry", "heterogeneity", "dose", "dicom", "internal", "benchmarks"}, "a benchmark uses the library, not the command"},
	{"cmd", []string{""}, "the command may use everything"},
	{"bindings", []string{"geometry", "heterogeneity", "dose", "dicom", "benchmarks", "internal/version", "internal/calculation", "internal/demo", "internal/kernels/simd"}, "bindings use what a Go program could: the public packages, and what the command shares with them"},
	{"docs", []string{"geometry", "heterogeneity", "dose", "dicom", "benchmarks", "internal"}, "what draws the pictures of the docs"},
	{"examples", []string{"geometry", "heterogeneity", "dose", "dicom", "benchmarks", "bindings", "internal/demo", "internal/volumefile"}, "examples use what a reader of them can use; the patients that come with Kerma and the reader of images stand in for files of the reader's own"},
}

// foreign lists what library packages must not import, with the reason.
var foreign = map[string]string{
	"log":                                 "warnings are values in the result, not lines in a log",
	"log/slog":                            "warnings are values in the result, not lines in a log",
	"flag":                                "options are structs; flags belong to the command",
	"net/http":                            "a dose library opens no connection",
	"os/exec":                             "a dose library starts no process",
	"os/signal":                           "signals belong to the command",
	"unsafe":                              "not without a reason written here",
	"github.com/stretchr/testify/assert":  "test only",
	"github.com/stretchr/testify/require": "test only",
}

// library is where foreign holds.
var library = []string{"geometry", "heterogeneity", "dose", "dicom", "internal/kernels", "internal/physics", "internal/collapsedcone", "internal/version"}

type listed struct {
	ImportPath string
	Doc        string
	Imports    []string
	GoFiles    []string
	Deps       []string
}

func list(t *testing.T) []listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Doc,Imports,GoFiles,Deps", "./...")
	cmd.Dir = root(t)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	require.NoError(t, err)
	var all []listed
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func root(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	require.NoError(t, err)
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		require.NotEqual(t, dir, up, "no go.mod above the test")
		dir = up
	}
}

func covers(path, pkg string) bool {
	return path == "" || pkg == path || strings.HasPrefix(pkg, path+"/")
}

func TestImportsGoOnlyDownward(t *testing.T) {
	for _, p := range list(t) {
		self := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		if self == "" || len(p.GoFiles) == 0 {
			continue
		}
		var own *layer
		for i := range layers {
			if covers(layers[i].path, self) {
				own = &layers[i]
				break
			}
		}
		if own == nil {
			t.Errorf("%s: no layer says what it may import; add one with its reason", self)
			continue
		}
		for _, imp := range p.Imports {
			rel, ours := strings.CutPrefix(imp, module+"/")
			if !ours || covers(own.path, rel) && narrower(own.path, rel) {
				continue
			}
			if !allowed(own.may, rel) {
				t.Errorf("%s imports %s: %s", self, rel, own.since)
			}
		}
	}
}

// narrower reports whether no more specific layer than path covers pkg, so
// that dose may not reach dose/influence merely by sharing its prefix.
func narrower(path, pkg string) bool {
	for _, l := range layers {
		if len(l.path) > len(path) && covers(l.path, pkg) {
			return false
		}
	}
	return true
}

func allowed(may []string, pkg string) bool {
	for _, m := range may {
		if covers(m, pkg) {
			return true
		}
	}
	return false
}

func TestLibraryStaysQuiet(t *testing.T) {
	for _, p := range list(t) {
		self := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		if !allowed(library, self) || self == "" {
			continue
		}
		for _, imp := range p.Imports {
			if why, bad := foreign[imp]; bad {
				t.Errorf("%s imports %s: %s", self, imp, why)
			}
		}
	}
}

func TestReaderLinksNoEngine(t *testing.T) {
	for _, p := range list(t) {
		if p.ImportPath != module+"/dicom" {
			continue
		}
		for _, d := range p.Deps {
			require.NotEqual(t, module+"/dose", d, "dicom must not link the engines, not even through another package")
		}
	}
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	for _, p := range list(t) {
		if len(p.GoFiles) > 0 && p.Doc == "" {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
	}
}
