package simd

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBestLevelWithoutARequest(t *testing.T) {
	l, err := choose("", AVX2)
	require.NoError(t, err)
	assert.Equal(t, AVX2, l)
}

func TestRequestedLevelIsTaken(t *testing.T) {
	for l := Generic; l <= AVX512; l++ {
		got, err := choose(l.String(), AVX512)
		require.NoError(t, err)
		assert.Equal(t, l, got)
	}
}

func TestWhatTheCPULacksIsRefused(t *testing.T) {
	for _, asked := range []string{"avx512", "AVX2", "sse", "1"} {
		got, err := choose(asked, AVX2)
		assert.ErrorContains(t, err, asked)
		assert.Equal(t, AVX2, got)
	}
	assert.Panics(t, func() { Set(best + 1) })
}

func TestSetIsUndone(t *testing.T) {
	before := Current()
	restore := Set(Generic)
	assert.Equal(t, Generic, Current())
	restore()
	assert.Equal(t, before, Current())
}
