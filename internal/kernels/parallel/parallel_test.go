package parallel_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/kerma-rt/kerma/internal/kernels/parallel"
	"github.com/stretchr/testify/require"
)

func TestForVisitsEachIndexOnce(t *testing.T) {
	for _, threads := range []int{0, 1, 2, 7, 100} {
		for _, n := range []int{0, 1, 2, 63} {
			visits := make([]atomic.Int32, n)
			require.NoError(t, parallel.For(t.Context(), n, threads, func(i int) error { visits[i].Add(1); return nil }))
			for i := range visits {
				require.EqualValues(t, 1, visits[i].Load(), "index %d of %d, %d threads", i, n, threads)
			}
		}
	}
}

func TestForStopsAtTheFirstError(t *testing.T) {
	bad := errors.New("bad")
	var calls atomic.Int32
	err := parallel.For(t.Context(), 1_000_000, 4, func(i int) error {
		calls.Add(1)
		if i == 10 {
			return bad
		}
		return nil
	})
	require.ErrorIs(t, err, bad)
	require.Less(t, calls.Load(), int32(1_000_000))
}

func TestForStopsWhenCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var calls atomic.Int32
	err := parallel.For(ctx, 1_000_000, 2, func(i int) error {
		if calls.Add(1) == 5 {
			cancel()
		}
		return nil
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Less(t, calls.Load(), int32(1000))
}
