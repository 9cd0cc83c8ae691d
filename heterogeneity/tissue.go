// Package heterogeneity says what a beam meets: CT numbers turned into
// density and material, depth measured in water equivalent, and the
// corrections that carry a dose in water over to tissue.
package heterogeneity

import "github.com/kerma-rt/kerma/geometry"

// Tissue is what the patient is made of, voxel by voxel on the CT grid.
type Tissue struct {
	Density         *geometry.Volume // mass density, g/cm³
	ElectronDensity *geometry.Volume // electrons per volume relative to water
	Material        []uint8          // index into Materials, x fastest as the volumes
	Materials       []string         // names of rows of the composition table
	Body            *geometry.Mask   // the patient; nil when no structure says, then every voxel counts
	Calibration     string           // name of the CT calibration
	Warnings        []string
}
