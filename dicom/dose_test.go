package dicom

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/spatial/r3"
)

// The highest value of each public dose, as another reader (pydicom 3) has it:
// stored value times DoseGridScaling.
func TestPublicDosesAreReadAsAnotherReaderHasThem(t *testing.T) {
	for _, c := range []struct {
		file   string
		size   [3]int
		origin r3.Vec
		most   float64
		kind   DoseType
		unit   DoseUnit
		sum    Summation
	}{
		{"breast_eclipse/rtdose.dcm", [3]int{194, 129, 98}, r3.Vec{X: -228.6541915, Y: -419.2444776, Z: -122.4407}, 14.680764, Physical, Gray, PlanSum},
		{"tg119/rtdose_imrt.dcm", [3]int{106, 55, 125}, r3.Vec{X: -160, Y: -82, Z: -157.5}, 58.39888913148, Physical, Gray, PlanSum},
		{"lung_nsclc/rtdose_arc.dcm", [3]int{127, 96, 51}, r3.Vec{X: -184.5, Y: -338.5, Z: -531.5}, 72.95974784865, Physical, Gray, PlanSum},
		{"lung_synthetic/rtdose_3dcrt_beam2.dcm", [3]int{64, 64, 100}, r3.Vec{X: -157.5, Y: -157.5, Z: -247.5}, 25.3992859191, Physical, Gray, BeamSum},
		{"proton_ramp_raystation/rtdose_plan.dcm", [3]int{107, 107, 110}, r3.Vec{X: -104.5, Y: -105.5, Z: -108.5}, 2.21022751185, Effective, Gray, PlanSum},
		{"odd_real/pydicom/rtdose.dcm", [3]int{10, 10, 15}, r3.Vec{X: 189.43125, Y: 199.43125, Z: -761.87}, 1.254, Physical, Relative, BeamSum},
		{"odd_real/pydicom/rtdose_expb.dcm", [3]int{10, 10, 15}, r3.Vec{X: 189.43125, Y: 199.43125, Z: -761.87}, 1.254, Physical, Relative, BeamSum},
	} {
		t.Run(c.file, func(t *testing.T) {
			d, err := ReadDose(sharedData(t, c.file))
			require.NoError(t, err)
			assert.Equal(t, c.size, d.Volume.Grid.Size())
			assert.InDelta(t, 0, r3.Norm(r3.Sub(c.origin, d.Volume.Grid.Origin())), 1e-9)
			assert.Equal(t, c.kind, d.Type)
			assert.Equal(t, c.unit, d.Unit)
			assert.Equal(t, c.sum, d.Summation)
			assert.Len(t, d.Plans, 1)
			most := float32(0)
			for _, v := range d.Volume.Data {
				most = max(most, v)
			}
			assert.InEpsilon(t, c.most, most, 1e-6)
		})
	}
	for file, says := range map[string]string{
		"odd_real/pydicom/rtdose_rle.dcm": "RLE Lossless",
		"odd_real/pydicom/badVR.dcm":      "NumberOfFrames",
	} {
		_, err := ReadDose(sharedData(t, file))
		var e *Error
		require.ErrorAs(t, err, &e)
		assert.ErrorContains(t, err, says)
	}
}

func TestBeamDosesOfAPlanAddUpToIt(t *testing.T) {
	plan, err := ReadDose(sharedData(t, "lung_synthetic/rtdose_3dcrt.dcm"))
	require.NoError(t, err)
	sum := make([]float64, len(plan.Volume.Data))
	for i, file := range []string{"rtdose_3dcrt_beam1.dcm", "rtdose_3dcrt_beam2.dcm", "rtdose_3dcrt_beam3.dcm", "rtdose_3dcrt_beam4.dcm"} {
		d, err := ReadDose(sharedData(t, "lung_synthetic", file))
		require.NoError(t, err)
		assert.Equal(t, []int{i + 1}, d.Beams)
		assert.True(t, d.Volume.Grid.Equal(plan.Volume.Grid, 1e-9))
		for j, v := range d.Volume.Data {
			sum[j] += float64(v)
		}
	}
	worst := 0.0
	for j, v := range plan.Volume.Data {
		worst = max(worst, math.Abs(sum[j]-float64(v)))
	}
	assert.Less(t, worst, 2e-3, "Gy: half a 16-bit step of each")
}
