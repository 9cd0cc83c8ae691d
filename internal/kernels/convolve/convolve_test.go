package convolve

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// direct is the sum that the transform stands for.
func direct(src []float64, w, h int, quadrant []float64, n, margin int) []float64 {
	W, H := w+2*margin, h+2*margin
	out := make([]float64, W*H)
	for y := range H {
		for x := range W {
			for j := range h {
				for i := range w {
					dx, dy := x-margin-i, y-margin-j
					dx, dy = max(dx, -dx), max(dy, -dy)
					if dx < n && dy < n {
						out[y*W+x] += src[j*w+i] * quadrant[dy*n+dx]
					}
				}
			}
		}
	}
	return out
}

func TestProductIsTheDirectSum(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct{ w, h, n int }{{1, 1, 1}, {1, 1, 4}, {7, 12, 5}, {16, 9, 8}, {20, 3, 2}, {3, 30, 11}} {
		margin := c.n - 1
		src, quadrant := make([]float64, c.w*c.h), make([]float64, c.n*c.n)
		for i := range src {
			src[i] = random.NormFloat64()
		}
		for i := range quadrant {
			quadrant[i] = random.NormFloat64()
		}
		W, H := c.w+2*margin, c.h+2*margin
		for _, pad := range []int{0, 1, 3} {
			transform := New(W+pad, H+pad)
			plane, kernel := make([]complex128, transform.Len()), make([]float64, transform.Len())
			got := make([]float32, W*H)
			// Twice: nothing may be left over from the first time.
			for range 2 {
				transform.Map(plane, src, c.w, c.h, margin)
				transform.Kernel(kernel, quadrant, c.n)
				transform.Product(got, plane, kernel, 0, W, H)
			}
			for i, want := range direct(src, c.w, c.h, quadrant, c.n, margin) {
				require.InDelta(t, want, got[i], 2e-6*float64(c.n*c.n), "%+v pad %d pixel %d", c, pad, i)
			}
			if W < 3 || H < 3 {
				continue
			}
			inner := make([]float32, (W-2)*(H-2))
			transform.Product(inner, plane, kernel, 1, W-2, H-2)
			for y := range H - 2 {
				require.Equal(t, got[(y+1)*W+1:(y+1)*W+W-1], inner[y*(W-2):(y+1)*(W-2)])
			}
		}
	}
}

func TestSizeHasNoPrimeFactorAboveFive(t *testing.T) {
	for n := -2; n < 2000; n++ {
		m := Size(n)
		require.GreaterOrEqual(t, m, n)
		require.LessOrEqual(t, float64(m), max(1, float64(n)*1.2), "Size(%d)", n)
		for _, p := range []int{2, 3, 5} {
			for m%p == 0 {
				m /= p
			}
		}
		require.Equal(t, 1, m, "Size(%d)", n)
	}
}

func BenchmarkMapAndEightKernels360(b *testing.B) {
	const n, w, components = 360, 232, 8
	transform := New(n, n)
	src := make([]float64, w*w)
	for i := range src {
		src[i] = 1
	}
	plane, kernel := make([]complex128, transform.Len()), make([]float64, transform.Len())
	out := make([]float32, n*n)
	for b.Loop() {
		transform.Map(plane, src, w, w, 64)
		for range components {
			transform.Product(out, plane, kernel, 0, n, n)
		}
	}
}
