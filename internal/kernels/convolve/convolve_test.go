package convolve

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/dsp/fourier"

	"github.com/kerma-rt/kerma/internal/kernels/simd"
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

func normal(random *rand.Rand, n int) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = random.NormFloat64()
	}
	return v
}

func TestProductsAreTheDirectSums(t *testing.T) {
	for _, level := range simd.Available() {
		defer simd.Set(level)()
		random := rand.New(rand.NewPCG(1, 2))
		for _, c := range []struct{ w, h, n int }{{1, 1, 1}, {1, 1, 4}, {7, 12, 5}, {16, 9, 8}, {20, 3, 2}, {3, 30, 11}, {33, 17, 9}} {
			margin := c.n - 1
			src, first, second := normal(random, c.w*c.h), normal(random, c.n*c.n), normal(random, c.n*c.n)
			W, H := c.w+2*margin, c.h+2*margin
			for _, pad := range []int{0, 1, 20} {
				nx, ny := Size(W+pad), Size(H+pad)
				transform := New(nx, ny)
				plane, kernels := make([]float32, Len(nx, ny)), make([]float32, Len(nx, ny))
				for _, both := range []bool{true, false, true} {
					a, b := make([]float32, W*H), make([]float32, W*H)
					transform.Map(plane, src, c.w, c.h, margin)
					if both {
						transform.Kernels(kernels, first, second, c.n)
						transform.Product(a, b, plane, kernels, 0, W, H)
					} else {
						transform.Kernels(kernels, first, nil, c.n)
						transform.Product(a, nil, plane, kernels, 0, W, H)
					}
					for i, want := range direct(src, c.w, c.h, first, c.n, margin) {
						require.InDelta(t, want, a[i], 4e-6*float64(c.n*c.n), "%v %+v pad %d pixel %d", level, c, pad, i)
					}
					if both {
						for i, want := range direct(src, c.w, c.h, second, c.n, margin) {
							require.InDelta(t, want, b[i], 4e-6*float64(c.n*c.n), "%v %+v pad %d pixel %d", level, c, pad, i)
						}
					}
					if W < 3 || H < 3 {
						continue
					}
					inner := make([]float32, (W-2)*(H-2))
					transform.Product(inner, nil, plane, kernels, 1, W-2, H-2)
					for y := range H - 2 {
						require.Equal(t, a[(y+1)*W+1:(y+1)*W+W-1], inner[y*(W-2):(y+1)*(W-2)])
					}
				}
			}
		}
	}
}

// Reference: gonum's transform in complex128.
func TestLineIsTheFourierTransform(t *testing.T) {
	for _, level := range simd.Available() {
		defer simd.Set(level)()
		random := rand.New(rand.NewPCG(3, 4))
		for _, n := range []int{1, 2, 3, 4, 5, 6, 8, 9, 15, 20, 30, 48, 100, 360, 375, 512, 1024, 1080} {
			l := newLine(n)
			src := make([]float32, n*element)
			for i := range src {
				src[i] = float32(random.NormFloat64())
			}
			a, b := make([]float32, len(src)), make([]float32, len(src))
			got := append([]float32(nil), src...)
			l.transform(got, got, a, b)
			apart := make([]float32, len(src))
			l.transform(apart, src, a, b)
			require.Equal(t, got, apart)
			f, x := fourier.NewCmplxFFT(n), make([]complex128, n)
			for lane := range lanes {
				for i := range x {
					x[i] = complex(float64(src[i*element+lane]), float64(src[i*element+lanes+lane]))
				}
				f.Coefficients(x, x)
				for i, want := range x {
					tolerance := 1e-6 * math.Sqrt(float64(n)) * (1 + math.Log2(float64(n)))
					require.InDelta(t, real(want), got[i*element+lane], tolerance, "%v, length %d", level, n)
					require.InDelta(t, imag(want), got[i*element+lanes+lane], tolerance, "%v, length %d", level, n)
				}
			}
		}
	}
}

func TestEveryLevelAgreesWithTheReference(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	const nx, ny, w, h, n = 90, 72, 61, 43, 14
	src, first, second := normal(random, w*h), normal(random, n*n), normal(random, n*n)
	var want []float32
	for _, level := range simd.Available() {
		defer simd.Set(level)()
		transform := New(nx, ny)
		plane, kernels := make([]float32, Len(nx, ny)), make([]float32, Len(nx, ny))
		out := make([]float32, 2*(w+2*n-2)*(h+2*n-2))
		transform.Map(plane, src, w, h, n-1)
		transform.Kernels(kernels, first, second, n)
		transform.Product(out[:len(out)/2], out[len(out)/2:], plane, kernels, 0, w+2*n-2, h+2*n-2)
		if want == nil {
			want = out
		}
		var most, worst float64
		for i, v := range want {
			most = max(most, math.Abs(float64(v)))
			worst = max(worst, math.Abs(float64(v-out[i])))
		}
		require.Less(t, worst, 1e-6*most, "%v", level)
	}
}

func TestOtherLengthsPanic(t *testing.T) {
	require.Panics(t, func() { New(14, 16) })
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

// BenchmarkPlane is a plane of n×n there and back, that is two convolutions.
func BenchmarkPlane(b *testing.B) {
	for _, n := range []int{300, 360, 512, 1024} {
		for _, level := range simd.Available() {
			b.Run(fmt.Sprintf("%d/%v", n, level), func(b *testing.B) {
				defer simd.Set(level)()
				transform := New(n, n)
				src := make([]float64, n*n/4)
				for i := range src {
					src[i] = 1
				}
				plane, kernels := make([]float32, Len(n, n)), make([]float32, Len(n, n))
				out := make([]float32, n*n)
				b.Run("Map", func(b *testing.B) {
					for b.Loop() {
						transform.Map(plane, src, n/2, n/2, n/4)
					}
					b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n*n), "ns/point")
				})
				b.Run("Product", func(b *testing.B) {
					for b.Loop() {
						transform.Product(out, out, plane, kernels, 0, n, n)
					}
					b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n*n), "ns/point")
				})
			})
		}
	}
}
