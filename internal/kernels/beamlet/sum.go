package beamlet

// Sum is Σ value, in float64.
func Sum(value []float32) float64 {
	var sums [Lanes]float64
	done := sum(&sums, value)
	sumGeneric(&sums, value[done:])
	var all float64
	for _, s := range sums {
		all += s
	}
	return all
}
