package geometry

// Mask is the part of each voxel of a grid that lies inside a structure, kept
// only for the box of voxels that the structure touches.
type Mask struct {
	Grid     Grid
	Box      Box       // the voxels that Fraction covers
	Fraction []float32 // 0…1, x fastest within Box
}

// Box is a range of voxel indices, half open: Low is in, High is out.
type Box struct {
	Low, High [3]int
}
