// Package version holds the one version number that results, files and the
// command carry.
package version

// Version is Kerma's semantic version.
const Version = "0.1.0"
