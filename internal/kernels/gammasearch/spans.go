package gammasearch

// spansGeneric is the least and greatest of the eight corners of each cell of
// a row, whose corners lie in the rows a, b, c and d, one longer than the row
// of cells; or no longer across an axis of one value. A cell with a corner
// that is not a number gets 1 and −1.
func spansGeneric(least, most, a, b, c, d []float32) {
	low, high := column(a[0], b[0], c[0], d[0])
	for i := range least {
		nextLow, nextHigh := low, high
		if j := i + 1; j < len(a) {
			nextLow, nextHigh = column(a[j], b[j], c[j], d[j])
		}
		l, h := low, high
		if nextLow < l {
			l = nextLow
		}
		if nextHigh > h {
			h = nextHigh
		}
		if !(low <= high && nextLow <= nextHigh) {
			l, h = 1, -1
		}
		least[i], most[i] = l, h
		low, high = nextLow, nextHigh
	}
}

// column is the range of the four corners of a cell that share an x.
func column(a, b, c, d float32) (low, high float32) {
	if a != a || b != b || c != c || d != d {
		return 1, -1
	}
	if b < a {
		a, b = b, a
	}
	if d < c {
		c, d = d, c
	}
	if c < a {
		a = c
	}
	if d > b {
		b = d
	}
	return a, b
}
