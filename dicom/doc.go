// Package dicom reads CT, RTSTRUCT, RTPLAN and RTDOSE files and writes RTDOSE.
// Files are taken as hostile: each is walked before it is parsed, and what it
// says is checked before it is believed.
package dicom
