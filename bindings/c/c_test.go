package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kerma-rt/kerma/internal/demo"
)

// installed is a prefix with the library, made once.
var installed string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "kerma")
	if err != nil {
		panic(err)
	}
	installed = filepath.Join(dir, "prefix")
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// prefix installs the library where it is not yet.
func prefix(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("builds the library: not in a short run")
	}
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("no gcc")
	}
	if _, err := os.Stat(installed); err != nil {
		out, err := exec.Command("./install", installed).CombinedOutput()
		require.NoError(t, err, string(out))
	}
	return installed
}

// compile makes a program of a C file.
func compile(t *testing.T, source string, compiler ...string) string {
	t.Helper()
	p := prefix(t)
	program := filepath.Join(t.TempDir(), "program")
	args := append(compiler[1:], "-Wall", "-Wextra", "-Werror", "-g", "-I", filepath.Join(p, "include"), source,
		"-o", program, "-L", filepath.Join(p, "lib"), "-lkerma", "-Wl,-rpath,"+filepath.Join(p, "lib"), "-lm", "-lpthread")
	out, err := exec.Command(compiler[0], args...).CombinedOutput()
	require.NoError(t, err, string(out))
	return program
}

// run runs a program and returns what it prints.
func run(t *testing.T, env []string, program string, args ...string) string {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	return string(out)
}

func TestHeaderAndLibraryNameTheSameFunctions(t *testing.T) {
	header, err := os.ReadFile("kerma.h")
	require.NoError(t, err)
	declared := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^[a-z][\w \*]*?\b(kerma_\w+)\(`).FindAllStringSubmatch(string(header), -1) {
		declared[m[1]] = true
	}
	exported := map[string]bool{}
	for line := range strings.Lines(run(t, nil, "nm", "-D", "--defined-only", filepath.Join(prefix(t), "lib", "libkerma.so"))) {
		if f := strings.Fields(line); len(f) == 3 && strings.HasPrefix(f[2], "kerma_") {
			exported[f[2]] = true
		}
	}
	assert.Equal(t, declared, exported)
	assert.Greater(t, len(exported), 40)
}

func TestEveryFunctionFromC(t *testing.T) {
	run(t, nil, compile(t, "testdata/every.c", "gcc", "-std=gnu99", "-pedantic"), "testdata/plan.json", "0")
}

func TestHeaderIsCPlusPlusToo(t *testing.T) {
	source := filepath.Join(t.TempDir(), "header.cpp")
	require.NoError(t, os.WriteFile(source, []byte("#include <kerma.h>\nint main() { return kerma_abi() != KERMA_ABI; }\n"), 0o644))
	run(t, nil, compile(t, source, "g++", "-std=c++11", "-pedantic"))
}

func TestAddressSanitizerFindsNothing(t *testing.T) {
	program := compile(t, "testdata/every.c", "gcc", "-std=gnu99", "-fsanitize=address")
	run(t, []string{"ASAN_OPTIONS=detect_leaks=1"}, program, "testdata/plan.json", "3")
}

// Memory after a tenth of the cycles and after all of them: what each leaves
// behind would show a thousandfold.
func TestThousandCyclesKeepNothing(t *testing.T) {
	out := run(t, []string{"GOMEMLIMIT=200MiB"}, compile(t, "testdata/every.c", "gcc", "-std=gnu99"), "testdata/plan.json", "1000")
	var cycle int
	var early, late float64
	for line := range strings.Lines(out) {
		var resident float64
		if _, err := fmt.Sscan(line, &cycle, &resident); err != nil {
			continue
		}
		if cycle == 300 {
			early = resident
		}
		late = resident
	}
	require.Equal(t, 900, cycle, out)
	assert.Less(t, late-early, 20e6, "bytes, from cycle 300 to 900:\n%s", out)
}

func TestReadMeProgramWritesADose(t *testing.T) {
	if _, err := exec.LookPath("pkg-config"); err != nil {
		t.Skip("no pkg-config")
	}
	p := prefix(t)
	dir := t.TempDir()
	require.NoError(t, demo.Extract("lung", filepath.Join(dir, "patient")))
	flags := exec.Command("pkg-config", "--cflags", "--libs", "kerma")
	flags.Env = append(os.Environ(), "PKG_CONFIG_PATH="+filepath.Join(p, "lib", "pkgconfig"))
	out, err := flags.Output()
	require.NoError(t, err)
	program := filepath.Join(dir, "dose")
	args := append([]string{"-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "../../examples/c/dose.c", "-o", program}, strings.Fields(string(out))...)
	built, err := exec.Command("gcc", args...).CombinedOutput()
	require.NoError(t, err, string(built))
	assert.Regexp(t, `^highest dose \d+\.\d+ Gy\n$`, run(t, nil, program, filepath.Join(dir, "patient"), filepath.Join(dir, "dose.dcm")))
	assert.FileExists(t, filepath.Join(dir, "dose.dcm"))
}

func TestCMakeExampleBuilds(t *testing.T) {
	if _, err := exec.LookPath("cmake"); err != nil {
		t.Skip("no cmake")
	}
	p := prefix(t)
	build := t.TempDir()
	env := []string{"PKG_CONFIG_PATH=" + filepath.Join(p, "lib", "pkgconfig")}
	run(t, env, "cmake", "-S", "../../examples/c", "-B", build)
	run(t, env, "cmake", "--build", build)
	assert.FileExists(t, filepath.Join(build, "dose"))
}
