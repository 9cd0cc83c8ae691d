package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCShapeReachesTheGoalsOfTG119(t *testing.T) {
	if testing.Short() {
		t.Skip("a whole plan")
	}
	goals, err := plan(t.Context(), t.Output(), 5)
	require.NoError(t, err)
	require.Len(t, goals, 3)
	for _, g := range goals {
		assert.True(t, g.reached(), "%s is %.2f Gy, the goal %.0f Gy", g.what, g.gy, g.wantedGy)
	}
}
