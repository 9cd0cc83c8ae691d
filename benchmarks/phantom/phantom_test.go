package phantom_test

import (
	"math"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kerma-rt/kerma/benchmarks/phantom"
	"github.com/kerma-rt/kerma/dicom"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/heterogeneity"
)

func made(t *testing.T, name string) *phantom.Phantom {
	t.Helper()
	e, err := phantom.Named(name)
	require.NoError(t, err)
	p, err := e.Make()
	require.NoError(t, err)
	return p
}

func volume(t *testing.T, p *phantom.Phantom, name string) float64 {
	s, err := p.Structures.Named(name)
	require.NoError(t, err)
	m, _, err := geometry.NewMask(p.CT.Grid, s)
	require.NoError(t, err)
	return m.Volume()
}

func TestEveryPhantomIsAValidPatient(t *testing.T) {
	seen := map[string]bool{}
	for _, e := range phantom.Entries() {
		t.Run(e.Name, func(t *testing.T) {
			assert.False(t, seen[e.Name])
			seen[e.Name] = true
			assert.NotEmpty(t, e.Title)
			assert.NotEmpty(t, e.Source)
			p := made(t, e.Name)
			assert.NotEmpty(t, p.Plans)
			for _, plan := range p.Plans {
				require.NoError(t, plan.Validate(), plan.Label)
			}
			body, err := p.Structures.External()
			require.NoError(t, err)
			assert.NotEmpty(t, body.Contours)
			if testing.Short() {
				return
			}
			dir := t.TempDir()
			require.NoError(t, p.Write(dir))
			back, err := dicom.ReadFolder(dir)
			require.NoError(t, err)
			assert.Len(t, back.Plans, len(p.Plans))
			assert.Len(t, back.Structures.Structures, len(p.Structures.Structures))
			assert.Equal(t, p.CT.Data, back.CT.Volume.Data)
			entries, err := os.ReadDir(dir)
			require.NoError(t, err)
			assert.Len(t, entries, p.CT.Grid.Size()[2]+1+len(p.Plans))
		})
	}
}

// What the default calibration makes of the CT numbers is what the phantom is
// made of.
func TestDensitiesAreThoseAskedFor(t *testing.T) {
	for _, c := range []struct {
		name    string
		at      [3]float64 // mm
		density float64
	}{
		{"water-tank", [3]float64{0, 0, 0}, 1},
		{"lung-slab", [3]float64{10, -60, 10}, 0.26},
		{"bone-slab", [3]float64{10, -110, 10}, 1.8},
		{"iccr", [3]float64{10, -110, 10}, 2.7},
		{"half-lung", [3]float64{20, -60, 10}, 0.26},
		{"half-lung", [3]float64{-20, -60, 10}, 1},
		{"thorax", [3]float64{80, -10, 0}, 0.21},
		{"thorax", [3]float64{0, 65, 0}, 1.6},
		{"thorax", [3]float64{155, -105, 0}, 0.0012},
	} {
		p := made(t, c.name)
		i := p.CT.Grid.Index(p.CT.Grid.Point(0, 0, 0))
		i.X = math.Round((c.at[0] - p.CT.Grid.Origin().X) / p.CT.Grid.Spacing()[0])
		i.Y = math.Round((c.at[1] - p.CT.Grid.Origin().Y) / p.CT.Grid.Spacing()[1])
		i.Z = math.Round((c.at[2] - p.CT.Grid.Origin().Z) / p.CT.Grid.Spacing()[2])
		got, _, _ := heterogeneity.DefaultCalibration.At(float64(p.CT.At(int(i.X), int(i.Y), int(i.Z))))
		assert.InDelta(t, c.density, got, 0.002+0.002*c.density, "%s at %v: g/cm³", c.name, c.at)
	}
}

// Volumes of bodies by their formulas.
func TestStructuresHaveTheirVolumes(t *testing.T) {
	for _, c := range []struct {
		name, structure string
		cm3             float64
	}{
		{"tg119-multitarget", "Central", math.Pi * 2 * 2 * 4},
		{"tg119-c-shape", "Core", math.Pi * 1 * 1 * 10},
		{"tg119-c-shape", "PTV", math.Pi * (3.7*3.7 - 1.5*1.5) * 8 * 240 / 360},
		{"tg119-prostate", "PTV", 4.0 / 3 * math.Pi * 2.6 * 1.9 * 3.85},
		{"dvh-shapes", "sphere", 4.0 / 3 * math.Pi * 1.2 * 1.2 * 1.2},
		{"dvh-shapes", "cylinder", math.Pi * 1.2 * 1.2 * 2.4},
		{"thorax", "BODY", math.Pi * 15 * 10 * 30},
	} {
		p := made(t, c.name)
		assert.InEpsilon(t, c.cm3, volume(t, p, c.structure), 0.04, "%s %s, cm³", c.name, c.structure)
	}
}

func TestUnknownPhantomIsRefused(t *testing.T) {
	_, err := phantom.Named("jelly")
	assert.ErrorIs(t, err, phantom.ErrName)
}
