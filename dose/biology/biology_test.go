package biology_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/spatial/r3"
	"pgregory.net/rapid"

	"github.com/kerma-rt/kerma/dose/biology"
	"github.com/kerma-rt/kerma/geometry"
)

const tolerance = 1e-9

func uniform(gy float64) biology.Distribution {
	return biology.Distribution{Dose: []float64{gy, gy, gy}, Volume: []float64{1, 2, 0.5}}
}

func effect(t require.TestingT, tissue biology.Tissue, s biology.Schedule) *biology.Effect {
	e, err := biology.NewEffect(tissue, s)
	require.NoError(t, err)
	return e
}

// Published arithmetic: 60 Gy in 30 fractions at α/β 10 Gy is 72 Gy, 54 Gy in 3
// is 151.2 Gy; fractions of 2 Gy are their own equivalent.
func TestEffectiveDosesByHand(t *testing.T) {
	assert.InDelta(t, 72, effect(t, biology.Tissue{AlphaBeta: 10}, biology.Schedule{Fractions: 30}).BED(60), tolerance)
	assert.InDelta(t, 151.2, effect(t, biology.Tissue{AlphaBeta: 10}, biology.Schedule{Fractions: 3}).BED(54), tolerance)
	for _, ab := range []float64{1.5, 3, 10} {
		assert.InDelta(t, 50, effect(t, biology.Tissue{AlphaBeta: ab}, biology.Schedule{Fractions: 25}).EQD2(50), tolerance)
	}
}

func TestRepopulationTakesItsShareAfterItsStart(t *testing.T) {
	tissue := biology.Tissue{AlphaBeta: 10, Alpha: 0.3, DoublingTime: 3, KickOff: 28}
	at := func(days float64) float64 {
		return effect(t, tissue, biology.Schedule{Fractions: 30, Days: days}).BED(60)
	}
	assert.InDelta(t, 72, at(20), tolerance)
	assert.InDelta(t, 72-math.Ln2*14/(0.3*3), at(42), tolerance)
	assert.Zero(t, at(1000))
}

// Two fractions a day: h = θ. With no time between them they act as one, with
// much time as two.
func TestIncompleteRepairLiesBetweenOneFractionAndTwo(t *testing.T) {
	tissue := biology.Tissue{AlphaBeta: 3, Halftime: 1.5}
	at := func(hours float64) float64 {
		return effect(t, tissue, biology.Schedule{Fractions: 60, PerDay: 2, Interval: hours}).BED(69)
	}
	d := 69.0 / 60
	assert.InDelta(t, 69*(1+(1+math.Exp2(-6/1.5))*d/3), at(6), tolerance)
	assert.InDelta(t, 69*(1+2*d/3), at(0), tolerance)
	assert.InDelta(t, 69*(1+d/3), at(23.9), 1e-3)
	three := effect(t, tissue, biology.Schedule{Fractions: 54, PerDay: 3, Interval: 4})
	theta := math.Exp2(-4 / 1.5)
	h := 2.0 / 3 * (2*theta + theta*theta) // pairs of fractions: two next to each other, one pair further apart
	assert.InDelta(t, 54*(1+(1+h)*1/3), three.BED(54), tolerance)
}

func TestAboveTheThresholdSurvivalIsStraight(t *testing.T) {
	e := effect(t, biology.Tissue{AlphaBeta: 10, Threshold: 6}, biology.Schedule{Fractions: 1})
	plain := effect(t, biology.Tissue{AlphaBeta: 10}, biology.Schedule{Fractions: 1})
	assert.InDelta(t, plain.BED(5), e.BED(5), tolerance)
	assert.InDelta(t, plain.BED(6)+(1+2*6.0/10)*9, e.BED(15), tolerance)
	assert.InDelta(t, e.BED(10)-e.BED(9), e.BED(20)-e.BED(19), tolerance)
}

func TestEquivalentUniformDose(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 20).Draw(t, "n")
		var d biology.Distribution
		for range n {
			d.Dose = append(d.Dose, rapid.Float64Range(0.1, 90).Draw(t, "gy"))
			d.Volume = append(d.Volume, rapid.Float64Range(0.01, 10).Draw(t, "v"))
		}
		mean, err := d.EUD(1)
		require.NoError(t, err)
		assert.InDelta(t, d.Mean(), mean, 1e-9*mean)
		last := 0.0
		for _, a := range []float64{-300, -20, -1, 0.2, 1, 5, 20, 300} { // rises with a
			eud, err := d.EUD(a)
			require.NoError(t, err)
			assert.GreaterOrEqual(t, eud, last-1e-9)
			last = eud
		}
		eud, err := uniform(d.Dose[0]).EUD(rapid.Float64Range(0.01, 50).Draw(t, "a"))
		require.NoError(t, err)
		assert.InDelta(t, d.Dose[0], eud, 1e-9*eud)
	})
	cold := biology.Distribution{Dose: []float64{0, 70}, Volume: []float64{1e-6, 1}}
	eud, err := cold.EUD(-10)
	require.NoError(t, err)
	assert.Zero(t, eud)
}

func TestHalfOfAllAtTheDoseOfFiftyPercent(t *testing.T) {
	for _, o := range biology.Organs() {
		p, err := o.LKB.NTCP(uniform(o.LKB.TD50))
		require.NoError(t, err)
		assert.InDelta(t, 0.5, p, tolerance, o.Name)
	}
	p, err := biology.Niemierko{A: -10, D50: 60, Gamma50: 2}.Probability(uniform(60))
	require.NoError(t, err)
	assert.InDelta(t, 0.5, p, tolerance)
	p, err = biology.Seriality{D50: 52, Gamma: 1.3, S: 0.3}.NTCP(uniform(52))
	require.NoError(t, err)
	assert.InDelta(t, 0.5, p, tolerance)
}

// γ50 = 1/(m·√2π) joins the slopes of the models.
func TestSlopesAtTheMiddle(t *testing.T) {
	const d, h = 60.0, 1e-4
	slope := func(p func(gy float64) (float64, error)) float64 {
		up, err := p(d + h)
		require.NoError(t, err)
		down, err := p(d - h)
		require.NoError(t, err)
		return d * (up - down) / (2 * h)
	}
	assert.InDelta(t, 1/(0.2*math.Sqrt(2*math.Pi)), slope(func(gy float64) (float64, error) {
		return biology.LKB{N: 0.5, M: 0.2, TD50: d}.NTCP(uniform(gy))
	}), 1e-6)
	assert.InDelta(t, 1.7, slope(func(gy float64) (float64, error) {
		return biology.Niemierko{A: 1, D50: d, Gamma50: 1.7}.Probability(uniform(gy))
	}), 1e-6)
}

// s = 1 is a chain of which every link must hold.
func TestSerialityOfAChain(t *testing.T) {
	m := biology.Seriality{D50: 60, Gamma: 2, S: 1}
	alone := func(gy float64) float64 { return math.Exp2(-math.Exp(math.E * 2 * (1 - gy/60))) }
	p, err := m.NTCP(biology.Distribution{Dose: []float64{55, 65}, Volume: []float64{3, 1}})
	require.NoError(t, err)
	assert.InDelta(t, 1-math.Pow(1-alone(55), 0.75)*math.Pow(1-alone(65), 0.25), p, tolerance)
}

func TestControlByPoissonStatistics(t *testing.T) {
	e := effect(t, biology.Tissue{AlphaBeta: 10}, biology.Schedule{Fractions: 35})
	d := biology.Distribution{Dose: []float64{70, 60}, Volume: []float64{90, 10}}
	m := biology.Poisson{Density: 1e7, Alpha: 0.3}
	p, err := m.TCP(d, e)
	require.NoError(t, err)
	want := math.Exp(-1e7 * (90*math.Exp(-0.3*e.BED(70)) + 10*math.Exp(-0.3*e.BED(60))))
	assert.InDelta(t, want, p, tolerance)

	// A population of no spread is a patient; of a wide one the answer is the
	// average, here by a plain sum of many.
	narrow, err := biology.Poisson{Density: 1e7, Alpha: 0.3, AlphaSigma: 1e-6}.TCP(d, e)
	require.NoError(t, err)
	assert.InDelta(t, p, narrow, 1e-5)
	wide, err := biology.Poisson{Density: 1e7, Alpha: 0.3, AlphaSigma: 0.08}.TCP(d, e)
	require.NoError(t, err)
	var sum, weight float64
	const n = 200_000
	for i := range n {
		alpha := 0.3 + 0.08*8*(2*(float64(i)+0.5)/n-1)
		if alpha < 0 {
			continue
		}
		w := math.Exp(-(alpha - 0.3) * (alpha - 0.3) / (2 * 0.08 * 0.08))
		one, err := biology.Poisson{Density: 1e7, Alpha: max(alpha, 1e-12)}.TCP(d, e)
		require.NoError(t, err)
		sum += w * one
		weight += w
	}
	assert.InDelta(t, sum/weight, wide, 1e-7)
}

func TestWhatMakesNoSenseIsRefused(t *testing.T) {
	nan := math.NaN()
	for _, d := range []biology.Distribution{{}, {Dose: []float64{1}}, {Dose: []float64{nan}, Volume: []float64{1}}, {Dose: []float64{-1}, Volume: []float64{1}}, {Dose: []float64{1}, Volume: []float64{0}}} {
		_, err := d.EUD(1)
		assert.ErrorIs(t, err, biology.ErrDose, "%v", d)
	}
	for _, a := range []float64{0, nan, math.Inf(1)} {
		_, err := uniform(1).EUD(a)
		assert.ErrorIs(t, err, biology.ErrParameter)
	}
	for _, tissue := range []biology.Tissue{{}, {AlphaBeta: nan}, {AlphaBeta: 3, Halftime: -1}, {AlphaBeta: 3, DoublingTime: 2}} {
		_, err := biology.NewEffect(tissue, biology.Schedule{Fractions: 1})
		assert.ErrorIs(t, err, biology.ErrParameter, "%+v", tissue)
	}
	for _, s := range []biology.Schedule{{}, {Fractions: -1}, {Fractions: 4, PerDay: 4, Interval: 9}, {Fractions: 1, Days: nan}} {
		_, err := biology.NewEffect(biology.Tissue{AlphaBeta: 3}, s)
		assert.ErrorIs(t, err, biology.ErrParameter, "%+v", s)
	}
	_, err := biology.LKB{N: 0, M: 0.1, TD50: 50}.NTCP(uniform(1))
	assert.ErrorIs(t, err, biology.ErrParameter)
	_, err = biology.Seriality{D50: 50, Gamma: nan, S: 1}.NTCP(uniform(1))
	assert.ErrorIs(t, err, biology.ErrParameter)
	_, err = biology.Poisson{Density: 1, Alpha: 0.3, AlphaSigma: 1}.TCP(uniform(1), effect(t, biology.Tissue{AlphaBeta: 10}, biology.Schedule{Fractions: 1}))
	assert.ErrorIs(t, err, biology.ErrParameter)
}

// cube is a grid of 4 mm and a structure that fills 2 × 2 × 2 of its voxels.
func cube(t *testing.T) (geometry.Grid, *geometry.Mask) {
	g, err := geometry.NewGrid(r3.Vec{}, [3]float64{4, 4, 4}, [3]int{6, 6, 6}, geometry.IdentityAxes)
	require.NoError(t, err)
	s := geometry.Structure{Name: "cube"}
	for _, z := range []float64{8, 12} {
		s.Contours = append(s.Contours, geometry.Contour{{X: 6, Y: 6, Z: z}, {X: 14, Y: 6, Z: z}, {X: 14, Y: 14, Z: z}, {X: 6, Y: 14, Z: z}})
	}
	m, _, err := geometry.NewMask(g, &s)
	require.NoError(t, err)
	return g, m
}

func TestRegionsHaveTheirOwnEffect(t *testing.T) {
	g, m := cube(t)
	dose := geometry.NewVolume(g)
	for i := range dose.Data {
		dose.Data[i] = 60
	}
	s := biology.Schedule{Fractions: 30}
	bed, err := biology.BED(dose, effect(t, biology.Tissue{AlphaBeta: 3}, s), biology.Region{Mask: m, Effect: effect(t, biology.Tissue{AlphaBeta: 10}, s)})
	require.NoError(t, err)
	assert.InDelta(t, 100, bed.At(0, 0, 0), 1e-4)
	assert.InDelta(t, 72, bed.At(2, 2, 2), 1e-4)
	d, err := biology.Of(dose, m)
	require.NoError(t, err)
	assert.InDelta(t, 60, d.Mean(), tolerance)
	assert.InDelta(t, 0.512, d.Total(), 0.01, "cm³")
	dose.Data[5] = -1
	_, err = biology.EQD2(dose, effect(t, biology.Tissue{AlphaBeta: 3}, s))
	assert.ErrorIs(t, err, biology.ErrDose)
}

func TestPrescriptionsFollowTheImage(t *testing.T) {
	g, m := cube(t)
	image := geometry.NewVolume(g)
	for i := range image.Data {
		image.Data[i] = float32(i % 6) // 2 and 3 in the cube
	}
	dose, err := biology.Linear{Low: 60, High: 80, LowIntensity: 1, HighIntensity: 3}.Prescribe(image, m)
	require.NoError(t, err)
	assert.InDelta(t, 70, dose.At(2, 2, 2), 1e-4)
	assert.InDelta(t, 80, dose.At(3, 2, 2), 1e-4)
	assert.Zero(t, dose.At(0, 0, 0))

	p, err := biology.Percentile(image, m, 95)
	require.NoError(t, err)
	assert.InDelta(t, 3, p, tolerance)

	hypoxic, err := biology.Hypoxia{Oxic: 60}.Prescribe(image, m)
	require.NoError(t, err)
	assert.InDelta(t, 60*3*(2+3.0)/(3*2+3), hypoxic.At(2, 2, 2), 1e-4)
	zero := geometry.NewVolume(g)
	hypoxic, err = biology.Hypoxia{Oxic: 60, Highest: 90}.Prescribe(zero, m)
	require.NoError(t, err)
	assert.InDelta(t, 90, hypoxic.At(2, 2, 2), 1e-4)

	equal, err := biology.EqualControl{Reference: 60, ReferenceDensity: 2, Alpha: 0.3, AlphaBeta: 10, Fraction: 2, Highest: 100}.Prescribe(image, m)
	require.NoError(t, err)
	assert.InDelta(t, 60, equal.At(2, 2, 2), 1e-4)
	assert.InDelta(t, 60+math.Log(1.5)/(0.3*1.2), equal.At(3, 2, 2), 1e-4)

	q, err := biology.QualityFactor(dose, dose, m)
	require.NoError(t, err)
	assert.Zero(t, q)
	_, err = biology.QualityFactor(dose, geometry.NewVolume(g), m)
	assert.ErrorIs(t, err, biology.ErrDose)
	image.Data[g.Offset(2, 2, 2)] = float32(math.NaN())
	_, err = biology.Linear{Low: 60, High: 80, LowIntensity: 1, HighIntensity: 3}.Prescribe(image, m)
	assert.ErrorIs(t, err, biology.ErrDose)
}

// Equal control means equal control: with the dose of EqualControl, each voxel
// keeps the same number of clonogens, at the fraction size it was derived for.
func TestEqualControlKeepsSurvivorsEqual(t *testing.T) {
	g, m := cube(t)
	density := geometry.NewVolume(g)
	for i := range density.Data {
		density.Data[i] = float32(1e6 * (1 + i%6))
	}
	c := biology.EqualControl{Reference: 70, ReferenceDensity: 1e7, Alpha: 0.3, AlphaBeta: 10, Fraction: 2, Highest: 200}
	dose, err := c.Prescribe(density, m)
	require.NoError(t, err)
	survive := func(i int) float64 {
		gy := float64(dose.At(i, 2, 2))
		return float64(density.At(i, 2, 2)) * math.Exp(-0.3*gy*(1+2.0/10))
	}
	assert.InEpsilon(t, survive(2), survive(3), 1e-4)
}
