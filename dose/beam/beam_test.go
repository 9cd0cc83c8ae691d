package beam

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/kerma-rt/kerma/geometry"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/spatial/r3"
	"pgregory.net/rapid"
)

// field is a static beam of two points, 60 × 80 mm, with two leaf pairs.
func field() Beam {
	positions := [][]float64{{-30, 30}, {-40, 40}, {-20, -10, 20, 10}}
	return Beam{
		Number: 1, Name: "AP", EnergyMV: 6, Unit: MonitorUnits, SAD: 1000, Position: geometry.HFS,
		Devices: []Device{{Kind: JawX, Name: "ASYMX"}, {Kind: JawY, Name: "ASYMY"}, {Kind: MLCX, Name: "MLCX", Boundaries: []float64{-40, 0, 40}}},
		Points:  []ControlPoint{{Positions: positions}, {Weight: 1, Positions: positions}},
	}
}

func plan(beams ...Beam) *Plan {
	g := FractionGroup{Number: 1, Fractions: 5}
	for _, b := range beams {
		g.Beams = append(g.Beams, BeamMeterset{BeamNumber: b.Number, Meterset: 100})
	}
	return &Plan{Label: "test", Groups: []FractionGroup{g}, Beams: beams}
}

func TestSweepTakesTheStatedWay(t *testing.T) {
	for _, c := range []struct {
		turn           Rotation
		from, to, want float64
	}{
		{Rising, 181, 1, 180}, {Rising, 350, 10, 20}, {Falling, 10, 350, -20},
		{Falling, 178, 182, -356}, {Rising, 182, 178, 356}, {Rising, 178, 182, 4},
		{Rising, 180, 180, 0}, {Still, 0, 360, 0}, {Still, 90, 90, 0}, {Rising, -10, 10, 20},
	} {
		got, err := c.turn.Sweep(c.from, c.to)
		require.NoError(t, err)
		assert.InDelta(t, c.want, got, 1e-9, "%v %g to %g", c.turn, c.from, c.to)
	}
	got, err := Falling.Sweep(7e-10, 8e-10)
	require.NoError(t, err)
	assert.InDelta(t, 0, got, 1e-9, "rounding is no turn")
	_, err = Still.Sweep(0, 10)
	assert.ErrorIs(t, err, ErrPlan)
}

// Any plan: the segments add up to the meterset, weights and all, and no sample
// is coarser than asked for.
func TestSegmentsKeepTheMonitorUnits(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		b := field()
		n := rapid.IntRange(2, 8).Draw(r, "points")
		b.Points = nil
		total := 0.0
		steps := make([]float64, n)
		for k := 1; k < n; k++ {
			steps[k] = float64(rapid.IntRange(0, 3).Draw(r, "weight"))
			total += steps[k]
		}
		if total == 0 {
			steps[n-1], total = 1, 1
		}
		turn := rapid.SampledFrom([]Rotation{Still, Rising, Falling}).Draw(r, "turn")
		weight := 0.0
		for k := range n {
			weight += steps[k]
			p := ControlPoint{Weight: weight / total, GantryTurn: turn, Isocentre: r3.Vec{X: 1}}
			if turn != Still {
				p.GantryDeg = rapid.Float64Range(0, 359).Draw(r, "gantry")
			}
			x := rapid.Float64Range(-100, 100).Draw(r, "x")
			p.Positions = [][]float64{{-150, 150}, {-40, 40}, {x, x, x + 20, x + 30}}
			b.Points = append(b.Points, p)
		}
		if b.validate() != nil {
			r.Skip("a turn that goes nowhere")
		}
		meterset := rapid.Float64Range(0.1, 1000).Draw(r, "meterset")
		segments, err := b.Segments(meterset, 2)
		require.NoError(r, err)
		sum, inner := 0.0, 0.0
		for _, s := range segments {
			sum += s.MU
			require.NotEmpty(r, s.Apertures)
			for _, a := range s.Apertures {
				require.Positive(r, a.MU)
				inner += a.MU
				for i, d := range b.Devices {
					require.NoError(r, d.Check(a.Positions[i]))
				}
			}
		}
		assert.InEpsilon(r, meterset, sum, 1e-12)
		assert.InEpsilon(r, meterset, inner, 1e-12)
	})
}

func TestStaticBeamIsOneSegmentOfOneAperture(t *testing.T) {
	b := field()
	segments, err := b.Segments(100, 2)
	require.NoError(t, err)
	require.Len(t, segments, 1)
	require.Len(t, segments[0].Apertures, 1)
	assert.Equal(t, 100.0, segments[0].MU)
}

func TestStepAndShootIsOneApertureAStep(t *testing.T) {
	b := field()
	open, shut := b.Points[0].Positions, [][]float64{{-30, 30}, {-40, 40}, {0, 0, 0, 0}}
	b.Points = []ControlPoint{
		{Weight: 0, Positions: open}, {Weight: 0.25, Positions: open},
		{Weight: 0.25, Positions: shut}, {Weight: 1, Positions: shut},
	}
	segments, err := b.Segments(200, 2)
	require.NoError(t, err)
	require.Len(t, segments, 1, "one pose")
	require.Len(t, segments[0].Apertures, 2, "the movement with the beam off is not an aperture")
	assert.InDelta(t, 50, segments[0].Apertures[0].MU, 1e-12)
	assert.InDelta(t, 150, segments[0].Apertures[1].MU, 1e-12)
}

// A window of width g that sweeps over the distance L at even dose rate gives
// every point it has fully crossed g/(L+g) of the monitor units... the open time
// of a point is what the two edges leave between them.
func TestSlidingWindowOpensEachPointAsLongAsItsEdgesSay(t *testing.T) {
	b := field()
	const gap, way, meterset = 20.0, 100.0, 300.0
	at := func(x float64) [][]float64 {
		return [][]float64{{-100, 100}, {-40, 40}, {x, x, x + gap, x + gap}}
	}
	b.Points = []ControlPoint{{Weight: 0, Positions: at(-60)}, {Weight: 1, Positions: at(-60 + way)}}
	segments, err := b.Segments(meterset, 2)
	require.NoError(t, err)
	require.Len(t, segments, 1)
	require.Len(t, segments[0].Apertures, 40)
	for x := -35.05; x < 35; x += 1.3 { // crossed by both edges
		open := 0.0
		for _, a := range segments[0].Apertures {
			leaves := a.Positions[2]
			if leaves[0] < x && x < leaves[2] {
				open += a.MU
			}
		}
		assert.InDelta(t, meterset*gap/way, open, meterset/40*1.01, "x = %g mm", x)
	}
}

func TestArcIsSampledEveryTwoDegrees(t *testing.T) {
	b := field()
	b.Points[0].GantryDeg, b.Points[0].GantryTurn = 181, Rising
	b.Points[1].GantryDeg = 1
	arc, err := b.Arc()
	require.NoError(t, err)
	assert.Equal(t, 180.0, arc)
	segments, err := b.Segments(90, 2)
	require.NoError(t, err)
	require.Len(t, segments, 90)
	assert.InDelta(t, 182, segments[0].Pose.GantryDeg, 1e-9)
	assert.InDelta(t, 0, segments[89].Pose.GantryDeg, 1e-9)
	for _, s := range segments {
		assert.InDelta(t, 1, s.MU, 1e-12)
	}
}

func TestOutAndBackCrossesTheSameAnglesTwice(t *testing.T) {
	b := field()
	p := b.Points[0].Positions
	b.Points = []ControlPoint{
		{GantryDeg: 240, GantryTurn: Rising, Positions: p}, {Weight: 0.5, GantryDeg: 300, GantryTurn: Falling, Positions: p},
		{Weight: 1, GantryDeg: 240, Positions: p},
	}
	arc, err := b.Arc()
	require.NoError(t, err)
	assert.Equal(t, 120.0, arc)
	segments, err := b.Segments(60, 2)
	require.NoError(t, err)
	require.Len(t, segments, 59, "the two samples at the turning point share a pose: 299 and 299")
}

func TestInvalidPlansAreRefusedByNameOfBeamAndPoint(t *testing.T) {
	for name, c := range map[string]struct {
		change func(b *Beam)
		says   string
	}{
		"leaf overlap":        {func(b *Beam) { b.Points[1].Positions = [][]float64{{-30, 30}, {-40, 40}, {-20, 12, 20, 10.5}} }, `beam 1 "AP": control point 1: invalid plan: MLCX: leaf 2: left 12 mm > right 10.5 mm`},
		"jaw missing":         {func(b *Beam) { b.Points[1].Positions = b.Points[1].Positions[1:] }, "positions of 2 devices"},
		"leaf missing":        {func(b *Beam) { b.Points[0].Positions = [][]float64{{-30, 30}, {-40, 40}, {0, 0}} }, "2 positions for 2 pairs"},
		"weight":              {func(b *Beam) { b.Points[1].Weight = 0.9 }, "weights go from 0 to 0.9"},
		"weight not a number": {func(b *Beam) { b.Points[1].Weight = math.NaN() }, "weights go"},
		"no direction":        {func(b *Beam) { b.Points[1].GantryDeg = 30 }, "without a direction"},
		"whole turn or none":  {func(b *Beam) { b.Points[0].GantryTurn = Falling }, "a whole turn or none"},
		"roll changes":        {func(b *Beam) { b.Points[1].RollDeg = 2 }, "roll"},
		"no device":           {func(b *Beam) { b.Devices = nil }, "no beam-limiting device"},
		"boundaries":          {func(b *Beam) { b.Devices[2].Boundaries = []float64{0, 0, 1} }, "out of order"},
		"angle":               {func(b *Beam) { b.Points[0].CouchDeg = math.Inf(1) }, "couch angle"},
		"isocentre":           {func(b *Beam) { b.Points[0].Isocentre.Y = math.NaN() }, "isocentre"},
		"sitting":             {func(b *Beam) { b.Position = "SITTING" }, "SITTING"},
		"energy":              {func(b *Beam) { b.EnergyMV = 0 }, "energy 0 MV"},
		"one point":           {func(b *Beam) { b.Points = b.Points[:1] }, "1 control points"},
	} {
		t.Run(name, func(t *testing.T) {
			b := field()
			c.change(&b)
			err := plan(b).Validate()
			require.ErrorIs(t, err, ErrPlan)
			assert.ErrorContains(t, err, c.says)
			_, err = b.Segments(100, 2)
			assert.ErrorIs(t, err, ErrPlan)
		})
	}
	b := field()
	require.NoError(t, plan(b).Validate())
	_, err := b.Segments(math.NaN(), 2)
	assert.ErrorIs(t, err, ErrMeterset)
}

func TestGroupHasToBeChosenWhereThereAreSeveral(t *testing.T) {
	p := plan(field())
	g, err := p.Group(0)
	require.NoError(t, err)
	assert.Equal(t, 1, g.Number)
	p.Groups = append(p.Groups, FractionGroup{Number: 2, Fractions: 3, Beams: p.Groups[0].Beams})
	_, err = p.Group(0)
	var several *GroupError
	require.ErrorAs(t, err, &several)
	assert.ErrorContains(t, err, "1 (5 fractions of 1 beams), 2 (3 fractions of 1 beams)")
	g, err = p.Group(2)
	require.NoError(t, err)
	assert.Equal(t, 3, g.Fractions)
	_, err = p.Group(7)
	assert.ErrorContains(t, err, "no fraction group 7")
}

func TestJSONGivesBackThePlan(t *testing.T) {
	arc := field()
	arc.Number = 2
	arc.Points[0].GantryTurn, arc.Points[1].GantryDeg = Rising, 40
	arc.Points[0].Isocentre, arc.Points[1].Isocentre = r3.Vec{X: 1, Y: -2, Z: 3}, r3.Vec{X: 1, Y: -2, Z: 3}
	want := plan(field(), arc)
	want.Omitted = []string{"beam 7: setup"}
	var b bytes.Buffer
	require.NoError(t, want.WriteJSON(&b))
	got, err := ReadJSON(&b)
	require.NoError(t, err)
	assert.Equal(t, want, got)

	want.Groups[0].Beams[0].Meterset = math.NaN()
	b.Reset()
	require.NoError(t, want.WriteJSON(&b))
	got, err = ReadJSON(&b)
	require.NoError(t, err)
	assert.True(t, math.IsNaN(got.Groups[0].Beams[0].Meterset), "an unknown meterset stays unknown")
}

const handWritten = `{
 "label": "hand-written",
 "fraction_groups": [{"number": 1, "fractions": 1, "beams": [{"beam": 1, "meterset": 100}]}],
 "beams": [{"number": 1, "name": "AP", "machine": "generic", "energy_mv": 6, "fluence_mode": "", "position": "HFS",
  "devices": [{"kind": "JAWX"}, {"kind": "JAWY"}],
  "points": [
   {"weight": 0, "gantry_deg": 10, "gantry_turn": "rising", "collimator_deg": 0, "couch_deg": 0, "isocentre_mm": [0, 0, 0], "positions_mm": [[-50, 50], [-50, 50]]},
   {"weight": 0.5, "gantry_deg": 20}, {"weight": 1, "gantry_deg": 30}]}]
}`

func TestJSONPointsKeepWhatTheyDoNotName(t *testing.T) {
	p, err := ReadJSON(strings.NewReader(handWritten))
	require.NoError(t, err)
	last := p.Beams[0].Points[2]
	assert.Equal(t, 30.0, last.GantryDeg)
	assert.Equal(t, [][]float64{{-50, 50}, {-50, 50}}, last.Positions)
	assert.Equal(t, MonitorUnits, p.Beams[0].Unit)
}

func TestJSONIsStrict(t *testing.T) {
	for name, c := range map[string][2]string{
		"unknown field":    {`"label"`, `"labell"`},
		"field twice":      {`"number": 1, "name"`, `"number": 1, "number": 2, "name"`},
		"same but case":    {`"number": 1, "name"`, `"number": 1, "Number": 2, "name"`},
		"unknown kind":     {`"JAWX"`, `"ASYMX"`},
		"unknown turn":     {`"rising"`, `"CW"`},
		"no gantry":        {`"gantry_deg": 10,`, ``},
		"no isocentre":     {`"isocentre_mm": [0, 0, 0],`, ``},
		"no weight":        {`"weight": 0.5,`, ``},
		"no positions":     {`, "positions_mm": [[-50, 50], [-50, 50]]`, ``},
		"not a plan":       {`"weight": 0.5`, `"weight": 1.5`},
		"text behind":      {"]}]\n}", "]}]\n} {}"},
		"cut":              {"]}]\n}", ""},
		"number as string": {`"energy_mv": 6`, `"energy_mv": "6"`},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, handWritten, c[0])
			_, err := ReadJSON(strings.NewReader(strings.Replace(handWritten, c[0], c[1], 1)))
			assert.ErrorIs(t, err, ErrPlan)
		})
	}
}

// FuzzJSON reads plans from any bytes: a valid plan, which can be written and
// read again, or an error.
func FuzzJSON(f *testing.F) {
	f.Add([]byte(handWritten))
	f.Add([]byte(`{"beams": [{"points": [{"weight": 0}]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := ReadJSON(bytes.NewReader(data))
		if err != nil {
			return
		}
		var b bytes.Buffer
		require.NoError(t, p.WriteJSON(&b))
		again, err := ReadJSON(&b)
		require.NoError(t, err)
		require.Len(t, again.Beams, len(p.Beams))
		for i := range p.Beams {
			if segments, err := p.Beams[i].Segments(100, 30); err == nil {
				require.NotEmpty(t, segments)
			}
		}
	})
}
