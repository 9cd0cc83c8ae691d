package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"html"
	"io"
	"math"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/internal/page"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/spatial/r3"
)

// phantom is a noisy cube of water with a ball of dose and a square tube.
func phantom(t *testing.T, n int) View {
	t.Helper()
	g, err := geometry.NewGrid(r3.Vec{X: -120, Y: -120, Z: -120}, [3]float64{240 / float64(n), 240 / float64(n), 240 / float64(n)}, [3]int{n, n, n}, geometry.IdentityAxes)
	require.NoError(t, err)
	random := rand.New(rand.NewPCG(1, 2))
	ct, dose := geometry.NewVolume(g), geometry.NewVolume(g)
	for k := range n {
		for j := range n {
			for i := range n {
				at := g.Offset(i, j, k)
				ct.Data[at] = float32(60 * random.NormFloat64())
				dose.Data[at] = float32(max(0, 60-r3.Norm(g.Point(float64(i), float64(j), float64(k)))))
			}
		}
	}
	tube := geometry.Structure{Number: 1, Name: "Tube", Color: [3]uint8{255, 255, 0}}
	for z := -60.0; z <= 60; z += 3 {
		tube.Contours = append(tube.Contours, geometry.Contour{{X: -20, Y: -20, Z: z}, {X: 20, Y: -20, Z: z}, {X: 20, Y: 20, Z: z}, {X: -20, Y: 20, Z: z}})
	}
	plain := tube
	plain.Name, plain.Color = "Plain", [3]uint8{}
	return View{CT: ct, Dose: dose, Structures: []geometry.Structure{tube, plain}, Reference: 50, ReferenceName: "prescription",
		At: r3.Vec{X: 1, Y: -2, Z: 3}, AtName: "isocentre", Slices: 3}
}

func full(t *testing.T) Page {
	v := phantom(t, 60)
	return Page{
		Title:    "Second check",
		Identity: []Field{{"Patient", "Doe^Jane"}, {"Patient ID", "17"}, {"Plan", ""}},
		Warnings: []string{"couch not modelled"},
		View:     &v,
		Curves: []Curve{
			{Name: "Tube", Color: [3]uint8{255, 255, 0}, Points: [][2]float64{{0, 100}, {20, 80}, {60, 0}}, VolumeCm3: 192, Min: -0.0001, Mean: 31.256, Max: 60, D98: 2, D95: 5, D50: 30, D2: 58, V20: 80},
			{Name: "Plain", VolumeCm3: 0, Min: math.NaN(), Mean: math.NaN(), Max: math.NaN(), D98: math.NaN(), D95: math.NaN(), D50: math.NaN(), D2: math.NaN(), V20: math.NaN()},
		},
		Beams: []Beam{
			{Number: 1, Name: "AP", EnergyMV: 6, FluenceMode: "FFF", MonitorUnits: 101.25, SourceSkin: 913.4, Machine: "M1"},
			{Number: 2, Name: "Arc", GantryDeg: 181, GantryStopDeg: 179, CouchDeg: 350, EnergyMV: 10, MonitorUnits: 200, SourceSkin: math.NaN(), Machine: "M1"},
		},
		Provenance: Provenance{Engine: "pencil-beam", Machines: []string{"M1 abcdef"}, Grid: v.CT.Grid, Elapsed: 1500 * time.Millisecond, CTSeriesUID: "1.2.3"},
	}
}

func render(t *testing.T, p Page) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, Write(&b, p))
	return b.String()
}

// usual is the full page, rendered once for all tests that only look at it.
var usual string

func usualPage(t *testing.T) string {
	if usual == "" {
		usual = render(t, full(t))
	}
	return usual
}

var element = regexp.MustCompile(`(?s)<(script|style)[^>]*>.*?</(script|style)>`)

// words is the text of a page outside scripts, styles and tags.
func words(t *testing.T, page string) string {
	t.Helper()
	var b strings.Builder
	d := xml.NewDecoder(strings.NewReader(element.ReplaceAllString(page, "")))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return strings.Join(strings.Fields(b.String()), " ")
		}
		require.NoError(t, err, "elements are balanced")
		if text, ok := token.(xml.CharData); ok {
			b.Write(text)
			b.WriteByte(' ')
		}
	}
}

func TestPageSaysWhatWasComputedInOrder(t *testing.T) {
	text := words(t, usualPage(t))
	from := 0
	for _, want := range []string{
		"Second check", "Doe^Jane", "Patient ID 17", "Plan –", NotForClinicalUse, "1 warning", "couch not modelled",
		"x 1.0, y −2.0, z 3.0 mm (LPS, isocentre)", "400 / 40 HU", "Axial z = 3.0 mm", "Coronal y = −2.0 mm", "Sagittal x = 1.0 mm",
		"100 % = 50.00 Gy (prescription)", "20 % 10.00 Gy", "95 % 47.50 Gy", "105 % 52.50 Gy", "Tube", "Plain",
		"Tube 192.00 0.00 31.26 60.00 2.00 5.00 30.00 58.00 80.0", "Plain 0.00 – – – – – – – –",
		"1 AP 0.0 0.0 0.0 6 MV FFF 101.2 91.3 M1", "2 Arc 181.0 → 179.0 0.0 350.0 10 MV 200.0 – M1", "Sum 301.2",
		"Engine pencil-beam", "Kerma version –", "M1 abcdef", "60×60×60 voxels", "CT series UID 1.2.3", "1.50 s",
	} {
		at := strings.Index(text[from:], want)
		require.GreaterOrEqual(t, at, 0, "%q, after %q", want, text[max(0, from-60):from])
		from += at
	}
}

func TestHostileTextIsShownNotRun(t *testing.T) {
	const hostile = `"><script>alert(1)</script><img src=x onerror=alert(2)>'</svg>{{.}}` + "`${1}`<!--"
	p := full(t)
	p.Title = hostile
	p.Identity = []Field{{hostile, hostile}}
	p.Warnings = []string{hostile}
	p.View.Structures[0].Name = hostile
	p.View.ReferenceName, p.View.AtName = hostile, hostile
	p.Curves[0].Name = hostile
	p.Beams[0].Name, p.Beams[0].Machine, p.Beams[0].FluenceMode = hostile, hostile, hostile
	p.Provenance = Provenance{Engine: hostile, Version: hostile, Heterogeneity: hostile, Machines: []string{hostile}, Calibration: hostile, CTSeriesUID: hostile, More: []Field{{hostile, hostile}}}
	page := render(t, p)

	clean := usualPage(t)
	for _, tag := range []string{"<script", "</script", "<img", "<!--"} {
		outside := func(s string) int { return strings.Count(strings.ReplaceAll(s, string(shell.Script), ""), tag) }
		assert.Equal(t, outside(clean), outside(page), tag)
	}
	assert.GreaterOrEqual(t, strings.Count(words(t, page), hostile), 17, "shown as it is")

	inside := regexp.MustCompile(`(?s)<script type="application/json" id="data">(.*?)</script>`).FindStringSubmatch(page)
	require.Len(t, inside, 2)
	var d data
	require.NoError(t, json.Unmarshal([]byte(inside[1]), &d))
	assert.Equal(t, hostile, d.Chart.Curves[0].Name)
}

func TestPageNeedsNoNetwork(t *testing.T) {
	page := usualPage(t)
	bare := strings.Replace(page, "/*! https://github.com/leeoniya/uPlot (v1.6.32) */", "", 1)
	assert.Empty(t, regexp.MustCompile(`(?i)https?://|\bwss?://|@import|\burl\(|\bfetch\(|XMLHttpRequest|<link|<iframe`).FindAllString(bare, -1))
	for _, reference := range regexp.MustCompile(`(?:src|href|action|srcset)="([^"]{0,30})`).FindAllStringSubmatch(bare, -1) {
		assert.Regexp(t, `^data:image/(jpeg|png);base64,`, reference[1])
	}
}

func TestOnlyThePagesOwnScriptMayRun(t *testing.T) {
	page := usualPage(t)
	run := regexp.MustCompile(`(?s)<script>(.*?)</script>`).FindAllStringSubmatch(page, -1)
	require.Len(t, run, 1)
	sum := sha256.Sum256([]byte(run[0][1]))
	policy := regexp.MustCompile(`Content-Security-Policy" content="([^"]*)"`).FindStringSubmatch(page)
	require.Len(t, policy, 2)
	assert.Contains(t, html.UnescapeString(policy[1]), "script-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
	assert.Contains(t, html.UnescapeString(policy[1]), "default-src 'none'")
	assert.NotRegexp(t, ` on[a-z]+="`, element.ReplaceAllString(page, ""))
}

func TestPageStaysSmallForTheNoisiestScan(t *testing.T) {
	if testing.Short() {
		t.Skip("a large phantom")
	}
	v := phantom(t, 160)
	v.Slices = 0
	var b bytes.Buffer
	require.NoError(t, Write(&b, Page{View: &v}))
	t.Logf("%.2f MB", float64(b.Len())/1e6)
	assert.Less(t, b.Len(), 5_000_000)
}

func TestSlicesCanBeLeafedThroughFromTheFirstShown(t *testing.T) {
	p := full(t)
	p.View.Slices = 11
	c, err := compose(p)
	require.NoError(t, err)
	again, err := compose(p)
	require.NoError(t, err)
	assert.Equal(t, c.Data, again.Data, "the same page, however many goroutines drew it")
	for n, plane := range c.View.Planes {
		frames := c.Data.Planes[n]
		require.Len(t, frames, 11, plane.Name)
		assert.Equal(t, string(plane.CT), frames[plane.Start].CT)
		assert.Equal(t, plane.Position, number(frames[plane.Start].At, 1))
		for m := 1; m < len(frames); m++ {
			require.Greater(t, frames[m].At, frames[m-1].At)
			require.Len(t, frames[m].Isodoses, len(plane.Isodoses))
			require.Len(t, frames[m].Outlines, len(plane.Outlines))
		}
	}
}

func TestWhatIsMissingIsLeftOut(t *testing.T) {
	text := words(t, render(t, Page{}))
	assert.Contains(t, text, NotForClinicalUse)
	for _, part := range []string{"warning", "three planes", "histogram", "Beams"} {
		assert.NotContains(t, text, part)
	}
	p := full(t)
	p.View.Dose, p.View.Structures = nil, nil
	assert.NotContains(t, words(t, render(t, Page{View: p.View})), "Isodose")
}

func TestAnIsocentreOutsideTheScanIsSaid(t *testing.T) {
	p := full(t)
	p.View.At = r3.Vec{X: 4000}
	text := words(t, render(t, p))
	assert.Contains(t, text, "the isocentre (4000.0, 0.0, 0.0) mm lies outside the pictures")
	assert.Contains(t, text, "(LPS, maximum dose)")
}

func TestImpossiblePagesAreRefusedBeforeAnythingIsWritten(t *testing.T) {
	for _, points := range [][][2]float64{
		{{0, math.NaN()}}, {{math.Inf(1), 1}}, {{-1, 100}}, {{2, 100}, {1, 50}},
	} {
		var b bytes.Buffer
		require.ErrorIs(t, Write(&b, Page{Curves: []Curve{{Points: points}}}), ErrPage)
		require.Zero(t, b.Len())
	}
	require.ErrorIs(t, Write(io.Discard, Page{Curves: make([]Curve, maxCurves+1)}), ErrPage)
	require.Error(t, Write(io.Discard, Page{View: &View{}}))
}

func TestCurvesKeepTheirShapeOnTheCommonDoses(t *testing.T) {
	c, _ := chartOf([]Curve{
		{Name: "a", Points: [][2]float64{{0, 100}, {10, 100}, {20, 50}, {40, 0}}},
		{Name: "b", Points: [][2]float64{{0, 100}, {60, 4}}},
	})
	require.Equal(t, 60.0, c.Dose[len(c.Dose)-1])
	for n, d := range c.Dose {
		want := 0.0
		switch {
		case d <= 10:
			want = 100
		case d <= 20:
			want = 100 - 5*(d-10)
		case d <= 40:
			want = 50 - 2.5*(d-20)
		}
		assert.InDelta(t, want, c.Curves[0].Volume[n], 0.006, "%v Gy", d)
		assert.InDelta(t, 100-1.6*d, c.Curves[1].Volume[n], 0.006, "%v Gy", d)
	}
	assert.NotEqual(t, c.Curves[0].Light, c.Curves[1].Light)
}

func TestCurvesOfOneColourAreToldApart(t *testing.T) {
	points := [][2]float64{{0, 100}, {1, 0}}
	var curves []Curve
	for range 2 * len(page.Palette) {
		curves = append(curves, Curve{Points: points})
	}
	curves = append(curves, Curve{Points: points, Color: [3]uint8{1, 2, 3}}, Curve{Points: points, Color: [3]uint8{1, 2, 3}})
	c, _ := chartOf(curves)
	seen := map[string]bool{}
	for _, trace := range c.Curves {
		key, err := json.Marshal([]any{trace.Light, trace.Dash})
		require.NoError(t, err)
		assert.False(t, seen[string(key)], "%s twice", key)
		seen[string(key)] = true
	}
}
