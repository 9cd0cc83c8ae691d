package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSpeedIsMeasuredAndWritten(t *testing.T) {
	if testing.Short() {
		t.Skip("measures the machine")
	}
	dir := t.TempDir()
	list, document := filepath.Join(dir, "speed.json"), filepath.Join(dir, "performance.md")
	require.NoError(t, os.WriteFile(document, []byte("before\n"+speedSection.begin+"\nold\n"+speedSection.end+"\nafter\n"), 0o644))
	code, table, errs := benchmark(t, "speed", "--jobs", "dvh,limits", "--repeat", "1", "--threads", "2", "--out", dir, "--json", list, "--markdown", document)
	require.Zero(t, code, errs)
	assert.Contains(t, table, "DVH of all structures")

	var got struct {
		SIMD   string
		Limits []struct {
			Threads int
			FMA     float64 `json:"fma_flop_s"`
		}
		Jobs []struct {
			Job     string
			Threads int
			Wall    float64 `json:"wall_s"`
		}
	}
	data, err := os.ReadFile(list)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &got))
	require.Len(t, got.Limits, 2)
	require.Len(t, got.Jobs, 2)
	assert.Equal(t, 2, got.Jobs[1].Threads)
	assert.Greater(t, got.Jobs[1].Wall, 0.0)

	text, err := os.ReadFile(document)
	require.NoError(t, err)
	assert.Regexp(t, `(?s)^before\n.*\| dvh \|.*\nafter\n$`, string(text))
	assert.NotContains(t, string(text), "old\n")
	assert.FileExists(t, filepath.Join(dir, "performance-plots", "threads.svg"))
	assert.FileExists(t, filepath.Join(dir, "report.html"))
}

func TestSpeedRefusesWhatItCannotMeasure(t *testing.T) {
	for _, args := range [][]string{{"--jobs", "warp"}, {"--repeat", "0"}, {"--threads", "-1"}, {"extra"}} {
		code, _, errs := benchmark(t, append([]string{"speed"}, args...)...)
		assert.Equal(t, exitUsage, code, "%v: %s", args, errs)
	}
	code, _, errs := benchmark(t, "speed", "--jobs", "dvh", "--judge", t.TempDir(), "--repeat", "1", "--threads", "1")
	assert.Equal(t, exitInput, code, errs)
}
