package machine

import (
	"math"
	"os"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestGenericSVDGivesTheMaximumOfItsPeers(t *testing.T) {
	m, err := GenericSVD()
	require.NoError(t, err)
	// pyRadPlan 0.5.0 and matRad: 100×100 mm, SSD 1000, voxels every 2 mm.
	assert.InDelta(t, 1.0591, m.Calibration.GyPerMU/m.Calibration.FluencePerMU, 5e-4)
	assert.Len(t, m.Pencil.Lateral, 501)
	assert.InDelta(t, 5, m.SourceSigma*math.Sqrt(8*math.Ln2), 1e-12)
	assert.Len(t, m.Hash, 64)
	assert.Equal(t, 0, m.Pencil.Index(100))
	assert.Equal(t, 400, m.Pencil.Index(900.4))
	assert.Equal(t, 500, m.Pencil.Index(1500))
}

func TestDepthTableOfSVDIsItsFormula(t *testing.T) {
	m, err := GenericSVD()
	require.NoError(t, err)
	const mu = 0.005066
	d := make([]float64, 3)
	for z := 0.013; z < 700; z = z*1.07 + 0.01 {
		m.Pencil.Depth.At(z, 1, d)
		for k, beta := range []float64{0.3252, 0.016, 0.0051} {
			want := beta / (beta - mu) * (math.Exp(-mu*z) - math.Exp(-beta*z))
			assert.InDelta(t, want, d[k], 5e-5, "component %d at %g mm", k, z)
		}
	}
	// β = m is the limit, not a division by zero.
	assert.InEpsilon(t, mu*100*math.Exp(-mu*100), svdDepth(100, mu, mu), 1e-12)
	assert.InEpsilon(t, svdDepth(100, mu, mu), svdDepth(100, mu, mu*(1+1e-9)), 1e-6)
}

func TestKernelOnTheAxisIsOnePixel(t *testing.T) {
	w := svdRadial([]float64{0, 0.5, 1}, []float32{3, 0.01, 0.005})
	assert.InEpsilon(t, 3*0.25, w.Pixels(1, 0.5)[0], 1e-9)
}

func TestBrokenSVDMachinesAreRefused(t *testing.T) {
	read := func(name string) []byte {
		b, err := os.ReadFile("data/generic_6mv_svd/" + name)
		require.NoError(t, err)
		return b
	}
	text, table := read("machine.json"), read("kernels.npy.gz")
	for name, folder := range map[string]fstest.MapFS{
		"nothing":          {},
		"no kernels":       {"machine.json": {Data: text}},
		"no JSON":          {"machine.json": {Data: []byte("{")}, "kernels.npy.gz": {Data: table}},
		"empty JSON":       {"machine.json": {Data: []byte("{}")}, "kernels.npy.gz": {Data: table}},
		"gzip cut short":   {"machine.json": {Data: text}, "kernels.npy.gz": {Data: table[:1000]}},
		"no NumPy":         {"machine.json": {Data: text}, "kernels.npy": {Data: []byte("hello")}},
		"NumPy cut short":  {"machine.json": {Data: text}, "kernels.npy": {Data: []byte("\x93NUMPY\x01\x00\x70\x00{'descr': '<f4'")}},
		"NumPy too long":   {"machine.json": {Data: text}, "kernels.npy": {Data: npy("(9, 9)", 10)}},
		"other shape":      {"machine.json": {Data: text}, "kernels.npy": {Data: npy("(2, 3, 4)", 24)}},
		"overflowing size": {"machine.json": {Data: text}, "kernels.npy": {Data: npy("(4294967296, 4294967296, 4294967296)", 4)}},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := ReadSVD(folder)
			require.ErrorIs(t, err, ErrFile)
			assert.Nil(t, m)
		})
	}
}

func npy(shape string, values int) []byte {
	header := "{'descr': '<f4', 'fortran_order': False, 'shape': " + shape + ", }\n"
	b := append([]byte("\x93NUMPY\x01\x00"), byte(len(header)), 0)
	return append(append(b, header...), make([]byte, 4*values)...)
}
