package benchmarks

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"slices"
	"strings"
	"unicode"

	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/dose"
	"github.com/kerma-rt/kerma/dose/beam"
	"github.com/kerma-rt/kerma/dose/machine"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/heterogeneity"
)

// ErrCase is wrapped by errors about a case that cannot be read.
var ErrCase = errors.New("benchmarks: unusable case")

// Case is one reference calculation: a phantom in vacuum, a rectangular field
// from a point source, and the dose that the reference found. Coordinates are the
// case's: z is depth along the beam, z = 0 the surface plane.
type Case struct {
	Name     string
	Note     string // code of the reference, as the case gives it
	Spectrum machine.Spectrum
	SSD      float64    // from the source to the plane z = 0, mm
	Field    [2]float64 // full width in x and y on the plane z = 0, mm

	// Source is where the source stands above the plane z = 0: x and y of the
	// point at z = −SSD, mm; (0, 0) unless the axis is oblique. The axis goes
	// from there through the origin.
	Source [2]float64

	// Tissue is the phantom. Its grid stands in a patient who lies on his back
	// under a gantry at 0°: x is LPS x, y is −z, z is y (backwards), so that
	// voxels have the order of the case.
	Tissue *heterogeneity.Tissue

	// Dose is the reference dose to medium in Gy for one photon/cm² on the
	// plane z = 0, and Sigma its standard deviation relative to it. Both are nil
	// for a case that comes without dose.npy: it can be computed, not compared.
	Dose, Sigma *geometry.Volume

	// Folded says that the reference is the mean of so many mirror images, so
	// that voxels that are images of each other are one estimate; 1 if not.
	Folded int

	Warnings []string // what the file says beyond the format
}

// caseFile is case.json.
type caseFile struct {
	Format string `json:"format"`
	Name   string `json:"name"`
	Grid   struct {
		Size    [3]int     `json:"size"`
		Spacing [3]float64 `json:"spacing_mm"`
		First   [3]float64 `json:"first_voxel_centre_mm"`
	} `json:"grid"`
	Phantom struct {
		Background *region  `json:"background"`
		Regions    []region `json:"regions"`
		Voxels     *struct {
			Density   string   `json:"density_file"`
			Material  string   `json:"material_file"`
			Materials []string `json:"materials"`
		} `json:"voxels"`
		Outside string `json:"outside"`
	} `json:"phantom"`
	Beam struct {
		Particle  string     `json:"particle"`
		Spectrum  string     `json:"spectrum"`
		Direction [3]float64 `json:"direction"`
		Source    string     `json:"source"`
		SSD       float64    `json:"ssd_mm"`
		Field     [2]float64 `json:"field_at_surface_mm"`
	} `json:"beam"`
	Reference struct {
		Code        string `json:"code"`
		Symmetrised string `json:"symmetrised"`
	} `json:"reference"`
}

type region struct {
	Material string        `json:"material"`
	Density  float64       `json:"density_g_cm3"`
	Box      [3][2]float64 `json:"box_mm"`
}

// shortNames are the names of materials in cases that are not rows of the
// composition table.
var shortNames = map[string]string{"water": "water_liquid", "lung": "lung_icru44", "air": "air_dry", "bone": "bone_cortical_icru44"}

const (
	maxCaseVoxels = 1 << 26 // bounds what a case file can make this package allocate
	maxRegions    = 1000
	densest       = 30     // g/cm³
	steepest      = 1.0001 // tangent of the angle between the axis and z
	widest        = 1000   // field, mm
)

// ReadCase reads a case folder of format case/1: case.json, dose.npy, sigma.npy
// and, for a voxel phantom, its arrays; any array may be gzipped (dose.npy.gz).
// It fails with ErrCase and says which part is at fault.
func ReadCase(dir string) (*Case, error) { return ReadCaseFS(os.DirFS(dir)) }

// ReadCaseFS is ReadCase for a folder of any file system.
func ReadCaseFS(files fs.FS) (*Case, error) {
	data, err := fs.ReadFile(files, "case.json")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCase, err)
	}
	var f caseFile
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("%w: case.json: %w", ErrCase, err)
	}
	if f.Name == "" || len(f.Name) > 100 || strings.ContainsAny(f.Name, `/\:`) || strings.HasPrefix(f.Name, ".") || strings.ContainsFunc(f.Name, unicode.IsControl) {
		return nil, fmt.Errorf("%w: name %q, expected that of a folder", ErrCase, f.Name)
	}
	c, err := f.read(files)
	if err != nil {
		return nil, fmt.Errorf("%w: %q: %w", ErrCase, f.Name, err)
	}
	c.Warnings = strangers(data)
	return c, nil
}

// strangers are the fields of a case file that may change the dose and that
// the format does not know.
func strangers(data []byte) []string {
	var parts map[string]map[string]any
	var loose map[string]json.RawMessage
	if json.Unmarshal(data, &loose) != nil {
		return nil
	}
	parts = map[string]map[string]any{}
	for _, name := range []string{"grid", "phantom", "beam"} {
		var fields map[string]any
		if json.Unmarshal(loose[name], &fields) == nil {
			parts[name] = fields
		}
	}
	known := map[string][]string{
		"grid":    {"size", "spacing_mm", "first_voxel_centre_mm"},
		"phantom": {"background", "regions", "voxels", "outside"},
		"beam":    {"particle", "spectrum", "direction", "source", "ssd_mm", "field_at_surface_mm", "planar_fluence"},
	}
	var out []string
	for part, fields := range parts {
		for name := range fields {
			if !slices.Contains(known[part], name) {
				out = append(out, fmt.Sprintf("%s.%s is not of format case/1 and was not read", part, name))
			}
		}
	}
	slices.Sort(out)
	return out
}

func (f *caseFile) read(files fs.FS) (*Case, error) {
	finite := func(x float64) bool { return x-x == 0 }
	b := f.Beam
	switch {
	case f.Format != "case/1":
		return nil, fmt.Errorf("format %q, expected case/1", f.Format)
	case f.Phantom.Outside != "" && f.Phantom.Outside != "vacuum":
		return nil, fmt.Errorf("outside is %q, expected vacuum", f.Phantom.Outside)
	case b.Particle != "" && b.Particle != "photon":
		return nil, fmt.Errorf("particle %q, expected photon", b.Particle)
	case b.Source != "" && b.Source != "point":
		return nil, fmt.Errorf("source %q, expected point", b.Source)
	case !(b.Direction[2] > 0) || !(math.Hypot(b.Direction[0], b.Direction[1]) <= steepest*b.Direction[2]) || !finite(b.Direction[2]):
		return nil, fmt.Errorf("direction %v, expected at most 45° from z", b.Direction)
	case !(b.SSD >= 100 && b.SSD <= 5000):
		return nil, fmt.Errorf("SSD %g mm, expected 100 … 5000", b.SSD)
	case !(b.Field[0] > 0 && b.Field[1] > 0 && b.Field[0] <= widest && b.Field[1] <= widest):
		return nil, fmt.Errorf("field of %v mm, expected at most %d", b.Field, widest)
	}
	g := f.Grid
	if n := float64(g.Size[0]) * float64(g.Size[1]) * float64(g.Size[2]); !(n <= maxCaseVoxels) {
		return nil, fmt.Errorf("grid of %v voxels, expected at most %d", g.Size, maxCaseVoxels)
	}
	grid, err := geometry.NewGrid(
		r3.Vec{X: g.First[0], Y: g.First[2], Z: -g.First[1]}, g.Spacing, g.Size,
		[3]r3.Vec{{X: 1}, {Z: -1}, {Y: 1}})
	if err != nil {
		return nil, err
	}
	c := &Case{Name: f.Name, Note: f.Reference.Code, SSD: b.SSD, Field: b.Field, Folded: 1}
	for a := range 2 {
		if b.Direction[a] != 0 {
			c.Source[a] = -b.SSD * b.Direction[a] / b.Direction[2]
		}
	}
	if _, err := fmt.Sscanf(f.Reference.Symmetrised, "%d-fold", &c.Folded); err != nil || c.Folded < 1 || c.Folded > 8 {
		c.Folded = 1
	}
	if c.Spectrum, err = machine.NamedSpectrum(b.Spectrum); err != nil {
		return nil, err
	}
	if c.Tissue, err = f.tissue(files, grid); err != nil {
		return nil, err
	}
	for _, v := range []struct {
		to   **geometry.Volume
		name string
	}{{&c.Dose, "dose.npy"}, {&c.Sigma, "sigma.npy"}} {
		data, err := readArray(files, v.name, g.Size)
		if v.name == "dose.npy" && errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return nil, err
		}
		if *v.to, err = geometry.VolumeOf(grid, data); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func readArray(files fs.FS, name string, size [3]int) ([]float32, error) {
	file, err := files.Open(name)
	var r io.Reader = file
	if errors.Is(err, fs.ErrNotExist) {
		if file, err = files.Open(name + ".gz"); err == nil {
			r, err = gzip.NewReader(file)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	defer file.Close()
	a, err := readNPY(r, size[0]*size[1]*size[2])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	values, err := a.unfold(size)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for i, v := range values {
		if !(v >= 0) || math.IsInf(float64(v), 0) {
			return nil, fmt.Errorf("%s: value %d is %v", name, i, v)
		}
	}
	return values, nil
}

// tissue makes the phantom.
func (f *caseFile) tissue(files fs.FS, grid geometry.Grid) (*heterogeneity.Tissue, error) {
	t := &heterogeneity.Tissue{
		Density: geometry.NewVolume(grid), ElectronDensity: geometry.NewVolume(grid),
		Material: make([]uint8, grid.Len()), Calibration: "none: densities and materials of " + f.Name,
	}
	var per []float64 // relative electron density per g/cm³, by material
	index := func(name string) (uint8, error) {
		if long, ok := shortNames[name]; ok {
			name = long
		}
		m, ok := heterogeneity.MaterialNamed(name)
		if !ok {
			return 0, fmt.Errorf("material %q is not known", name)
		}
		if i := slices.Index(t.Materials, name); i >= 0 {
			return uint8(i), nil
		}
		if len(t.Materials) == math.MaxUint8 {
			return 0, errors.New("more than 255 materials")
		}
		t.Materials = append(t.Materials, name)
		per = append(per, m.ElectronDensityOf(1))
		return uint8(len(t.Materials) - 1), nil
	}
	var err error
	switch p := f.Phantom; {
	case p.Voxels != nil:
		var density, material []float32
		if density, err = readArray(files, p.Voxels.Density, grid.Size()); err != nil {
			return nil, err
		}
		if material, err = readArray(files, p.Voxels.Material, grid.Size()); err != nil {
			return nil, err
		}
		var of []uint8
		for _, name := range p.Voxels.Materials {
			i, err := index(name)
			if err != nil {
				return nil, err
			}
			of = append(of, i)
		}
		for i, m := range material {
			if !(m < float32(len(of))) || m != float32(int(m)) {
				return nil, fmt.Errorf("voxel %d is of material %g, there are %d", i, m, len(of))
			}
			if density[i] > densest {
				return nil, fmt.Errorf("voxel %d has a density of %g g/cm³", i, density[i])
			}
			t.Material[i] = of[int(m)]
		}
		copy(t.Density.Data, density)
	case len(p.Regions) > maxRegions:
		return nil, fmt.Errorf("%d regions, more than %d", len(p.Regions), maxRegions)
	case p.Background != nil:
		everywhere := [2]float64{math.Inf(-1), math.Inf(1)}
		p.Background.Box = [3][2]float64{everywhere, everywhere, everywhere}
		for _, r := range append([]region{*p.Background}, p.Regions...) {
			if !(r.Density >= 0 && r.Density <= densest) {
				return nil, fmt.Errorf("density %g g/cm³", r.Density)
			}
			m, err := index(r.Material)
			if err != nil {
				return nil, err
			}
			f.fill(r, grid, func(i int) { t.Density.Data[i], t.Material[i] = float32(r.Density), m })
		}
	default:
		return nil, errors.New("a phantom without background or voxels")
	}
	for i, d := range t.Density.Data {
		t.ElectronDensity.Data[i] = float32(float64(d) * per[t.Material[i]])
	}
	return t, nil
}

// fill calls set for every voxel whose centre lies in the box of r.
func (f *caseFile) fill(r region, grid geometry.Grid, set func(i int)) {
	var in [3][]bool
	for a := range 3 {
		in[a] = make([]bool, f.Grid.Size[a])
		for i := range in[a] {
			x := f.Grid.First[a] + float64(i)*f.Grid.Spacing[a]
			in[a][i] = x >= r.Box[a][0] && x < r.Box[a][1]
		}
	}
	for k := range in[2] {
		for j := range in[1] {
			for i := range in[0] {
				if in[0][i] && in[1][j] && in[2][k] {
					set(grid.Offset(i, j, k))
				}
			}
		}
	}
}

// sad is the source–axis distance of the machines that deliver cases, mm.
const sad = 1000

// Request is what an engine has to compute: an ideal machine, the field by its
// jaws, and the monitor units that make one photon/cm² on the plane z = 0. The
// dose grid is the case's, so that Result.Dose and Case.Dose compare voxel by
// voxel.
func (c *Case) Request() (dose.Request, error) {
	// A spectrum bin above the rest may be empty.
	energy := 1.0
	for i, n := range c.Spectrum.Number {
		if n > 0 {
			energy = max(1, math.Round(c.Spectrum.High[i]))
		}
	}
	m, err := machine.New(c.Name, c.Spectrum, machine.Options{EnergyMV: energy, SAD: sad})
	if err != nil {
		return dose.Request{}, err
	}
	// The axis of the machine goes straight down from the source, so that what
	// is even on the plane z = 0 is even on the isocentre plane; an oblique field
	// is one beside the axis. Beam y is −y of the case.
	scale := sad / c.SSD
	x, y, dx, dy := c.Field[0]/2*scale, c.Field[1]/2*scale, -c.Source[0]*scale, c.Source[1]*scale
	point := func(weight float64) beam.ControlPoint {
		return beam.ControlPoint{
			Weight: weight, Isocentre: r3.Vec{X: c.Source[0], Y: sad - c.SSD, Z: -c.Source[1]},
			Positions: [][]float64{{dx - x, dx + x}, {dy - y, dy + y}},
		}
	}
	plan := &beam.Plan{
		Label:  c.Name,
		Groups: []beam.FractionGroup{{Number: 1, Fractions: 1, Beams: []beam.BeamMeterset{{BeamNumber: 1, Meterset: 1 / (scale * scale)}}}},
		Beams: []beam.Beam{{
			Number: 1, Name: "field", EnergyMV: energy, Unit: beam.MonitorUnits, SAD: sad, Position: geometry.HFS,
			Devices: []beam.Device{{Kind: beam.JawX, Name: "ASYMX"}, {Kind: beam.JawY, Name: "ASYMY"}},
			Points:  []beam.ControlPoint{point(0), point(1)},
		}},
	}
	return dose.Request{Tissue: c.Tissue, Plan: plan, Machines: machine.Set{m}, Grid: c.Tissue.Density.Grid}, nil
}

// leastDensity is the density above which dose is compared, g/cm³: dose in air
// is dose to next to no mass.
const leastDensity = 0.1

// Scored is the dose (reference or an engine's) with NaN, which gamma leaves
// out, where it is not compared: at densities up to 0.1 g/cm³.
func (c *Case) Scored(v *geometry.Volume) *geometry.Volume {
	out := geometry.NewVolume(v.Grid)
	for i, d := range v.Data {
		if out.Data[i] = d; c.Tissue.Density.Data[i] <= leastDensity {
			out.Data[i] = float32(math.NaN())
		}
	}
	return out
}

// OnAxis is the mean of a dose over the central half of the field, both ways,
// by depth (slice of the grid).
func (c *Case) OnAxis(v *geometry.Volume) []float64 {
	n := v.Grid.Size()
	mean := make([]float64, n[2])
	for k := range n[2] {
		count := 0
		for j := range n[1] {
			for i := range n[0] {
				p := v.Grid.Point(float64(i), float64(j), float64(k))
				scale := (c.SSD + p.Y) / c.SSD
				if math.Abs(p.X) < c.Field[0]/4*scale && math.Abs(p.Z) < c.Field[1]/4*scale {
					mean[k] += float64(v.At(i, j, k))
					count++
				}
			}
		}
		mean[k] /= float64(count)
	}
	return mean
}

// Depth is the depth of slice k, mm.
func (c *Case) Depth(k int) float64 { return c.Dose.Grid.Point(0, 0, float64(k)).Y }
