package heterogeneity_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/heterogeneity"
)

// smoothRatios is a tissue–air ratio of primary and scatter.
type smoothRatios struct{}

func (smoothRatios) TissueRatio(depth, radius float64) float64 {
	primary := math.Exp(-0.005*depth) * (1 - 0.5*math.Exp(-depth/4))
	return primary * (1 + 0.3*(1-math.Exp(-0.0002*depth*radius)))
}

// uniform is one medium everywhere in a body.
func uniformBody(t *testing.T, density float64) (*heterogeneity.Tissue, geometry.Frame) {
	tissue, f := slabs(t, slab{200, density})
	g := tissue.ElectronDensity.Grid
	tissue.Body = &geometry.Mask{Grid: g, Box: g.Box(), Fraction: make([]float32, g.Len())}
	for i := range tissue.Body.Fraction {
		tissue.Body.Fraction[i] = 1
	}
	return tissue, f
}

func TestFactorsInAUniformMedium(t *testing.T) {
	const density, depth, radius = 0.5, 120, 50
	tissue, f := uniformBody(t, density)
	a := f.SAD + depth
	field := heterogeneity.Field{X0: -30, X1: 30, Y0: -30, Y1: 30}
	b := heterogeneity.Beam{Tissue: tissue, Frame: f, Field: field, Spacing: 5, Step: 2}
	ratios := smoothRatios{}
	w := heterogeneity.Water{Ratios: ratios, Radius: radius * f.SAD / a, Open: field}

	// The scaling theorem, for which ETAR is made.
	for _, c := range []heterogeneity.ETAR{{}, {Coalesced: true}} {
		factors, err := c.Factors(t.Context(), b, w)
		require.NoError(t, err)
		want := ratios.TissueRatio(density*depth, density*radius) / ratios.TissueRatio(density*depth, radius)
		require.InDelta(t, want, factors.At(0, 0, a), 2e-3, c.Name())
	}
	// T(d)^(ρ−1), where the scaling theorem has T(ρd)/T(d): the law's own limit.
	factors, err := heterogeneity.Batho{}.Factors(t.Context(), b, w)
	require.NoError(t, err)
	var most float64
	for d := range 80 {
		most = max(most, ratios.TissueRatio(float64(d), radius))
	}
	require.InDelta(t, math.Pow(ratios.TissueRatio(depth, radius)/most, density-1), factors.At(0, 0, a), 2e-3)
}

// heavy tells all materials apart by a factor.
type heavy struct{ smoothRatios }

func (heavy) AbsorptionRatio(material string) (float64, error) {
	if material == "unheard of" {
		return 0, geometry.ErrGrid
	}
	return 0.9, nil
}

func TestFactorsGiveDoseToMediumWhereTheBeamTellsMediaApart(t *testing.T) {
	tissue, f := slabs(t, slab{50, 1}, slab{20, 1.7}, slab{100, 1})
	g := tissue.ElectronDensity.Grid
	tissue.Materials = []string{"water_liquid", "bone"}
	tissue.Material = make([]uint8, g.Len())
	for i, v := range tissue.ElectronDensity.Data {
		if v > 1.5 {
			tissue.Material[i] = 1
		}
	}
	field := heterogeneity.Field{X0: -30, X1: 30, Y0: -30, Y1: 30}
	b := heterogeneity.Beam{Tissue: tissue, Frame: f, Field: field}
	plain, err := heterogeneity.ModifiedBatho{}.Factors(t.Context(), b, heterogeneity.Water{Ratios: smoothRatios{}, Radius: 50, Open: field})
	require.NoError(t, err)
	medium, err := heterogeneity.ModifiedBatho{}.Factors(t.Context(), b, heterogeneity.Water{Ratios: heavy{}, Radius: 50, Open: field})
	require.NoError(t, err)
	for _, depth := range []float64{30, 60, 100} {
		require.InDelta(t, 0.9, medium.At(0, 0, f.SAD+depth)/plain.At(0, 0, f.SAD+depth), 1e-9)
	}
	tissue.Materials[1] = "unheard of"
	_, err = heterogeneity.ModifiedBatho{}.Factors(t.Context(), b, heterogeneity.Water{Ratios: heavy{}, Radius: 50, Open: field})
	require.ErrorIs(t, err, heterogeneity.ErrFactors)
	tissue.Materials = tissue.Materials[:1]
	_, err = heterogeneity.ModifiedBatho{}.Factors(t.Context(), b, heterogeneity.Water{Ratios: heavy{}, Radius: 50, Open: field})
	require.ErrorIs(t, err, heterogeneity.ErrFactors)
}

// none has no dose anywhere.
type none struct{}

func (none) TissueRatio(float64, float64) float64 { return 0 }

func TestFactorsRefuseBeamsWithoutRatios(t *testing.T) {
	tissue, f := slabs(t, slab{50, 1})
	field := heterogeneity.Field{X0: -30, X1: 30, Y0: -30, Y1: 30}
	b := heterogeneity.Beam{Tissue: tissue, Frame: f, Field: field}
	for _, w := range []heterogeneity.Water{
		{}, {Ratios: smoothRatios{}, Open: field}, {Ratios: smoothRatios{}, Radius: math.NaN(), Open: field},
		{Ratios: none{}, Radius: 50, Open: field}, {Ratios: smoothRatios{}, Radius: 50, Open: heterogeneity.Field{X0: 1}},
	} {
		for _, c := range heterogeneity.Corrections() {
			if c, ok := c.(heterogeneity.Factored); ok {
				_, err := c.Factors(t.Context(), b, w)
				require.ErrorIs(t, err, heterogeneity.ErrFactors, "%s, %+v", c.Name(), w)
			}
		}
	}
	for _, c := range heterogeneity.Corrections() {
		if c, ok := c.(heterogeneity.Factored); ok {
			_, err := c.Factors(t.Context(), heterogeneity.Beam{Frame: f, Field: field}, heterogeneity.Water{Ratios: smoothRatios{}, Radius: 50, Open: field})
			require.ErrorIs(t, err, heterogeneity.ErrDepths, c.Name())
		}
	}
}
