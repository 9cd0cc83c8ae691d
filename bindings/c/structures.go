//go:build cgo

package main

import (
	"bytes"
	"encoding/json"
	"fmt"

	"gonum.org/v1/gonum/spatial/r3"

	"github.com/kerma-rt/kerma/geometry"
)

// readStructures reads a structure set from JSON:
//
//	{"structures": [{"name": "PTV", "role": "PTV", "contours": [[[x, y, z], …], …]}, …]}
//
// with closed planar contours in mm, patient frame; the role is the RT ROI
// Interpreted Type of DICOM ("EXTERNAL" for the body) and may be missing.
func readStructures(text []byte) (*geometry.StructureSet, error) {
	var in struct {
		Structures []struct {
			Name     string         `json:"name"`
			Role     string         `json:"role"`
			Contours [][][3]float64 `json:"contours"`
		} `json:"structures"`
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		return nil, fmt.Errorf("%w: structures: %w", errArgument, err)
	}
	set := &geometry.StructureSet{}
	for i, s := range in.Structures {
		if s.Name == "" {
			return nil, fmt.Errorf("%w: structure %d has no name", errArgument, i)
		}
		made := geometry.Structure{Number: i + 1, Name: s.Name, Role: geometry.Role(s.Role)}
		for _, c := range s.Contours {
			var contour geometry.Contour
			for _, p := range c {
				contour = append(contour, r3.Vec{X: p[0], Y: p[1], Z: p[2]})
			}
			made.Contours = append(made.Contours, contour)
		}
		set.Structures = append(set.Structures, made)
	}
	return set, nil
}
