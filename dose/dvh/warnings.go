package dvh

// Warnings is what to know about the figures, of structures that have a volume.
func Warnings(histograms []Histogram) []string {
	var all []string
	for _, h := range histograms {
		if h.Volume > 0 {
			all = append(all, h.Warnings...)
		}
	}
	return all
}
