package main

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestPhantomIsAPatientThatDoseTakes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "phantom")
	assert.Contains(t, done(t, "phantom", "lung-slab", "--out", dir), "written to")
	done(t, "info", dir)
	out := t.TempDir()
	done(t, "dose", dir, "--out", out, "--grid", "10")
	assert.FileExists(t, filepath.Join(out, "dose.dcm"))
	code, _, errs := call(t, "phantom", "jelly", "--out", dir)
	assert.Equal(t, exitUsage, code)
	assert.Contains(t, errs, "jelly")
	code, _, errs = call(t, "phantom", "lung-slab")
	assert.Equal(t, exitUsage, code)
	assert.Contains(t, errs, "--out")
}
