package heterogeneity

import (
	"fmt"
	"slices"

	"github.com/kerma-rt/kerma/geometry"
)

// Apply turns the CT numbers of a patient (HU) into tissue as the structures
// say; see ApplyWith:
//
//   - outside the body (StructureSet.External) is air, except in couches, fixation
//     devices and boluses, which stay as scanned;
//   - a structure with a density of its own replaces the CT inside it: the body
//     first, then in the order of the set, a later one over an earlier one.
//
// Where no structure is the body, every voxel counts, with a warning; where
// several are, it fails with geometry.ErrStructure. A bolus is taken as present
// in all beams, with a warning.
func (c *Calibration) Apply(ct *geometry.Volume, s *geometry.StructureSet) (*Tissue, error) {
	if ct == nil || ct.Grid.Len() == 0 {
		return nil, fmt.Errorf("%w: no voxels", ErrCT)
	}
	var o Options
	var warnings []string
	mask := func(r *geometry.Structure) (*geometry.Mask, error) {
		m, w, err := geometry.NewMask(ct.Grid, r)
		if err != nil {
			return nil, fmt.Errorf("structure %q: %w", r.Name, err)
		}
		warnings = append(warnings, w...)
		return m, nil
	}
	body, err := bodyOf(s)
	if err != nil {
		return nil, err
	}
	if body == nil {
		warnings = append(warnings, "no structure is the body: every voxel of the CT counts, couch and clothing too")
	} else if o.Body, err = mask(body); err != nil {
		return nil, err
	}
	if s == nil {
		s = &geometry.StructureSet{}
	}
	for i := range s.Structures {
		r := &s.Structures[i]
		override := r.MassDensity != 0 || r.RelativeElectronDensity != 0
		keep := slices.Contains([]geometry.Role{geometry.Support, geometry.Bolus, fixation}, r.Role)
		if r.Role == geometry.Bolus {
			warnings = append(warnings, fmt.Sprintf("bolus %q is taken as present in all beams", r.Name))
		}
		if !override && !keep {
			continue
		}
		m := o.Body
		if r != body {
			if m, err = mask(r); err != nil {
				return nil, err
			}
		}
		if !override {
			o.Keep = append(o.Keep, m)
			continue
		}
		replaced := Override{Name: r.Name, Mask: m, MassDensity: r.MassDensity, RelativeElectronDensity: r.RelativeElectronDensity}
		if r == body {
			o.Overrides = slices.Insert(o.Overrides, 0, replaced)
		} else {
			o.Overrides = append(o.Overrides, replaced)
		}
	}
	t, err := c.ApplyWith(ct, o)
	if err != nil {
		return nil, err
	}
	t.Warnings = append(warnings, t.Warnings...)
	return t, nil
}

// fixation is the role of patient fixation devices (3006,00A4).
const fixation geometry.Role = "FIXATION"

// bodyOf is the body, nil when no structure is meant to be it. Several that
// are meant to be it are for the user to settle: the wrong one would turn part
// of the patient into air.
func bodyOf(s *geometry.StructureSet) (*geometry.Structure, error) {
	body, err := s.External()
	if err == nil || s == nil {
		return body, nil
	}
	for _, r := range s.Structures {
		meant := geometry.StructureSet{Structures: []geometry.Structure{r}}
		if _, alone := meant.External(); alone == nil {
			return nil, err
		}
	}
	return nil, nil
}
