package benchmarks

// Below lists the results whose pass rate at 2 %/2 mm lies below percent, and
// those without a dose: one whose case has no reference cannot fail.
func (r *Report) Below(percent float64) []*Result {
	var out []*Result
	for _, x := range r.Results {
		if x.Error != "" || len(x.Gamma) > strict && x.Gamma[strict].PassRate < percent {
			out = append(out, x)
		}
	}
	return out
}
