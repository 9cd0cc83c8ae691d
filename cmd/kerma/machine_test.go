package main

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/internal/calculation"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Percentage depth doses at 100 mm of treatment machines (BJR Supplement 25) are
// about these; machines of one nominal energy differ by some per cent.
func TestMachinesAreBeamsOfTheirEnergy(t *testing.T) {
	var all []machineFacts
	decode(t, []byte(done(t, "machine", "list", "--json")), &all)
	require.Len(t, all, len(machine.GenericNames())+1)
	pdd := map[float64]float64{6: 67.5, 10: 73, 15: 77, 18: 80}
	for _, f := range all {
		assert.InDelta(t, pdd[f.EnergyMV], float64(f.PDD10), 3, f.Name)
		assert.InDelta(t, 0.01, f.Reference.GyPerMU, 0.001, f.Name)
		assert.InDelta(t, float64(f.DepthOfMaximum), float64(f.Reference.Depth), 0.11, f.Name)
		assert.Len(t, f.Hash, 64)
		assert.True(t, f.PencilBeam)
		// IAEA TRS-398: TPR20,10 = 1.2661 PDD20,10 − 0.0595.
		m, err := calculation.Machine(f.Name)
		require.NoError(t, err)
		pdd2010 := m.OnAxis(100, 1000, 200) / m.OnAxis(100, 1000, 100)
		assert.InDelta(t, 1.2661*pdd2010-0.0595, float64(f.TPR2010), 0.01, f.Name)
	}
	out := done(t, "machine", "list")
	for _, f := range all {
		assert.Contains(t, out, f.Name)
	}
}

func TestAMachineFileIsShownAsTheMachineItIs(t *testing.T) {
	m, err := machine.Generic("generic_10mv")
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "ten.json")
	f, err := os.Create(path)
	require.NoError(t, err)
	require.NoError(t, m.Write(f))
	require.NoError(t, f.Close())
	var file, embedded machineFacts
	decode(t, []byte(done(t, "machine", "show", path, "--json")), &file)
	decode(t, []byte(done(t, "machine", "show", "generic_10mv", "--json")), &embedded)
	file.Name = embedded.Name
	assert.Equal(t, embedded, file)
	assert.Equal(t, m.Hash, file.Hash)
	out := done(t, "machine", "show", path)
	for _, s := range append([]string{"10 MV", "PDD10", "TPR20,10", m.Hash}, m.Notes...) {
		assert.Contains(t, out, s)
	}
	// What has no answer is null, not zero.
	text, err := quantity(math.NaN()).MarshalJSON()
	require.NoError(t, err)
	assert.Equal(t, "null", string(text))
}
