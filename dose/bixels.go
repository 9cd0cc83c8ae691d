package dose

import "github.com/kerma-rt/kerma/geometry"

// Bixels are the squares of the isocentre plane that the fluence of one beam
// is made of. All of a beam lie on one lattice, their centres Size apart.
type Bixels struct {
	Name string
	Pose geometry.Pose // of the beam; its SAD that of the machine where it is 0
	Size float64       // side of a square, mm
	// Centre is x and y of each in the coordinates of the beam-limiting
	// device, mm.
	Centre [][2]float64
}
