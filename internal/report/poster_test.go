package report

import (
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"testing"

	"github.com/kerma-rt/kerma/internal/picture"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/spatial/r3"
)

func TestAStrokeCoversItsLengthTimesItsWidth(t *testing.T) {
	s := &sheet{unit: 1, image: image.NewRGBA(image.Rect(0, 0, 200, 200))}
	var circle []picture.Point
	for n := range 361 {
		sin, cos := math.Sincos(float64(n) * math.Pi / 180)
		circle = append(circle, picture.Point{X: 100 + 60*cos, Y: 100 + 60*sin})
	}
	s.stroke(s.image.Rect, circle, 4, color.White)
	sum := 0.0
	for y := range 200 {
		for x := range 200 {
			v := float64(s.image.RGBAAt(x, y).R) / 255
			sum += v
			r := math.Hypot(float64(x)+0.5-100, float64(y)+0.5-100)
			switch {
			case math.Abs(r-60) > 3:
				require.Zero(t, v, "pixel %d, %d", x, y)
			case math.Abs(r-60) < 1:
				require.InDelta(t, 1, v, 0.03, "pixel %d, %d", x, y)
			}
		}
	}
	assert.InEpsilon(t, 2*math.Pi*60*4, sum, 0.06, "area, pixels")
}

func TestAStrokeStaysInItsArea(t *testing.T) {
	s := &sheet{unit: 1, image: image.NewRGBA(image.Rect(0, 0, 60, 60))}
	area := image.Rect(20, 20, 40, 40)
	s.stroke(area, []picture.Point{{X: -50, Y: -50}, {X: 30, Y: 31}, {X: 500, Y: 10}, {X: 5, Y: 900}}, 3, color.White)
	inside := 0
	for y := range 60 {
		for x := range 60 {
			if s.image.RGBAAt(x, y).A == 0 {
				continue
			}
			inside++
			require.True(t, image.Pt(x, y).In(area), "pixel %d, %d", x, y)
		}
	}
	assert.Greater(t, inside, 20)
}

func TestPosterDrawsAContourWhereItIs(t *testing.T) {
	p := full(t)
	p.Curves[0].Name = "a name far too long for the room there is, and longer still"
	m, err := Poster(p, 1200)
	require.NoError(t, err)
	require.Equal(t, 1200, m.Bounds().Dx())

	// The tube's wall x = 20 mm in the axial plane, from the picture's scale.
	scene, err := picture.NewScene(p.View.CT, p.View.Dose, p.View.Structures[:1], 50, nil)
	require.NoError(t, err)
	total := 0.0
	for _, o := range picture.Orientations {
		total += scene.Plane(o, p.View.At, 600).Width
	}
	axial := scene.Plane(picture.Axial, p.View.At, 600)
	scale := (1600 - 2*36 - 2*16) / total
	q := axial.Project(r3.Vec{X: -20, Y: 9})
	x, y := (36+q.X*scale)*0.75, (84+q.Y*scale)*0.75
	p.View.Structures = p.View.Structures[:1]
	m, err = Poster(p, 1200)
	require.NoError(t, err)
	r, g, b, _ := m.At(int(x), int(y)).RGBA()
	assert.Greater(t, r>>8, uint32(200), "yellow at %.1f, %.1f", x, y)
	assert.Greater(t, g>>8, uint32(200))
	assert.Less(t, b>>8, uint32(80))

	again, err := Poster(p, 1200)
	require.NoError(t, err)
	assert.Equal(t, m, again, "the same page gives the same picture")
	require.NoError(t, png.Encode(io.Discard, m))
}

func TestPosterRefusesWhatItCannotDraw(t *testing.T) {
	_, err := Poster(Page{}, 1200)
	require.ErrorIs(t, err, ErrPage)
	p := full(t)
	_, err = Poster(p, 100)
	require.ErrorIs(t, err, ErrPage)
	_, err = Poster(p, 1<<30)
	require.ErrorIs(t, err, ErrPage)
	p.Curves[0].Points[0][1] = math.NaN()
	_, err = Poster(p, 1200)
	require.ErrorIs(t, err, ErrPage)
}
