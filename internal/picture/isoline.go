package picture

import "math"

// Isolines finds where the linear interpolation of values, nx to a row,
// crosses level: marching squares, the pieces joined to chains. Points are in
// index coordinates. Squares with a NaN corner are left out, so chains end at
// the edge of what is known. A saddle is joined by the mean of its corners.
func Isolines(values []float64, nx int, level float64) []Line {
	if nx < 2 || len(values) < 2*nx {
		return nil
	}
	ny := len(values) / nx
	// An edge is named by the corner it starts from and its direction.
	horizontal := func(i, j int) int { return 2 * (j*nx + i) }
	vertical := func(i, j int) int { return 2*(j*nx+i) + 1 }
	next := map[int]int{} // from edge to edge, high values on the right hand
	var order []int
	for j := range ny - 1 {
		for i := range nx - 1 {
			a, b := values[j*nx+i], values[j*nx+i+1]
			d, c := values[(j+1)*nx+i], values[(j+1)*nx+i+1]
			mean := (a + b + c + d) / 4
			if math.IsNaN(mean) {
				continue
			}
			top, bottom := horizontal(i, j), horizontal(i, j+1)
			left, right := vertical(i, j), vertical(i+1, j)
			join := func(from, to int) { next[from] = to; order = append(order, from) }
			kind := 0
			for bit, x := range [4]float64{a, b, c, d} {
				if x >= level {
					kind |= 1 << bit
				}
			}
			switch kind {
			case 1:
				join(top, left)
			case 2:
				join(right, top)
			case 3:
				join(right, left)
			case 4:
				join(bottom, right)
			case 5:
				if mean >= level {
					join(top, right)
					join(bottom, left)
				} else {
					join(top, left)
					join(bottom, right)
				}
			case 6:
				join(bottom, top)
			case 7:
				join(bottom, left)
			case 8:
				join(left, bottom)
			case 9:
				join(top, bottom)
			case 10:
				if mean >= level {
					join(right, bottom)
					join(left, top)
				} else {
					join(right, top)
					join(left, bottom)
				}
			case 11:
				join(right, bottom)
			case 12:
				join(left, right)
			case 13:
				join(top, right)
			case 14:
				join(left, top)
			}
		}
	}
	point := func(edge int) Point {
		i, j := edge/2%nx, edge/2/nx
		at := values[j*nx+i]
		if edge%2 == 0 {
			t := (level - at) / (values[j*nx+i+1] - at)
			return Point{float64(i) + t, float64(j)}
		}
		t := (level - at) / (values[(j+1)*nx+i] - at)
		return Point{float64(i), float64(j) + t}
	}
	entered := make(map[int]bool, len(next))
	for _, to := range next {
		entered[to] = true
	}
	var lines []Line
	trace := func(edge int) {
		line := Line{point(edge)}
		for {
			to, ok := next[edge]
			if !ok {
				break
			}
			delete(next, edge)
			line = append(line, point(to))
			edge = to
		}
		lines = append(lines, line)
	}
	for _, edge := range order { // open chains from their beginning
		if _, ok := next[edge]; ok && !entered[edge] {
			trace(edge)
		}
	}
	for _, edge := range order { // what is left is closed
		if _, ok := next[edge]; ok {
			trace(edge)
		}
	}
	return lines
}

// simplify leaves out points whose absence moves the line by less than
// tolerance (Douglas and Peucker 1973).
func simplify(line Line, tolerance float64) Line {
	if len(line) < 3 {
		return line
	}
	keep := make([]bool, len(line))
	keep[0], keep[len(line)-1] = true, true
	spans := [][2]int{{0, len(line) - 1}}
	for len(spans) > 0 {
		span := spans[len(spans)-1]
		spans = spans[:len(spans)-1]
		far, at := tolerance, -1
		for n := span[0] + 1; n < span[1]; n++ {
			if d := distance(line[n], line[span[0]], line[span[1]]); d > far {
				far, at = d, n
			}
		}
		if at >= 0 {
			keep[at] = true
			spans = append(spans, [2]int{span[0], at}, [2]int{at, span[1]})
		}
	}
	var out Line
	for n, p := range line {
		if keep[n] {
			out = append(out, p)
		}
	}
	return out
}

// distance is that of p from the segment a–b.
func distance(p, a, b Point) float64 {
	dx, dy := b.X-a.X, b.Y-a.Y
	t := 0.0
	if l := dx*dx + dy*dy; l > 0 {
		t = min(max(((p.X-a.X)*dx+(p.Y-a.Y)*dy)/l, 0), 1)
	}
	return math.Hypot(p.X-a.X-t*dx, p.Y-a.Y-t*dy)
}
