package house

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// block is one fenced example: its language, and the mark behind it ("norun":
// not to be run; "ci-only": run by CI itself).
type block struct{ language, mark, text string }

func fenced(t *testing.T, path string) []block {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	var blocks []block
	var now *block
	for line := range strings.Lines(string(content)) {
		fence, opens := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case opens && now != nil:
			blocks = append(blocks, *now)
			now = nil
		case opens:
			language, mark, _ := strings.Cut(fence, " ")
			now = &block{language: language, mark: mark}
		case now != nil:
			now.text += line
		}
	}
	require.Nil(t, now, "%s: a fence is left open", path)
	return blocks
}

// TestReadmeExamplesRun runs every example of the README in order, in one
// folder, so that a later one may use what an earlier one made.
func TestReadmeExamplesRun(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and runs the command")
	}
	top := root(t)
	dir := t.TempDir()
	bin := t.TempDir()
	build := exec.Command("go", "build", "-o", filepath.Join(bin, "kerma"), "./cmd/kerma")
	build.Dir = top
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)

	ran := map[string]int{}
	for _, b := range fenced(t, filepath.Join(top, "README.md")) {
		if b.mark != "" {
			continue
		}
		var cmd *exec.Cmd
		switch b.language {
		case "sh":
			// The examples start at the top of the repository; here they run elsewhere.
			text := strings.ReplaceAll(b.text, "go run ./cmd/kerma", "kerma")
			cmd = exec.Command("bash", "-euo", "pipefail", "-c", text)
		case "go":
			cmd = exec.Command(compile(t, top, b.text))
		default:
			continue
		}
		ran[b.language]++
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s\n%s", b.text, out)
		t.Logf("%s%s", b.text, out)
	}
	require.GreaterOrEqual(t, ran["sh"], 2)
	require.GreaterOrEqual(t, ran["go"], 1)
	for _, name := range []string{"dose.dcm", "dvh.json", "report.html", "provenance.json"} {
		require.FileExists(t, filepath.Join(dir, "second", name))
	}
}

// compile makes a program of the body of a main function. The file exists only
// in the build's overlay, inside the module, so that it is built as a part of it.
func compile(t *testing.T, top, body string) string {
	t.Helper()
	packages := map[string]string{
		"dicom": "dicom", "heterogeneity": "heterogeneity", "geometry": "geometry", "machine": "dose/machine",
		"dose": "dose", "dvh": "dose/dvh", "gamma": "dose/gamma",
	}
	text := "package main\n\nimport (\n"
	for _, std := range []string{"context", "fmt", "os"} {
		if strings.Contains(body, std+".") {
			text += "\t\"" + std + "\"\n"
		}
	}
	for name, path := range packages {
		if strings.Contains(body, name+".") {
			text += "\t\"" + module + "/" + path + "\"\n"
		}
	}
	text += ")\n\nfunc check(err error) {\n\tif err != nil {\n\t\tpanic(err)\n\t}\n}\n\nfunc main() {\n" + body + "}\n"

	dir := t.TempDir()
	source := filepath.Join(dir, "main.go")
	require.NoError(t, os.WriteFile(source, []byte(text), 0o644))
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{
		filepath.Join(top, "internal", "house", "example", "main.go"): source,
	}})
	require.NoError(t, err)
	overlayFile := filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(overlayFile, overlay, 0o644))
	program := filepath.Join(dir, "example")
	cmd := exec.Command("go", "build", "-overlay", overlayFile, "-o", program, "./internal/house/example")
	cmd.Dir = top
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s\n%s", text, out)
	return program
}
