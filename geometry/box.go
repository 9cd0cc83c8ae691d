package geometry

// Box is a range of voxel indices, half open: Low is in, High is out.
type Box struct {
	Low, High [3]int
}

// Box is the range of all voxels of the grid.
func (g Grid) Box() Box { return Box{High: g.size} }

// Empty reports whether the box holds no voxel.
func (b Box) Empty() bool {
	return b.High[0] <= b.Low[0] || b.High[1] <= b.Low[1] || b.High[2] <= b.Low[2]
}

// Size is the number of voxels along each index axis, zero in an empty box.
func (b Box) Size() [3]int {
	if b.Empty() {
		return [3]int{}
	}
	return [3]int{b.High[0] - b.Low[0], b.High[1] - b.Low[1], b.High[2] - b.Low[2]}
}

// Len is the number of voxels in the box.
func (b Box) Len() int {
	s := b.Size()
	return s[0] * s[1] * s[2]
}

// Contains reports whether voxel (i, j, k) lies in the box.
func (b Box) Contains(i, j, k int) bool {
	return b.Low[0] <= i && i < b.High[0] &&
		b.Low[1] <= j && j < b.High[1] &&
		b.Low[2] <= k && k < b.High[2]
}

// Intersect is the box of voxels that lie in both b and c.
func (b Box) Intersect(c Box) Box {
	for a := range 3 {
		b.Low[a] = max(b.Low[a], c.Low[a])
		b.High[a] = min(b.High[a], c.High[a])
	}
	if b.Empty() {
		return Box{}
	}
	return b
}

// Union is the smallest box that holds both b and c.
func (b Box) Union(c Box) Box {
	if b.Empty() {
		return c
	}
	if c.Empty() {
		return b
	}
	for a := range 3 {
		b.Low[a] = min(b.Low[a], c.Low[a])
		b.High[a] = max(b.High[a], c.High[a])
	}
	return b
}
