package dvh

import (
	"encoding/json"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/internal/shareddata"
)

func TestStatisticReadsTheNamesPhysicistsUse(t *testing.T) {
	h, err := Of(gradientDose(t, 3, "AP"), contoured("CylinderZ", 2, false))
	require.NoError(t, err)
	for name, want := range map[string]float64{
		"D95": h.DoseAt(95), "d95%": h.DoseAt(95), "D2cc": h.DoseAtVolume(2), "D0.03cm3": h.DoseAtVolume(0.03),
		"V30Gy": h.PercentAt(30), "V30.5Gy%": h.PercentAt(30.5), "V30Gycc": h.VolumeAt(30),
		"Dmean": h.Mean(), "Dmin": h.Min(), " dmax ": h.Max(), "volume": h.Volume,
	} {
		got, unit, err := h.Statistic(name)
		require.NoError(t, err, name)
		assert.Equal(t, want, got, name)
		assert.NotEmpty(t, unit)
	}
	for _, name := range []string{"", "D", "V", "V95", "V95%", "D101", "D99cc", "D1e3", "Dxx", "D-1", "V20", "X20Gy", "D2.3.4", "V20Gyy"} {
		got, _, err := h.Statistic(name)
		require.ErrorIs(t, err, ErrStatistic, name)
		assert.True(t, math.IsNaN(got), name)
	}
}

func TestCurvesHoldTheWholeVolume(t *testing.T) {
	h, err := Of(gradientDose(t, 3, "SI"), contoured("Sphere", 2, false))
	require.NoError(t, err)
	c := h.Cumulative(200)
	require.Len(t, c, 201)
	assert.Equal(t, h.Inside(), c[0].Volume)
	for i := 1; i < len(c); i++ {
		assert.LessOrEqual(t, c[i].Volume, c[i-1].Volume)
	}
	d := h.Differential(100)
	sum, moment := 0.0, 0.0
	width := (h.Max() - h.Min()) / 100
	for _, p := range d {
		sum += p.Volume * width
		moment += p.Volume * width * p.Dose
	}
	assert.InDelta(t, h.Inside(), sum, 1e-9)
	assert.InDelta(t, h.Mean(), moment/sum, 0.01)
	for _, p := range []float64{0.5, 2, 37, 50, 95, 99.9} {
		assert.InDelta(t, p, h.PercentAt(h.DoseAt(p)), 0.02, "PercentAt is the inverse of DoseAt")
	}
	assert.Equal(t, h.Max(), h.DoseAt(0))
	assert.Nil(t, h.Cumulative(0))
	assert.Nil(t, h.Differential(-1))
}

func TestEmptyStructureSaysSo(t *testing.T) {
	dose := gradientDose(t, 3, "AP")
	far := contoured("Sphere", 3, false)
	for _, c := range far.Contours {
		for i := range c {
			c[i].X += 500
		}
	}
	set := &geometry.StructureSet{Structures: []geometry.Structure{
		{Name: "nothing"},
		{Name: "line", Contours: []geometry.Contour{{{X: 1}, {X: 2}}}},
		*far,
		{Name: "broken", Contours: []geometry.Contour{{{X: math.NaN()}, {X: 1}, {Y: 1}}}},
	}}
	all := Compute(dose, set)
	require.Len(t, all, 4)
	for _, h := range all {
		assert.True(t, h.Empty(), h.Structure)
		assert.True(t, math.IsNaN(h.Mean()) && math.IsNaN(h.DoseAt(95)) && math.IsNaN(h.VolumeAt(1)))
		_, _, err := h.Statistic("D95")
		assert.ErrorIs(t, err, ErrStatistic)
	}
	assert.NotEmpty(t, all[0].Warnings)
	assert.InDelta(t, 7.24, all[2].Outside, 0.1, "all of it lies outside the dose grid")
	assert.Equal(t, all[2].Volume, all[2].Outside)
	assert.ErrorIs(t, all[3].Err, geometry.ErrContour)

	raw, err := json.Marshal(Report{all})
	require.NoError(t, err, "no NaN in JSON")
	var back struct{ Structures []map[string]any }
	require.NoError(t, json.Unmarshal(raw, &back))
	for _, s := range back.Structures {
		assert.Equal(t, true, s["empty"])
		assert.Nil(t, s["mean_gy"])
		assert.Empty(t, s["curve"])
	}
}

func TestJSONHasTheAgreedFields(t *testing.T) {
	h, err := Of(gradientDose(t, 3, "AP"), contoured("ConeX", 2, false))
	require.NoError(t, err)
	raw, err := json.Marshal(Report{[]Histogram{h}})
	require.NoError(t, err)
	var back struct {
		Structures []struct {
			Name  string
			Curve [][2]float64
			V     float64 `json:"v20_percent"`
			Vol   float64 `json:"volume_cm3"`
			D95   float64 `json:"d95_gy"`
		}
	}
	require.NoError(t, json.Unmarshal(raw, &back))
	s := back.Structures[0]
	assert.Equal(t, "ConeX", s.Name)
	assert.Equal(t, h.Volume, s.Vol)
	assert.Equal(t, h.DoseAt(95), s.D95)
	assert.Equal(t, h.PercentAt(20), s.V)
	assert.Equal(t, [2]float64{0, 100}, s.Curve[0])
	for _, f := range []string{"name", "volume_cm3", "min_gy", "mean_gy", "max_gy", "d98_gy", "d95_gy", "d50_gy", "d2_gy", "v20_percent", "curve"} {
		assert.Contains(t, string(raw), `"`+f+`":`)
	}
}

func TestOutsideTheDoseGridIsCountedAndLeftOut(t *testing.T) {
	s := contoured("CylinderZ", 3, false)
	for _, c := range s.Contours {
		for i := range c {
			c[i].Z += 30.5 // the grid's outer face is at 30.5: half the cylinder lies beyond
		}
	}
	h, err := Of(gradientDose(t, 1, "SI"), s)
	require.NoError(t, err)
	assert.InDelta(t, h.Volume/2, h.Outside, 1e-3)
	assert.Contains(t, strings.Join(h.Warnings, "\n"), "outside the dose grid")
	assert.InDelta(t, 100, h.PercentAt(0), 1e-12)
	assert.InDelta(t, 32+24.5, h.Mean(), 0.05)
}

func TestDoseThatIsNotANumberIsRefused(t *testing.T) {
	dose := gradientDose(t, 3, "AP")
	dose.Data[5] = float32(math.NaN())
	_, err := Of(dose, contoured("Sphere", 3, false))
	assert.ErrorIs(t, err, ErrDose)
	_, err = Of(nil, contoured("Sphere", 3, false))
	assert.ErrorIs(t, err, ErrDose)
	all := Compute(&geometry.Volume{}, &geometry.StructureSet{Structures: make([]geometry.Structure, 2)})
	for _, h := range all {
		assert.ErrorIs(t, h.Err, ErrDose)
	}
}

func TestUniformDoseIsOneDose(t *testing.T) {
	dose := gradientDose(t, 3, "AP")
	for i := range dose.Data {
		dose.Data[i] = 2
	}
	h, err := Of(dose, contoured("Sphere", 3, false))
	require.NoError(t, err)
	for _, gy := range []float64{h.Min(), h.Mean(), h.Max(), h.DoseAt(98), h.DoseAt(2)} {
		assert.InDelta(t, 2, gy, 1e-9)
	}
	assert.InDelta(t, 100, h.PercentAt(2), 1e-12)
	assert.Zero(t, h.VolumeAt(2.001))
}

func TestSameBitsForAnyNumberOfProcessors(t *testing.T) {
	dose := gradientDose(t, 3, "SI")
	set := &geometry.StructureSet{Structures: []geometry.Structure{*contoured("ConeX", 2, false), *contoured("Sphere", 2, false)}}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	want := Compute(dose, set)
	for _, n := range []int{2, 3, 7} {
		runtime.GOMAXPROCS(n)
		assert.Equal(t, want, Compute(dose, set), "%d processors", n)
		got, err := Of(dose, &set.Structures[0])
		require.NoError(t, err)
		assert.Equal(t, want[0], got, "%d processors", n)
	}
}

// A body in several parts that begin and end, of a real patient.
func TestSameBitsForAnyNumberOfProcessorsInAPatient(t *testing.T) {
	set := readStructures(t, shareddata.Path(t, "dicom", "breast_eclipse", "rtstruct.dcm"))
	dose := readDose(t, shareddata.Path(t, "dicom", "breast_eclipse", "rtdose.dcm"))
	body, err := set.Named("BODY")
	require.NoError(t, err)
	want := compute(dose, body, 1)
	for _, n := range []int{2, 3, 50} {
		assert.Equal(t, want, compute(dose, body, n), "%d goroutines", n)
	}
}

// The figures are the same whatever way the patient and the dose grid are turned
// together, and nearly the same when only the grid is.
func TestFiguresDoNotDependOnOrientation(t *testing.T) {
	s := contoured("Sphere", 2, false)
	straight, err := Of(gradientDose(t, 3, "SI"), s)
	require.NoError(t, err)
	sin, cos := math.Sincos(0.3)
	axes := [3]r3.Vec{{X: cos, Z: sin}, {Y: 1}, {X: -sin, Z: cos}}
	g, err := geometry.NewGrid(r3.Scale(-31.5, r3.Add(axes[0], r3.Add(axes[1], axes[2]))), [3]float64{3, 3, 3}, [3]int{22, 22, 22}, axes)
	require.NoError(t, err)
	v := geometry.NewVolume(g)
	for k := range 22 {
		for j := range 22 {
			for i := range 22 {
				v.Data[g.Offset(i, j, k)] = float32(32 + g.Point(float64(i), float64(j), float64(k)).Z)
			}
		}
	}
	turned, err := Of(v, s)
	require.NoError(t, err)
	assert.InDelta(t, straight.Volume, turned.Volume, 2e-3)
	for _, p := range []float64{98, 95, 50, 5, 2} {
		assert.InDelta(t, straight.DoseAt(p), turned.DoseAt(p), 0.05, "D%g", p)
	}
}
