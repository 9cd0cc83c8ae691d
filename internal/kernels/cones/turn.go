package cones

// Turn copies voxels of the given size into the order y, z, x, those of the
// planes of z from low to high.
func Turn(dst, src []float32, size [3]int, low, high int) {
	nx, ny, nz := size[0], size[1], size[2]
	const block = 16 // floats in a cache line
	for k := low; k < high; k++ {
		for j0 := 0; j0 < ny; j0 += block {
			for i0 := 0; i0 < nx; i0 += block {
				for i := i0; i < min(i0+block, nx); i++ {
					out := dst[ny*(k+nz*i)+j0:][:min(block, ny-j0)]
					at := i + nx*(j0+ny*k)
					for j := range out {
						out[j] = src[at]
						at += nx
					}
				}
			}
		}
	}
}

// TurnRuns makes runs along y, of row k + nz·i, that hold what runs along x
// hold, for the planes of z from low to high.
func TurnRuns(dst, src []Run, size [3]int, low, high int) {
	nx, ny, nz := size[0], size[1], size[2]
	for k := low; k < high; k++ {
		for i := range nx {
			dst[k+nz*i] = Run{}
		}
		for j := range ny {
			for i := src[j+ny*k].From; i < src[j+ny*k].To; i++ {
				r := &dst[k+nz*int(i)]
				if r.To == 0 {
					r.From = int32(j)
				}
				r.To = int32(j + 1)
			}
		}
	}
}
