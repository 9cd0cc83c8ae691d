package verdict

import (
	"context"
	"math"

	"github.com/kerma-rt/kerma/benchmarks/phantom"
	"github.com/kerma-rt/kerma/dose/dvh"
	"github.com/kerma-rt/kerma/geometry"
)

// histograms holds dose–volume histograms against closed forms: bodies of 24 mm
// in a dose that rises linearly along z, from 16 to 40 Gy through them.
func histograms(context.Context, Options) ([]Row, error) {
	e, err := phantom.Named("dvh-shapes")
	if err != nil {
		return nil, err
	}
	p, err := e.Make()
	if err != nil {
		return nil, err
	}
	const gradient = 1.0 // Gy/mm
	v := geometry.NewVolume(p.CT.Grid)
	size := v.Grid.Size()
	for k := range size[2] {
		z := v.Grid.Point(0, 0, float64(k)).Z
		plane := v.Data[k*size[0]*size[1]:][:size[0]*size[1]]
		for i := range plane {
			plane[i] = float32(max(28+gradient*z, 0))
		}
	}
	const source = "Nelms et al., Med Phys 42 (2015) 4435"
	var rows []Row
	// The part of the body above height z, by its formula.
	for _, b := range []struct {
		name   string
		volume float64 // cm³
		above  func(z float64) float64
	}{
		{"sphere", 4.0 / 3 * math.Pi * 1.728, func(z float64) float64 { h := 12 - z; return h * h * (36 - h) / (4 * 12 * 12 * 12) }},
		{"cylinder", math.Pi * 1.44 * 2.4, func(z float64) float64 { return (12 - z) / 24 }},
		{"cone", math.Pi * 1.44 * 2.4 / 3, func(z float64) float64 { return math.Pow((12-z)/24, 3) }},
	} {
		name := b.name
		s, err := p.Structures.Named(name)
		if err != nil {
			return rows, err
		}
		h, err := dvh.Of(v, s)
		if err != nil {
			return rows, err
		}
		rows = append(rows, within("dvh", name+" of 24 mm, 1 mm slices: volume", "closed form", source, 100*(h.Volume/b.volume-1), "%", 1))
		worst := 0.0
		plot := &Plot{X: "dose (Gy)", Y: "volume (%)", ReferenceName: "closed form"}
		for percent := 2.0; percent <= 98; percent += 2 {
			low, high := -12.0, 12.0
			for range 60 { // the height above which that much of it lies
				middle := (low + high) / 2
				if 100*b.above(middle) > percent {
					low = middle
				} else {
					high = middle
				}
			}
			want, got := 28+gradient*low, h.DoseAt(percent)
			plot.Reference = append(plot.Reference, [2]float64{want, percent})
			plot.Kerma = append(plot.Kerma, [2]float64{got, percent})
			if math.Abs(got-want) > math.Abs(worst) {
				worst = got - want
			}
		}
		row := within("dvh", name+": D2 … D98, the worst", "closed form", source, 100*worst/(24*gradient), "% of the dose range", 1)
		row.Plot = plot
		rows = append(rows, row)
	}
	return rows, nil
}
