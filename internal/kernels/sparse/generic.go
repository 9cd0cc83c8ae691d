package sparse

// lanes is the number of partial sums of a product: the value at place i of its
// run goes to partial sum i modulo lanes, on every level.
const lanes = 16

// genericAdd adds w times the values of the runs to y, whose element 0 is place
// lo and whose last slack elements are no places. It tells how many values it
// has used; −1, and y undefined, if a run is not within y or has fewer values.
func genericAdd(y []float64, lo int, value []float32, runs []Run, w float32) int {
	y = y[:len(y)-slack]
	used := 0
	for _, r := range runs {
		first, end := int(r.First)-lo, int(r.End)-lo
		if first < 0 || end < first || end > len(y) || end-first > len(value)-used {
			return -1
		}
		values := value[used:]
		for i := range y[first:end] {
			y[first+i] += float64(w) * float64(values[i])
		}
		used += end - first
	}
	return used
}

// genericDot adds the products of the values of the runs with x at their places
// to the partial sums. It tells how many values it has used; −1 if a run is not
// within x or has fewer values.
func genericDot(sum *[lanes]float64, value []float32, runs []Run, x []float32) int {
	used := 0
	for _, r := range runs {
		first, end := int(r.First), int(r.End)
		if first < 0 || end < first || end > len(x) || end-first > len(value)-used {
			return -1
		}
		values := value[used:]
		for i, v := range x[first:end] {
			sum[i%lanes] += float64(values[i]) * float64(v)
		}
		used += end - first
	}
	return used
}
