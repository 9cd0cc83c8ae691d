package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTumourGetsWhatTheImagePrescribes(t *testing.T) {
	if testing.Short() {
		t.Skip("a whole plan")
	}
	r, err := plan(t.Context(), t.Output(), 5)
	require.NoError(t, err)
	assert.Less(t, r.qualityFactor, 0.02)
	assert.Greater(t, r.within5, 95.0, "%% of the tumour")
	assert.Greater(t, r.prescribed[1]-r.prescribed[0], 5.0, "Gy that the bright quarter is to get more")
	assert.InDeltaSlice(t, r.prescribed[:], r.achieved[:], 1, "Gy in the quarters prescribed least and most")
	assert.Less(t, r.lungMean, 5.0, "Gy")
}
