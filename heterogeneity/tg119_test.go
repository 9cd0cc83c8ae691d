package heterogeneity_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/heterogeneity"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/spatial/r3"
)

// array is the data of one little-endian array of a NumPy .npz file.
func array[T any](t *testing.T, path, name string, n int) []T {
	z, err := zip.OpenReader(path)
	require.NoError(t, err)
	defer z.Close()
	f, err := z.Open(name + ".npy")
	require.NoError(t, err)
	raw, err := io.ReadAll(f)
	require.NoError(t, err)
	require.Equal(t, "\x93NUMPY\x01\x00", string(raw[:8]))
	header := int(binary.LittleEndian.Uint16(raw[8:]))
	require.Contains(t, string(raw[10:10+header]), "'fortran_order': False")
	values := make([]T, n)
	require.NoError(t, binary.Read(bytes.NewReader(raw[10+header:]), binary.LittleEndian, values))
	return values
}

// tg119 is the C-shape phantom of TG-119 as pyRadPlan prepares it: matRad's
// curve, air outside the body.
func tg119(t *testing.T) *heterogeneity.Tissue {
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	path := filepath.Join(root, "..", "shared", "data", "tg119", "phantom.npz")
	if _, err := os.Stat(path); err != nil {
		t.Skip("the TG-119 phantom is not at hand")
	}
	g, err := geometry.NewGrid(r3.Vec{X: -250, Y: -250, Z: -160}, [3]float64{3, 3, 2.5}, [3]int{167, 167, 129}, geometry.IdentityAxes)
	require.NoError(t, err)
	ct := geometry.NewVolume(g)
	for i, hu := range array[int16](t, path, "hu", g.Len()) {
		ct.Data[i] = float32(hu)
	}
	body := &geometry.Mask{Grid: g, Box: g.Box(), Fraction: make([]float32, g.Len())}
	for i, in := range array[bool](t, path, "mask_body", g.Len()) {
		if in {
			body.Fraction[i] = 1
		}
	}
	tissue, err := heterogeneity.MatRadCalibration.ApplyWith(ct, heterogeneity.Options{Body: body})
	require.NoError(t, err)
	return tissue
}

var tg119Isocentre = r3.Vec{X: -1.6910699919549188, Y: -16.58527755430407, Z: 0.142129257173508}

// pyRadPlan finds the skin 920.5 mm from the source on the axis of its oblique
// beam, at the first voxel (3 mm) that its ray meets.
func TestSkinOfTG119OnTheObliqueAxis(t *testing.T) {
	tissue := tg119(t)
	f := frame(t, geometry.Pose{GantryDeg: 40, CouchDeg: 20, Isocentre: tg119Isocentre})
	d, err := heterogeneity.None{}.Depths(t.Context(), heterogeneity.Beam{
		Tissue: tissue, Frame: f, Field: heterogeneity.Field{X0: -5, X1: 5, Y0: -5, Y1: 5},
	})
	require.NoError(t, err)
	// At the isocentre the whole way is inside: SSD = SAD − depth.
	require.InDelta(t, 920.5, 1000-d.At(0, 0, 1000), 2)
}

func TestDepthsInTG119AgreeWithTheExactIntegral(t *testing.T) {
	v := tg119(t).ElectronDensity
	for _, c := range []struct {
		name          string
		gantry, couch float64
	}{{"gantry 0", 0, 0}, {"oblique", 40, 20}} {
		f := frame(t, geometry.Pose{GantryDeg: c.gantry, CouchDeg: c.couch, Isocentre: tg119Isocentre})
		d, err := heterogeneity.NewDepths(t.Context(), v, f, square, 2, 2, 0)
		require.NoError(t, err)
		rms, worst := deviation(t, d, f, func(p r3.Vec) float64 { return v.SmoothLineIntegral(f.Source(), p) })
		t.Logf("%s: rms %.3f mm, max %.2f mm", c.name, rms, worst)
		require.Less(t, rms, 0.15)
		require.Less(t, worst, 1.5)
		rms, worst = deviation(t, d, f, func(p r3.Vec) float64 { return heterogeneity.ExactDepth(v, f, p) })
		t.Logf("%s against uniform voxels: rms %.3f mm, max %.2f mm", c.name, rms, worst)
		require.Less(t, rms, 0.3)
		require.False(t, math.IsNaN(worst))
	}
}
