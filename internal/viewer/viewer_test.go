package viewer

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kerma-rt/kerma/dicom"
	"github.com/kerma-rt/kerma/dose/beam"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/internal/volumefile"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/spatial/r3"
)

func filled(t testing.TB, origin r3.Vec, spacing [3]float64, size [3]int, axes [3]r3.Vec, f func(r3.Vec) float64) *geometry.Volume {
	t.Helper()
	g, err := geometry.NewGrid(origin, spacing, size, axes)
	require.NoError(t, err)
	v := geometry.NewVolume(g)
	for n := range v.Data {
		v.Data[n] = float32(f(g.Point(float64(n%size[0]), float64(n/size[0]%size[1]), float64(n/size[0]/size[1]))))
	}
	return v
}

func ring(cx, cy, z, radius float64) geometry.Contour {
	var c geometry.Contour
	for n := range 72 {
		a := float64(n) / 72 * 2 * math.Pi
		c = append(c, r3.Vec{X: cx + radius*math.Cos(a), Y: cy + radius*math.Sin(a), Z: z})
	}
	return c
}

// cylinder along z, 40 mm long, of radius 20 mm about (10, −20, 5).
func cylinder(name string, role geometry.Role) geometry.Structure {
	s := geometry.Structure{Number: 1, Name: name, Role: role}
	for z := -13.5; z <= 23.5; z += 3 {
		s.Contours = append(s.Contours, ring(10, -20, z, 20))
	}
	return s
}

func testCase(t testing.TB) Case {
	ct := filled(t, r3.Vec{X: -60, Y: -80, Z: -40}, [3]float64{2, 2, 3}, [3]int{71, 61, 31}, geometry.IdentityAxes, func(p r3.Vec) float64 { return p.X + 2*p.Y })
	ball := func(scale float64) func(r3.Vec) float64 {
		return func(p r3.Vec) float64 {
			return scale * max(0, 60-r3.Norm(r3.Sub(p, r3.Vec{X: 10, Y: -20, Z: 5})))
		}
	}
	origin, spacing, size := r3.Vec{X: -40, Y: -70, Z: -35}, [3]float64{2.5, 2.5, 2.5}, [3]int{41, 41, 33}
	plan := &beam.Plan{Label: "AP", Prescription: 50, Groups: []beam.FractionGroup{{Number: 1, Fractions: 25, Beams: []beam.BeamMeterset{{BeamNumber: 1, Meterset: 100}}}}}
	point := beam.ControlPoint{Isocentre: r3.Vec{X: 10, Y: -20, Z: 5}, Positions: [][]float64{{-30, 25}, {-20, -15, 20, 15}}}
	last := point
	last.Weight = 1
	plan.Beams = []beam.Beam{{Number: 1, Name: "AP", EnergyMV: 6, SAD: 1000, Position: geometry.HFS, Unit: beam.MonitorUnits,
		Devices: []beam.Device{{Kind: beam.JawY}, {Kind: beam.MLCX, Boundaries: []float64{-30, 0, 30}}}, Points: []beam.ControlPoint{point, last}}}
	return Case{
		Patient: &dicom.Patient{
			Identity:   dicom.Identity{PatientName: "Test^Ball", PatientID: "42"},
			CT:         &dicom.CT{Volume: ct, Position: geometry.HFS},
			Structures: &geometry.StructureSet{Structures: []geometry.Structure{cylinder("Target", geometry.PTV)}},
			Plans:      []*beam.Plan{plan},
		},
		Doses: []Dose{
			{"first", filled(t, origin, spacing, size, geometry.IdentityAxes, ball(1))},
			{"second", filled(t, origin, spacing, size, geometry.IdentityAxes, ball(1.02))},
		},
		Compared: 1,
	}
}

func newViewer(t testing.TB) *Viewer {
	t.Helper()
	v, err := New(testCase(t))
	require.NoError(t, err)
	return v
}

func get(v http.Handler, target string, change ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1:8080/", nil)
	path, query, _ := strings.Cut(target, "?")
	r.URL.Path, r.URL.RawQuery = path, query
	for _, f := range change {
		f(r)
	}
	w := httptest.NewRecorder()
	v.ServeHTTP(w, r)
	return w
}

func into(t *testing.T, v http.Handler, target string, to any) {
	t.Helper()
	w := get(v, target)
	require.Equal(t, http.StatusOK, w.Code, "%s: %s", target, w.Body)
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), to))
}

// volumeOf reads an answer as the reader of other programs' files does.
func volumeOf(t *testing.T, v http.Handler, target string) *geometry.Volume {
	t.Helper()
	w := get(v, target)
	require.Equal(t, http.StatusOK, w.Code, "%s: %s", target, w.Body)
	name := filepath.Join(t.TempDir(), "v.nii")
	require.NoError(t, os.WriteFile(name, w.Body.Bytes(), 0o600))
	f, err := volumefile.Read(name)
	require.NoError(t, err)
	return f.Volume
}

func TestOnlyThePageOfThisMachineIsAnswered(t *testing.T) {
	v := newViewer(t)
	host := func(h string) func(*http.Request) { return func(r *http.Request) { r.Host = h } }
	header := func(k, x string) func(*http.Request) { return func(r *http.Request) { r.Header.Set(k, x) } }
	for name, c := range map[string]struct {
		change func(*http.Request)
		want   int
	}{
		"plain":                    {func(*http.Request) {}, 200},
		"by name":                  {host("localhost:8080"), 200},
		"own origin":               {header("Origin", "http://127.0.0.1:8080"), 200},
		"typed":                    {header("Sec-Fetch-Site", "none"), 200},
		"a name that was rebound":  {host("evil.example:8080"), 403},
		"a name that begins alike": {host("127.0.0.1.evil.example:8080"), 403},
		"no host":                  {host(""), 403},
		"any address":              {host("0.0.0.0:8080"), 403},
		"another origin":           {header("Origin", "http://evil.example"), 403},
		"another port":             {header("Origin", "http://127.0.0.1:9090"), 403},
		"another scheme":           {header("Origin", "https://127.0.0.1:8080"), 403},
		"no origin to name":        {header("Origin", "null"), 403},
		"from another site":        {header("Sec-Fetch-Site", "cross-site"), 403},
		"from another port":        {header("Sec-Fetch-Site", "same-site"), 403},
		"writing":                  {func(r *http.Request) { r.Method = http.MethodPost }, 405},
		"preflight":                {func(r *http.Request) { r.Method = http.MethodOptions }, 405},
	} {
		for _, target := range []string{"/", "/case", "/ct.nii"} {
			w := get(v, target, c.change)
			assert.Equal(t, c.want, w.Code, "%s %s", name, target)
			assert.Empty(t, w.Header().Get("Access-Control-Allow-Origin"))
			assert.Contains(t, w.Header().Get("Content-Security-Policy"), "default-src 'none'")
			assert.NotContains(t, w.Header().Get("Content-Security-Policy"), "http")
			if c.want != 200 {
				assert.NotContains(t, w.Body.String(), "Ball", "%s: the patient stays here", name)
			}
		}
	}
}

func TestNoFileCanBeReached(t *testing.T) {
	v := newViewer(t)
	server := httptest.NewServer(v)
	defer server.Close()
	for _, path := range []string{
		"/../../../../etc/passwd", "/..%2f..%2fetc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd", "/etc/passwd", "/app/start.js",
		"/niivue/", "/niivue/niivue.umd.js", "/viewer.go", "/./case", "/case/", "/ct.nii/../case", "/..\\..\\etc\\passwd", "/dose.nii%00.txt",
	} {
		r, err := http.NewRequest(http.MethodGet, server.URL, nil)
		require.NoError(t, err)
		r.URL.Opaque = "//" + r.Host + path // as it is, not cleaned
		r.Host = "127.0.0.1:1"
		got, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			continue // not even a request
		}
		body, err := io.ReadAll(got.Body)
		got.Body.Close()
		require.NoError(t, err)
		assert.Contains(t, []int{http.StatusNotFound, http.StatusBadRequest}, got.StatusCode, path)
		assert.NotContains(t, string(body), "root:", path)
	}
	for _, query := range []string{"dose=/etc/passwd", "dose=../0", "dose=-1", "dose=2", "dose=", "", "dose=0x0"} {
		assert.Equal(t, http.StatusBadRequest, get(v, "/dose.nii?"+query).Code, query)
	}
}

func TestImpossibleRequestsAreRefusedWithAReason(t *testing.T) {
	v := newViewer(t)
	for _, target := range []string{
		"/lines?plane=axial&at=NaN&dose=0", "/lines?plane=oblique&at=0&dose=0", "/lines?plane=axial&at=1e300&dose=0", "/lines?plane=axial&at=0&dose=9",
		"/profile?from=0,0,0&to=0,0,0", "/profile?from=0,0&to=1,1,1", "/profile?from=0,0,Inf&to=1,1,1", "/profile",
		"/bev?beam=1&point=0", "/bev?beam=0&point=2", "/bev", "/dvh?dose=2",
		"/gamma?reference=0&evaluated=1&percent=0&distance=2&cutoff=10", "/gamma?reference=0&evaluated=1&percent=3&distance=NaN&cutoff=10",
		"/gamma?reference=0&evaluated=7&percent=3&distance=2&cutoff=10", "/gamma.nii?reference=0", "/difference.nii?reference=0&evaluated=x",
	} {
		w := get(v, target)
		assert.Equal(t, http.StatusBadRequest, w.Code, target)
		assert.Contains(t, w.Body.String(), "expected", target+" says "+w.Body.String())
	}
}

func TestVoxelsStandInTheFileWhereTheyAreInThePatient(t *testing.T) {
	v := newViewer(t)
	ct := testCase(t).Patient.CT.Volume
	got := volumeOf(t, v, "/ct.nii")
	require.Equal(t, ct.Grid.Len(), got.Grid.Len())
	require.True(t, ct.Grid.Equal(got.Grid, 1e-4), "%v, not %v", got.Grid, ct.Grid)
	assert.Equal(t, ct.Data, got.Data, "whole HU survive")

	// The affine itself: RAS, so x and y are turned.
	b := get(v, "/ct.nii").Body.Bytes()
	row := func(r int) (out [4]float32) {
		require.NoError(t, binary.Read(bytes.NewReader(b[280+16*r:]), binary.LittleEndian, &out))
		return out
	}
	assert.Equal(t, [4]float32{-2, 0, 0, 60}, row(0))
	assert.Equal(t, [4]float32{0, -2, 0, 80}, row(1))
	assert.Equal(t, [4]float32{0, 0, 3, -40}, row(2))
	assert.Equal(t, "n+1\x00", string(b[344:348]))
	assert.Len(t, b, 352+2*ct.Grid.Len())
}

func TestVolumesInAnyOrderAndDirectionComeOutAligned(t *testing.T) {
	field := func(p r3.Vec) float64 { return 3*p.X - 2*p.Y + p.Z }
	for name, axes := range map[string][3]r3.Vec{
		"head first supine":    {{X: 1}, {Y: 1}, {Z: 1}},
		"prone":                {{X: -1}, {Y: -1}, {Z: 1}},
		"feet first":           {{X: -1}, {Y: 1}, {Z: -1}},
		"sagittal slices":      {{Y: 1}, {Z: -1}, {X: -1}},
		"coronal slices":       {{X: 1}, {Z: -1}, {Y: 1}},
		"tilted by ten degree": {{X: 1}, {Y: math.Cos(0.175), Z: math.Sin(0.175)}, {Y: -math.Sin(0.175), Z: math.Cos(0.175)}},
	} {
		v := filled(t, r3.Vec{X: 5, Y: -7, Z: 11}, [3]float64{1, 2, 3}, [3]int{20, 14, 9}, axes, field)
		a, oblique, err := aligned(v, float32(math.NaN()))
		require.NoError(t, err)
		assert.Equal(t, strings.Contains(name, "tilted"), oblique, name)
		assert.Equal(t, geometry.IdentityAxes, a.Grid.Axes(), name)
		known := 0
		for n, x := range a.Data {
			if x != x {
				continue
			}
			size := a.Grid.Size()
			i, j, k := n%size[0], n/size[0]%size[1], n/size[0]/size[1]
			p := a.Grid.Point(float64(i), float64(j), float64(k))
			at := v.Grid.Index(p)
			if at.X < 0 || at.Y < 0 || at.Z < 0 || at.X > 19 || at.Y > 13 || at.Z > 8 {
				continue // the outer half voxel holds its nearest value
			}
			known++
			require.InDelta(t, field(p), float64(x), 2e-3, "%s at %v", name, p)
		}
		if !oblique {
			assert.Equal(t, v.Grid.Len(), known, "%s: every voxel kept", name)
			assert.Equal(t, v.Grid.Len(), a.Grid.Len(), name)
		}
		assert.Greater(t, known, 1000, name)
	}
}

func TestTheDifferenceIsComparedMinusShown(t *testing.T) {
	v := newViewer(t)
	d, first := volumeOf(t, v, "/difference.nii?reference=0&evaluated=1"), testCase(t).Doses[0].Volume
	require.True(t, first.Grid.Equal(d.Grid, 1e-4))
	for n, x := range d.Data {
		require.InDelta(t, 0.02*float64(first.Data[n]), float64(x), 1e-4)
	}
}

func TestGammaOfAKnownScalingPassesAndFailsAsItMust(t *testing.T) {
	v := newViewer(t)
	var loose, tight struct {
		PassRate float64 `json:"pass_rate"`
		Points   int     `json:"points"`
	}
	into(t, v, "/gamma?reference=0&evaluated=1&percent=3&distance=2&cutoff=10", &loose)
	into(t, v, "/gamma?reference=0&evaluated=1&percent=0.5&distance=0.1&cutoff=10", &tight)
	assert.Equal(t, 100.0, loose.PassRate, "2 % more dose is within 3 %")
	assert.Less(t, tight.PassRate, 60.0)
	assert.Greater(t, loose.Points, 10000)
	g := volumeOf(t, v, "/gamma.nii?reference=0&evaluated=1&percent=3&distance=2&cutoff=10")
	points, worst := 0, float32(0)
	for _, x := range g.Data {
		if x == x {
			points++
			worst = max(worst, x)
		}
	}
	assert.Equal(t, loose.Points, points)
	assert.LessOrEqual(t, worst, float32(1))
}

func TestLinesLieWhereDoseAndContoursSay(t *testing.T) {
	v := newViewer(t)
	centre := r3.Vec{X: 10, Y: -20, Z: 5}
	for plane, c := range map[string][3]float64{"axial": {centre.X, centre.Y, centre.Z}, "coronal": {centre.X, centre.Z, centre.Y}, "sagittal": {centre.Y, centre.Z, centre.X}} {
		var l planeLines
		into(t, v, fmt.Sprintf("/lines?plane=%s&at=%g&dose=0", plane, c[2]), &l)
		require.Len(t, l.Isodoses, 6)
		// 80 % of 50 Gy is 40 Gy: 20 mm from the centre, 1 Gy/mm.
		require.NotEmpty(t, l.Isodoses[2])
		for _, line := range l.Isodoses[2] {
			for n := 0; n < len(line); n += 2 {
				require.InDelta(t, 20, math.Hypot(line[n]-c[0], line[n+1]-c[1]), 0.4, plane)
			}
		}
		require.Len(t, l.Outlines, 1)
		require.NotEmpty(t, l.Outlines[0], plane)
		for _, line := range l.Outlines[0] {
			for n := 0; n < len(line); n += 2 {
				if plane == "axial" {
					require.InDelta(t, 20, math.Hypot(line[n]-c[0], line[n+1]-c[1]), 0.1)
				} else {
					require.LessOrEqual(t, math.Abs(line[n]-c[0]), 20.2)
				}
			}
		}
	}
}

func TestAProfileReadsTheDoseAlongItsLine(t *testing.T) {
	v := newViewer(t)
	var p profile
	into(t, v, "/profile?from=-30,-20,5&to=90,-20,5", &p)
	require.Len(t, p.Doses, 2)
	require.Equal(t, len(p.Distance), len(p.HU))
	outside := 0
	for n, mm := range p.Distance {
		x := -30 + mm
		if x < 60 {
			require.InDelta(t, max(0, 60-math.Abs(x-10)), *p.Doses[0][n], 0.7, "x = %g mm", x)
			require.InDelta(t, x-40, *p.HU[n], 1e-3)
		}
		if p.Doses[0][n] == nil {
			outside++
			require.Greater(t, x, 61.0, "only beyond the dose grid")
		}
	}
	assert.Greater(t, outside, 10)
}

func TestTheBeamsEyeShowsApertureAndTheShadowOfTheTarget(t *testing.T) {
	v := newViewer(t)
	var e eyeView
	into(t, v, "/bev?beam=0&point=0", &e)
	require.Len(t, e.Devices, 2)
	assert.Equal(t, []float64{-30, 25}, e.Devices[0].Positions)
	assert.Equal(t, []float64{-30, 0, 30}, e.Devices[1].Boundaries)
	require.Len(t, e.Silhouettes, 1)
	require.Len(t, e.Silhouettes[0], 1, "one closed shadow")
	// From the front the cylinder about the isocentre is a rectangle: 40 mm
	// across by 39 mm along, 20 mm nearer to the source at its top.
	low, high := [2]float64{1e9, 1e9}, [2]float64{-1e9, -1e9}
	line := e.Silhouettes[0][0]
	for n, x := range line {
		low[n%2], high[n%2] = min(low[n%2], x), max(high[n%2], x)
	}
	t.Logf("x %.2f … %.2f, y %.2f … %.2f mm", low[0], high[0], low[1], high[1])
	assert.InDelta(t, -20, low[0], 0.5)
	assert.InDelta(t, 20, high[0], 0.5)
	assert.InDelta(t, -20.4, low[1], 0.7) // z −15 … 24, isocentre at 5: −20 … 19, times 1000/980
	assert.InDelta(t, 19.4, high[1], 0.7)
}

func TestHistogramsAreThoseOfTheLibrary(t *testing.T) {
	v := newViewer(t)
	var h histogramSet
	into(t, v, "/dvh?dose=0", &h)
	require.Len(t, h.Structures, 1)
	s := h.Structures[0]
	require.NotNil(t, s.Figures)
	assert.InDelta(t, math.Pi*2*2*3.9, s.Cm3, 1)
	assert.Equal(t, 100.0, s.Volume[0])
	for n := 1; n < len(s.Volume); n++ {
		require.LessOrEqual(t, s.Volume[n], s.Volume[n-1])
	}
	want := v.doses[0].dvh(v.set)[0]
	assert.Equal(t, want.DoseAt(95), s.Figures[1])
}

func TestACaseWithoutDosePlanOrStructuresIsShownAsFarAsItGoes(t *testing.T) {
	c := testCase(t)
	c.Doses, c.Compared = nil, 0
	c.Patient.Structures, c.Patient.Plans = nil, nil
	v, err := New(c)
	require.NoError(t, err)
	var s summary
	into(t, v, "/case", &s)
	assert.Empty(t, s.Doses)
	assert.Equal(t, "Test Ball", s.Patient)
	assert.Equal(t, 200, get(v, "/lines?plane=axial&at=0&dose=0").Code)
	for _, target := range []string{"/dose.nii?dose=0", "/dvh?dose=0", "/gamma?reference=0&evaluated=0&percent=3&distance=2&cutoff=10", "/bev?beam=0&point=0"} {
		assert.Equal(t, http.StatusBadRequest, get(v, target).Code, target)
	}
	assert.Equal(t, 200, get(v, "/profile?from=0,0,0&to=10,0,0").Code)
}

func TestWhatCannotBeShownIsRefused(t *testing.T) {
	_, err := New(Case{})
	require.ErrorIs(t, err, ErrCase)
	c := testCase(t)
	c.Compared = 2
	_, err = New(c)
	require.ErrorIs(t, err, ErrCase)
	c = testCase(t)
	c.Doses[1].Volume.Data[5] = float32(math.NaN())
	_, err = New(c)
	require.ErrorContains(t, err, "second")
}

func TestThePageLoadsNothingFromElsewhere(t *testing.T) {
	v := newViewer(t)
	html := get(v, "/").Body.String()
	assert.NotContains(t, html, "http:")
	assert.NotContains(t, html, "https:")
	for _, own := range []string{"volume", "planes", "overlay", "curves", "beamseye", "compare", "start"} {
		s := strings.ReplaceAll(text("app/"+own+".js"), "http://www.w3.org/2000/svg", "")
		assert.NotContains(t, s, "http", own)
	}
	for path, kind := range map[string]string{"/viewer.js": "text/javascript", "/niivue.js": "text/javascript", "/viewer.css": "text/css", "/licences": "text/plain"} {
		w := get(v, path)
		assert.Equal(t, 200, w.Code, path)
		assert.True(t, strings.HasPrefix(w.Header().Get("Content-Type"), kind), path)
	}
	assert.Contains(t, get(v, "/licences").Body.String(), "Niivue")
}
