package verdict

import (
	"context"
	"math"

	"github.com/kerma-rt/kerma/dose/machine"
)

// published holds the generic machines against measured depth doses of real
// ones: 100 mm fields at an SSD of 1000 mm. The machines are made from published
// spectra and have no photons or electrons scattered in the head, which lowers
// TPR20,10 by 0.01 to 0.02.
func published(context.Context, Options) ([]Row, error) {
	const source = "three TrueBeams, Chang et al., Med Phys 39 (2012) 6981"
	var rows []Row
	for _, c := range []struct {
		name       string
		pdd10, tpr float64
	}{{"generic_6mv", 66.4, 0.667}, {"generic_10mv", 73.5, 0.740}, {"generic_15mv", 76.7, 0.765}} {
		m, err := machine.Generic(c.name)
		if err != nil {
			return rows, err
		}
		const field, ssd = 100.0, 1000.0
		side := field * m.SAD / ssd
		most := math.Inf(-1)
		for depth := 1.0; depth < 60; depth += 0.5 {
			most = max(most, m.OnAxis(side, ssd, depth))
		}
		pdd := 100 * m.OnAxis(side, ssd, 100) / most
		tpr := m.OnAxis(field, m.SAD-200, 200) / m.OnAxis(field, m.SAD-100, 100)
		rows = append(rows,
			within("published", c.name+": PDD at 100 mm, less the measured", "measurement", source, pdd-c.pdd10, "points", 1.5),
			within("published", c.name+": TPR20,10, less the measured", "measurement", source, tpr-c.tpr, "", 0.02))
	}
	return rows, nil
}
