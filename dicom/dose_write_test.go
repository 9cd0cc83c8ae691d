package dicom

import (
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kerma-rt/kerma/geometry"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/spatial/r3"
	"pgregory.net/rapid"
)

// madeDose is a dose of 7 × 5 × 4 voxels, a different value in each, on a grid that
// is not along the axes of the patient.
func madeDose(t require.TestingT, axes [3]r3.Vec) Dose {
	g, err := geometry.NewGrid(r3.Vec{X: -12.3456789, Y: 20, Z: -30.25}, [3]float64{2.5, 3, 4}, [3]int{7, 5, 4}, axes)
	require.NoError(t, err)
	v := geometry.NewVolume(g)
	for i := range v.Data {
		v.Data[i] = float32(i) * 0.4567
	}
	return Dose{
		Identity: Identity{PatientName: "Müller^Jürgen", PatientID: "4711", PatientBirthDate: "19700101", PatientSex: "O", StudyUID: "1.2.3.4", StudyDate: "20260101", StudyTime: "120000", StudyID: "1"},
		Volume:   v, Unit: Gray, Type: Physical, Summation: PlanSum, FrameOfReferenceUID: "1.2.3.5",
		Plans:  []Reference{{ClassUID: classPlan, UID: "1.2.3.6"}},
		Engine: "pencil beam", Version: "0.1.0", Heterogeneity: []string{"IMAGE"},
		Provenance: []string{"Kerma 0.1.0, pencil beam, a line that is longer than the sixty-four characters of a DoseComment", "machine generic 6 MV"},
	}
}

var doseAxes = map[string][3]r3.Vec{
	"HFS":     geometry.IdentityAxes,
	"HFP":     {{X: -1}, {Y: -1}, {Z: 1}},
	"FFS":     {{X: -1}, {Y: 1}, {Z: -1}},
	"HFDL":    {{Y: 1}, {X: -1}, {Z: 1}},
	"oblique": {{X: 0.8, Y: 0.6}, {X: -0.6, Y: 0.8}, {Z: 1}},
}

func TestWrittenDoseReadsBackWithinHalfAStep(t *testing.T) {
	for name, axes := range doseAxes {
		for _, bits := range []int{16, 32} {
			d := madeDose(t, axes)
			path := filepath.Join(t.TempDir(), "dose.dcm")
			require.NoError(t, writeDose(path, d, bits), name)
			back, err := ReadDose(path)
			require.NoError(t, err)
			assert.True(t, back.Volume.Grid.Equal(d.Volume.Grid, 1e-6), "%s: %v, want %v", name, back.Volume.Grid, d.Volume.Grid)
			step := 139 * 0.4567 / float64(uint64(1)<<bits-1)
			for i, v := range back.Volume.Data {
				require.InDelta(t, d.Volume.Data[i], v, step/2*1.001+4e-6, "%s, %d bits, value %d", name, bits, i)
			}
			assert.Equal(t, d.Identity, back.Identity)
			assert.Equal(t, d.Provenance, back.Provenance)
			assert.Equal(t, "Kerma 0.1.0, pencil beam, a line that is longer than the sixty-f", back.Comment)
			assert.Empty(t, back.Warnings)
		}
	}
}

func TestAnyDoseReadsBackWithinHalfAStep(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(r *rapid.T) {
		d := madeDose(r, geometry.IdentityAxes)
		d.Volume.Data = rapid.SliceOfN(rapid.Float32Range(0, 1e4), 140, 140).Draw(r, "dose")
		if rapid.Bool().Draw(r, "tiny") {
			for i := range d.Volume.Data {
				d.Volume.Data[i] *= 1e-12
			}
		}
		require.NoError(r, WriteDose(filepath.Join(dir, "dose.dcm"), d)) // which compares
	})
}

func TestZeroDoseCanBeWritten(t *testing.T) {
	d := madeDose(t, geometry.IdentityAxes)
	clear(d.Volume.Data)
	path := filepath.Join(t.TempDir(), "dose.dcm")
	require.NoError(t, WriteDose(path, d))
	back, err := ReadDose(path)
	require.NoError(t, err)
	assert.Equal(t, d.Volume.Data, back.Volume.Data)
}

func TestDecimalKeepsWhatFits(t *testing.T) {
	for v, want := range map[float64]string{
		73.123456789 / 4294967295: "1.70253815143e-8",
		0:                         "0", 2.5: "2.5", -158.75: "-158.75", 1e-20: "1e-20",
	} {
		s := decimal(v)
		assert.LessOrEqual(t, len(s), 16)
		assert.Equal(t, want, s)
	}
	rapid.Check(t, func(r *rapid.T) {
		v := rapid.Float64Range(-1e30, 1e30).Draw(r, "v")
		s := decimal(v)
		require.LessOrEqual(r, len(s), 16)
		back, err := parseDecimal(s)
		require.NoError(r, err)
		require.InDelta(r, v, back, math.Abs(v)*1e-7+1e-300)
	})
}

func TestDoseThatCannotStandIsNotWritten(t *testing.T) {
	for name, change := range map[string]func(d *Dose){
		"negative":         func(d *Dose) { d.Volume.Data[3] = -1e-6 },
		"not a number":     func(d *Dose) { d.Volume.Data[3] = float32(math.NaN()) },
		"infinite":         func(d *Dose) { d.Volume.Data[3] = float32(math.Inf(1)) },
		"no volume":        func(d *Dose) { d.Volume = nil },
		"no unit":          func(d *Dose) { d.Unit = "" },
		"no plan":          func(d *Dose) { d.Plans = nil },
		"two plans":        func(d *Dose) { d.Plans = append(d.Plans, d.Plans[0]) },
		"no sum":           func(d *Dose) { d.Summation = "" },
		"beam of no group": func(d *Dose) { d.Summation = BeamSum },
		"no study":         func(d *Dose) { d.StudyUID = "" },
		"no frame":         func(d *Dose) { d.FrameOfReferenceUID = "" },
		"long comment":     func(d *Dose) { d.Comment = strings.Repeat("ü", 65) },
	} {
		t.Run(name, func(t *testing.T) {
			d := madeDose(t, geometry.IdentityAxes)
			change(&d)
			dir := t.TempDir()
			path := filepath.Join(dir, "dose.dcm")
			require.NoError(t, os.WriteFile(path, []byte("what stood here"), 0o644))
			err := WriteDose(path, d)
			var e *Error
			require.ErrorAs(t, err, &e)
			assertUntouched(t, dir)
		})
	}
}

// assertUntouched checks that a failed write changed nothing.
func assertUntouched(t *testing.T, dir string) {
	t.Helper()
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, files, 1, "nothing is left behind")
	data, err := os.ReadFile(filepath.Join(dir, "dose.dcm"))
	require.NoError(t, err)
	assert.Equal(t, "what stood here", string(data))
}

func TestFailedWriteLeavesNothingBehind(t *testing.T) {
	d := madeDose(t, geometry.IdentityAxes)
	dir := t.TempDir()
	assert.Error(t, WriteDose(filepath.Join(dir, "no", "such", "folder", "dose.dcm"), d))
	target := filepath.Join(dir, "dose.dcm")
	require.NoError(t, os.MkdirAll(filepath.Join(target, "in the way"), 0o755))
	assert.Error(t, WriteDose(target, d))
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, files, 1)

	// A file that does not hold what was written does not take its name.
	set := d.dataset(1, 32) // a step of 1 Gy, which no comparison may pass
	require.NoError(t, set.err)
	other := t.TempDir()
	path := filepath.Join(other, "dose.dcm")
	require.NoError(t, os.WriteFile(path, []byte("what stood here"), 0o644))
	err = set.write(path, func(temporary string) error { return d.compare(temporary, 1e-9) })
	assert.ErrorContains(t, err, "does not hold what was written")
	assertUntouched(t, other)
}

// tool is a program that others wrote, or the test is skipped.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed: the files are not shown to it", name)
	}
	return path
}

func TestDciodvfyFindsNothingWrong(t *testing.T) {
	validator := tool(t, "dciodvfy")
	for _, sum := range []Summation{PlanSum, FractionSession, FractionSum, BeamSum, MultiPlan} {
		d := madeDose(t, geometry.IdentityAxes)
		d.Summation, d.FractionGroup, d.Beams = sum, 1, []int{1}
		if sum == MultiPlan {
			d.Plans = append(d.Plans, Reference{ClassUID: classPlan, UID: "1.2.3.7"})
		}
		path := filepath.Join(t.TempDir(), "dose.dcm")
		require.NoError(t, writeDose(path, d, 16)) // this validator aborts on 32 bits, whoever wrote them
		out, err := exec.Command(validator, path).CombinedOutput()
		require.NoError(t, err, "%s", out)
		for line := range strings.SplitSeq(string(out), "\n") {
			assert.False(t, strings.HasPrefix(line, "Error") || strings.HasPrefix(line, "Warning"), "%s: %s", sum, line)
		}
	}
}

const readBack = `
import sys, numpy
import %[1]s
path = sys.argv[1]
if '%[1]s' == 'pydicom':
    d = pydicom.dcmread(path)
    a = d.pixel_array * float(d.DoseGridScaling)
    assert d.PatientName == 'Müller^Jürgen', d.PatientName
    assert d.FrameIncrementPointer == 0x3004000C, d.FrameIncrementPointer
    print(d.file_meta.TransferSyntaxUID, a.shape, '%%.6f' %% a.max(), '%%.6f' %% a[3, 4, 5], *d.ImagePositionPatient)
else:
    i = SimpleITK.ReadImage(path)
    p = i.TransformIndexToPhysicalPoint((5, 4, 3))
    print(i.GetSize(), '%%.4f %%.4f %%.4f' %% p)
`

func TestOtherReadersSeeTheSameDose(t *testing.T) {
	python := tool(t, "python3")
	d := madeDose(t, doseAxes["HFP"])
	path := filepath.Join(t.TempDir(), "dose.dcm")
	require.NoError(t, WriteDose(path, d))
	for module, want := range map[string]string{
		"pydicom":   "1.2.840.10008.1.2 (4, 5, 7) 63.481300 63.024601 -12.3456789 20 -30.25",
		"SimpleITK": "(7, 5, 4) -24.8457 8.0000 -18.2500",
	} {
		if err := exec.Command(python, "-c", "import numpy, "+module).Run(); err != nil {
			t.Logf("%s is not installed: the file is not shown to it", module)
			continue
		}
		out, err := exec.Command(python, "-c", strings.ReplaceAll(strings.ReplaceAll(readBack, "%[1]s", module), "%%", "%"), path).CombinedOutput()
		require.NoError(t, err, "%s", out)
		assert.Equal(t, want, strings.TrimSpace(string(out)), module)
	}
}

func TestDcmdumpReadsTheFile(t *testing.T) {
	dump := tool(t, "dcmdump")
	path := filepath.Join(t.TempDir(), "dose.dcm")
	require.NoError(t, WriteDose(path, madeDose(t, geometry.IdentityAxes)))
	out, err := exec.Command(dump, path).CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.NotContains(t, string(out), "W:")
	assert.NotContains(t, string(out), "E:")
	assert.Contains(t, string(out), "(3004,000c)")
}
