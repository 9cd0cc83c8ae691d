package heterogeneity

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/kerma-rt/kerma/geometry"
	"github.com/kerma-rt/kerma/internal/kernels/parallel"
)

// ErrCT is wrapped by every error about a CT volume, mask or override that
// cannot be turned into tissue.
var ErrCT = errors.New("heterogeneity: unusable CT")

// Options say what ApplyWith does beyond the calibration curve. The zero value
// takes the CT as it is.
type Options struct {
	// Body is the patient. Voxels less than half inside become air, unless a
	// mask in Keep or Overrides holds them. nil: every voxel counts.
	Body *geometry.Mask
	// Keep are other parts of the CT to leave as scanned: couch, bolus, fixation.
	Keep []*geometry.Mask
	// Overrides replace the CT inside a mask, in order: a later one wins.
	Overrides []Override

	Threads int // goroutines; 0 means one per CPU
}

// Override is a density to be taken inside a mask whatever the CT says. In
// voxels partly inside, densities are mixed by volume. Where only one density
// is above zero the other follows from the material, and without a material
// from the calibration at the CT number that has the one given.
type Override struct {
	Name                    string // for messages
	Mask                    *geometry.Mask
	MassDensity             float64 // g/cm³
	RelativeElectronDensity float64
	Material                string // one of Materials; empty: as the calibration has it
}

// ApplyWith turns CT numbers (HU) into tissue. CT numbers outside the
// calibration are taken at its ends and counted in a warning. It fails with
// ErrCT for a CT number that is not finite, a mask on another grid, and an
// impossible override. The result has the same bits whatever the number of
// goroutines.
func (c *Calibration) ApplyWith(ct *geometry.Volume, o Options) (*Tissue, error) {
	if ct == nil || len(ct.Data) == 0 || len(ct.Data) != ct.Grid.Len() {
		return nil, fmt.Errorf("%w: no voxels", ErrCT)
	}
	for _, m := range append([]*geometry.Mask{o.Body}, o.Keep...) {
		if err := checkMask(m, ct.Grid); err != nil {
			return nil, err
		}
	}
	t := &Tissue{
		Density:         geometry.NewVolume(ct.Grid),
		ElectronDensity: geometry.NewVolume(ct.Grid),
		Material:        make([]uint8, ct.Grid.Len()),
		Body:            o.Body,
		Calibration:     c.Name(),
	}
	for _, m := range c.table.Materials {
		t.Materials = append(t.Materials, m.Material)
	}
	outside := outsideOf(ct.Grid, o)
	low, high := c.Range()
	size := ct.Grid.Size()
	slice := size[0] * size[1]
	whole, first := c.wholeNumbers()
	below, above := make([]int, size[2]), make([]int, size[2])
	err := parallel.For(context.Background(), size[2], o.Threads, func(k int) error {
		for i := k * slice; i < (k+1)*slice; i++ {
			hu := float64(ct.Data[i])
			switch {
			case math.IsNaN(hu) || math.IsInf(hu, 0):
				return fmt.Errorf("%w: voxel (%d, %d, %d) has %v HU", ErrCT, i%size[0], i/size[0]%size[1], k, hu)
			case outside != nil && outside[i]:
				hu = low
			case hu < low:
				below[k]++
			case hu > high:
				above[k]++
			}
			var p stuff
			if n := int(hu) - first; n >= 0 && n < len(whole) && float64(int(hu)) == hu {
				p = whole[n]
			} else {
				p = c.stuffAt(hu)
			}
			t.Density.Data[i], t.ElectronDensity.Data[i], t.Material[i] = p.density, p.electronDensity, p.material
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	t.warnClamped(below, "below", low)
	t.warnClamped(above, "above", high)
	for _, override := range o.Overrides {
		if err := t.override(c, override); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// stuff is what one CT number stands for.
type stuff struct {
	density, electronDensity float32
	material                 uint8
}

func (c *Calibration) stuffAt(hu float64) stuff {
	density, electronDensity, material := c.At(hu)
	return stuff{float32(density), float32(electronDensity), uint8(material)}
}

// wholeNumbers is stuffAt for first, first + 1, … HU to the end of the curve:
// scanners give whole numbers, and looking them up saves the search.
func (c *Calibration) wholeNumbers() (whole []stuff, first int) {
	low, high := c.Range()
	first = int(math.Ceil(low))
	for hu := first; hu <= int(high) && len(whole) < 1<<16; hu++ {
		whole = append(whole, c.stuffAt(float64(hu)))
	}
	return whole, first
}

// warnClamped reports voxels whose CT number lies beyond an end of the curve.
func (t *Tissue) warnClamped(counts []int, side string, end float64) {
	n := 0
	for _, count := range counts {
		n += count
	}
	if n == 0 {
		return
	}
	t.Warnings = append(t.Warnings, fmt.Sprintf("CT: %d voxels (%.2g %%) are %s %g HU, where calibration %q ends, and are taken as if there",
		n, 100*float64(n)/float64(t.Density.Grid.Len()), side, end, t.Calibration))
}

// outsideOf marks the voxels that become air; nil when none do.
func outsideOf(g geometry.Grid, o Options) []bool {
	if o.Body == nil {
		return nil
	}
	outside := make([]bool, g.Len())
	for i := range outside {
		outside[i] = true
	}
	for _, m := range append([]*geometry.Mask{o.Body}, o.Keep...) {
		if m == nil {
			continue
		}
		m.Each(func(i, j, k int, fraction float32) {
			if fraction >= 0.5 {
				outside[g.Offset(i, j, k)] = false
			}
		})
	}
	return outside
}

// override mixes the densities of one override into the tissue.
func (t *Tissue) override(c *Calibration, o Override) error {
	if o.Mask == nil {
		return fmt.Errorf("%w: override %q has no mask", ErrCT, o.Name)
	}
	if err := checkMask(o.Mask, t.Density.Grid); err != nil {
		return err
	}
	density, electronDensity, name, err := c.overriding(o)
	if err != nil {
		return err
	}
	material := -1
	for i, known := range t.Materials {
		if known == name {
			material = i
		}
	}
	if material < 0 {
		if len(t.Materials) > math.MaxUint8 {
			return fmt.Errorf("%w: override %q: more than %d materials", ErrCT, o.Name, len(t.Materials))
		}
		material = len(t.Materials)
		t.Materials = append(t.Materials, name)
	}
	voxels := 0
	o.Mask.Each(func(i, j, k int, fraction float32) {
		offset, f := o.Mask.Grid.Offset(i, j, k), float64(fraction)
		mix := func(data []float32, value float64) {
			data[offset] = float32(f*value + (1-f)*float64(data[offset]))
		}
		mix(t.Density.Data, density)
		mix(t.ElectronDensity.Data, electronDensity)
		if fraction >= 0.5 {
			t.Material[offset] = uint8(material)
		}
		if fraction > 0 {
			voxels++
		}
	})
	if voxels == 0 {
		t.Warnings = append(t.Warnings, fmt.Sprintf("override %q holds no voxel", o.Name))
	}
	return nil
}

// overriding fills in what an override leaves open.
func (c *Calibration) overriding(o Override) (density, electronDensity float64, material string, err error) {
	fail := func(format string, args ...any) (float64, float64, string, error) {
		return 0, 0, "", fmt.Errorf("%w: override %q: %s", ErrCT, o.Name, fmt.Sprintf(format, args...))
	}
	for _, value := range [2]float64{o.MassDensity, o.RelativeElectronDensity} {
		if !(value >= 0 && value <= maxDensity) {
			return fail("mass density %v g/cm³, relative electron density %v", o.MassDensity, o.RelativeElectronDensity)
		}
	}
	density, electronDensity, material = o.MassDensity, o.RelativeElectronDensity, o.Material
	if density == 0 && electronDensity == 0 {
		return fail("no density")
	}
	var electrons float64 // per mass, relative to water
	if material != "" {
		m, ok := MaterialNamed(material)
		if !ok {
			return fail("material %q is not known", material)
		}
		electrons = m.ElectronDensityOf(1)
	} else {
		mass, relative, i := c.where(density, electronDensity)
		material, electrons = c.table.Materials[i].Material, relative/mass
	}
	if density == 0 {
		density = electronDensity / electrons
	}
	if electronDensity == 0 {
		electronDensity = density * electrons
	}
	return density, electronDensity, material, nil
}

// where is the calibration at the lowest CT number at which the mass density
// or, when that is zero, the electron density reaches the one given; at an end
// of the curve when none does.
func (c *Calibration) where(density, electronDensity float64) (float64, float64, int) {
	value := func(hu float64) float64 {
		rho, rhoE, _ := c.At(hu)
		if density > 0 {
			return rho
		}
		return rhoE
	}
	wanted := density
	if density == 0 {
		wanted = electronDensity
	}
	// Between points and changes of material the curve is linear.
	var knots []float64
	low, high := c.Range()
	for _, p := range c.points {
		knots = append(knots, p.HU)
	}
	for _, m := range c.table.Materials {
		knots = append(knots, min(max(m.FromHU, low), high))
	}
	slices.Sort(knots)
	knots = slices.Compact(knots)
	for i, hu := range knots {
		start := value(hu)
		if start >= wanted {
			return c.At(hu)
		}
		if hu == high {
			break
		}
		next := knots[i+1]
		if end := value(math.Nextafter(next, hu)); end >= wanted {
			return c.At(hu + (wanted-start)/(end-start)*(next-hu))
		}
	}
	return c.At(high)
}
