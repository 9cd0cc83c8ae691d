package dose_test

import (
	"context"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/dose"
	"github.com/kerma-rt/kerma/dose/beam"
	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/heterogeneity"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// blocks is a phantom of random blocks of lung, water and bone, different in
// every direction, with a body mask that leaves out its rim.
func blocks(t testing.TB, g geometry.Grid) *heterogeneity.Tissue {
	t.Helper()
	random := rand.New(rand.NewPCG(11, 12))
	n := g.Size()
	v := geometry.NewVolume(g)
	coarse := map[[3]int]float32{}
	for k := range n[2] {
		for j := range n[1] {
			for i := range n[0] {
				at := [3]int{i / 5, j / 4, k / 6}
				if _, ok := coarse[at]; !ok {
					coarse[at] = []float32{0.26, 1, 1, 1.05, 1.5}[random.IntN(5)]
				}
				v.Data[g.Offset(i, j, k)] = coarse[at]
			}
		}
	}
	box := geometry.Box{Low: [3]int{1, 1, 1}, High: [3]int{n[0] - 1, n[1] - 2, n[2] - 1}}
	body := &geometry.Mask{Grid: g, Box: box, Fraction: make([]float32, box.Len())}
	for i := range body.Fraction {
		body.Fraction[i] = 1
	}
	return &heterogeneity.Tissue{Density: v, ElectronDensity: v, Body: body}
}

// turned is one leaf-shaped, off-axis beam with every angle its own.
func turned(position geometry.PatientPosition, isocentre r3.Vec, mu float64) *beam.Plan {
	point := func(weight float64) beam.ControlPoint {
		return beam.ControlPoint{
			Weight: weight, GantryDeg: 37, CollimatorDeg: 20, CouchDeg: 15, PitchDeg: 2, RollDeg: -1, Isocentre: isocentre,
			Positions: [][]float64{{-30, 40}, {-22, 25}, {-10, -25, -28, 0, 5, 20, 33, 12}},
		}
	}
	return &beam.Plan{
		Groups: []beam.FractionGroup{{Number: 1, Fractions: 3, Beams: []beam.BeamMeterset{{BeamNumber: 1, Meterset: mu}}}},
		Beams: []beam.Beam{{
			Number: 1, Name: "turned", EnergyMV: 6, Unit: beam.MonitorUnits, SAD: 1000, Position: position,
			Devices: []beam.Device{
				{Kind: beam.JawX, Name: "ASYMX"}, {Kind: beam.JawY, Name: "ASYMY"},
				{Kind: beam.MLCX, Name: "MLCX", Boundaries: []float64{-20, -10, 0, 10, 20}},
			},
			Points: []beam.ControlPoint{point(0), point(1)},
		}},
	}
}

func generic6(t testing.TB) *machine.Machine {
	t.Helper()
	m, err := machine.Generic("generic_6mv")
	require.NoError(t, err)
	return m
}

func request(t testing.TB, m *machine.Machine) dose.Request {
	t.Helper()
	ct := grid(t, r3.Vec{X: -70, Y: -60, Z: -55}, [3]float64{4, 4, 4}, [3]int{36, 31, 29})
	doseGrid := grid(t, r3.Vec{X: -66, Y: -58, Z: -50}, [3]float64{5, 5, 5}, [3]int{27, 23, 21})
	return dose.Request{Tissue: blocks(t, ct), Plan: turned(geometry.HFS, r3.Vec{X: 5, Y: -3, Z: 8}, 100), Machines: machine.Set{m}, Grid: doseGrid}
}

func largest(v []float32) float64 {
	var m float64
	for _, x := range v {
		m = max(m, float64(x))
	}
	return m
}

func difference(a, b []float32) float64 {
	var m float64
	for i := range a {
		m = max(m, math.Abs(float64(a[i])-float64(b[i])))
	}
	return m
}

func TestPatientAndBeamTurnedTogetherCarryTheDoseAlong(t *testing.T) {
	r := request(t, svd(t))
	want := compute(t, dose.PencilBeam{}, r)
	most := largest(want.Dose.Data)
	require.Greater(t, most, 0.5)
	pose := func(p geometry.PatientPosition) geometry.Frame {
		f, err := geometry.NewFrame(geometry.Pose{Position: p, SAD: 1000})
		require.NoError(t, err)
		return f
	}
	for _, position := range []geometry.PatientPosition{geometry.HFS, geometry.HFP, geometry.HFDL, geometry.HFDR, geometry.FFS, geometry.FFP, geometry.FFDL, geometry.FFDR} {
		// The place in the room is what counts: patient coordinates change.
		turn := func(v r3.Vec) r3.Vec { return pose(position).ToPatient(pose(geometry.HFS).ToBeam(v)) }
		move := func(g geometry.Grid) geometry.Grid {
			moved, err := geometry.NewGrid(turn(g.Origin()), g.Spacing(), g.Size(), [3]r3.Vec{turn(g.Axis(0)), turn(g.Axis(1)), turn(g.Axis(2))})
			require.NoError(t, err)
			return moved
		}
		ct := move(r.Tissue.ElectronDensity.Grid)
		v, err := geometry.VolumeOf(ct, r.Tissue.ElectronDensity.Data)
		require.NoError(t, err)
		body := *r.Tissue.Body
		body.Grid = ct
		there := r
		there.Tissue = &heterogeneity.Tissue{Density: v, ElectronDensity: v, Body: &body}
		there.Grid = move(r.Grid)
		there.Plan = turned(position, turn(r.Plan.Beams[0].Points[0].Isocentre), 100)
		got := compute(t, dose.PencilBeam{}, there)
		assert.LessOrEqual(t, difference(got.Dose.Data, want.Dose.Data), 1e-6*most, "%s", position)
		assert.InDelta(t, want.Beams[0].SSD, got.Beams[0].SSD, 1e-6)
	}
}

func TestSameBitsOnAnyNumberOfThreads(t *testing.T) {
	r := request(t, generic6(t))
	r.Threads = 1
	want := compute(t, dose.PencilBeam{}, r)
	for _, threads := range []int{2, 5, 0} {
		r.Threads = threads
		got := compute(t, dose.PencilBeam{}, r)
		require.Equal(t, want.Dose.Data, got.Dose.Data, "%d threads", threads)
	}
}

func TestDoseIsLinearInMonitorUnitsAndFractions(t *testing.T) {
	r := request(t, svd(t))
	once := compute(t, dose.PencilBeam{}, r)
	assert.Equal(t, 3, once.Fractions)
	r.Plan = turned(geometry.HFS, r3.Vec{X: 5, Y: -3, Z: 8}, 250)
	r.Plan.Groups[0].Fractions = 6
	five := compute(t, dose.PencilBeam{}, r)
	most := largest(five.Dose.Data)
	for i, v := range once.Dose.Data {
		require.InDelta(t, 5*float64(v), five.Dose.Data[i], 1e-6*most)
	}
}

// arc is the turned beam with the gantry going from 30° to 50°.
func arc(mu float64) *beam.Plan {
	p := turned(geometry.HFS, r3.Vec{X: 5, Y: -3, Z: 8}, mu)
	points := p.Beams[0].Points
	points[0].GantryDeg, points[0].GantryTurn, points[1].GantryDeg = 30, beam.Rising, 50
	return p
}

func TestArcIsItsStaticSamplesAndAPlanTheSumOfItsBeams(t *testing.T) {
	r := request(t, svd(t))
	r.Plan = arc(100)
	var told []float64
	r.Progress = func(done float64) { told = append(told, done) }
	want := compute(t, dose.PencilBeam{}, r)
	require.NotEmpty(t, told)
	for i := 1; i < len(told); i++ {
		assert.Greater(t, told[i], told[i-1])
	}
	assert.Equal(t, 1.0, told[len(told)-1])
	r.Progress = nil

	statics := turned(geometry.HFS, r3.Vec{X: 5, Y: -3, Z: 8}, 10)
	one := statics.Beams[0]
	statics.Beams, statics.Groups[0].Beams = nil, nil
	sum := make([]float64, r.Grid.Len())
	for i := range 10 {
		b := one
		b.Number = i + 1
		b.Points = []beam.ControlPoint{one.Points[0], one.Points[1]}
		for p := range b.Points {
			b.Points[p].GantryDeg = 31 + 2*float64(i)
		}
		alone := *statics
		alone.Beams = []beam.Beam{b}
		alone.Groups = []beam.FractionGroup{{Number: 1, Fractions: 3, Beams: []beam.BeamMeterset{{BeamNumber: b.Number, Meterset: 10}}}}
		r.Plan = &alone
		for n, v := range compute(t, dose.PencilBeam{}, r).Dose.Data {
			sum[n] += float64(v)
		}
		statics.Beams = append(statics.Beams, b)
		statics.Groups[0].Beams = append(statics.Groups[0].Beams, beam.BeamMeterset{BeamNumber: b.Number, Meterset: 10})
	}
	r.Plan = statics
	all := compute(t, dose.PencilBeam{}, r)
	most := largest(want.Dose.Data)
	assert.LessOrEqual(t, difference(all.Dose.Data, want.Dose.Data), 1e-6*most)
	for n, v := range all.Dose.Data {
		require.InDelta(t, sum[n], v, 2e-6*most)
	}
}

func TestCancelEndsTheWorkAtOnce(t *testing.T) {
	r := request(t, svd(t))
	r.Plan = arc(100)
	ctx, cancel := context.WithCancel(context.Background())
	var stopped time.Time
	r.Progress = func(float64) {
		if stopped.IsZero() {
			stopped = time.Now()
			cancel()
		}
	}
	_, err := dose.PencilBeam{}.Compute(ctx, r)
	require.ErrorIs(t, err, context.Canceled)
	t.Logf("ended %v after", time.Since(stopped))

	ctx, cancel = context.WithCancel(context.Background())
	cancel()
	r.Progress = nil
	_, err = dose.PencilBeam{}.Compute(ctx, r)
	require.ErrorIs(t, err, context.Canceled)
}

func TestNoDoseOutsideTheBody(t *testing.T) {
	r := request(t, svd(t))
	r.Grid = r.Tissue.ElectronDensity.Grid
	got := compute(t, dose.PencilBeam{}, r)
	n, box := r.Grid.Size(), r.Tissue.Body.Box
	for k := range n[2] {
		for j := range n[1] {
			for i := range n[0] {
				if !box.Contains(i, j, k) {
					require.Zero(t, got.Dose.At(i, j, k))
				}
			}
		}
	}
	require.Greater(t, largest(got.Dose.Data), 0.5)
}

func TestImpossibleRequestsFailWithTheirError(t *testing.T) {
	good := func() dose.Request { return request(t, svd(t)) }
	far := svd(t)
	far.SAD = 1010
	bare := svd(t)
	bare.Pencil = nil
	var notFound *machine.NotFoundError
	var group *beam.GroupError
	for name, c := range map[string]struct {
		change func(*dose.Request)
		is     error
		as     any
	}{
		"no tissue":             {func(r *dose.Request) { r.Tissue = nil }, dose.ErrRequest, nil},
		"empty tissue":          {func(r *dose.Request) { r.Tissue = &heterogeneity.Tissue{} }, dose.ErrRequest, nil},
		"no plan":               {func(r *dose.Request) { r.Plan = nil }, dose.ErrRequest, nil},
		"plan without beams":    {func(r *dose.Request) { r.Plan.Beams = nil }, beam.ErrPlan, nil},
		"minutes":               {func(r *dose.Request) { r.Plan.Beams[0].Unit = beam.Minutes }, dose.ErrRequest, nil},
		"no meterset":           {func(r *dose.Request) { r.Plan.Groups[0].Beams[0].Meterset = math.NaN() }, beam.ErrMeterset, nil},
		"no machine":            {func(r *dose.Request) { r.Machines = nil }, nil, &notFound},
		"other energy":          {func(r *dose.Request) { r.Plan.Beams[0].EnergyMV = 10 }, nil, &notFound},
		"FFF":                   {func(r *dose.Request) { r.Plan.Beams[0].FluenceMode = beam.FFF }, nil, &notFound},
		"SAD of another":        {func(r *dose.Request) { r.Machines = machine.Set{far} }, dose.ErrRequest, nil},
		"no pencil kernel":      {func(r *dose.Request) { r.Machines = machine.Set{bare} }, dose.ErrRequest, nil},
		"unknown group":         {func(r *dose.Request) { r.FractionGroup = 7 }, nil, &group},
		"group without beams":   {func(r *dose.Request) { r.Plan.Groups[0].Beams = nil }, dose.ErrRequest, nil},
		"no patient position":   {func(r *dose.Request) { r.Plan.Beams[0].Position = "" }, geometry.ErrPose, nil},
		"negative threads":      {func(r *dose.Request) { r.Threads = -1 }, dose.ErrRequest, nil},
		"body on another grid":  {func(r *dose.Request) { r.Tissue.Body.Grid = r.Grid }, dose.ErrRequest, nil},
		"patient at the source": {sourceInPatient, heterogeneity.ErrDepths, nil},
		"opening without limit": {func(r *dose.Request) {
			b := &r.Plan.Beams[0]
			b.Devices = b.Devices[:1]
			for i := range b.Points {
				b.Points[i].Positions = b.Points[i].Positions[:1]
			}
		}, beam.ErrFluence, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := good()
			c.change(&r)
			result, err := dose.PencilBeam{}.Compute(context.Background(), r)
			require.Error(t, err)
			assert.Nil(t, result)
			if c.is != nil {
				assert.ErrorIs(t, err, c.is)
			}
			if c.as != nil {
				assert.ErrorAs(t, err, c.as)
			}
		})
	}
}

// sourceInPatient moves the isocentre so that the source stands where it was.
func sourceInPatient(r *dose.Request) {
	p := r.Plan.Beams[0].Points[0]
	frame, err := geometry.NewFrame(geometry.Pose{
		Position: geometry.HFS, Isocentre: p.Isocentre, SAD: 1000,
		GantryDeg: p.GantryDeg, CollimatorDeg: p.CollimatorDeg, CouchDeg: p.CouchDeg, PitchDeg: p.PitchDeg, RollDeg: p.RollDeg,
	})
	if err != nil {
		panic(err)
	}
	shift(r, r3.Sub(p.Isocentre, frame.Source()))
}

// shift moves the isocentre by v, mm.
func shift(r *dose.Request, v r3.Vec) {
	for i := range r.Plan.Beams[0].Points {
		p := &r.Plan.Beams[0].Points[i]
		p.Isocentre = r3.Add(p.Isocentre, v)
	}
}

func TestWhatAReaderShouldLookAtIsAWarning(t *testing.T) {
	has := func(r *dose.Request, text string) {
		t.Helper()
		result := compute(t, dose.PencilBeam{}, *r)
		for _, w := range result.Warnings {
			if strings.Contains(w, text) {
				return
			}
		}
		t.Errorf("no warning about %q in %q", text, result.Warnings)
	}
	r := request(t, svd(t))
	shift(&r, r3.Vec{Z: 2})
	has(&r, "the CT ends 49 mm from the axis")
	r.Plan.Groups[0].Fractions = 0
	has(&r, "number of fractions unknown")
	r.Plan.Beams[0].SSD = 900
	has(&r, "the plan says 900.0 mm")
	r.Tissue.Body = nil
	has(&r, "no body structure")
	r.Plan.Groups[0].Beams[0].Meterset = 0
	has(&r, "no monitor units")
	r.Plan.Unmodelled = []string{"a wedge was ignored"}
	has(&r, "a wedge was ignored")
	shift(&r, r3.Vec{X: 300})
	has(&r, "the axis misses the body")
}

func TestEnginesHaveDifferentNames(t *testing.T) {
	names := map[string]bool{}
	for _, e := range dose.Engines() {
		assert.False(t, names[e.Name()], e.Name())
		names[e.Name()] = true
	}
	assert.True(t, names["pencil-beam"])
}
