//go:build race

package dicom

const raceDetector = true
