package geometry_test

import (
	"math"
	"testing"

	"github.com/kerma-rt/kerma/geometry"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/spatial/r3"
	"pgregory.net/rapid"
)

var positions = []geometry.PatientPosition{
	geometry.HFS, geometry.HFP, geometry.HFDL, geometry.HFDR,
	geometry.FFS, geometry.FFP, geometry.FFDL, geometry.FFDR,
}

func frame(t require.TestingT, p geometry.Pose) geometry.Frame {
	f, err := geometry.NewFrame(p)
	require.NoError(t, err)
	return f
}

func near(t require.TestingT, want, got r3.Vec, tolerance float64, message ...any) {
	require.InDelta(t, 0, r3.Norm(r3.Sub(want, got)), tolerance, "want %v, got %v: %v", want, got, message)
}

// The numbers were computed apart from this package and agree with matRad's
// sources and with a public planning-system script for all eight positions.
func TestSourceAndProjectionOfWorkedExamples(t *testing.T) {
	iso := r3.Vec{X: 7, Y: -11, Z: 13}
	d := r3.Vec{X: 10, Y: 20, Z: 30}
	for _, c := range []struct {
		position    geometry.PatientPosition
		source      [3]r3.Vec // gantry/couch 0/0, 90/0, 90/30, less the isocentre
		beam        [2]r3.Vec // of d at 90/0, 90/30
		projections [2][2]float64
	}{
		{"HFS", [3]r3.Vec{{Y: -1000}, {X: 1000}, {X: 866.025, Z: -500}},
			[2]r3.Vec{{X: 20, Y: 30, Z: 10}, {X: 20, Y: 30.981, Z: -6.340}}, [2][2]float64{{20.202, 30.303}, {19.874, 30.786}}},
		{"HFP", [3]r3.Vec{{Y: 1000}, {X: -1000}, {X: -866.025, Z: -500}},
			[2]r3.Vec{{X: -20, Y: 30, Z: -10}, {X: -20, Y: 20.981, Z: -23.660}}, [2][2]float64{{-19.802, 29.703}, {-19.538, 20.496}}},
		{"FFS", [3]r3.Vec{{Y: -1000}, {X: -1000}, {X: -866.025, Z: 500}},
			[2]r3.Vec{{X: 20, Y: -30, Z: -10}, {X: 20, Y: -30.981, Z: 6.340}}, [2][2]float64{{19.802, -29.703}, {20.128, -31.178}}},
		{"FFP", [3]r3.Vec{{Y: 1000}, {X: 1000}, {X: 866.025, Z: 500}},
			[2]r3.Vec{{X: -20, Y: -30, Z: 10}, {X: -20, Y: -20.981, Z: 23.660}}, [2][2]float64{{-20.202, -30.303}, {-20.485, -21.489}}},
	} {
		t.Run(string(c.position), func(t *testing.T) {
			for i, angles := range [3][2]float64{{0, 0}, {90, 0}, {90, 30}} {
				f := frame(t, geometry.Pose{Position: c.position, Isocentre: iso, SAD: 1000, GantryDeg: angles[0], CouchDeg: angles[1]})
				near(t, c.source[i], r3.Sub(f.Source(), iso), 1e-3, angles)
				if i == 0 {
					continue
				}
				near(t, c.beam[i-1], f.ToBeam(r3.Add(iso, d)), 1e-3, angles)
				x, y, a := f.Project(r3.Add(iso, d))
				require.InDelta(t, c.projections[i-1][0], x, 1e-3)
				require.InDelta(t, c.projections[i-1][1], y, 1e-3)
				require.InDelta(t, 1000-c.beam[i-1].Z, a, 1e-3)
			}
		})
	}
	f := frame(t, geometry.Pose{Position: geometry.HFS, Isocentre: iso, SAD: 1000, GantryDeg: 90, CouchDeg: 30, CollimatorDeg: 15})
	near(t, r3.Vec{X: 27.337, Y: 24.749, Z: -6.340}, f.ToBeam(r3.Add(iso, d)), 1e-3)
	x, y, _ := f.Project(r3.Add(iso, d))
	require.InDelta(t, 27.165, x, 1e-3)
	require.InDelta(t, 24.593, y, 1e-3)
}

// pyRadPlan's rotation for gantry 40, couch 20 (HFS), in its own beam frame
// (x to beam x, y away from the source, z to beam y).
func TestFrameEqualsPyRadPlanRotation(t *testing.T) {
	r := [3][3]float64{{0.719846, -0.604023, 0.34202}, {0.642788, 0.766044, 0}, {-0.262003, 0.219846, 0.939693}}
	f := frame(t, geometry.Pose{Position: geometry.HFS, SAD: 1000, GantryDeg: 40, CouchDeg: 20})
	for axis, beam := range [3]r3.Vec{{X: 1}, {Z: -1}, {Y: 1}} {
		near(t, r3.Vec{X: r[0][axis], Y: r[1][axis], Z: r[2][axis]}, f.ToPatient(beam), 2e-6, axis)
	}
}

// At gantry 0 the source is above the patient: on the side that is up.
func TestSourceIsOnTheSideThatIsUp(t *testing.T) {
	up := map[geometry.PatientPosition]r3.Vec{
		geometry.HFS: {Y: -1}, geometry.HFP: {Y: 1}, geometry.HFDL: {X: -1}, geometry.HFDR: {X: 1},
		geometry.FFS: {Y: -1}, geometry.FFP: {Y: 1}, geometry.FFDL: {X: -1}, geometry.FFDR: {X: 1},
	}
	for _, position := range positions {
		f := frame(t, geometry.Pose{Position: position, SAD: 1000})
		require.Equal(t, r3.Scale(1000, up[position]), r3.Add(r3.Vec{}, f.Source()), position)
		head := f.ToBeam(r3.Vec{Z: 1}) // table long axis: head first means head towards the gantry (+y)
		want := 1.0
		if position[0] == 'F' {
			want = -1
		}
		require.Equal(t, want, head.Y, position)
	}
}

// A positive pitch lifts what lies towards the gantry, a positive roll lowers
// what lies at +X_t, and the roll is about the pitched axis (C.8.8.14.12).
func TestPitchAndRollTurnTheTableTop(t *testing.T) {
	pose := geometry.Pose{Position: geometry.HFS, SAD: 1000, PitchDeg: 30}
	s, c := math.Sincos(math.Pi / 6)
	near(t, r3.Vec{Y: 100 * c, Z: 100 * s}, frame(t, pose).ToBeam(r3.Vec{Z: 100}), 1e-12)
	pose.PitchDeg, pose.RollDeg = 0, 30
	near(t, r3.Vec{X: 100 * c, Z: -100 * s}, frame(t, pose).ToBeam(r3.Vec{X: 100}), 1e-12)
	pose.PitchDeg = 30
	// Y_t is the roll axis: the roll leaves it where the pitch has put it.
	near(t, r3.Vec{Y: 100 * c, Z: 100 * s}, frame(t, pose).ToBeam(r3.Vec{Z: 100}), 1e-12)
	near(t, r3.Vec{X: 100 * c, Y: 100 * s * s, Z: -100 * s * c}, frame(t, pose).ToBeam(r3.Vec{X: 100}), 1e-12)
}

func anyPose(t *rapid.T) geometry.Pose {
	angle := rapid.Float64Range(-720, 720)
	coordinate := rapid.Float64Range(-500, 500)
	return geometry.Pose{
		Position:  rapid.SampledFrom(positions).Draw(t, "position"),
		Isocentre: r3.Vec{X: coordinate.Draw(t, "x"), Y: coordinate.Draw(t, "y"), Z: coordinate.Draw(t, "z")},
		SAD:       rapid.Float64Range(500, 2000).Draw(t, "SAD"),
		GantryDeg: angle.Draw(t, "gantry"), CollimatorDeg: angle.Draw(t, "collimator"), CouchDeg: angle.Draw(t, "couch"),
		PitchDeg: angle.Draw(t, "pitch"), RollDeg: angle.Draw(t, "roll"),
	}
}

func TestFrameIsARightHandedRigidMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pose := anyPose(t)
		f := frame(t, pose)
		x := r3.Sub(f.ToPatient(r3.Vec{X: 1}), pose.Isocentre)
		y := r3.Sub(f.ToPatient(r3.Vec{Y: 1}), pose.Isocentre)
		z := r3.Sub(f.ToPatient(r3.Vec{Z: 1}), pose.Isocentre)
		require.InDelta(t, 1, r3.Dot(r3.Cross(x, y), z), 1e-12, "determinant")
		coordinate := rapid.Float64Range(-1000, 1000)
		p := r3.Vec{X: coordinate.Draw(t, "px"), Y: coordinate.Draw(t, "py"), Z: coordinate.Draw(t, "pz")}
		near(t, p, f.ToPatient(f.ToBeam(p)), 1e-9)
		near(t, p, f.ToBeam(f.ToPatient(p)), 1e-9)
		near(t, r3.Vec{Z: pose.SAD}, f.ToBeam(f.Source()), 1e-9)
		near(t, r3.Vec{}, f.ToBeam(pose.Isocentre), 1e-12)
		u, w, a := f.Project(p)
		if a > 1 {
			// p, its projection and the source are on one line.
			q := f.ToPatient(r3.Vec{X: u, Y: w})
			s := f.Source()
			near(t, p, r3.Add(s, r3.Scale(a/pose.SAD, r3.Sub(q, s))), 1e-8)
		}
		axes := geometry.IdentityAxes
		g, err := geometry.NewGrid(p, [3]float64{1, 2, 3}, [3]int{4, 5, 6}, axes)
		require.NoError(t, err)
		near(t, f.ToBeam(g.Point(1, 2.5, 3)), f.OfGrid(g).At(1, 2.5, 3), 1e-9)
	})
}

func TestProjectBehindTheSourceIsNotANumber(t *testing.T) {
	f := frame(t, geometry.Pose{Position: geometry.HFS, SAD: 1000})
	for _, p := range []r3.Vec{{Y: -1000}, {X: 3, Y: -1200}} {
		x, y, a := f.Project(p)
		require.True(t, math.IsNaN(x) && math.IsNaN(y), "%v, %v", x, y)
		require.LessOrEqual(t, a, 0.0)
	}
}

func TestNewFrameRejectsImpossiblePoses(t *testing.T) {
	good := geometry.Pose{Position: geometry.HFS, SAD: 1000}
	for name, spoil := range map[string]func(*geometry.Pose){
		"position":   func(p *geometry.Pose) { p.Position = "SITTING" },
		"empty":      func(p *geometry.Pose) { p.Position = "" },
		"SAD":        func(p *geometry.Pose) { p.SAD = 0 },
		"SAD NaN":    func(p *geometry.Pose) { p.SAD = math.NaN() },
		"SAD Inf":    func(p *geometry.Pose) { p.SAD = math.Inf(1) },
		"gantry":     func(p *geometry.Pose) { p.GantryDeg = math.NaN() },
		"collimator": func(p *geometry.Pose) { p.CollimatorDeg = math.Inf(1) },
		"couch":      func(p *geometry.Pose) { p.CouchDeg = math.NaN() },
		"pitch":      func(p *geometry.Pose) { p.PitchDeg = math.NaN() },
		"roll":       func(p *geometry.Pose) { p.RollDeg = math.Inf(-1) },
		"isocentre":  func(p *geometry.Pose) { p.Isocentre.Y = math.NaN() },
	} {
		p := good
		spoil(&p)
		_, err := geometry.NewFrame(p)
		require.ErrorIs(t, err, geometry.ErrPose, name)
	}
}
