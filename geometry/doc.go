// Package geometry says where things are: grids and volumes in the DICOM
// patient frame, structures drawn in it, the frames of IEC 61217 around it,
// and the masks, rays and resampling that connect them.
//
// Patient coordinates are DICOM LPS in mm (x to the patient's left, y to
// posterior, z to the head). Angles are degrees at this package's edges.
package geometry
