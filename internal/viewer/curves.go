package viewer

import (
	"math"
	"net/http"

	"gonum.org/v1/gonum/spatial/r3"
)

// histogramSet is what a plot of cumulative histograms needs, and its figures.
type histogramSet struct {
	Dose       []float64          `json:"dose"` // Gy
	Structures []structureFigures `json:"structures"`
}

type structureFigures struct {
	Name    string      `json:"name"`
	Cm3     float64     `json:"cm3"`
	Outside float64     `json:"outside"` // of it outside the dose grid, cm³
	Problem string      `json:"problem"` // why there are no figures; empty when there are
	Volume  []float64   `json:"volume"`  // percent, for each dose; nil without figures
	Figures *[6]float64 `json:"figures"` // D98, D95, D50, D2, mean, max, Gy
}

const curvePoints = 400

// histograms answers with the cumulative histograms of one dose: dose=0.
func (v *Viewer) histograms(r *http.Request) (any, error) {
	d, err := v.dose(r.URL.Query(), "dose")
	if err != nil {
		return nil, err
	}
	out := histogramSet{Structures: []structureFigures{}}
	top := 1.05 * d.scene.Max
	for n := range curvePoints + 1 {
		out.Dose = append(out.Dose, top*float64(n)/curvePoints)
	}
	list := d.dvh(v.set)
	for i := range list {
		h := &list[i]
		f := structureFigures{Name: h.Structure, Cm3: h.Volume, Outside: h.Outside}
		switch {
		case h.Err != nil:
			f.Problem = h.Err.Error()
		case h.Volume == 0:
			f.Problem = "no volume"
		case h.Empty():
			f.Problem = "outside the dose grid"
		default:
			f.Figures = &[6]float64{h.DoseAt(98), h.DoseAt(95), h.DoseAt(50), h.DoseAt(2), h.Mean(), h.Max()}
			for _, gy := range out.Dose {
				f.Volume = append(f.Volume, round(h.PercentAt(gy)))
			}
		}
		out.Structures = append(out.Structures, f)
	}
	return out, nil
}

// profile is CT number and doses along a straight line; null where a volume
// does not reach.
type profile struct {
	Distance []float64    `json:"distance"` // from the first point, mm
	HU       []*float64   `json:"hu"`
	Doses    [][]*float64 `json:"doses"` // Gy, for each dose
}

const (
	profileStep   = 0.5 // mm
	profilePoints = 2000
)

// profile answers with the values between two points of LPS:
// from=x,y,z&to=x,y,z.
func (v *Viewer) profile(r *http.Request) (any, error) {
	q := r.URL.Query()
	from, err := point(q, "from")
	if err != nil {
		return nil, err
	}
	to, err := point(q, "to")
	if err != nil {
		return nil, err
	}
	way := r3.Sub(to, from)
	length := r3.Norm(way)
	if length == 0 {
		return nil, asked("expected two different points")
	}
	n := min(profilePoints, max(2, int(math.Ceil(length/profileStep))))
	out := profile{Doses: [][]*float64{}}
	if v.hasDose() {
		out.Doses = make([][]*float64, len(v.doses))
	}
	for i := range n + 1 {
		t := float64(i) / float64(n)
		p := r3.Add(from, r3.Scale(t, way))
		out.Distance = append(out.Distance, t*length)
		out.HU = append(out.HU, known(v.ct.Interpolate(p)))
		for m := range out.Doses {
			out.Doses[m] = append(out.Doses[m], known(v.doses[m].Volume.Interpolate(p)))
		}
	}
	return out, nil
}

func known(x float64, inside bool) *float64 {
	if !inside || math.IsNaN(x) {
		return nil
	}
	return &x
}
