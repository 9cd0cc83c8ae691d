package machine

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "derive the embedded pencil kernels anew")

// Renew with go generate when the derivation, its data or the built-in
// machines change.
func TestEmbeddedPencilsAreWhatIsDerived(t *testing.T) {
	if *update {
		old, err := filepath.Glob("data/pencil/*.gz")
		require.NoError(t, err)
		for _, file := range old {
			require.NoError(t, os.Remove(file))
		}
	}
	for i, g := range generic {
		if !*update && i != 0 && i != len(generic)-1 {
			continue // two say enough, at a second each
		}
		s := named(t, g.spectrum)
		_, anew := derived(t, g.spectrum)
		if *update {
			var b bytes.Buffer
			require.NoError(t, encodePencil(&b, pencilKey(s, 1000), anew))
			require.NoError(t, os.WriteFile("data/pencil/"+g.name+".gz", b.Bytes(), 0o644))
			continue
		}
		embedded, err := embeddedPencil(pencilKey(s, 1000))
		require.NoError(t, err)
		require.NotNil(t, embedded, "%s: no embedded kernel of the present derivation; run go generate", g.name)
		// The decomposition may differ in the last digits between processors;
		// the kernel it stands for may not.
		for _, h := range []float64{5, 50, 200} {
			for _, d := range []float64{0.3, 15, 100, 300} {
				assert.InEpsilon(t, anew.onAxis(h, d, 1+d/1000), embedded.onAxis(h, d, 1+d/1000), 1e-5, "%s, half side %g, depth %g mm", g.name, h, d)
			}
		}
		assert.Equal(t, anew.Depth.Depth, embedded.Depth.Depth)
		assert.Equal(t, anew.Lateral[0][0].Radius, embedded.Lateral[0][0].Radius)
	}
}

// A test with a key that no table has must derive: the embedded kernels are
// found by what they were derived from, never by name.
func TestOtherSpectraAreNotServedFromTheTables(t *testing.T) {
	s := named(t, "alirogers2012_varian_6mv")
	p, err := embeddedPencil(pencilKey(s, 1000))
	require.NoError(t, err)
	assert.NotNil(t, p)
	for _, other := range [][32]byte{pencilKey(s, 1001), pencilKey(named(t, "mohan1985_6mv"), 1000)} {
		p, err := embeddedPencil(other)
		require.NoError(t, err)
		assert.Nil(t, p)
	}
}
