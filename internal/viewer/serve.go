package viewer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"
)

// Serve answers with h on this machine alone, at the port (0: any that is
// free), until ctx ends. It calls ready with the address once it listens.
func Serve(ctx context.Context, port int, h http.Handler, ready func(url string)) error {
	l, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return err
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, MaxHeaderBytes: 1 << 16,
		BaseContext: func(net.Listener) context.Context { return ctx }}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	ready(fmt.Sprintf("http://%s/", l.Addr()))
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		server.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	}
}
