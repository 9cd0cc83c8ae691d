package dose

import (
	"context"

	"github.com/kerma-rt/kerma/dose/beam"
	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/heterogeneity"
	"github.com/kerma-rt/kerma/internal/kernels/pencil"
)

// rays is what a correction says along the rays of one map.
type rays struct {
	*heterogeneity.Depths
	factors *heterogeneity.Factors // nil where the correction has none
}

// free gives the memory of the tables back; there may be none.
func (r *rays) free() {
	if r == nil {
		return
	}
	r.Free()
	if r.factors != nil {
		r.factors.Free()
	}
}

// rays tabulates depths and factors where both a map and the dose grid reach;
// nil where they do not meet.
func (p *pencilJob) rays(ctx context.Context, frame geometry.Frame, m *pencil.Map, water heterogeneity.Water, spacing, step float64) (*rays, error) {
	b, ok := p.beamOf(frame, m, spacing, step)
	if !ok {
		return nil, nil
	}
	depths, err := p.correction.Depths(ctx, b)
	if err != nil {
		return nil, err
	}
	r := &rays{Depths: depths}
	if c, ok := p.correction.(heterogeneity.Factored); ok {
		if r.factors, err = c.Factors(ctx, b, water); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// openWater is what the factors of one field depend on beside the patient: the
// opening in the first of the maps that has one.
func (p *pencilJob) openWater(m *machine.Machine, maps ...*beam.Fluence) heterogeneity.Water {
	if _, ok := p.correction.(heterogeneity.Factored); !ok {
		return heterogeneity.Water{}
	}
	w := heterogeneity.Water{Ratios: p.ratios[m]}
	if w.Ratios == nil {
		t := newTissueRatios(m.Pencil)
		if w.Ratios = t; m.Beam != nil {
			w.Ratios = spectralRatios{t, absorptionRatios{m.Beam.Spectrum}}
		}
		p.ratios[m] = w.Ratios
	}
	for _, f := range maps {
		if w.Radius, w.Open = opening(f); w.Radius > 0 {
			break
		}
	}
	return w
}
