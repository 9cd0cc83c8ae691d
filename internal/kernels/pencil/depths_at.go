package pencil

// At writes D_k at a depth (mm) and a scale to dst, one value for each of its
// places, which are not more than the padded components.
func (t *Depths) At(dst []float32, depth, scale float64) {
	k, scales := t.components, t.scales()
	q, u := t.depth.find(min(max(float32(depth), 0), t.depth.last))
	r, v := t.scale.find(min(max(float32(scale), t.scale.first), t.scale.last))
	o := (q*scales + r) * k
	low, high := t.value[o:], t.value[o+scales*k:]
	if scales == 1 {
		for c := range dst {
			dst[c] = low[c] + u*(high[c]-low[c])
		}
		return
	}
	for c := range dst {
		a, b := low[c]+v*(low[k+c]-low[c]), high[c]+v*(high[k+c]-high[c])
		dst[c] = a + u*(b-a)
	}
}
