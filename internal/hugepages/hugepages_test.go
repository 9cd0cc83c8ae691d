package hugepages

import "testing"

func TestMemoryIsStillZeroAndWritable(t *testing.T) {
	for _, n := range []int{0, 1, page / 2, page/2 + 1, page, 3*page + 7} {
		v := make([]float32, n)
		Advise(v)
		for i := range v {
			if v[i] != 0 {
				t.Fatalf("element %d of %d is %v", i, n, v[i])
			}
			v[i] = 1
		}
	}
}
