package pencil

import "math"

// axis finds the interval of a value among ascending nodes.
type axis struct {
	first, last float32
	// interval is four values each: the node it begins at, 1/length, the node
	// that the next one begins at (infinite for the last), nothing.
	interval []float32
	// bin is the interval that a bin begins in. Bins are a little narrower than
	// the narrowest interval, so no more than one node lies in one.
	bin    []uint16
	perBin float32
}

func newAxis(node []float64) axis {
	a := axis{first: float32(node[0]), last: float32(node[len(node)-1])}
	if len(node) == 1 {
		// One interval in which nothing changes.
		a.interval, a.bin = []float32{a.first, 0, float32(math.Inf(1)), 0}, []uint16{0}
		return a
	}
	narrowest := math.Inf(1)
	for i := range len(node) - 1 {
		from, to := float32(node[i]), float32(node[i+1])
		width := float64(to) - float64(from)
		narrowest = min(narrowest, width)
		next := to
		if i == len(node)-2 {
			next = float32(math.Inf(1))
		}
		a.interval = append(a.interval, from, float32(1/width), next, 0)
	}
	a.perBin = float32(1.001 / max(narrowest, 0.9*Narrowest))
	i := 0
	for b := range int((a.last-a.first)*a.perBin) + 2 {
		for i < len(node)-2 && float32(b) >= (float32(node[i+1])-a.first)*a.perBin {
			i++
		}
		a.bin = append(a.bin, uint16(i))
	}
	return a
}

// find is the interval of a value within the nodes and the share of the way
// through it.
func (a *axis) find(x float32) (int, float32) {
	i := int(a.bin[int((x-a.first)*a.perBin)])
	if x >= a.interval[4*i+2] {
		i++
	}
	return i, (x - a.interval[4*i]) * a.interval[4*i+1]
}
