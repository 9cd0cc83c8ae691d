package dicom_test

import (
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/dicom"
	"github.com/kerma-rt/kerma/geometry"
)

// block is a CT of 12 × 10 × 8 voxels and two structures on it.
func block(t *testing.T) (*dicom.CT, *geometry.StructureSet) {
	g, err := geometry.NewGrid(r3.Vec{X: -11.25, Y: 3, Z: -40.5}, [3]float64{2.5, 3, 1.5}, [3]int{12, 10, 8}, geometry.IdentityAxes)
	require.NoError(t, err)
	v := geometry.NewVolume(g)
	for i := range v.Data {
		v.Data[i] = float32(i%3001 - 1000)
	}
	s := &geometry.StructureSet{Label: "phantom", Structures: []geometry.Structure{
		{Name: "BODY", Role: geometry.External, Color: [3]uint8{0, 200, 0}},
		{Name: "insert", MassDensity: 0.26, RelativeElectronDensity: 0.258},
		{Name: "empty", Number: 7},
	}}
	for k := range 8 {
		z := g.Point(0, 0, float64(k)).Z
		s.Structures[0].Contours = append(s.Structures[0].Contours, geometry.Contour{{X: -10, Y: 4, Z: z}, {X: 14, Y: 4, Z: z}, {X: 14.0625, Y: 29.3, Z: z}, {X: -10, Y: 29, Z: z}})
	}
	s.Structures[1].Contours = []geometry.Contour{{{X: 0, Y: 10, Z: -36}, {X: 5, Y: 10, Z: -36}, {X: 5, Y: 15, Z: -36}}}
	return &dicom.CT{Volume: v, Position: geometry.HFS, Identity: dicom.Identity{PatientName: "Block", PatientID: "1", StudyUID: "1.2.3.4"}}, s
}

func TestCTAndStructuresComeBackAsWritten(t *testing.T) {
	dir := t.TempDir()
	c, s := block(t)
	require.NoError(t, dicom.WriteCT(dir, c))
	require.NoError(t, dicom.WriteStructures(filepath.Join(dir, "structures.dcm"), s, c))
	p, err := dicom.ReadFolder(dir)
	require.NoError(t, err)
	for _, w := range p.Warnings {
		assert.Contains(t, w.Message, "no closed contour", "the empty structure is all there is to know")
	}
	assert.True(t, p.CT.Volume.Grid.Equal(c.Volume.Grid, 1e-6))
	assert.Equal(t, c.Volume.Data, p.CT.Volume.Data)
	assert.Equal(t, c.SliceUIDs, p.CT.SliceUIDs)
	assert.Equal(t, geometry.HFS, p.CT.Position)
	assert.Equal(t, "Block", p.CT.PatientName)
	require.Len(t, p.Structures.Structures, 3)
	for i, want := range s.Structures {
		assert.Equal(t, want, p.Structures.Structures[i])
	}
	assert.Equal(t, []int{1, 2, 7}, []int{s.Structures[0].Number, s.Structures[1].Number, s.Structures[2].Number})
	leftover, err := filepath.Glob(filepath.Join(dir, ".*"))
	require.NoError(t, err)
	assert.Empty(t, leftover)
}

func TestWrittenCTAndStructuresSatisfyTheStandard(t *testing.T) {
	validator, err := exec.LookPath("dciodvfy")
	if err != nil {
		t.Skip("dciodvfy is not installed")
	}
	dir := t.TempDir()
	c, s := block(t)
	require.NoError(t, dicom.WriteCT(dir, c))
	require.NoError(t, dicom.WriteStructures(filepath.Join(dir, "structures.dcm"), s, c))
	for _, file := range []string{"CT0001.dcm", "structures.dcm"} {
		out, _ := exec.Command(validator, filepath.Join(dir, file)).CombinedOutput()
		for line := range strings.Lines(string(out)) {
			assert.False(t, strings.HasPrefix(line, "Error"), "%s: %s", file, line)
		}
	}
}

func TestWhatMakesNoCTIsNotWritten(t *testing.T) {
	for name, spoil := range map[string]func(*dicom.CT){
		"no volume":      func(c *dicom.CT) { c.Volume = nil },
		"no position":    func(c *dicom.CT) { c.Position = "" },
		"too high":       func(c *dicom.CT) { c.Volume.Data[5] = 40000 },
		"not a number":   func(c *dicom.CT) { c.Volume.Data[5] = float32(math.NaN()) },
		"too few slices": func(c *dicom.CT) { c.SliceUIDs = []string{"1.2"} },
	} {
		dir := t.TempDir()
		c, _ := block(t)
		spoil(c)
		err := dicom.WriteCT(dir, c)
		var fault *dicom.Error
		require.ErrorAs(t, err, &fault, name)
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		assert.Empty(t, entries, name)
	}
	c, s := block(t)
	err := dicom.WriteStructures(filepath.Join(t.TempDir(), "s.dcm"), s, c)
	assert.ErrorContains(t, err, "write that first")
}
