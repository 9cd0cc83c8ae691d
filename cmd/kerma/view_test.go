package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kerma-rt/kerma/internal/demo"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// firstLine hands over what is written up to the first line break.
type firstLine struct {
	bytes.Buffer
	line chan string
}

func (f *firstLine) Write(p []byte) (int, error) {
	n, err := f.Buffer.Write(p)
	if line, _, ok := strings.Cut(f.String(), "\n"); ok {
		select {
		case f.line <- line:
		default:
		}
	}
	return n, err
}

func TestViewServesTheDemoUntilItIsInterrupted(t *testing.T) {
	dir := t.TempDir()
	name := demo.Cases()[0].Name
	require.NoError(t, demo.Extract(name, filepath.Join(dir, "patient", name)))
	ctx, cancel := context.WithCancel(t.Context())
	out := &firstLine{line: make(chan string, 1)}
	code := make(chan int, 1)
	go func() { code <- run(ctx, []string{"view", dir}, out, io.Discard) }()
	select {
	case url := <-out.line:
		require.True(t, strings.HasPrefix(url, "http://127.0.0.1:"), url)
		r, err := http.Get(url + "case")
		require.NoError(t, err)
		defer r.Body.Close()
		var c struct {
			Structures, Beams []struct{ Name string }
			Doses             []struct{ Label string }
		}
		require.NoError(t, json.NewDecoder(r.Body).Decode(&c))
		assert.NotEmpty(t, c.Structures)
		assert.NotEmpty(t, c.Beams)
	case c := <-code:
		t.Fatalf("ended with code %d", c)
	case <-time.After(time.Minute):
		t.Fatal("does not listen")
	}
	cancel()
	assert.Equal(t, exitDone, <-code, "Ctrl-C is how it ends")
}

func TestViewSaysWhatItCannotShow(t *testing.T) {
	var errs bytes.Buffer
	for _, c := range []struct {
		args []string
		code int
	}{
		{[]string{"view"}, exitUsage},
		{[]string{"view", t.TempDir(), "--port", "70000"}, exitUsage},
		{[]string{"view", t.TempDir()}, exitInput},
		{[]string{"view", filepath.Join(t.TempDir(), "absent")}, exitInput},
	} {
		errs.Reset()
		assert.Equal(t, c.code, run(t.Context(), c.args, io.Discard, &errs), "%v: %s", c.args, &errs)
		assert.NotEmpty(t, errs.String())
	}
}
