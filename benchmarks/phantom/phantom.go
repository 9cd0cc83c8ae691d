// Package phantom is reference phantoms as code: what the field tests planning
// systems with, made anew at any voxel size, with structures and plans.
package phantom

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/dicom"
	"github.com/kerma-rt/kerma/dose/beam"
	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/heterogeneity"
)

// ErrName is wrapped by the error about a phantom that does not exist.
var ErrName = errors.New("phantom: no such phantom")

// Phantom is matter, what is drawn in it, and how it is irradiated.
type Phantom struct {
	Entry
	CT         *geometry.Volume // HU, as the default calibration reads them
	Structures *geometry.StructureSet
	Plans      []*beam.Plan
}

// Entry is a phantom that can be made.
type Entry struct {
	Name   string // as given to Make
	Title  string // one line for people
	Source string // where its geometry is published
	Goals  string // name of the template of package quality that its plans are judged by; empty: none

	regions func() []region
	plans   func() []*beam.Plan
	half    [3]float64 // of the scan around the origin, mm
	spacing [3]float64 // of its voxels, mm
}

// Entries are all phantoms.
func Entries() []Entry {
	var all []Entry
	for _, some := range [][]Entry{tanks(), slabs(), thorax(), tg119(), shapes()} {
		all = append(all, some...)
	}
	return all
}

// Named finds a phantom by its name; it fails with ErrName.
func Named(name string) (Entry, error) {
	for _, e := range Entries() {
		if e.Name == name {
			return e, nil
		}
	}
	return Entry{}, fmt.Errorf("%w: %q", ErrName, name)
}

// region is a part of a phantom: matter, a structure, or both.
type region struct {
	geometry.Structure
	density float64 // g/cm³; 0: drawn only, without matter of its own
	outline func(z float64) []geometry.Contour
}

// Make makes a phantom of its usual voxels. Each voxel has the mean density of
// what is in it.
func (e Entry) Make() (*Phantom, error) {
	var size [3]int
	var origin [3]float64
	for a := range 3 {
		size[a] = int(2*e.half[a]/e.spacing[a] + 0.5)
		origin[a] = -e.spacing[a] * float64(size[a]-1) / 2
	}
	g, err := geometry.NewGrid(r3.Vec{X: origin[0], Y: origin[1], Z: origin[2]}, e.spacing, size, geometry.IdentityAxes)
	if err != nil {
		return nil, err
	}
	const air = 0.0012 // g/cm³
	density := make([]float64, g.Len())
	for i := range density {
		density[i] = air
	}
	p := &Phantom{Entry: e, CT: geometry.NewVolume(g), Structures: &geometry.StructureSet{Label: e.Name}, Plans: e.plans()}
	for n, r := range e.regions() {
		r.Number = n + 1
		for k := range size[2] {
			r.Contours = append(r.Contours, r.outline(g.Point(0, 0, float64(k)).Z)...)
		}
		if r.density > 0 {
			m, _, err := geometry.NewMask(g, &r.Structure)
			if err != nil {
				return nil, fmt.Errorf("%s, %s: %w", e.Name, r.Name, err)
			}
			m.Each(func(i, j, k int, part float32) {
				at := g.Offset(i, j, k)
				density[at] += float64(part) * (r.density - density[at])
			})
		}
		if r.Name != "" {
			p.Structures.Structures = append(p.Structures.Structures, r.Structure)
		}
	}
	known := map[float64]float32{}
	for i, d := range density {
		hu, ok := known[d]
		if !ok {
			hu = number(d)
			known[d] = hu
		}
		p.CT.Data[i] = hu
	}
	return p, nil
}

// number is the CT number, a whole one, that the default calibration reads as a
// density most nearly.
func number(density float64) float32 {
	c := heterogeneity.DefaultCalibration
	low, high := c.Range()
	for high-low > 0.25 {
		middle := (low + high) / 2
		if d, _, _ := c.At(middle); d < density {
			low = middle
		} else {
			high = middle
		}
	}
	best := float64(int(low))
	for hu := best - 2; hu <= best+2; hu++ {
		d, _, _ := c.At(hu)
		if b, _, _ := c.At(best); math.Abs(d-density) < math.Abs(b-density) {
			best = hu
		}
	}
	return float32(best)
}

// Write writes a phantom as DICOM: a CT, structures, and a file for each plan.
func (p *Phantom) Write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	c := &dicom.CT{Volume: p.CT, Position: geometry.HFS, Identity: dicom.Identity{
		PatientName: "Phantom^" + p.Name, PatientID: p.Name,
	}}
	if err := dicom.WriteCT(dir, c); err != nil {
		return err
	}
	if err := dicom.WriteStructures(filepath.Join(dir, "structures.dcm"), p.Structures, c); err != nil {
		return err
	}
	for i, plan := range p.Plans {
		plan.FrameOfReferenceUID, plan.StudyUID, plan.StructureSetUID = c.FrameOfReferenceUID, c.StudyUID, p.Structures.UID
		name := "plan.dcm"
		if len(p.Plans) > 1 {
			name = fmt.Sprintf("plan%02d.dcm", i+1)
		}
		reference, err := dicom.WritePlan(filepath.Join(dir, name), plan, c.Identity)
		if err != nil {
			return err
		}
		plan.UID, plan.ClassUID = reference.UID, reference.ClassUID
	}
	return nil
}
