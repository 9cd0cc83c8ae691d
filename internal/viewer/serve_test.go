package viewer

import (
	"context"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestServesOnLoopbackUntilItIsEnded(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	address := make(chan string, 1)
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, 0, newViewer(t), func(u string) { address <- u }) }()
	at := <-address
	u, err := url.Parse(at)
	require.NoError(t, err)
	assert.Equal(t, "127.0.0.1", u.Hostname())
	r, err := http.Get(at + "case")
	require.NoError(t, err)
	r.Body.Close()
	assert.Equal(t, 200, r.StatusCode)
	cancel()
	require.NoError(t, <-done)
	_, err = http.Get(at)
	require.Error(t, err)
}

func TestAPortInUseIsAnError(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := Serve(ctx, 0, http.NotFoundHandler(), func(at string) {
		u, err := url.Parse(at)
		require.NoError(t, err)
		var port int
		for _, c := range u.Port() {
			port = 10*port + int(c-'0')
		}
		require.Error(t, Serve(ctx, port, http.NotFoundHandler(), func(string) { t.Error("listens twice") }))
		cancel()
	})
	require.NoError(t, err)
}
