// Package dicom reads CT, RTSTRUCT, RTPLAN and RTDOSE files and writes RTDOSE,
// and the RTPLAN that a dose must name.
//
// Scan indexes files and folders by what they hold; Folder reads the objects one
// by one or, linked by UID, as a Patient; ReadFolder does both where nothing has
// to be chosen. Inspect says what is there without refusing any of it.
//
// Files are taken as hostile: each is walked before it is parsed, and what it
// says is checked before it is believed. Every reader answers with a value whose
// warnings say what to know about it, or with an *Error that names file,
// attribute and value.
package dicom
