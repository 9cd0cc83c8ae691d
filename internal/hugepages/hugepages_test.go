package hugepages

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMemoryIsStillZeroAndWritable(t *testing.T) {
	for _, n := range []int{0, 1, page / 2, page/2 + 1, page, 3*page + 7} {
		v := make([]float32, n)
		Advise(v)
		for i := range v {
			require.Zero(t, v[i])
			v[i] = float32(i)
		}
		for i := range v {
			require.Equal(t, float32(i), v[i])
		}
	}
}
