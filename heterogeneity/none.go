package heterogeneity

import (
	"context"
	"fmt"

	"github.com/kerma-rt/kerma/geometry"
)

// None takes the patient as water: the depth is the length of the ray inside
// the body,
//
//	d(P) = ∫ 1_body dl from the source to P.
//
// Gaps outside the body mask (between arm and trunk) do not count. Where the
// tissue has no body mask the body is what lies behind the first tissue on the
// ray: cavities and lungs count, but so does all air behind a couch or arm.
type None struct{}

// Name is "none".
func (None) Name() string { return "none" }

// Depths is the depth below the skin in mm.
func (None) Depths(ctx context.Context, b Beam) (*Depths, error) {
	t := b.Tissue
	if t == nil || t.ElectronDensity == nil {
		return nil, fmt.Errorf("%w: no tissue", ErrDepths)
	}
	if t.Body != nil {
		if err := checkMask(t.Body, t.ElectronDensity.Grid); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrDepths, err)
		}
	}
	return b.depths(ctx, b.Cache.body(t), t.Body == nil)
}

// body is 1 inside the body, or what is in its place where no mask says.
func (t *Tissue) body() *geometry.Volume {
	body := geometry.NewVolume(t.ElectronDensity.Grid)
	if t.Body != nil {
		t.Body.Each(func(i, j, k int, fraction float32) { body.Data[body.Grid.Offset(i, j, k)] = fraction })
		return body
	}
	// Fat and denser is whole; what is lighter, the voxels that the skin cuts
	// above all, counts in proportion: that puts the skin where it is between
	// voxel centres.
	for i, electronDensity := range t.ElectronDensity.Data {
		body.Data[i] = min(1, electronDensity/0.9)
	}
	return body
}
