package viewer

import (
	"image"
	"image/color"
	"math"
	"testing"

	"github.com/kerma-rt/kerma/dicom"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/spatial/r3"
)

// tiles are where the page says its planes are, px of the page.
type tiles [3]struct{ Left, Top, Width, Height float64 }

func (b *browser) tiles() (t tiles) {
	b.eval(`(() => {
		const r = document.getElementById("lines").getBoundingClientRect();
		return layout().map(c => ({Left: r.left + c[0] * r.width, Top: r.top + c[1] * r.height, Width: c[2] * r.width, Height: c[3] * r.height}));
	})()`, &t)
	return t
}

// bright is the middle of what is nearly white in a part of a picture, as
// shares of its width and height.
func bright(m image.Image, left, top, width, height float64) (x, y float64, n int) {
	for j := int(top) + 30; j < int(top+height)-30; j++ {
		for i := int(left) + 25; i < int(left+width)-25; i++ {
			if color.GrayModel.Convert(m.At(i, j)).(color.Gray).Y > 240 {
				x, y, n = x+float64(i), y+float64(j), n+1
			}
		}
	}
	return (x/float64(n) - left) / width, (y/float64(n) - top) / height, n
}

// differing counts the pixels in which two pictures of one size differ.
func differing(a, b image.Image) (n int) {
	for y := range a.Bounds().Dy() {
		for x := range a.Bounds().Dx() {
			if a.At(x, y) != b.At(x, y) {
				n++
			}
		}
	}
	return n
}

func TestLeftAnteriorAndSuperiorAreDrawnWhereTheLettersSay(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	// A ball of bone in the patient's left, front, upper part, in a grid whose
	// axes run right, down and to the front.
	at := r3.Vec{X: 30, Y: -25, Z: 20}
	ball := func(p r3.Vec) float64 {
		if r3.Norm(r3.Sub(p, at)) < 9 {
			return 1000
		}
		return -150
	}
	axes := [3]r3.Vec{{X: -1}, {Z: -1}, {Y: -1}}
	ct := filled(t, r3.Vec{X: 60, Y: 60, Z: 60}, [3]float64{2, 2, 2}, [3]int{61, 61, 61}, axes, ball)
	b := open(t, Case{Patient: &dicom.Patient{CT: &dicom.CT{Volume: ct, Position: geometry.HFS}}})
	b.eval(`(() => { byId("show-cross").checked = false; goTo([30, -25, 20]); return new Promise(f => setTimeout(f, 300)); })()`, nil)
	picture := b.picture()
	for n, want := range map[int][2]bool{0: {true, false}, 1: {false, false}, 2: {true, false}} { // axial: L right, A top; sagittal: A left, S top; coronal: L right, S top
		tile := b.tiles()[n]
		x, y, count := bright(picture, tile.Left, tile.Top, tile.Width, tile.Height)
		t.Logf("plane %d: bone at %.2f, %.2f of the tile, %d px", n, x, y, count)
		require.Greater(t, count, 50, "plane %d", n)
		assert.Equal(t, want[0], x > 0.5, "plane %d: right of the middle", n)
		assert.Equal(t, want[1], y > 0.5, "plane %d: below the middle", n)
		// And the lines' map puts the ball where NiiVue drew it.
		var said [2]float64
		b.eval(`(() => { const n = `+string(rune('0'+n))+`, t = tile(n), p = [30, -25, 20], r = byId("lines").getBoundingClientRect();
			return [r.left + t.x(p[planes[n].across]), r.top + t.y(p[planes[n].up])]; })()`, &said)
		assert.InDelta(t, said[0], tile.Left+x*tile.Width, 2, "plane %d", n)
		assert.InDelta(t, said[1], tile.Top+y*tile.Height, 2, "plane %d", n)
	}
	assert.Empty(t, b.trouble)
}

func TestEverythingThatIsPromisedIsDrawn(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	b := open(t, testCase(t))
	var text string
	read := func(id string) string {
		b.eval("document.getElementById("+quote(id)+").textContent", &text)
		return text
	}
	require.Empty(t, b.trouble)
	assert.Contains(t, read("who"), "Test Ball")
	assert.Contains(t, read("statement"), "Not for clinical use")

	// Isodoses and the outline, in their colours, on the canvas of lines.
	drawn := func(hex string) (n int) {
		b.eval(`(() => { const c = byId("lines"), d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data, h = `+quote(hex)+`;
			const want = [1, 3, 5].map(i => parseInt(h.slice(i, i + 2), 16));
			let n = 0; for (let i = 0; i < d.length; i += 4) if (d[i + 3] > 200 && want.every((v, k) => Math.abs(d[i + k] - v) < 30)) n++; return n; })()`, &n)
		return n
	}
	var levels []string
	b.until(`lineCache.get(lineKey(0, state.at[2])) && lineCache.get(lineKey(1, state.at[0])) && lineCache.get(lineKey(2, state.at[1]))`)
	b.eval("new Promise(f => requestAnimationFrame(() => requestAnimationFrame(f)))", nil)
	b.eval("state.case.doses[0].levels.map(l => l.color)", &levels)
	require.Len(t, levels, 6)
	for _, c := range levels {
		assert.Greater(t, drawn(c), 100, "isodose %s", c)
	}
	var outline string
	b.eval("state.case.structures[0].dark", &outline)
	assert.Greater(t, drawn(outline), 100, "outline")

	// The wash colours the picture: with it, the middle is not grey.
	tile := b.tiles()[0]
	saturated := func() (n int) {
		m := b.picture()
		for j := int(tile.Top) + 30; j < int(tile.Top+tile.Height)-30; j++ {
			for i := int(tile.Left) + 25; i < int(tile.Left+tile.Width)-25; i++ {
				r, g, bl, _ := m.At(i, j).RGBA()
				if max(r, g, bl)-min(r, g, bl) > 0x3000 {
					n++
				}
			}
		}
		return n
	}
	with := saturated()
	b.eval(`byId("stage").focus()`, nil)
	for _, k := range []string{"d", "i", "s"} {
		b.key(k)
	}
	b.until(`byId("stage").dataset.overlay === "none"`)
	b.eval("new Promise(f => setTimeout(f, 200))", nil)
	without := saturated()
	t.Logf("coloured pixels: %d with dose and lines, %d without", with, without)
	assert.Greater(t, with, 20000)
	assert.Less(t, without, with/50)
	for _, k := range []string{"d", "i", "s"} {
		b.key(k)
	}

	// Keys move by slices, in each plane along its own axis.
	place := func() (p [3]float64) { b.eval("state.at", &p); return p }
	for n, axis := range []int{2, 0, 1} {
		b.key(string(rune('1' + n)))
		before := place()
		b.key("ArrowUp")
		moved := place()
		for a := range 3 {
			want := 0.0
			if a == axis {
				want = []float64{2, 2, 3}[a]
			}
			assert.InDelta(t, want, moved[a]-before[a], 1e-3, "plane %d, axis %d", n, a)
		}
	}
	b.key("1")

	// What is kept of the picture is what drawing all of it would give.
	for _, change := range []string{
		`step(2, 3)`, `step(0, -4)`, `setZoom(2.5)`, `setWindow(900, -200)`, `nv.overlayAlphaShader = 0.8; redraw()`, `setOverlay("none")`, `setOverlay("dose")`, `wholeView()`,
	} {
		settled := func(expression string) image.Image {
			b.eval(`(async () => { await (async () => { `+expression+` })(); await changing; await new Promise(f => setTimeout(f, 250)); })()`, nil)
			return b.picture()
		}
		kept := settled(change)
		all := settled(`drawn.length = 0; redraw()`)
		assert.Zero(t, differing(all, kept), "%s: px", change)
	}

	// A click goes where it points: twice the same, and back.
	x, y := tile.Left+0.6*tile.Width, tile.Top+0.4*tile.Height
	b.mouse("mousePressed", x, y)
	b.mouse("mouseReleased", x, y)
	var pointed [2]float64
	b.eval(`(() => { const t = tile(0), r = byId("lines").getBoundingClientRect(); return [r.left + t.x(state.at[0]), r.top + t.y(state.at[1])]; })()`, &pointed)
	assert.InDelta(t, x, pointed[0], 6)
	assert.InDelta(t, y, pointed[1], 6)

	// Histogram, beam's-eye view, profile by pulling, gamma.
	var plots int
	b.eval(`document.querySelectorAll("#dvh canvas").length`, &plots)
	assert.Equal(t, 1, plots)
	assert.Contains(t, read("figures"), "Target")
	var eye string
	b.eval(`byId("bev").dataset.drawn`, &eye)
	assert.Equal(t, "0/0", eye)
	b.key("p")
	b.mouse("mousePressed", tile.Left+0.35*tile.Width, tile.Top+0.5*tile.Height)
	b.mouse("mouseMoved", tile.Left+0.5*tile.Width, tile.Top+0.5*tile.Height)
	b.mouse("mouseMoved", tile.Left+0.65*tile.Width, tile.Top+0.5*tile.Height)
	b.mouse("mouseReleased", tile.Left+0.65*tile.Width, tile.Top+0.5*tile.Height)
	b.until(`+byId("profile").dataset.points > 20 && document.querySelector("#profile-chart canvas")`)
	b.click("#tab-compare")
	b.click("#criteria button")
	b.until(`byId("verdict").dataset.rate`)
	assert.Contains(t, read("verdict"), "100.00 %")
	b.until(`byId("stage").dataset.overlay === "gamma"`)
	b.click("[name=overlay][value=difference]")
	b.until(`byId("stage").dataset.overlay === "difference"`)
	assert.Contains(t, read("scale"), "compared − shown")
	assert.Contains(t, read("readout"), "Δ")

	// The page's own reading of the dose is the library's.
	var page float64
	b.eval("state.dose.at([3.3, -11.7, 8.9])", &page)
	want, inside := testCase(t).Doses[0].Volume.Interpolate(r3.Vec{X: 3.3, Y: -11.7, Z: 8.9})
	require.True(t, inside)
	assert.InDelta(t, want, page, 1e-4)
	assert.Empty(t, b.trouble)
}

// BenchmarkScroll leafs through a CT of 512×512×150 with dose, isodoses and
// outlines, a slice for every frame that the browser shows.
func BenchmarkScroll(b *testing.B) {
	c := testCase(b)
	c.Patient.CT.Volume = filled(b, r3.Vec{X: -250, Y: -250, Z: -220}, [3]float64{0.977, 0.977, 3}, [3]int{512, 512, 150}, geometry.IdentityAxes,
		func(p r3.Vec) float64 { return 200 * math.Sin(p.X/9) * math.Cos(p.Y/7) })
	page := open(b, c)
	page.eval(`new Promise(done => requestAnimationFrame(() => { nv.gl.finish(); done(); }))`, nil)
	var ready float64
	page.eval(`+byId("stage").dataset.ready`, &ready)
	var got struct{ Frames, Milliseconds, Draw, Lines float64 }
	used := page.cpu()
	b.ResetTimer()
	for range b.N {
		page.eval(`new Promise(done => {
			let n = 0, way = 1, draw = 0, lines = 0;
			const begin = performance.now();
			const frame = () => {
				const now = performance.now() - begin;
				if (now > 6000) { done({Frames: n, Milliseconds: now, Draw: draw / n, Lines: lines / n}); return; }
				const z = state.at[2];
				if (z > 60) way = -1; else if (z < -60) way = 1;
				state.at = state.at.map((mm, a) => a === 2 ? state.ct.snap(2, mm + 3 * way) : mm);
				const t0 = performance.now(); drawPicture(); const t1 = performance.now(); drawLines(); lines += performance.now() - t1; draw += t1 - t0;
				n++;
				requestAnimationFrame(frame);
			};
			requestAnimationFrame(frame);
		})`, &got)
	}
	b.ReportMetric((page.cpu()-used)/float64(b.N)/got.Frames, "cpu-ms/frame")
	b.ReportMetric(1000*got.Frames/got.Milliseconds, "frames/s")
	b.ReportMetric(got.Draw, "ms/picture")
	b.ReportMetric(got.Lines, "ms/lines")
	b.ReportMetric(ready, "ms/ready")
	b.ReportMetric(used, "cpu-ms/ready")
}
