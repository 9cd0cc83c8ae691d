package speed

import (
	"github.com/kerma-rt/kerma/internal/kernels/accumulate"
	"github.com/kerma-rt/kerma/internal/kernels/limits"
)

var kernels = []kernel{
	{
		"accumulate", "voxel",
		func() (func(), float64, error) {
			const n = 1 << 23
			dst, src := make([]float64, n), make([]float32, n)
			for i := range src { // touched, or all of it is one page of zeros
				src[i] = 1
			}
			return func() { accumulate.Add(dst, src) }, n, nil
		},
		func(l limits.Limits) (float64, string) { return 20 / l.Triad, "20 B through memory" },
	},
}
