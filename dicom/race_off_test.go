//go:build !race

package dicom

const raceDetector = false
