package heterogeneity

import (
	"context"
	"fmt"
)

// EquivalentPathLength reads the dose in water at the radiological depth
//
//	d′(P) = ∫ ρe dl from the source to P,
//
// ρe the electron density relative to water. It is right for primary photons;
// scatter and electrons are taken as if the medium were the same to the sides,
// so it overestimates the dose in and behind lung, the more the smaller the
// field. ICRU Report 24 (1976) calls it the ratio of tissue–air ratios.
type EquivalentPathLength struct{}

// Name is "equivalent-path-length".
func (EquivalentPathLength) Name() string { return "equivalent-path-length" }

// Depths is the radiological depth in mm of water.
func (EquivalentPathLength) Depths(ctx context.Context, b Beam) (*Depths, error) {
	if b.Tissue == nil || b.Tissue.ElectronDensity == nil {
		return nil, fmt.Errorf("%w: no tissue", ErrDepths)
	}
	return b.depths(ctx, b.Tissue.ElectronDensity, false)
}
