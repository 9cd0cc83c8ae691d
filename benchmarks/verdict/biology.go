package verdict

import (
	"context"
	"math"

	"github.com/kerma-rt/kerma/dose/biology"
)

// biological holds radiobiology against its closed forms.
func biological(context.Context, Options) ([]Row, error) {
	uniform := biology.Distribution{Dose: []float64{60, 60}, Volume: []float64{1, 3}}
	effect := func(ab float64, n int) *biology.Effect {
		e, err := biology.NewEffect(biology.Tissue{AlphaBeta: ab}, biology.Schedule{Fractions: n})
		if err != nil {
			panic(err) // the parameters are right above
		}
		return e
	}
	const tolerance, source = 1e-9, "closed form"
	rows := []Row{
		within("biology", "BED of 60 Gy in 30 fractions, α/β 10 Gy, less 72 Gy", "arithmetic", source, effect(10, 30).BED(60)-72, "Gy", tolerance),
		within("biology", "BED of 54 Gy in 3 fractions, α/β 10 Gy, less 151.2 Gy", "arithmetic", source, effect(10, 3).BED(54)-151.2, "Gy", tolerance),
		within("biology", "EQD2 of 50 Gy in 25 fractions, less 50 Gy", "definition", source, effect(3, 25).EQD2(50)-50, "Gy", tolerance),
	}
	eud, err := uniform.EUD(-12)
	if err != nil {
		return rows, err
	}
	lkb, err := biology.LKB{N: 0.35, M: 0.1, TD50: 60}.NTCP(uniform)
	if err != nil {
		return rows, err
	}
	tcp, err := biology.Niemierko{A: -10, D50: 60, Gamma50: 2}.Probability(uniform)
	if err != nil {
		return rows, err
	}
	serial, err := biology.Seriality{D50: 60, Gamma: 1.3, S: 0.3}.NTCP(uniform)
	if err != nil {
		return rows, err
	}
	poisson, err := biology.Poisson{Density: 1e7, Alpha: 0.3}.TCP(uniform, effect(10, 30))
	if err != nil {
		return rows, err
	}
	return append(rows,
		within("biology", "gEUD of a uniform dose, less the dose", "definition", source, eud-60, "Gy", tolerance),
		within("biology", "NTCP (LKB) at TD50, less ½", "definition", source, lkb-0.5, "", tolerance),
		within("biology", "NTCP (relative seriality) at D50, less ½", "definition", source, serial-0.5, "", tolerance),
		within("biology", "TCP (Niemierko) at TCD50, less ½", "definition", source, tcp-0.5, "", tolerance),
		within("biology", "TCP (Poisson) of a uniform dose, less exp(−N exp(−α BED))", "definition", source, poisson-math.Exp(-4e7*math.Exp(-0.3*72)), "", tolerance),
	), nil
}
