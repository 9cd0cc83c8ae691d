package speed

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The script goes on without the peers, says so, and leaves the text round its
// table alone.
func TestScriptOfThePeersSaysWhatIsNotInstalled(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil || runtime.GOOS == "windows" {
		t.Skip("no python3, or no shell scripts")
	}
	dir := t.TempDir()
	kerma, document := filepath.Join(dir, "kerma"), filepath.Join(dir, "performance.md")
	require.NoError(t, os.WriteFile(kerma, []byte("#!/bin/sh\necho \"$@\" >> "+dir+"/calls\n"), 0o755))
	const begin, end = "<!-- peers.py: made by this script, edits are lost -->\n", "<!-- /peers.py -->\n"
	require.NoError(t, os.WriteFile(document, []byte("before\n"+begin+"old\n"+end+"after\n"), 0o644))
	script := filepath.Join("..", "peers", "peers.py")
	run := func() ([]byte, error) {
		return exec.Command(python, "-B", script, "run", "--venv", filepath.Join(dir, "none"), "--kerma", kerma, "--work", dir, "--markdown", document).CombinedOutput()
	}
	out, err := run()
	require.NoError(t, err, "%s", out)
	text, err := os.ReadFile(document)
	require.NoError(t, err)
	assert.Equal(t, 9, strings.Count(string(text), "not run: not installed"), "%s", text)
	assert.Regexp(t, `(?s)^before\n.*pyRadPlan==.*\nafter\n$`, string(text))
	assert.NotContains(t, string(text), "old\n")
	calls, err := os.ReadFile(filepath.Join(dir, "calls"))
	require.NoError(t, err)
	assert.Equal(t, "benchmark speed --export "+filepath.Join(dir, "cases")+"\n", string(calls), "the cases are written; nothing is timed for nobody")

	require.NoError(t, os.WriteFile(document, []byte("by hand\n"), 0o644))
	out, err = run()
	assert.Error(t, err)
	assert.Contains(t, string(out), "has no place for the table")
}

// The script times jobs by their names here.
func TestScriptOfThePeersNamesJobsThatThereAre(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "peers", "peers.py"))
	require.NoError(t, err)
	_, list, found := strings.Cut(string(text), "CASES = {\n")
	require.True(t, found)
	list, _, _ = strings.Cut(list, "}\n")
	n := 0
	for line := range strings.Lines(list) {
		parts := strings.Split(line, `"`)
		require.Greater(t, len(parts), 5, line)
		assert.Contains(t, Names(), parts[5], line)
		n++
	}
	assert.Equal(t, 9, n)
}
